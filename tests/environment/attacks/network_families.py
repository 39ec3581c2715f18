# Claim: no socket but a local one can be made
# Value: [1]
import socket

made = []
for family in range(0, 46):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(family, kind).close()
            made.append(family)
        except OSError:
            pass
sorted(set(made))
