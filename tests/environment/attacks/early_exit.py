# Claim: an early exit is no success
# Status: killed
# Shows: exit status 0
import os

print("42")
os._exit(0)
