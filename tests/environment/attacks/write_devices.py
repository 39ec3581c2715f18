# Claim: only harmless devices are there
# Value: ['full', 'null', 'random', 'shm', 'urandom', 'zero']
import os

sorted(os.listdir("/dev"))
