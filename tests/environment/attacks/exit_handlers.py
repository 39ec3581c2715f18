# Claim: exit handlers run in no one else
# Value: 1
import atexit, os

atexit.register(lambda: os.write(1, b"later"))
1
