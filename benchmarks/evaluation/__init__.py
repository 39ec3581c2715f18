"""What evaluating costs: `python -m benchmarks.evaluation` runs all parts, `python -m benchmarks.evaluation NAME` one.

In:  nothing. Out: benchmarks/results/evaluation.json: a part each, with its machine and versions.
Always true: a part is a module here with `main() -> dict`; one that is run alone leaves the others' results alone.
"""
