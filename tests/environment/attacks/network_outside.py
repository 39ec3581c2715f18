# Claim: no machine is reached, by name or number, nor the host by its other addresses
# Value: []
import ctypes
import socket
import urllib.request

reached = []
for host in ("example.org", "1.1.1.1", "169.254.169.254", "10.0.2.2", "172.17.0.1", "0.0.0.0", "::1", "@HOST_NAME@"):
    for port in (53, 80, int("@PORT@")):
        try:
            socket.create_connection((host, port), timeout=0.2)
            reached.append((host, port))
        except OSError:
            pass
try:
    urllib.request.urlopen("http://example.org/", timeout=0.2)
    reached.append("urllib")
except OSError:
    pass
libc = ctypes.CDLL(None, use_errno=True)
if libc.socket(2, 1, 0) >= 0 or libc.socket(17, 3, 0) >= 0 or libc.syscall(41, 2, 2, 0) >= 0:
    reached.append("raw")
reached
