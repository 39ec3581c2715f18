# Claim: replies that are written by hand carry data only
import json
import sys

words = iter(
    [
        json.dumps(["tuple", ["gave", ["object", ["@NAME@", "int"]], None, None]]),
        json.dumps(["tuple", ["gave", True, None, None]]),
    ]
)


def @NAME@(*arguments):
    frame = sys._getframe()
    while "line" not in frame.f_locals:
        frame = frame.f_back
    line = frame.f_locals["line"]
    while True:
        line.ask(next(words, "ready"))
