"""The verdicts of public harnesses, made again: `.venv-peers/bin/python -m benchmarks.agreement NAME…` (none: all)."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

if __name__ == "__main__":
    there = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))
    unknown = [name for name in sys.argv[1:] if name not in there]
    if unknown:
        sys.exit(f"no agreement is named {', '.join(unknown)}; there are {', '.join(there)}")
    for name in sys.argv[1:] or there:
        importlib.import_module(f"benchmarks.agreement.{name}").main()
