# Claim: an exit that is raised is an error
# Status: error
import sys


def @NAME@(*arguments):
    sys.exit(0)
