# Claim: output past the streams is bounded too
# Status: output
import os

while True:
    os.write(1, b"x" * 65536)
