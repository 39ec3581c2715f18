"""How long 86,000 instructions take against all test sets, and what is found: `python -m benchmarks.decontaminating`.

In:  the training and test sets of $PREFTREE_DATA (or ../shared/data): real rows, repeated with seeded changes of their
numbers, and with some words left out, up to the count; overlaps planted among them, and near misses.
Out: results/decontaminating.json: seconds, peak memory, planted overlaps found, near misses kept.
Always true: planted texts are made of the test sets themselves: a whole test text, eight successive words of one, a
whole LeetCode statement within other words. Near misses: seven successive words; and LeetCode statements with one word
changed, against LeetCode alone (asserted). Both stand among words that no test set has, so that nothing else can be
found in them.
"""

from __future__ import annotations

import json
import os
import random
import re
import resource
import time
from pathlib import Path
from typing import Any

from benchmarks.environment import machine
from preftree.problems.decontaminate import Contamination, Instruction
from preftree.problems.instructions import asked
from preftree.problems.places import Place, values
from preftree.problems.testsets import TestSource, read_tests

COUNT, PLANTED, AT_ONCE = 86_000, 1_000, 2_000
RESULTS = Path(__file__).parent / "results" / "decontaminating.json"
DATA = Path(os.environ.get("PREFTREE_DATA", Path(__file__).parents[2] / "shared" / "data"))
TRAIN = {"gsm8k_train/train.jsonl.gz": "Math_CoT", "math_train/train.jsonl.gz": "Math_PoT"}


def main() -> None:
    rows = instructions()
    began = time.perf_counter()
    sets = read_tests(TestSource(str(DATA))).sets
    planted, misses = plant(sets), near_misses(sets)
    read = time.perf_counter()
    index = Contamination(sets)
    built = time.perf_counter()
    everything = [*rows, *planted, *misses]
    found = []
    for start in range(0, len(everything), AT_ONCE):
        found += [bool(one) for one in index.overlaps(everything[start : start + AT_ONCE])]
    ended = time.perf_counter()
    of_planted = found[len(rows) : len(rows) + len(planted)]
    of_misses = found[len(rows) + len(planted) :]
    result: dict[str, Any] = {
        "instructions": len(rows),
        "words": sum(len(row.text.split()) for row in rows),
        "test_sets": {one.name: len(one.texts) for one in sets},
        "seconds": round(ended - began, 2),
        "seconds_to_read_tests": round(read - began, 2),
        "seconds_to_index": round(built - read, 2),
        "seconds_to_look_up": round(ended - built, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "overlapping": sum(found[: len(rows)]),
        "planted": len(planted),
        "planted_found": sum(of_planted),
        "near_misses": len(misses),
        "near_misses_kept": len(misses) - sum(of_misses),
        "wanted": {"seconds": "under 120", "peak_mb": "under 2000", "planted_found": "all", "near_misses_kept": "all"},
        "machine": machine(),
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def instructions() -> list[Instruction]:
    """Real questions; beyond their number again, with other numbers in them and some words left out."""
    real: list[Instruction] = []
    for name, task in TRAIN.items():
        for value in values(Place(str(DATA / name))):
            one = asked(value.content)
            if one is not None:
                real.append(Instruction(one.text, task))
    for name in ("strategyqa", "hotpotqa", "mathqa", "numglue", "tabmwp", "taco"):
        task = {"taco": "Coding", "strategyqa": "Logic", "hotpotqa": "Logic"}.get(name)
        if (DATA / name).is_dir():
            read = read_tests(TestSource(str(DATA / name), name=name)).sets
            real += [Instruction(text.text, task or "Math_CoT") for one in read for text in one.texts]
    draw = random.Random(0)
    made = list(real[:COUNT])
    while len(made) < COUNT:
        one = draw.choice(real)
        numbers = re.sub(r"\d+", lambda _: str(draw.randrange(2, 999)), one.text)
        kept = [word for word in numbers.split(" ") if draw.random() > 0.1]
        made.append(Instruction(" ".join(kept), one.task))
    return made


def plant(sets: Any) -> list[Instruction]:
    draw = random.Random(1)
    made = []
    for _ in range(PLANTED):
        one = draw.choice(sets)
        text = draw.choice(one.texts).text
        words = re.findall(r"\w+", text)
        if one.rule == "ngram" and len(words) >= 8 and draw.random() < 0.5:
            start = draw.randrange(len(words) - 7)
            text = f"qzx {' '.join(words[start : start + 8])} xzq"
        elif one.rule == "substring" or len(words) >= 8:
            text = f"qzx xzq\n{text}\nxzq"
        made.append(Instruction(text, "" if one.task == "" else one.task))
    return made


def near_misses(sets: Any) -> list[Instruction]:
    draw = random.Random(2)
    made = []
    for _ in range(PLANTED):
        one = draw.choice(sets)
        words = re.findall(r"\w+", draw.choice(one.texts).text)
        if one.rule == "substring":
            # Other sets may share eight of its words, so it meets LeetCode only: that no set counts is `main`'s affair.
            parts = draw.choice(one.texts).text.split(" ")
            parts[draw.randrange(len(parts))] = "qzx"
            assert not any(Contamination([one]).overlaps([Instruction(" ".join(parts))]))
            continue
        start = draw.randrange(max(1, len(words) - 6))
        made.append(Instruction(f"qzx {' '.join(words[start : start + 7])} xzq", one.task))
    return made


if __name__ == "__main__":
    main()
