"""Which engine samples fastest in this process: the choice behind `preftree.actors.local`.

In:  the embedded model; prompts of about 140 tokens that share a preamble of about 80, 4 draws each, at most 96 tokens.
Out: results/sampling.json: tokens and finished draws a second of each engine, with machine, versions, the rate of
a large matrix product and the load measured just before each run. Of several runs the fastest counts.

The model ends an answer at its first new line, so that draws end at many lengths as a trained
model's do; every engine is given the same end tokens. An engine that is not installed is left out by name.

    python -m benchmarks.sampling [--prompts 64] [--only NAME]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib.metadata
import json
import os
import platform
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Before torch is loaded: threads that spin while they wait stop each other when anything else wants a core
# (measured beside other work on two cores: 3 to 8 s a step, against 0.3 to 0.5 s with this).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch

DRAWS, MAX_TOKENS = 4, 96
PREAMBLE = (
    "You are a careful teacher. Explain in one short paragraph of plain words how the problem below is solved, step by "
    "step, and give the answer at the end. Do not use lists, code or headings, and do not repeat the problem. Keep to "
    "the numbers that the problem gives, and say what each of them stands for before you use it. Here it is:\n"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--prompts", type=int, default=64, help="how many different prompts, 4 draws each")
    parser.add_argument("--repeats", type=int, default=2, help="runs of each engine; the fastest counts")
    parser.add_argument("--only", default="", help="run the engines whose name holds this")
    options = parser.parse_args()
    facts = {"machine": machine(), "versions": versions()}
    with tempfile.TemporaryDirectory() as scratch:
        folder, ends = prepare(Path(scratch))
        work = Work(folder, ends, options.prompts)
        chosen = {name: run for name, run in engines().items() if options.only in name}
        # Round by round, so that a busy minute of the machine does not hit one engine only.
        best: dict[str, dict[str, Any]] = {}
        for _ in range(options.repeats):
            for name, run in chosen.items():
                tried = measure(name, run, work)
                gc.collect()
                best[name] = min(best.get(name, tried), tried, key=lambda row: row.get("seconds", float("inf")))
                # After every engine: a run that is cut short has not measured for nothing.
                write({**facts, "workload": work.facts(), "engines": list(best.values())})


def write(result: dict[str, Any]) -> None:
    """Keep the rows of engines that this run left out (--only), if all else was the same."""
    target = Path(__file__).parent / "results" / "sampling.json"
    target.parent.mkdir(exist_ok=True)
    if target.is_file():
        kept = json.loads(target.read_text(encoding="utf-8"))
        if all(kept[part] == result[part] for part in ("machine", "versions", "workload")):
            rows = {row["engine"]: row for row in (*kept["engines"], *result["engines"])}
            result = {**result, "engines": list(rows.values())}
    target.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def engines() -> dict[str, Callable[[Work], tuple[float, list[int]]]]:
    """Each runs the whole workload: seconds without loading, and the number of tokens of every draw."""
    made: dict[str, Callable[[Work], tuple[float, list[int]]]] = {}
    for dtype in ("bfloat16", "float32"):
        for rows in (64, 128):
            made[f"preftree {dtype} batch {rows}"] = lambda work, d=dtype, r=rows: decoder(work, d, r)
    made["preftree int8 dynamic batch 64"] = lambda work: decoder(work, "float32", 64, int8=True)
    made["preftree LocalActor, defaults"] = actor
    for kind in ("int8", "int8_bfloat16", "bfloat16", "float32"):
        made[f"ctranslate2 {kind}"] = lambda work, k=kind: ctranslate2(work, k)
    for dtype in ("bfloat16", "float32"):
        made[f"transformers generate {dtype} batch 64"] = lambda work, d=dtype: generate(work, d)
    return made


class Work:
    """The prompts, as text and as tokens, and where the model lies."""

    def __init__(self, folder: Path, ends: list[int], num_prompts: int) -> None:
        from transformers import AutoTokenizer

        from preftree.actors.slots import shared_length

        self.folder, self.ends = folder, ends
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        rng = random.Random(1)
        self.contents = [PREAMBLE + problem(rng) for _ in range(num_prompts)]
        self.texts = [
            self.tokenizer.apply_chat_template(
                [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
            )
            for content in self.contents
        ]
        self.prompts = [tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"]) for text in self.texts]
        self.num_shared = min(shared_length(self.prompts[0], prompt) for prompt in self.prompts[1:])

    def facts(self) -> dict[str, Any]:
        return {
            "prompts": len(self.prompts),
            "draws_each": DRAWS,
            "mean_prompt_tokens": round(float(np.mean([len(prompt) for prompt in self.prompts])), 1),
            "shared_prompt_tokens": self.num_shared,
            "max_tokens": MAX_TOKENS,
            "temperature": 1.0,
        }


def problem(rng: random.Random) -> str:
    cows, hens, lambs = rng.randint(2, 99), rng.randint(2, 99), rng.randint(2, 9)
    where = rng.choice(["in the hills", "by the river", "at the edge of a town"])
    return f"A farm {where} has {cows} cows and {hens} hens, and each cow has {lambs} bells. How many bells are there?"


def prepare(scratch: Path) -> tuple[Path, list[int]]:
    """The embedded model with end tokens that make its answers as long as a trained model's."""
    from transformers import AutoTokenizer

    from preftree.actors.embedded import embedded_model

    folder = scratch / "model"
    shutil.copytree(embedded_model(), folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ends = [i for i, token in enumerate(tokenizer.convert_ids_to_tokens(range(len(tokenizer)))) if "Ċ" in token]
    ends.append(tokenizer.eos_token_id)
    settings = json.loads((folder / "generation_config.json").read_text(encoding="utf-8"))
    (folder / "generation_config.json").write_text(json.dumps(settings | {"eos_token_id": ends}), encoding="utf-8")
    return folder, ends


def measure(name: str, run: Callable[[Work], tuple[float, list[int]]], work: Work) -> dict[str, Any]:
    rates = {dtype: matmul_gflops(dtype) for dtype in ("float32", "bfloat16")}
    load = round(os.getloadavg()[0], 1)
    try:
        seconds, lengths = run(work)
    except (ImportError, ValueError, RuntimeError, AttributeError) as error:
        row = {"engine": name, "left_out": str(error).splitlines()[0]}
    else:
        row = {
            "engine": name,
            "seconds": round(seconds, 1),
            "tokens_per_s": round(sum(lengths) / seconds),
            "draws_per_s": round(len(lengths) / seconds, 2),
            "mean_tokens": round(float(np.mean(lengths)), 1),
            "matmul_gflops_before": rates,
            "load_average_before": load,
        }
    print(json.dumps(row), flush=True)
    return row


# ---------------------------------------------------------------- the engines


def decoder(work: Work, dtype: str, max_rows: int, *, int8: bool = False) -> tuple[float, list[int]]:
    from transformers import AutoModelForCausalLM

    from preftree.actors.decoder import Decoder, Row

    model = AutoModelForCausalLM.from_pretrained(work.folder, dtype=getattr(torch, dtype)).eval()
    if int8:
        from torch.ao.quantization import quantize_dynamic

        model = quantize_dynamic(model, {torch.nn.Linear}, torch.qint8)
    rng = np.random.default_rng(0)
    rows = [Row(prompt, rng.random(MAX_TOKENS), MAX_TOKENS) for prompt in work.prompts for _ in range(DRAWS)]
    waiting, loop = list(rows), Decoder(model, frozenset(work.ends), max_rows)
    began = time.perf_counter()
    while waiting or loop.rows:
        if waiting and (len(waiting) <= loop.free or loop.free >= max_rows // 8):
            batch, waiting = waiting[: loop.free], waiting[loop.free :]
            loop.admit(batch)
            loop.drop_finished()
        if loop.rows:
            loop.step()
            loop.drop_finished()
    return time.perf_counter() - began, [len(row.tokens) for row in rows]


def actor(work: Work) -> tuple[float, list[int]]:
    """What a user gets: the whole way from messages to text."""
    from preftree.actors import ActorSettings, make_actor
    from preftree.records import Message, Request

    async def run() -> tuple[float, list[int]]:
        made = make_actor(ActorSettings(model=str(work.folder)))
        await made.sample(Request(messages=(Message("user", "Hello"),), max_tokens=1))
        requests = [
            Request(
                messages=(Message("user", content),), max_tokens=MAX_TOKENS, samples=tuple(range(DRAWS)), seed=number
            )
            for number, content in enumerate(work.contents)
        ]
        began = time.perf_counter()
        answers = await asyncio.gather(*map(made.sample, requests))
        seconds = time.perf_counter() - began
        await made.close()
        return seconds, [sample.output_tokens for answer in answers for sample in answer]

    return asyncio.run(run())


def ctranslate2(work: Work, kind: str) -> tuple[float, list[int]]:
    import ctranslate2 as engine

    target = work.folder.parent / f"ct2-{kind}"
    engine.converters.TransformersConverter(str(work.folder)).convert(str(target), quantization=kind, force=True)
    generator = engine.Generator(str(target), compute_type=kind, inter_threads=1, intra_threads=torch.get_num_threads())
    tokens = [work.tokenizer.convert_ids_to_tokens(list(prompt)) for prompt in work.prompts]
    began = time.perf_counter()
    results = generator.generate_batch(
        [prompt[work.num_shared :] for prompt in tokens],
        static_prompt=tokens[0][: work.num_shared],
        cache_static_prompt=True,
        # Draws of one prompt count as one entry of a batch: 16 entries are 64 draws.
        max_batch_size=16,
        num_hypotheses=DRAWS,
        max_length=MAX_TOKENS,
        sampling_topk=0,
        sampling_temperature=1.0,
        include_prompt_in_result=False,
        end_token=work.ends,
        return_end_token=True,
    )
    seconds = time.perf_counter() - began
    return seconds, [len(ids) for result in results for ids in result.sequences_ids]


def generate(work: Work, dtype: str) -> tuple[float, list[int]]:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(work.folder, dtype=getattr(torch, dtype)).eval()
    work.tokenizer.padding_side = "left"
    torch.manual_seed(0)
    lengths: list[int] = []
    began = time.perf_counter()
    for first in range(0, len(work.texts), 16):
        texts = work.texts[first : first + 16]
        inputs = work.tokenizer(texts, add_special_tokens=False, padding=True, return_tensors="pt")
        out = model.generate(**inputs, do_sample=True, top_k=0, num_return_sequences=DRAWS, max_new_tokens=MAX_TOKENS)
        for ids in out[:, inputs["input_ids"].shape[1] :].tolist():
            ended = [at for at, token in enumerate(ids) if token in work.ends]
            lengths.append(ended[0] + 1 if ended else len(ids))
    return time.perf_counter() - began, lengths


# ---------------------------------------------------------------- the machine


def matmul_gflops(dtype: str, size: int = 2048) -> int:
    a = torch.randn(size, size).to(getattr(torch, dtype))
    a @ a
    began = time.perf_counter()
    for _ in range(3):
        a @ a
    return round(3 * 2 * size**3 / (time.perf_counter() - began) / 1e9)


def machine() -> dict[str, Any]:
    info = Path("/proc/cpuinfo")
    words = info.read_text(encoding="utf-8") if info.is_file() else ""
    names = [line.split(":", 1)[1].strip() for line in words.splitlines() if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "flags": [flag for flag in ("avx512_bf16", "avx512_vnni", "amx_bf16", "avx2") if flag in words],
        "omp_wait_policy": os.environ["OMP_WAIT_POLICY"],
        "date": time.strftime("%Y-%m-%d"),
    }


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in ("torch", "transformers", "ctranslate2", "numpy"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


if __name__ == "__main__":
    main()
