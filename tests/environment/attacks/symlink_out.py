# Claim: a link out of scratch space leads nowhere
# Value: 'held'
import os

try:
    os.symlink("@SECRET_FILE@", "link")
    open("link").read()
    verdict = "escaped"
except OSError:
    verdict = "held"
verdict
