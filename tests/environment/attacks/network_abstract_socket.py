# Claim: an abstract socket of the host is out of reach
# Value: 'held'
import socket

try:
    socket.socket(socket.AF_UNIX).connect("\0@ABSTRACT@")
    verdict = "escaped"
except OSError:
    verdict = "held"
verdict
