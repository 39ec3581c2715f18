# Claim: builtins that lie in the program's process lie to itself only
import builtins
import json
import math
import operator

for name in ("all", "any", "bool", "isinstance", "issubclass", "callable", "hasattr"):
    setattr(builtins, name, lambda *arguments, **keywords: True)
for name in ("abs", "len", "sum", "round", "max", "min", "sorted"):
    setattr(builtins, name, lambda *arguments, **keywords: 0)
operator.eq = operator.contains = math.isclose = lambda *arguments, **keywords: True
json.loads = lambda text: True


def @NAME@(*arguments):
    return "wrong"
