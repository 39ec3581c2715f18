# Claim: an object can't make the judge's numpy read its own memory, nor crash it
class Memory:
    __array_interface__ = {"shape": (4,), "typestr": "<f8", "data": (1 << 40, False), "version": 3}


def @NAME@(*arguments):
    return Memory()
