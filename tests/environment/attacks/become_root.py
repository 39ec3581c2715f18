# Claim: no way to another user or capability
# Value: ([], 1000)
import ctypes

libc = ctypes.CDLL(None, use_errno=True)

import os

results = []
for uid in (0, 1, 65534):
    for change in (os.setuid, os.setgid, os.seteuid):
        try:
            change(uid)
            results.append((change.__name__, uid))
        except OSError:
            pass
results, os.getuid()
