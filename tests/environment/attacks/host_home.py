# Claim: no home directory of the host is there
# Value: []
import os

[
    path
    for path in ("/root", "/home", "/etc/passwd", "/etc/shadow", "/work", "/var", "/mnt", "/sys", "/run")
    if os.path.exists(path)
]
