# Claim: no mark on a descriptor is found by the next action
# Twice: the same
import fcntl
import os

found = []
for descriptor in (0, 1, 2):
    found.append((fcntl.fcntl(descriptor, fcntl.F_GETFL), fcntl.fcntl(descriptor, fcntl.F_GETOWN)))
    fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_APPEND | os.O_NONBLOCK)
    fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
found
