# Claim: a thread that writes between the replies repairs nothing
import json
import os
import struct
import sys
import threading


def flood(end):
    said = json.dumps(["tuple", ["gave", 1, None, None]]).encode()
    for _ in range(100):
        os.write(end, struct.pack(">I", len(said)) + said)


def @NAME@(*arguments):
    frame = sys._getframe()
    while "line" not in frame.f_locals:
        frame = frame.f_back
    threading.Thread(target=flood, args=(frame.f_locals["line"]._asked,)).start()
    return "wrong"
