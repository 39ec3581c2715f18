"""`preftree` without its seconds of importing: one process has torch loaded, and forks for each command.

In:  `python warm.py SOCKET`; over the socket a command's words, directory, variables and its three standard files.
Out: its exit status. Always true: a command runs in a process of its own, through `preftree.cli.main`, as installed.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
from pathlib import Path

_CLIENT = """#!{python} -IS
import json, os, socket, struct, sys
with socket.socket(socket.AF_UNIX) as line:
    line.connect({address!r})
    asked = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(line, [struct.pack("!I", len(asked))], [0, 1, 2])
    line.sendall(asked)
    status = line.recv(1)
sys.exit(status[0] if status else 70)  # no status: it was killed
"""


def write_client(folder: Path, address: str) -> None:
    """An executable `preftree` that asks the process at this address."""
    client = folder / "preftree"
    client.write_text(_CLIENT.format(python=sys.executable, address=address))
    client.chmod(0o755)


def serve(address: str) -> None:
    """Fork for each command, until standard input ends."""
    import select

    import transformers.models.llama.modeling_llama

    import preftree.cli
    import preftree.train.trainer
    import preftree.tries.attention  # noqa: F401

    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen()
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([door, sys.stdin], [], [])
            if sys.stdin in ready:
                return
            line, _ = door.accept()
            if os.fork() == 0:
                door.close()
                _run(line)
            line.close()
            while True:  # those that have ended leave no trace
                try:
                    if os.waitpid(-1, os.WNOHANG)[0] == 0:
                        break
                except ChildProcessError:
                    break


def _run(line: socket.socket) -> None:
    head, files, _, _ = socket.recv_fds(line, 4, 3)
    size, asked = struct.unpack("!I", head)[0], b""
    while len(asked) < size:
        asked += line.recv(size - len(asked))
    words, directory, environment = json.loads(asked)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    import preftree.cli

    status = 1
    try:
        status = preftree.cli.main(words)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    line.sendall(bytes([status & 0xFF]))
    os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1])
