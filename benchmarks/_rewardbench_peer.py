"""What the rewardbench package says, run by the environment of `make reward-peers` (transformers 4: no preftree there).

    .venv-reward-peers/bin/python benchmarks/_rewardbench_peer.py MODEL ROWS OUT

In:  a reward model's folder, RewardBench's rows as JSON Lines. Out: OUT, a JSON file with each row's two rewards and
verdict, the accuracy of each subset, the scores of its categories, and the scores of made-up accuracies.
The package's own command is called; only what ties it to a hub and to CUDA is replaced.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any


def main(model: str, rows: str, out: str) -> None:
    import datasets
    import transformers
    from rewardbench import rewardbench as command
    from rewardbench import utils
    from rewardbench.constants import EXAMPLE_COUNTS, SUBSET_MAPPING

    published = [json.loads(line) for line in Path(rows).read_text("utf-8").splitlines()]
    utils.load_dataset = lambda name, split: datasets.Dataset.from_list(published)
    # Its pipeline moves the batch to "cuda" by name.
    transformers.BatchEncoding.to = lambda self, device: self

    # Nothing is cut (truncation is off unless it is forced), as nothing is by us.
    command.rewardbench(
        command.Args(model=model, not_quantized=True, torch_dtype="float32", batch_size=8, output_dir="", save_all=True)
    )
    said = [json.loads(line) for line in Path(f"{model}_all.jsonl").read_text("utf-8").splitlines()]
    outputs = [json.loads(line) for line in Path(f"{model}_outputs.jsonl").read_text("utf-8").splitlines()]
    subsets: dict[str, float] = json.loads(Path(f"{model}.json").read_text("utf-8"))["extra_results"]

    def scores(accuracies: dict[str, float]) -> dict[str, float]:
        found: dict[str, float] = utils.calculate_scores_per_section(EXAMPLE_COUNTS, SUBSET_MAPPING, accuracies)
        return found

    result = {
        "rows": [
            {
                "id": row["id"],
                "rewards": [number(reward["chosen"]), number(reward["rejected"])],
                "verdict": o["results"],
            }
            for row, reward, o in zip(published, said, outputs, strict=True)
        ],
        "subsets": subsets,
        "categories": scores(subsets),
        "made up": [{"subsets": made, "categories": scores(made)} for made in made_up(list(EXAMPLE_COUNTS))],
    }
    Path(out).write_text(json.dumps(result), encoding="utf-8")


def number(value: Any) -> float:
    return float(value[0] if isinstance(value, list) else value)


def made_up(subsets: list[str]) -> list[dict[str, float]]:
    """Accuracies of all subsets, then of half of them each time."""
    draw = random.Random(0)
    full = [{subset: round(draw.random(), 3) for subset in subsets} for _ in range(10)]
    return full + [dict(draw.sample(sorted(accuracies.items()), 12)) for accuracies in full]


if __name__ == "__main__":
    main(*sys.argv[1:])
