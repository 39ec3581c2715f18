"""Whether training slows down or grows: tokens a second and memory over many steps, from few trees and from many.

In:  a model of SmolLM2-135M's shape; small trees by a seed, 50 or 5,000, in a store on disk as a run keeps them.
Out: results/growth.json: for each, tokens a second and resident memory over the first and the last fifth of the steps.

    python -m benchmarks.growth [--steps 50]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks._workloads import workload
from benchmarks.training import REFERENCE, machine, make_model

RESULTS = Path(__file__).parent / "results" / "growth.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument(
        "--trees", type=int, help="measure with so many trees and print it (used by this program itself)"
    )
    arguments = parser.parse_args()
    if arguments.trees:
        print(json.dumps(measure(arguments.trees, arguments.steps)))
        return
    rows = []
    for trees in (50, 5000):
        command = [sys.executable, "-m", "benchmarks.growth", "--trees", str(trees), "--steps", str(arguments.steps)]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        rows.append(json.loads(out.splitlines()[-1]))
        print(rows[-1], file=sys.stderr, flush=True)
    ratio = rows[1]["tokens_a_second"] / rows[0]["tokens_a_second"]
    result = {"tokens a second, 5,000 trees over 50": round(ratio, 3), "machine": machine(), "rows": rows}
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")


def measure(trees: int, steps: int) -> dict[str, Any]:
    import torch

    from preftree.train.settings import TrainSettings
    from preftree.train.store import Example, StoreWriter
    from preftree.train.trainer import TrieTrainer
    from preftree.tries.trie import TokenSequence

    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as out:
        with StoreWriter(Path(out) / "store") as writer:
            for number in range(trees):
                for prompt, *answers in workload("small", number)[0]:
                    pair = [TokenSequence((*prompt, *a), ((len(prompt), len(prompt) + len(a)),)) for a in answers]
                    writer.add(Example(str(number), "tree", tuple(pair)))
            store = writer.close()
        settings = TrainSettings("dpo", "m", "r", out, batch_size=5, precision="fp32", epochs=20)
        model = make_model("dpo")
        trainer = TrieTrainer(model, store, settings, lowered=False)
        trainer.steps.reference_X3 = torch.full((len(store), 3), REFERENCE / 4)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, fused=True)
        lines = []
        for step in range(steps):
            before, began = trainer.steps.tokens_trie, time.perf_counter()
            trainer.training_step(model, trainer.train_dataset[step])
            optimizer.step()
            optimizer.zero_grad()
            lines.append((trainer.steps.tokens_trie - before, time.perf_counter() - began, resident_gb()))
    part = max(1, steps // 5)

    def rate(some: list[tuple[int, float, float]]) -> float:
        return round(sum(tokens for tokens, _, _ in some) / sum(seconds for _, seconds, _ in some), 1)

    # The first steps touch memory for the first time and are slow for it.
    settled = lines[part:]
    return {
        "trees": trees, "pairs": len(store), "steps": steps, "tokens_a_second": rate(settled),
        "second fifth": rate(lines[part : 2 * part]), "last fifth": rate(lines[-part:]),
        "gb after a fifth": lines[part - 1][2], "gb at the end": lines[-1][2],
    }  # fmt: skip


def resident_gb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return round(int(line.split()[1]) / 1e6, 2)
    raise SystemExit("no VmRSS in /proc/self/status")


if __name__ == "__main__":
    main()
