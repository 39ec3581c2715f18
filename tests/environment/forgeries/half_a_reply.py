# Claim: a reply that never comes whole is waited for as long as the clock allows
# Status: time
# Only: number
import os
import struct
import sys
import time


def @NAME@(*arguments):
    frame = sys._getframe()
    while "line" not in frame.f_locals:
        frame = frame.f_back
    os.write(frame.f_locals["line"]._asked, struct.pack(">I", 100) + b"half")
    time.sleep(100)
