# Claim: memory that only a descriptor holds can't be made
# Value: 'held'
import os

try:
    os.memfd_create("x")
    verdict = "escaped"
except OSError:
    verdict = "held"
verdict
