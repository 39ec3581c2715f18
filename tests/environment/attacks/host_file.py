# Claim: a file of the host is not there
# Value: 'held'
try:
    open("@SECRET_FILE@").read()
    verdict = "escaped"
except OSError:
    verdict = "held"
verdict
