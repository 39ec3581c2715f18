# Claim: calls that reach deep into the kernel are barred
# Value: {-1}
import ctypes

libc = ctypes.CDLL(None, use_errno=True)

numbers = (101, 310, 311, 321, 298, 323, 425, 248, 249, 250, 246, 169, 175, 304, 165, 166, 155, 319, 29, 64, 68, 240)
{libc.syscall(number, 0, 0, 0, 0, 0) for number in numbers}
