# Claim: a socket file of the host is out of reach
# Value: []
import socket

reached = []
for path in ("@SOCKET_FILE@", "/run/docker.sock", "/var/run/docker.sock", "/run/dbus/system_bus_socket", "/dev/log"):
    try:
        socket.socket(socket.AF_UNIX).connect(path)
        reached.append(path)
    except OSError:
        pass
reached
