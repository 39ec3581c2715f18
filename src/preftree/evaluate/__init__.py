"""Evaluation: conversations judged, then counted.

In:  benchmarks by name or problems of one's own, a protocol, actors. Out: one `Result` a model, item and sample, and
tables with 95% intervals.
Always true: every call goes through the journal of the output directory, so a killed evaluation goes on.
"""

from preftree.evaluate.metrics import accuracy_rows, compare_pairs
from preftree.evaluate.own import ProblemSet, Protocol
from preftree.evaluate.rankers import RerankSettings
from preftree.evaluate.runner import Task, busy, evaluate, load_results, measure, spending, write_results

__all__ = [
    "ProblemSet",
    "Protocol",
    "RerankSettings",
    "Task",
    "accuracy_rows",
    "busy",
    "compare_pairs",
    "evaluate",
    "load_results",
    "measure",
    "spending",
    "write_results",
]
