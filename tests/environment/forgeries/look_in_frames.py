# Claim: no expected value is in the program's frames
import sys
import types


def @NAME@(*arguments):
    found = []
    frame = sys._getframe(1)
    while frame:
        for values in (frame.f_locals, frame.f_globals):
            for value in list(values.values()):
                if isinstance(value, str) and "assert" in value:
                    found.append(value)
        found += [value for value in frame.f_code.co_consts if isinstance(value, (int, list)) and value not in (0, 1)]
        frame = frame.f_back
    return found[0] if found else None
