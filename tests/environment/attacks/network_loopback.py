# Claim: a server on the host's loopback is out of reach
# Value: 'held'
import socket
try:
    socket.create_connection(('127.0.0.1', int("@PORT@")), timeout=2)
    verdict = 'escaped'
except OSError:
    verdict = 'held'
verdict
