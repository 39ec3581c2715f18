# Claim: an iterator without an end is the program's own excess
# Status: time | memory | failed | error | output
import itertools


def @NAME@(*arguments):
    return itertools.count()
