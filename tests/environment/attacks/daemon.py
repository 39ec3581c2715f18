# Claim: a process that leaves its group and its parent ends with the action
# Value: 'started'
import os, time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            time.sleep(1)
    os._exit(0)
os.wait()
"started"
