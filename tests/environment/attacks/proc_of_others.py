# Claim: no process's environment, memory, command, files or root is there to read
# Value: []
import os

read = []
for pid in ("self", "thread-self", *range(1, 300)):
    for name in ("environ", "mem", "maps", "cmdline", "status", "fd/0", "fd/1", "root/etc/passwd", "cwd", "ns/pid"):
        try:
            os.close(os.open(f"/proc/{pid}/{name}", os.O_RDONLY))
            read.append((pid, name))
        except OSError:
            pass
read
