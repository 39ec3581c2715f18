# Claim: no process can be traced, read or written from another
# Value: []
import ctypes
import os
import signal
import time

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long
child = os.fork()
if child == 0:
    time.sleep(60)
    os._exit(0)
seen = []
if libc.ptrace(0, 0, None, None) >= 0:  # trace me
    seen.append("traceme")
for pid in (child, os.getpid(), os.getppid(), 1):
    for request in (16, 0x4206):  # attach, seize
        if libc.ptrace(request, pid, None, None) >= 0:
            seen.append((request, pid))


class Part(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


block = ctypes.create_string_buffer(8)
part = Part(ctypes.addressof(block), 8)
for call in (libc.process_vm_readv, libc.process_vm_writev):
    if call(child, ctypes.byref(part), 1, ctypes.byref(part), 1, 0) >= 0:
        seen.append(call.__name__)
os.kill(child, signal.SIGKILL)
seen
