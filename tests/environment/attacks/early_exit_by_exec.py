# Claim: a program in place of the process is no success
# Status: killed
import os, sys

os.execv(sys.executable, [sys.executable, "-c", "print(1)"])
