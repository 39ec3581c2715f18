# Claim: a hook that forbids all that follows ends the action only
# Status: ok | error | killed
import sys


def forbid(event, arguments):
    raise SystemExit(0)


sys.addaudithook(forbid)
42
