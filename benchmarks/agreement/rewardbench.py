"""RewardBench: our rewards and figures beside those of the `rewardbench` package, of one model on the same rows.

In:  the rows in $PREFTREE_DATA (or ../shared/data); the embedded model's first layers under a head drawn by a seed, as
     `preftree train reward` exports a model; the environment of `make reward-peers`.
Out: tests/evaluate/verdicts/rewardbench.jsonl: the package's rewards and verdict of each row, and its scores. How far
     ours are from them is printed, and refused where over 0.5% of the verdicts differ.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks._reward_model import export_reward_model

ROOT = Path(__file__).parents[2]
VERDICTS = ROOT / "tests/evaluate/verdicts/rewardbench.jsonl"
PEER = ROOT / ".venv-reward-peers/bin/python"
LAYERS = 6


def main() -> None:
    from preftree.evaluate.items import read_from
    from preftree.evaluate.rewards.registry import REWARD_BENCHMARKS
    from preftree.tries import RewardModel

    data = os.environ.get("PREFTREE_DATA", str(ROOT.parent / "shared/data"))
    items = read_from(REWARD_BENCHMARKS["rewardbench"], data).items
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        export_reward_model(model, layers=LAYERS)
        theirs = ask_peer(model, data, Path(folder))
        ours = RewardModel(str(model), precision="fp32").score([item.conversations for item in items])
    pairs = list(zip(ours, theirs["rows"], strict=True))
    differ = sum((a > b) != row["verdict"] for (a, b), row in pairs)
    gap = max(abs(x - y) for mine, row in pairs for x, y in zip(mine, row["rewards"], strict=True))
    largest = max(abs(y) for _, row in pairs for y in row["rewards"])
    print(f"{differ} of {len(pairs)} verdicts differ; rewards by at most {gap:.1e} (the largest is {largest:.2f})")
    if differ > 0.005 * len(pairs):
        sys.exit("more than 0.5% of the verdicts differ: nothing is written")
    write(items, theirs)


def ask_peer(model: Path, data: str, folder: Path) -> dict[str, Any]:
    if not PEER.exists():
        sys.exit("no .venv-reward-peers here: make reward-peers")
    rows, out = folder / "rows.jsonl", folder / "peer.json"
    rows.write_bytes(gzip.decompress((Path(data) / "rewardbench/filtered_partial.jsonl.gz").read_bytes()))
    subprocess.run(
        [PEER, ROOT / "benchmarks/_rewardbench_peer.py", model, rows, out],
        check=True,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "WANDB_MODE": "disabled", "HF_HOME": str(folder / "cache")},
    )
    found: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return found


def write(items: Any, theirs: dict[str, Any]) -> None:
    """A first row with the scores, then a row an item: `response` is what was graded, the two rewards."""
    scores = {name: theirs[name] for name in ("subsets", "categories", "made up")}
    lines: list[dict[str, Any]] = [{"package": "rewardbench 0.1.4", "layers": LAYERS} | scores]
    for item, row in zip(items, theirs["rows"], strict=True):
        rewards = [float(f"{reward:.8g}") for reward in row["rewards"]]
        lines.append({"id": item.id, "response": rewards, "verdict": row["verdict"]})
    VERDICTS.parent.mkdir(parents=True, exist_ok=True)
    VERDICTS.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
