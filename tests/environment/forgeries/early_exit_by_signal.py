# Claim: a process that kills all it can reach kills itself only
# Status: killed
import os
import signal


def @NAME@(*arguments):
    for target in (0, -1, os.getppid(), os.getpid()):
        try:
            os.kill(target, signal.SIGKILL)
        except OSError:
            pass
    os.abort()
