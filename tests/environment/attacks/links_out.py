# Claim: no link, hard or soft, brings a file of the host or of the jail into scratch space for writing
# Value: []
import os
import sys

made = []
for number, path in enumerate(("@SECRET_FILE@", "/etc/passwd", "/etc/ld.so.cache", sys.executable, os.__file__)):
    try:
        os.link(path, f"hard{number}")
        made.append(path)
    except OSError:
        pass
    os.symlink(path, f"soft{number}")
    try:
        open(f"soft{number}", "a").close()
        made.append(path)
    except OSError:
        pass
made
