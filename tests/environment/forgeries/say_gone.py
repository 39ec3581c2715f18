# Claim: a program that says that it is gone has not passed
import sys


def @NAME@(*arguments):
    frame = sys._getframe()
    while "line" not in frame.f_locals:
        frame = frame.f_back
    while True:
        frame.f_locals["line"].ask("gone")
