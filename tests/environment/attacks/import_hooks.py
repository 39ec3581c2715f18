# Claim: a replaced import machinery does not trip the runner
# Status: error
# Shows: ZeroDivisionError
import builtins
import importlib
import sys


def lie(*arguments, **keywords):
    raise SystemExit(0)


builtins.__import__ = importlib.import_module = lie
sys.meta_path[:] = [type("Finder", (), {"find_spec": lie})()]
sys.path_hooks[:] = [lie]
sys.path[:] = ["/tmp"]
1 / 0
