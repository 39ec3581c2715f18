# Claim: a process that stops itself and its children is ended by the clock, or goes on
# Status: ok | time
import os
import signal

if os.fork() == 0:
    os.kill(os.getpid(), signal.SIGSTOP)
os.kill(os.getpid(), signal.SIGSTOP)
"on"
