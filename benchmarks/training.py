"""Time and peak memory of a training step on tries, with TRL's trainers beside it on the same rows and weights.

In:  a model of SmolLM2-135M's shape with random weights (speed does not depend on them); rows from `_workloads`.
Out: results/training.json: ratios first; then seconds a step, peak memory, loss of each variant; the distance to the
limit (the arithmetic that can't be avoided, at the rate of a large matrix product measured in the same process).

A step is forward and backward over all pairs of the workload, clipping and AdamW. Every variant runs in a process of
its own, so that its peak memory is its own; of several steps the fastest counts. TRL runs in the environment of
`make peers`, with precomputed reference log-probabilities and its fused, chunked projection; its best settings are
searched for: one pair a forward pass (where it pads nothing), two, all, and one with its model compiled. Padding-free
batches need flash attention, which a CPU has not. `--kinds trie` measures this package alone.

    python -m benchmarks.training [--workloads a,b,c,d,e] [--objectives dpo,nca,kto,reward,reference] [--device cpu]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks._workloads import VOCABULARY, Tree, workload

SHAPE: dict[str, Any] = {
    "vocab_size": VOCABULARY, "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
    "num_attention_heads": 9, "num_key_value_heads": 3, "tie_word_embeddings": True, "max_position_embeddings": 8192,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
RESULTS = Path(__file__).parent / "results" / "training.json"
PEERS = Path(__file__).parents[1] / "requirements-peers.txt"
BETA = 0.1
# Of the machine's memory; a variant that needs more is reported as one that does not fit.
MEMORY_SHARE = 0.95


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workloads", default="a,b,c,d,e")
    parser.add_argument("--objectives", default="dpo")
    parser.add_argument("--steps", type=int, default=2, help="after one to warm up; 0: that one counts")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--kinds", help="some of trie, trl 1, trl 2, trl 1 compiled, trl all, with commas")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--variant", help="measure one variant and print it (used by this program itself)")
    arguments = parser.parse_args()
    if arguments.variant:
        print(json.dumps(measure(**json.loads(arguments.variant))))
        return
    before = json.loads(arguments.out.read_text())["rows"] if arguments.out.is_file() else []
    rows: list[dict[str, Any]] = []
    for objective in arguments.objectives.split(","):
        for name in arguments.workloads.split(","):
            for kind in arguments.kinds.split(",") if arguments.kinds else kinds(objective, name):
                facts = {
                    "objective": objective, "name": name, "kind": kind, "steps": arguments.steps,
                    "precision": arguments.precision, "device": arguments.device,
                }  # fmt: skip
                rows.append(facts | variant(facts))
                print(rows[-1], file=sys.stderr, flush=True)
                kept = [row for row in before if not any(_same(row, new) for new in rows)]
                write(arguments.out, [*kept, *rows])
    show(rows)


def kinds(objective: str, name: str) -> list[str]:
    """The search for TRL's best settings is made on workload a, where it found one pair a pass."""
    search = ["trl 2", "trl 1 compiled"] if (objective, name) == ("dpo", "a") else []
    return ["trie", "trl 1", *search, "trl all"]


def _same(left: dict[str, Any], right: dict[str, Any]) -> bool:
    return all(left.get(key) == right.get(key) for key in ("objective", "name", "kind", "precision", "device"))


def variant(facts: dict[str, Any]) -> dict[str, Any]:
    """One variant in a process of its own."""
    python = sys.executable if facts["kind"] == "trie" else peers_python()
    command = [python, "-m", "benchmarks.training", "--variant", json.dumps(facts)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
        if done.returncode < 0 or "alloc" in last or "memory" in last.lower():
            return {"failed": "does not fit into memory"}
        raise SystemExit(done.stderr)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure(objective: str, name: str, kind: str, steps: int, precision: str, device: str) -> dict[str, Any]:
    """Seconds a step, peak memory, loss."""
    import torch

    if device == "cpu":
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        resource.setrlimit(resource.RLIMIT_AS, (int(total * MEMORY_SHARE), resource.RLIM_INFINITY))
    trees = workload(name)
    torch.manual_seed(0)
    model = make_model(objective).to(device)
    with tempfile.TemporaryDirectory() as out:
        make = ours if kind == "trie" else theirs
        step, tokens = make(model, trees, objective, kind, precision, out)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, fused=True)
        load_before, times, losses = os.getloadavg()[0], [], []
        for _ in range(1 + steps):
            began = time.perf_counter()
            losses.append(step())
            if objective != "reference":
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad()
            if device == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - began)
    seconds = min(times[1:] or times)
    peak_gb = (
        torch.cuda.max_memory_allocated() / 1e9 if device == "cuda"
        else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    )  # fmt: skip
    result = {
        "seconds": round(seconds, 2), "peak_gb": round(peak_gb, 2), "loss": losses[0], "tokens": tokens,
        "pairs": sum(map(len, trees)), "load_before": round(load_before, 2),
    }  # fmt: skip
    if kind == "trie":
        rate = matrix_rate(torch.bfloat16 if precision == "bf16" else torch.float32, device)
        result |= {
            "matrix_gflops": round(rate / 1e9),
            "share_of_limit": round(arithmetic(trees, objective) / rate / seconds, 3),
        }
    return result


