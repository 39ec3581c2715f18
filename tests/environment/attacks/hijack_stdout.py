# Claim: a replaced stream harms the action only
# Value: 42
import sys


class Liar:
    def write(self, text):
        raise SystemExit(0)

    def flush(self):
        raise SystemExit(0)


sys.stdout = sys.stderr = Liar()
42
