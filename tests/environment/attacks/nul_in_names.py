# Claim: NUL bytes and strange names reach no system call half
# Value: ['open', 'exec', 'setenv', 'compile']
import os
import subprocess

refused = []
for name, call in {
    "open": lambda: open("/etc/ld.so.cache\0.txt"),
    "exec": lambda: subprocess.run(["/bin/sh\0"]),
    "setenv": lambda: os.environ.__setitem__("a\0", "b"),
    "compile": lambda: compile("x = 1\0", "x", "exec"),
}.items():
    try:
        call()
    except (ValueError, SyntaxError):
        refused.append(name)
refused
