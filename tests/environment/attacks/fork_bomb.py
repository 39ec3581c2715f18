# Claim: processes are counted together and all of them end
# Status: processes | error | killed | time
import os

while True:
    os.fork()
