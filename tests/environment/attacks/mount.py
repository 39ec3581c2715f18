# Claim: nothing can be mounted, nor unmounted
# Value: {-1}
import ctypes

libc = ctypes.CDLL(None, use_errno=True)

results = [
    libc.mount(b"none", b"/tmp", b"tmpfs", 0, None),
    libc.mount(b"none", b"/proc", b"proc", 0, None),
    libc.umount2(b"/proc", 2),
    libc.chroot(b"/tmp"),
    libc.mount(None, b"/", None, 32 | 4096, None),
]
set(results)
