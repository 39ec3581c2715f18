# Claim: descriptors that are swapped harm the action only
# Status: ok | killed
# Hides: forged
import os

print("forged"[:0])
for descriptor in range(3, 256):
    try:
        os.dup2(1, descriptor)
    except OSError:
        pass
os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
print("forged")
6 * 7
