# Claim: a stack overflow ends the process only
# Status: killed | error | time
import sys

sys.setrecursionlimit(10**9)
x = []
for _ in range(10**5):
    x = [x]
repr(x)
