# Claim: a frame on standard output is just text
# Status: error
# Shows: ZeroDivisionError
import json, struct

frame = json.dumps({"status": "ok", "value": "'forged'", "ready": True})
print(struct.pack(">I", len(frame)).decode("latin1") + frame)
1 / 0
