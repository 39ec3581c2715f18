# Claim: emptied modules do not trip the runner
# Value: 42
import sys

for name in list(sys.modules):
    if name not in ("sys", "builtins"):
        del sys.modules[name]
6 * 7
