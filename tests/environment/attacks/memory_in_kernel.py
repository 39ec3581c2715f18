# Claim: memory that the kernel holds in pipes for an action is bounded
# Status: error
# Shows: Too many open files
import fcntl
import os

while True:
    read, write = os.pipe()
    os.set_blocking(write, False)
    try:
        fcntl.fcntl(write, 1031, 1 << 20)  # F_SETPIPE_SZ
    except OSError:
        pass
    try:
        while True:
            os.write(write, b"x" * 65536)
    except BlockingIOError:
        pass
