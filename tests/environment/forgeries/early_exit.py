# Claim: an end of the process in the middle of a test is no success
# Status: killed
import os


def @NAME@(*arguments):
    os._exit(0)