def make_model(objective: str) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, LlamaConfig

    config = LlamaConfig(**SHAPE)
    if objective == "reward":
        config.num_labels = 1
        return AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32)


# ---------------------------------------------------------------- two ways to a step


def ours(model: Any, trees: list[Tree], objective: str, kind: str, precision: str, out: str) -> tuple[Any, int]:
    import torch

    from preftree.train.settings import TrainSettings
    from preftree.train.store import Example
    from preftree.train.trainer import TrieTrainer
    from preftree.tries.attention import attending
    from preftree.tries.trie import TokenSequence

    def sequence(prompt: list[int], answer: list[int]) -> TokenSequence:
        return TokenSequence((*prompt, *answer), ((len(prompt), len(prompt) + len(answer)),))

    pairs = [(number, pair) for number, tree in enumerate(trees) for pair in tree]
    foreign = [pair[1] for _, pair in pairs]
    examples = [
        Example(
            f"tree {number}", "other" if objective == "reward" else "tree",
            (sequence(prompt, chosen), sequence(prompt, rejected)),
            sequence(prompt, foreign[at - 1]) if objective == "kto" else None,
        )
        for at, (number, (prompt, chosen, rejected)) in enumerate(pairs)
    ]  # fmt: skip
    settings = TrainSettings(
        "dpo" if objective == "reference" else objective, "m", rows="r", out=out, batch_size=256, max_tokens=2730,
        precision=precision, beta=BETA, reward_terms="bt", lambda_desirable=1.0,
    )  # fmt: skip
    trainer = TrieTrainer(model, examples, settings, lowered=precision == "bf16")
    trainer.steps.reference_X3 = torch.full((len(examples), 3), REFERENCE)

    def train() -> float:
        return float(trainer.training_step(model, trainer.train_dataset[0]))

    def refer() -> float:
        from preftree.train.order import batch_packs

        total = 0.0
        with torch.no_grad(), attending(model):
            for indices in batch_packs(examples, list(range(len(examples))), settings):
                total += float(trainer.score([s for i in indices for s in examples[i].sequences]).sum())
        return total / len(examples) / 2

    from preftree.tries.trie import new_tokens

    tokens = sum(
        new_tokens(sequence(prompt, answer) for prompt, *answers in tree for answer in answers) for tree in trees
    )
    return (refer if objective == "reference" else train), tokens


# About what a random model says of an answer of 200 tokens: rewards are then of a natural size.
REFERENCE = -2160.0


def theirs(model: Any, trees: list[Tree], objective: str, kind: str, precision: str, out: str) -> tuple[Any, int]:
    """TRL's trainer, given the same token ids; batches of one pair, two, or all."""
    import torch
    import trl
    from datasets import Dataset

    pairs = [pair for tree in trees for pair in tree]
    size = {"trl 1": 1, "trl 1 compiled": 1, "trl 2": 2, "trl all": len(pairs)}[kind]
    name = {"reward": "Reward", "kto": "KTO"}.get(objective, "DPO")
    if name == "Reward":
        rows = [{"chosen_ids": p + c, "rejected_ids": p + r} for p, c, r in pairs]
        more: dict[str, Any] = {}
    elif name == "KTO":
        size *= 2
        rows = []
        for at, (prompt, chosen, rejected) in enumerate(pairs):
            foreign = pairs[at - 1][1]
            for label, answer in ((True, chosen), (False, rejected)):
                rows.append(
                    {"prompt_ids": prompt, "completion_ids": answer, "KL_completion_ids": foreign, "label": label,
                     "ref_logps": REFERENCE, "ref_KL_logps": REFERENCE}
                )  # fmt: skip
        more = {"beta": BETA, "precompute_ref_log_probs": True}
    else:
        rows = [
            {"prompt_ids": p, "chosen_ids": c, "rejected_ids": r, "ref_chosen_logps": REFERENCE,
             "ref_rejected_logps": REFERENCE}
            for p, c, r in pairs
        ]  # fmt: skip
        more = {"beta": BETA, "precompute_ref_log_probs": True}
        more |= {"loss_type": ["nca_pair" if objective == "nca" else "sigmoid"]}
    given = {
        "_prepare_dataset": lambda self, dataset, *a, **k: dataset,
        "_precompute_ref_logps": lambda self, dataset, *a, **k: dataset,
    }
    kind_of = type("Given", (getattr(trl, f"{name}Trainer"),), given)
    cuda = next(model.parameters()).device.type == "cuda"
    config = getattr(trl, f"{name}Config")(
        output_dir=out, per_device_train_batch_size=size, report_to=[], use_cpu=not cuda, max_length=None,
        bf16=precision == "bf16", gradient_checkpointing=False, disable_tqdm=True, save_strategy="no", **more,
    )  # fmt: skip
    trainer = kind_of(model, args=config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer())
    batches = [
        {k: v.to(model.device) for k, v in trainer.data_collator(rows[at : at + size]).items()}
        for at in range(0, len(rows), size)
    ]
    # The collator's ref columns for KTO and DPO are tensors of the batch; accumulation divides as the Trainer does.
    trainer.current_gradient_accumulation_steps = len(batches)
    tokens = sum(int(batch["input_ids"].numel()) for batch in batches)
    if kind.endswith("compiled"):
        model = torch.compile(model)

    def train() -> float:
        model.train()
        total = 0.0
        for batch in batches:
            with trainer.compute_loss_context_manager():
                loss = trainer.compute_loss(model, dict(batch)) / len(batches)
            trainer.accelerator.backward(loss)
            total += float(loss)
        return total

    def refer() -> float:
        total = 0.0
        for batch in batches:
            with torch.no_grad():
                for logps in trainer.compute_ref_log_probs(model, dict(batch)):
                    total += float(logps.sum())
        return total / len(rows) / 2

    return (refer if objective == "reference" else train), tokens


