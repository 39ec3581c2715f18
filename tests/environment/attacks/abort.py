# Claim: an abort ends the process only
# Status: killed
import os

os.abort()
