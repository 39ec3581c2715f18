# Claim: what is said on the runner's own pipe is bounded
# Status: output
import os

ends = []
for descriptor in range(3, 256):
    try:
        os.fstat(descriptor)
        ends.append(descriptor)
    except OSError:
        pass
while True:
    for descriptor in ends:
        try:
            os.write(descriptor, b"x" * 65536)
        except OSError:
            pass
