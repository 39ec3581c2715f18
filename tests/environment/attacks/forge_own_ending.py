# Claim: code that digs out the runner's word for its end can say how it ended itself, and nothing more
# Status: ok
# Value: 'forged'
import os
import struct
import sys

frame = sys._getframe()
while "speaker" not in frame.f_locals:
    frame = frame.f_back
nonce = frame.f_locals["speaker"].nonce
descriptor = frame.f_locals["speaker"].descriptor
data = b""
for text in ("ok", "='forged'", ""):
    data += struct.pack(">I", len(text)) + text.encode()
for kind in b"SRXD":
    os.write(descriptor, nonce + bytes([kind]) + struct.pack(">I", len(data)) + data)
os._exit(0)
