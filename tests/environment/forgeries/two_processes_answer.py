# Claim: replies of two processes on one line repair nothing
import os

os.fork()


def @NAME@(*arguments):
    return "wrong" if os.getpid() % 2 else 5
