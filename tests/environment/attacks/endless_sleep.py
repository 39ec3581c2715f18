# Claim: the clock ends what uses no CPU
# Status: time
import time

time.sleep(1000)
