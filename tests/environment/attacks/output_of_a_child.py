# Claim: a child's output is the action's
# Status: output
import os

if os.fork() == 0:
    while True:
        os.write(2, b"y" * 65536)
os.wait()