def tokenizer() -> Any:
    """TRL asks for one; with rows of token ids it needs no more than the padding token."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.WordLevel({"<pad>": 0, "<s>": 1, "</s>": 2}, unk_token="<pad>"))
    return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<pad>", bos_token="<s>", eos_token="</s>")


# ---------------------------------------------------------------- the limit, and the table


def arithmetic(trees: list[Tree], objective: str) -> float:
    """Operations that can't be avoided: 6 x weights x tokens of the trie, the projection for scored tokens only, and
    attention along paths; a third of it without a backward pass."""
    tokens = depths = scored = 0
    for tree in trees:
        held: set[tuple[int, ...]] = set()
        for prompt, *answers in tree:
            for answer in answers:
                whole = (*prompt, *answer)
                scored += len(answer)
                for stop in range(len(whole), 0, -1):
                    path = whole[:stop]
                    if path in held:
                        break
                    held.add(path)
                    tokens, depths = tokens + 1, depths + stop
    width, layers, inner = SHAPE["hidden_size"], SHAPE["num_hidden_layers"], SHAPE["intermediate_size"]
    heads, groups = SHAPE["num_attention_heads"], SHAPE["num_key_value_heads"]
    body = layers * (2 * width * width + 2 * width * width * groups // heads + 3 * width * inner)
    head = 0 if objective == "reward" else width * VOCABULARY * scored
    forward = 2 * (body * tokens + head) + 4 * layers * width * depths
    return forward * (1 if objective == "reference" else 3)


def matrix_rate(dtype: Any, device: str) -> float:
    """Operations a second of a large square product: the best of ten, by torch's own way and by the one we take."""
    import torch

    from preftree.tries.linear import product

    size = 2048 if device == "cpu" else 8192
    left = torch.randn(size, size, device=device).to(dtype)
    best = float("inf")
    for multiply in (torch.matmul, product):
        for _ in range(10):
            began = time.perf_counter()
            multiply(left, left)
            if device == "cuda":
                torch.cuda.synchronize()
            best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best


def peers_python() -> str:
    """The interpreter that has TRL: of `make peers`, or this one."""
    python = PEERS.parent / ".venv-peers" / "bin" / "python"
    if python.is_file():
        return str(python)
    if importlib.util.find_spec("trl") is None:
        raise SystemExit("TRL is not here: `make peers` first")
    return sys.executable


def machine() -> dict[str, Any]:
    from importlib import metadata

    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    found = {dist: metadata.version(dist) for dist in ("torch", "transformers")}
    pins = dict(line.strip().split("==") for line in PEERS.read_text().splitlines() if "==" in line)
    found["trl"] = pins["trl"]
    return {
        "cpu": name or platform.processor(), "cores": os.cpu_count(), "python": platform.python_version(), **found
    }  # fmt: skip


def ratios(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """TRL's time over ours, ours over TRL's memory; per workload and objective."""
    found = []
    for row in rows:
        if row["kind"] != "trie":
            continue
        keys = ("objective", "name", "precision", "device", "seconds", "peak_gb", "share_of_limit")
        line = {key: row[key] for key in keys}
        for other in rows:
            same = all(other[key] == row[key] for key in ("objective", "name", "precision", "device"))
            if not same or other is row:
                continue
            if "failed" in other:
                line[f"times {other['kind']}"] = other["failed"]
                continue
            line[f"times {other['kind']}"] = round(other["seconds"] / row["seconds"], 2)
            line[f"memory of {other['kind']}"] = round(row["peak_gb"] / other["peak_gb"], 2)
            line[f"loss gap {other['kind']}"] = abs(other["loss"] / row["loss"] - 1)
        found.append(line)
    return found


def write(file: Path, rows: list[dict[str, Any]]) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"ratios": ratios(rows), "machine": machine(), "rows": rows}, indent=1) + "\n")


def show(rows: list[dict[str, Any]]) -> None:
    for line in ratios(rows):
        print(
            "  ".join(
                f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}" for key, value in line.items()
            )
        )


if __name__ == "__main__":
    main()
