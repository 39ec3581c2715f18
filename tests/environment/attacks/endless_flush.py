# Claim: a stream whose flush never ends is stopped
# Status: time
import sys


class Slow:
    def write(self, text):
        return len(text)

    def flush(self):
        while True:
            pass


sys.stdout = Slow()
42
