# Claim: closed descriptors harm the action only
# Status: ok | killed | error
import os

os.closerange(0, 1024)
42
