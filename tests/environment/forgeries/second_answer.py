# Claim: of two replies to one question the first counts
import json
import os
import struct
import sys


def @NAME@(*arguments):
    frame = sys._getframe()
    while "line" not in frame.f_locals:
        frame = frame.f_back
    for value in ("wrong", 5, [1, 2, 3], True, 0):
        said = json.dumps(["tuple", ["gave", value, None, None]]).encode()
        os.write(frame.f_locals["line"]._asked, struct.pack(">I", len(said)) + said)
    while True:
        os.read(frame.f_locals["line"]._told, 65536)
