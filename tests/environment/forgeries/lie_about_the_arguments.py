# Claim: a false account of what became of the arguments changes no answer
import json
import sys


def @NAME@(*arguments):
    frame = sys._getframe()
    while "line" not in frame.f_locals:
        frame = frame.f_back
    accounts = (["tuple", [["tuple", [["list", []]]], ["dict", []]]], 7, ["list", [1, 2]], ["tuple", [None, None]])
    number = 0
    while True:
        said = json.dumps(["tuple", ["gave", None, accounts[number % 4], None]])
        frame.f_locals["line"].ask(said)
        number += 1
