# Claim: open files that are hidden in a socket's queue are bounded too
# Status: error
# Shows: Too many
import os
import socket

kept = []
while True:
    ours, theirs = socket.socketpair()
    for _ in range(200):
        read, write = os.pipe()
        socket.send_fds(ours, [b"x"], [read, write])
        os.close(read)
        os.close(write)
    kept.append((ours, theirs))
