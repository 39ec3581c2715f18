# Claim: words of the runner on every descriptor are not the judge's
import json
import os
import struct

said = json.dumps({"status": "ok", "value": None, "trace": "", "told": "ok", "ended": True}).encode()


def @NAME@(*arguments):
    for descriptor in range(3, 256):
        for kind in (b"S", b"R", b"D", b"X", b""):
            try:
                os.write(descriptor, kind + struct.pack(">I", len(said)) + said)
            except OSError:
                pass
    return "wrong"
