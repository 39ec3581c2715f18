# Claim: an exit in a thread is not the action's
# Value: 7
import threading, sys

t = threading.Thread(target=sys.exit)
t.start()
t.join()
7
