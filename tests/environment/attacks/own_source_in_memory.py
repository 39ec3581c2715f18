# Claim: the jail's own source is not in the memory of an action
# Value: []
import gc
import sys

found = []
# Put together as it runs, so that the words are not found in this program itself.
words = ["".join(parts) for parts in (("def become_", "zygote"), ("_NAMESPACE_", "FLAGS"), ("_drain(", "self"))]


def look(thing, where, depth=0):
    if isinstance(thing, str):
        if len(thing) > 100 and any(word in thing for word in words):
            found.append(where)
    elif depth < 4 and isinstance(thing, dict):
        for key, value in list(thing.items()):
            look(value, f"{where}.{key}", depth + 1)
    elif depth < 4 and isinstance(thing, (list, tuple)):
        for value in thing:
            look(value, where, depth + 1)


frame = sys._getframe()
while frame:
    look(dict(frame.f_locals), f"locals of {frame.f_code.co_name}")
    look(dict(frame.f_globals), f"globals of {frame.f_code.co_name}")
    frame = frame.f_back
gc.unfreeze()
for thing in gc.get_objects():
    if isinstance(thing, (dict, list, tuple)):
        look(thing, type(thing).__name__, 3)
look(sys.orig_argv, "argv")
sorted(set(found))
