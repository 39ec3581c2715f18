# Claim: a child that keeps the pipes open does not hold the answer
# Value: 'done'
import os, time

if os.fork() == 0:
    time.sleep(1000)
"done"
