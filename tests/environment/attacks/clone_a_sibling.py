# Claim: a process that is made as its maker's sibling is no child of the jail's, and ends with the action
# Value: 'held'
import ctypes
import os
import signal
import time

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
CLONE_PARENT = 0x8000
pid = libc.syscall(number, CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0)  # by the first process of a namespace
if pid == 0:
    while True:
        time.sleep(1)
escaped = pid > 0
if os.fork() == 0:
    pid = libc.syscall(number, CLONE_PARENT, 0, 0, 0, 0)  # no signal at its end, so that no one is told
    while True:
        time.sleep(1)
"escaped" if escaped else "held"
