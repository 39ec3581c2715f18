# Claim: the jail's own program is not there to read or to import
# Value: []
import os, sys

found = [name for name in sys.modules if "preftree" in name]
for path in sys.path:
    if os.path.isdir(os.path.join(path, "preftree")):
        found += os.listdir(os.path.join(path, "preftree"))
try:
    import preftree.verify

    found.append("verify")
except ImportError:
    pass
found
