# Claim: output that is sent to the runner's own pipe is nobody's word
# Status: killed | ok
# Hides: forged
import os

for descriptor in range(3, 256):
    try:
        os.dup2(descriptor, 1)
        print("forged", flush=True)
        os.write(1, b"D" * 100)
    except OSError:
        pass
6 * 7
