"""How fast rows become batches of tries: rendered, tokenised, stored, laid out and packed, streamed from Parquet.

In:  trees by a seed with the turn distribution of the paper's table 1 and texts of its lengths, in UltraInteract's
columns; the embedded model's tokenizer and template.
Out: results/preparing.json: seconds and tokens of each stage, peak memory. There is no peer that builds tries; TRL's
own preparation of the same rows (tokenised, row by row), in the environment of `make peers`, stands beside it.

    python -m benchmarks.preparing [--pairs 200000]
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks._workloads import FOREST
from benchmarks.training import machine, peers_python

RESULTS = Path(__file__).parent / "results" / "preparing.json"
_SENTENCE = (
    "the sum of all terms is found step by step where each number follows from what stands before it and so "
    "we print first then compare value return list total answer equals because print( for i in range(n): x += 1 if"
)
_WORDS = _SENTENCE.split()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=200_000)
    parser.add_argument("--peer-pairs", type=int, default=5_000, help="TRL is measured on the first of them")
    parser.add_argument("--stage", help="measure one stage and print it (used by this program itself)")
    arguments = parser.parse_args()
    if arguments.stage:
        stage, rows = arguments.stage.split(",", 1)
        print(json.dumps({"ours": ours, "trl": theirs}[stage](Path(rows), arguments.peer_pairs)))
        return
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "pairs.parquet"
        made = write_rows(rows, arguments.pairs)
        result: dict[str, Any] = {"machine": machine(), **made}
        for stage in ("ours", "trl"):
            python = sys.executable if stage == "ours" else peers_python()
            command = [python, "-m", "benchmarks.preparing", "--stage", f"{stage},{rows}"]
            command += ["--peer-pairs", str(arguments.peer_pairs)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            result[stage] = json.loads(done.stdout.splitlines()[-1])
            print(stage, result[stage], file=sys.stderr, flush=True)
    result["ratio of pairs a second"] = round(result["ours"]["pairs_a_second"] / result["trl"]["pairs_a_second"], 2)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")


def write_rows(file: Path, pairs: int) -> dict[str, Any]:
    """Trees of one to five turns: an instruction of about 150 tokens, actions of 200, observations of 120."""
    import pyarrow
    import pyarrow.parquet

    draw = random.Random(0)

    def words(count: int) -> str:
        return " ".join(draw.choice(_WORDS) for _ in range(count))

    writer, made, held = None, 0, []
    number = 0
    while made < pairs:
        history = [{"from": "user", "value": words(115)}]
        for turn in range(min(draw.choice(FOREST), pairs - made)):
            rejected = words(150)
            held.append(
                {"id": f"{number}_{turn}", "parent_id": str(number), "task": "Math_PoT", "dataset": "made",
                 "trajectory": list(history), "chosen": words(150), "rejected": rejected}
            )  # fmt: skip
            history += [{"from": "assistant", "value": rejected}, {"from": "user", "value": words(90)}]
            made += 1
        number += 1
        if len(held) >= 5000 or made == pairs:
            table = pyarrow.Table.from_pylist(held)
            writer = writer or pyarrow.parquet.ParquetWriter(file, table.schema)
            writer.write_table(table)
            held = []
    assert writer is not None
    writer.close()
    return {"pairs": made, "trees": number, "file_mb": round(file.stat().st_size / 1e6)}


def ours(rows: Path, _: int) -> dict[str, Any]:
    from transformers import AutoTokenizer

    from preftree.actors.weights import resolve_model
    from preftree.problems.places import Place
    from preftree.progress import progress
    from preftree.train.order import batch_packs, epoch_batches
    from preftree.train.prepare import prepare
    from preftree.train.rows import iter_rows
    from preftree.train.settings import TrainSettings
    from preftree.tries.trie import build_trie

    tokenizer = AutoTokenizer.from_pretrained(resolve_model("embedded"))
    settings = TrainSettings("dpo", "m", str(rows), "o", batch_size=32, max_tokens=4096)
    began = time.perf_counter()
    with progress("preparing", None, "rows") as bar:
        store, bad = prepare(
            iter_rows(Place(str(rows)), "pair"),
            tokenizer,
            rows.parent / "store",
            max_length=4096,
            where="rows",
            bar=bar,
        )
    stored = time.perf_counter() - began
    tokens = flat = 0
    with progress("packing", len(store), "pairs") as bar:
        for batch in epoch_batches(store, settings, 0):
            for indices in batch_packs(store, batch, settings):
                sequences = [sequence for index in indices for sequence in store[index].sequences]
                tokens += len(build_trie(sequences).tokens)
                flat += sum(len(sequence.tokens) for sequence in sequences)
            bar.advance(len(batch))
    seconds = time.perf_counter() - began
    return {
        "seconds": round(seconds, 1), "seconds_to_store": round(stored, 1), "pairs": len(store), "set_aside": len(bad),
        "tokens_rows": flat, "tokens_trie": tokens, "pairs_a_second": round(len(store) / seconds, 1),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
    }  # fmt: skip


def theirs(rows: Path, pairs: int) -> dict[str, Any]:
    """TRL's DPO trainer up to its first batch, on two processes, as it would for training."""
    import pyarrow.parquet
    from datasets import Dataset, disable_caching
    from transformers import AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    from benchmarks.training import make_model
    from preftree.actors.weights import resolve_model

    disable_caching()
    tokenizer = AutoTokenizer.from_pretrained(resolve_model("embedded"))
    found = pyarrow.parquet.read_table(rows).slice(0, pairs).to_pylist()
    given = [
        {
            "prompt": [{"role": m["from"], "content": m["value"]} for m in row["trajectory"]],
            "chosen": [{"role": "assistant", "content": row["chosen"]}],
            "rejected": [{"role": "assistant", "content": row["rejected"]}],
        }
        for row in found
    ]
    data, model, reference = Dataset.from_list(given), make_model("dpo"), make_model("dpo")
    with tempfile.TemporaryDirectory() as out:
        config = DPOConfig(output_dir=out, use_cpu=True, bf16=False, max_length=4096, report_to=[], dataset_num_proc=2)
        began = time.perf_counter()
        DPOTrainer(model, args=config, train_dataset=data, processing_class=tokenizer, ref_model=reference)
        seconds = time.perf_counter() - began
    return {"seconds": round(seconds, 1), "pairs": len(given), "pairs_a_second": round(len(given) / seconds, 1)}


if __name__ == "__main__":
    main()
