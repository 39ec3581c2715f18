# Claim: bytes that are no text arrive as escapes
# Shows: ok
import os

os.write(1, b"\xff\xfe\x00\x1b[2J\x07ok\n")
