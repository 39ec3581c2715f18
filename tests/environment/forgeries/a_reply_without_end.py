# Claim: a reply that is announced as larger than any may be ends the program
# Status: output
import os
import struct
import sys


def @NAME@(*arguments):
    frame = sys._getframe()
    while "line" not in frame.f_locals:
        frame = frame.f_back
    os.write(frame.f_locals["line"]._asked, struct.pack(">I", 0xFFFFFFFF) + b"x" * 1000)
    while True:
        os.write(frame.f_locals["line"]._asked, b"x" * 65536)
