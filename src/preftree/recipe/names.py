"""The names of every registry as a file, for whoever must not load the registries: a shell that completes.

In:  the registries. Out: `names.json` beside this file; `python -m preftree.recipe.names` makes it again.
Always true: a test holds the file equal to the registries.
"""

from __future__ import annotations

import json
from pathlib import Path

FILE = Path(__file__).with_suffix(".json")


def registries() -> dict[str, list[str]]:
    """The names as they are today."""
    from preftree.evaluate.listing import listing
    from preftree.evaluate.paper import TABLES
    from preftree.evaluate.rewards.registry import REWARD_BENCHMARKS
    from preftree.verify import VERIFIERS

    found = listing()
    return {
        "benchmarks": [row["benchmark"] for row in found["benchmarks"]],
        "paper_tables": list(TABLES),
        "protocols": found["protocols"],
        "reward_benchmarks": list(REWARD_BENCHMARKS),
        "suites": [row["suite"] for row in found["suites"]],
        "verifiers": list(VERIFIERS),
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(registries(), indent=1) + "\n", encoding="utf-8")
