# Claim: flags, sizes, owners and signals of the pipes change nothing for their other ends
# Value: 'told'
import fcntl
import os
import signal

F_SETSIG, F_SETPIPE_SZ = 10, 1031
for descriptor in range(0, 64):
    for what, value in (
        (fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC | os.O_APPEND),
        (fcntl.F_SETOWN, 1),
        (F_SETSIG, signal.SIGKILL),
        (F_SETPIPE_SZ, 4096),
        (fcntl.F_SETFL, 0),
    ):
        try:
            fcntl.fcntl(descriptor, what, value)
        except OSError:
            pass
"told"
