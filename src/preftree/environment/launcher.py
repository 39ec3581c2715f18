"""Root's way into a jail: a user namespace in which the jailed code is nobody, also to the kernel.

In:  `python launcher.py OUTSIDE_UID INSIDE_UID bwrap …`, started by root. Out: bubblewrap in place of this
process, with `--userns FD`. Always true: the namespace maps root (for setting up) and one unprivileged user
(for all that follows), nothing else. Run as a script by the plain interpreter: imports nothing of ours.

Without it, root's jailed code would be root's id with no capability: free of the kernel's process limits, and
the owner of every file that root owns.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import NoReturn

_NEW_USER = 0x10000000


def main(outside: int, inside: int, command: list[str]) -> NoReturn:
    """Become `command` with the namespace's descriptor put in after the program's name."""
    ready, go = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        failed = libc.unshare(_NEW_USER) < 0
        os.write(ready[1], bytes([ctypes.get_errno() if failed else 0]))
        os.close(go[1])  # so that this read ends with the parent, whatever becomes of that one
        os.read(go[0], 1)
        os._exit(0)
    error = os.read(ready[0], 1)[0]
    if error:
        sys.exit(f"unshare: user namespace: {os.strerror(error)}")
    for kind in ("uid", "gid"):
        with open(f"/proc/{pid}/{kind}_map", "w") as file:
            file.write(f"0 0 1\n{inside} {outside} 1\n")
    namespace = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    for descriptor in (*ready, *go):
        os.close(descriptor)
    os.set_inheritable(namespace, True)
    os.execv(command[0], [command[0], "--userns", str(namespace), *command[1:]])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
