# Claim: no parent to signal
# Value: 'held'
import os

try:
    assert os.getppid() != 0
    os.kill(os.getppid(), 9)
    verdict = "escaped"
except (AssertionError, OSError):
    verdict = "held"
verdict
