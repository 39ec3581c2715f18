# Claim: an exit is an end without a value, whatever was printed
# Status: error
# Shows: SystemExit: Out: 42
import sys

print("Out: 41")
sys.exit("Out: 42")
