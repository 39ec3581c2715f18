"""Time and peak memory of one DPO step on tries, against the same code row by row.

In:  a model of SmolLM2-135M's shape with random weights (speed does not depend on them); trees of random tokens made
     by a seed: an instruction of 150 tokens, actions of 200, observations of 120, one pair a turn.
Out: results/training.json: seconds a step, tokens and peak memory of each variant, the distance to the limit
     (6 x parameters x tokens at the rate of a large matrix product measured in the same process), machine, versions.

Every variant runs in a process of its own, so that its peak memory is its own; of several steps the fastest counts.

    python -m benchmarks.training [--turns 3] [--steps 2] [--precisions fp32,bf16]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# Before torch is loaded: threads that spin while they wait stop each other when anything else wants a core.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

INSTRUCTION, ACTION, OBSERVATION = 150, 200, 120
SHAPE: dict[str, Any] = {
    "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
    "num_attention_heads": 9, "num_key_value_heads": 3, "tie_word_embeddings": True, "max_position_embeddings": 8192,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=3, help="turns of each tree")
    parser.add_argument("--steps", type=int, default=2, help="steps measured after one to warm up")
    parser.add_argument("--precisions", default="fp32,bf16")
    parser.add_argument("--variant", help="measure one variant and print it (used by this program itself)")
    arguments = parser.parse_args()
    if arguments.variant:
        group, precision = arguments.variant.split(",")
        print(json.dumps(measure(group, precision, arguments.turns, arguments.steps)))
        return
    rows = []
    for precision in arguments.precisions.split(","):
        for group in ("tree", "row"):
            command = [sys.executable, "-m", "benchmarks.training", "--variant", f"{group},{precision}"]
            command += ["--turns", str(arguments.turns), "--steps", str(arguments.steps)]
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            rows.append(json.loads(out.splitlines()[-1]))
            print(rows[-1], file=sys.stderr, flush=True)
    file = Path(__file__).parent / "results" / "training.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"machine": machine(), "turns": arguments.turns, "rows": rows}, indent=1) + "\n")
    show(rows)


def measure(group: str, precision: str, turns: int, steps: int) -> dict[str, Any]:
    """One variant: `tree` shares, `row` computes each sequence whole."""
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig

    from preftree.train.settings import TrainSettings
    from preftree.train.trainer import TrieTrainer

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(LlamaConfig(**SHAPE))
    examples = tree(turns, seed=0)
    with tempfile.TemporaryDirectory() as out:
        settings = TrainSettings("dpo", "", "", out, batch_size=64, max_tokens=4096, group=group, precision=precision)
        reference = torch.full((len(examples), 3), -2000.0)
        trainer = TrieTrainer(model, examples, settings, lowered=precision == "bf16", reference_X3=reference)
        load_before, times = os.getloadavg()[0], []
        for _ in range(1 + steps):
            model.zero_grad()
            began = time.perf_counter()
            loss = trainer.training_step(model, trainer.train_dataset[0])
            times.append(time.perf_counter() - began)
    tokens = trainer.tokens_trie // (1 + steps)
    scored = sum(example.num_scored for example in examples)
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    embedding = SHAPE["vocab_size"] * SHAPE["hidden_size"]
    body = sum(p.numel() for p in model.parameters()) - embedding
    flops = 6 * (body * tokens + embedding * scored)
    rate = matrix_rate(torch.bfloat16 if precision == "bf16" else torch.float32)
    seconds = min(times[1:])
    return {
        "group": group, "precision": precision, "pairs": len(examples), "tokens": tokens, "seconds": round(seconds, 2),
        "peak_gb": round(peak_gb, 2), "loss": loss.item(), "matrix_gflops": round(rate / 1e9),
        "share_of_limit": round(flops / rate / seconds, 3), "load_before": round(load_before, 2),
    }  # fmt: skip


def tree(turns: int, seed: int) -> list[Any]:
    """One tree: at each turn a correct and an incorrect action; the incorrect one is gone on with."""
    from preftree.train.examples import Example
    from preftree.tries.trie import TokenSequence

    draw = random.Random(seed)

    def words(count: int) -> tuple[int, ...]:
        return tuple(draw.randrange(3, SHAPE["vocab_size"]) for _ in range(count))

    history, examples = words(INSTRUCTION), []
    for _ in range(turns):
        answers = [history + words(ACTION) for _ in range(2)]
        pair = tuple(TokenSequence(answer, ((len(history), len(answer)),)) for answer in answers)
        examples.append(Example("tree", True, pair))
        history = answers[1] + words(OBSERVATION)
    return examples


def matrix_rate(dtype: Any) -> float:
    """Operations a second of a large square product, the best of five."""
    import torch

    size = 2048
    left = torch.randn(size, size).to(dtype)
    best = float("inf")
    for _ in range(6):
        began = time.perf_counter()
        left @ left
        best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best


def machine() -> dict[str, Any]:
    import torch
    import transformers

    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {
        "cpu": name or platform.processor(), "cores": os.cpu_count(), "python": platform.python_version(),
        "torch": torch.__version__, "transformers": transformers.__version__,
    }  # fmt: skip


def show(rows: list[dict[str, Any]]) -> None:
    columns = ("precision", "group", "pairs", "tokens", "seconds", "peak_gb", "share_of_limit", "loss")
    print("  ".join(f"{name:>14}" for name in columns))
    for row in rows:
        print(
            "  ".join(f"{row[name]:>14.6g}" if isinstance(row[name], float) else f"{row[name]:>14}" for name in columns)
        )


if __name__ == "__main__":
    main()
