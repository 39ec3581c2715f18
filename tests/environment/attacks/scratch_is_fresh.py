# Claim: nothing that another action left is there
# Value: []
import os

os.listdir("/tmp") + os.listdir("/dev/shm")
