# Claim: an error where a value is expected is no value
class Both(AssertionError, ValueError, TypeError, KeyError, StopIteration):
    pass


def @NAME@(*arguments):
    raise Both("expected")
