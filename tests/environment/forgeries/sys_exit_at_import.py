# Claim: a program that exits before it defines anything defines nothing
import sys

sys.exit(0)
