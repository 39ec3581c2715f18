"""MINT: problems solved in several turns, with a Python session and few proposed solutions (Wang et al., 2024).

In:  MINT's rows. Out: conversations as its own environment holds them, and their verdicts.
Always true: what a model is told is MINT's wording; code runs in the jail, solutions are judged outside it; every call,
run and verdict goes through the journal.
"""
