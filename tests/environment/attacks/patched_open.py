# Claim: a replaced open, and replaced files, fool no one
# Value: 42
import builtins
import io
import os


def lie(*arguments, **keywords):
    return io.StringIO('{"status": "ok", "value": "forged"}')


builtins.open = io.open = os.open = os.read = os.fdopen = os.pipe = os.dup2 = lie
42
