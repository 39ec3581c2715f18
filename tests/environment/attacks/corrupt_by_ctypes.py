# Claim: overwritten objects of the interpreter itself end the process only
# Status: killed | error
import ctypes

for thing in (None, int, str, type, len, object()):
    ctypes.memset(id(thing), 0x41, 64)
print(None, int("1"), len("x"))
