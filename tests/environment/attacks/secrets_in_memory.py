# Claim: what the host keeps secret is not in the memory of an action
# Value: []
# Hides: s3cr3t
import gc

gc.unfreeze()
secret = "".join(chr(number) for number in (115, 51, 99, 114, 51, 116))
found = []
for thing in gc.get_objects():
    values = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, (list, tuple, set)) else ()
    for value in list(values):
        if isinstance(value, str) and secret in value and value != secret and "Hides" not in value:
            found.append(type(thing).__name__)
found
