# Claim: children that rename and link in scratch space reach nothing outside, and end with the action
# Value: 'held'
import os
import time

os.mkdir("a")
for _ in range(3):
    if os.fork() == 0:
        while True:
            try:
                os.rename("a", "b")
                os.symlink("/proc/1", "a")
                os.unlink("a")
                os.rename("b", "a")
            except OSError:
                pass
verdict = "held"
for _ in range(200):
    try:
        os.listdir("a/root")
        verdict = "escaped"
    except OSError:
        pass
verdict
