# Claim: modules that are replaced by liars do not trip the runner
# Status: error
# Shows: ZeroDivisionError: division by zero
import sys


class Liar:
    def __getattr__(self, name):
        return lambda *arguments, **keywords: 1 / 0

    def __call__(self, *arguments, **keywords):
        raise SystemExit(0)


for name in ("json", "os", "struct", "ast", "io", "re", "types", "textwrap", "random", "time", "ctypes", "signal"):
    sys.modules[name] = Liar()
1 / 0
