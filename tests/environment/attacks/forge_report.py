# Claim: bytes on any descriptor are nobody's word
# Status: killed
# Hides: forged
import json, os, struct

said = json.dumps({"status": "ok", "value": "'forged'", "trace": ""}).encode()
for descriptor in range(3, 256):
    for nonce in (b"", b"\0" * 16, os.urandom(16)):
        for kind in (b"S", b"R", b"D", b"X"):
            try:
                os.write(descriptor, nonce + kind + struct.pack(">I", len(said)) + said)
            except OSError:
                pass
os._exit(0)
