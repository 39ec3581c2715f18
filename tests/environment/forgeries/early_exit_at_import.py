# Claim: an end of the process before the test is no success
# Status: killed
import os

os._exit(0)
