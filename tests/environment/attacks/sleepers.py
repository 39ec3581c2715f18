# Claim: many idle children count
# Status: processes
import os, time

for _ in range(24):
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
time.sleep(60)
