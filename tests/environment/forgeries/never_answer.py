# Claim: a program that sleeps through its test is late
# Status: time
# Only: number
import time


def @NAME@(*arguments):
    time.sleep(1000)
