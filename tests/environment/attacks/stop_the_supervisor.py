# Claim: no process of the jail can be stopped or traced from an action
# Value: []
import ctypes
import os
import signal

libc = ctypes.CDLL(None, use_errno=True)
reached = []
for pid in range(2, 400):
    if libc.syscall(434, pid, 0) >= 0:  # pidfd_open
        reached.append(pid)
    try:
        os.kill(pid, signal.SIGSTOP)
        reached.append(pid)
    except OSError:
        pass
reached
