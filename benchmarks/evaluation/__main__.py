"""`python -m benchmarks.evaluation [NAME …]`: the parts in their order, results kept as each is done."""

import importlib
import json
import platform
import sys
from pathlib import Path

from benchmarks.environment import machine, versions

PARTS = ("rewards", "scoring", "runner")
RESULTS = Path(__file__).parents[1] / "results" / "evaluation.json"


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        sys.exit(f"no part is named {unknown[0]}; there are {', '.join(PARTS)}")
    for name in names or PARTS:
        made = importlib.import_module(f"benchmarks.evaluation.{name}").main()
        known = {"python": platform.python_version(), **versions("torch", "transformers", "math-verify")}
        found = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
        found[name] = made | {"machine": machine(), "versions": known}
        print(json.dumps({name: made}, indent=1))
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps({part: found[part] for part in PARTS if part in found}, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
