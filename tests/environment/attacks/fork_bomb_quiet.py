# Claim: children that nobody waits for and that end at once still cost CPU time, or the wall limit ends them
# Status: time | processes
import os, signal

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    if os.fork() == 0:
        for _ in range(10000):
            pass
        os._exit(0)
