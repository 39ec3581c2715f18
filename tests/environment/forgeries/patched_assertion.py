# Claim: an assertion that can't fail here fails there
import builtins
import sys


class Never(BaseException):
    def __new__(cls, *arguments):
        return cls

    def __init_subclass__(cls):
        pass


builtins.AssertionError = Never
builtins.__debug__ if False else None
sys.modules["builtins"].AssertionError = Never


def @NAME@(*arguments):
    return "wrong"
