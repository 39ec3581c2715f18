# Claim: an array that would fill the judge's memory is the program's own excess
import json
import sys


def @NAME@(*arguments):
    frame = sys._getframe()
    while "line" not in frame.f_locals:
        frame = frame.f_back
    said = json.dumps(["tuple", ["gave", ["array", "S1000000000", [2], ["a", "b"]], None, None]])
    while True:
        frame.f_locals["line"].ask(said)
