# Claim: shared anonymous memory counts
# Status: memory
import mmap, os, time

for _ in range(4):
    if os.fork() == 0:
        block = mmap.mmap(-1, 100 << 20)
        for at in range(0, 100 << 20, 4096):
            block[at] = 1
        time.sleep(60)
time.sleep(60)
