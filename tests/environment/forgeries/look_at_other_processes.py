# Claim: the judge's process is out of reach
import ctypes
import os
import signal

libc = ctypes.CDLL(None, use_errno=True)


def @NAME@(*arguments):
    for pid in range(2, 300):
        try:
            os.kill(pid, signal.SIGSTOP)
            return 5
        except OSError:
            pass
        try:
            os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR))
            return 5
        except OSError:
            pass
    return None
