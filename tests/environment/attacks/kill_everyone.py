# Claim: signals reach no one outside
# Status: ok | killed
import os, signal

for target in (-1, 0, 2, 3, 4):
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP):
        try:
            os.kill(target, number)
        except (ProcessLookupError, PermissionError):
            pass
"sent"
