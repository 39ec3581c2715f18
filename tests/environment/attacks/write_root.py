# Claim: the root is read-only
# Value: []
import os

written = []
for folder in ("/", "/usr/lib", "/dev", "/packages", "/packages/0", "/python/lib", "/proc", "/etc"):
    try:
        open(os.path.join(folder, "planted"), "w").close()
        written.append(folder)
    except OSError:
        pass
written
