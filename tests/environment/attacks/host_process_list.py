# Claim: no process of the host, nor of the jail, is seen
# Value: 'held'
import os

try:
    assert os.listdir("/proc")
    verdict = "escaped"
except (AssertionError, OSError):
    verdict = "held"
verdict
