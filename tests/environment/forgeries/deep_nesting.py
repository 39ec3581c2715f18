# Claim: data that is nested without end is no result
import json
import sys


def @NAME@(*arguments):
    frame = sys._getframe()
    while "line" not in frame.f_locals:
        frame = frame.f_back
    while True:
        frame.f_locals["line"].ask('["list", [' * 200_000)
