"""All benchmarks, one after another: `python -m benchmarks`. Each writes its file in `results/`.

`executors` needs the environment of `make peers`.
"""

import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    names = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))
    names.append("evaluation")
    failed = [name for name in names if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode]
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)
