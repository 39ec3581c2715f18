# Claim: memory is summed over processes
# Status: memory
import os, time

for _ in range(4):
    if os.fork() == 0:
        block = bytearray(b"x" * (100 << 20))
        time.sleep(60)
time.sleep(60)
