# Claim: a daemon that burns CPU after its parent ended burns none after the action
# Value: 'started'
import os

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 64)
        while True:
            pass
    os._exit(0)
"started"
