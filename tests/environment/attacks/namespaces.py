# Claim: no new namespace can be entered
# Value: {-1}
import ctypes

libc = ctypes.CDLL(None, use_errno=True)

results = [libc.unshare(flag) for flag in (0x10000000, 0x20000, 0x20000000, 0x40000000, 0x08000000, 0x04000000)]
results += [libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0), libc.syscall(435, 0, 0), libc.setns(0, 0)]
set(results)
