"""The verdicts of public harnesses, made again: `.venv-peers/bin/python -m benchmarks.agreement NAME…` (none: all).

With `--sample`, in the project's own environment: the responses that they judge, sampled and edited anew.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main(arguments: list[str]) -> None:
    wanted = "sample" if "--sample" in arguments else "main"
    names = [name for name in arguments if name != "--sample"]
    files = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))
    modules = {
        name: importlib.import_module(f"benchmarks.agreement.{name}") for name in names or files if name in files
    }
    # Modules that others share have neither.
    there = {name: getattr(module, wanted) for name, module in modules.items() if hasattr(module, wanted)}
    unknown = [name for name in names if name not in there]
    if unknown:
        sys.exit(f"no agreement is named {', '.join(unknown)}; there are {', '.join(files)}")
    for function in there.values():
        function()


if __name__ == "__main__":
    main(sys.argv[1:])
