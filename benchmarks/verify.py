"""How many MATH answers are judged a second, beside math-verify with its own time-outs: `python -m benchmarks.verify`.

In:  the reference answers of MATH (`$PREFTREE_DATA`, or `../shared/data` beside the checkout): each distinct one with
     an answer that is not equal to it as a string: the same in other typography, the same as a program prints it, the
     same with its terms in another order, or another row's answer.
Out: a table on standard output, the ratio first, and results/verify.json with machine and versions.
Always true: both have two processes, started and warm; every pair is judged once by each, so that no cache can help;
the two take turns in short rounds, so that a machine's neighbours disturb them alike; the ratio is the median over
rounds. Ours is timed as growing uses it, through the judge's processes and pipes.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import platform
import random
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path

from preftree.verify import Judge
from preftree.verify.answers import last_boxed
from preftree.verify.registry import verify_quickly

PROCESSES = 2
ROUNDS = 8
FILES = ("math/test.jsonl.gz", "math_train/train.jsonl.gz")
DATA = Path(os.environ.get("PREFTREE_DATA", Path(__file__).parents[2] / "shared" / "data"))
RESULTS = Path(__file__).parent / "results" / "verify.json"


@dataclass(frozen=True, slots=True)
class Pair:
    kind: str
    answer: str
    reference: str


# ---------------------------------------------------------------- pairs


def make_pairs(references: Sequence[str]) -> list[Pair]:
    """One pair of each kind for each reference that has one, shuffled by a seed."""
    draw = random.Random(0)
    pairs = []
    for reference in references:
        other = draw.choice(references)
        rewritten = {
            "typography": typography(reference),
            "as a program prints it": printed(reference),
            "reordered": reordered(reference),
            "another row's": other,
        }
        pairs += [Pair(kind, text, reference) for kind, text in rewritten.items() if text and text != reference]
    draw.shuffle(pairs)
    return pairs


def typography(text: str) -> str:
    """Display fractions, sized brackets, spaces around signs."""
    if "\\text" in text:
        return text
    text = re.sub(r"\\[dt]?frac", r"\\dfrac", text)
    text = text.replace("(", "\\left(").replace(")", "\\right)").replace("\\left\\left", "\\left")
    return re.sub(r"(?<=[\w}])([+-])(?=[\w\\])", r" \1 ", text).replace("\\right\\right", "\\right")


def printed(text: str) -> str | None:
    """What Python or sympy shows for the same value; None where math-verify reads no formula."""
    from math_verify import LatexExtractionConfig, parse

    if match := re.fullmatch(r"(-?)\\frac\{(\d+)\}\{(\d+)\}", text):
        value = Fraction(int(match[2]), int(match[3]))
        return match[1] + repr(value.numerator / value.denominator)
    # Units, times and bases are no formulas to it, and it takes capitals for small letters.
    if re.search(r"[A-Z]|\d\s*[_:]|\\text|\\mbox|%|\\\$|circ|\.$", text):
        return None
    found = parse(f"\\boxed{{{text}}}", [LatexExtractionConfig()], fallback_mode="no_fallback", parsing_timeout=None)
    return str(found[0]) if found and not isinstance(found[0], str) else None


def reordered(text: str) -> str | None:
    """The terms of a sum from the last to the first."""
    text = text.strip(" .")
    terms, depth, start = [], 0, 0
    for i, character in enumerate(text):
        depth += (character in "({[") - (character in ")}]")
        if i and depth == 0 and character in "+-" and text[i - 1 : i] not in ("^", "_"):
            terms.append(text[start:i].strip())
            start = i
    terms.append(text[start:].strip())
    plain = not re.search(r"[=,<>:]|\\(?:begin|text|cup|pm|le|in|approx|mbox)", text)
    if len(terms) < 2 or not plain:
        return None
    signed = [term if term.startswith(("-", "+")) else "+" + term for term in terms]
    return "".join(reversed(signed)).removeprefix("+")


# ---------------------------------------------------------------- contestants


async def ours(judge: Judge, pairs: Sequence[Pair]) -> tuple[float, list[bool]]:
    """Seconds, and whether each pair was judged equal; all are asked at once."""
    began = time.perf_counter()
    verdicts = await asyncio.gather(*(judge.judge("math", pair.answer, pair.reference) for pair in pairs))
    return time.perf_counter() - began, [verdict.correct for verdict in verdicts]


def theirs(pool: ProcessPoolExecutor, pairs: Sequence[Pair]) -> tuple[float, list[bool]]:
    began = time.perf_counter()
    equal = list(pool.map(_math_verify, [(pair.answer, pair.reference) for pair in pairs], chunksize=8))
    return time.perf_counter() - began, equal


def _math_verify(pair: tuple[str, str]) -> bool:
    """As its README says: the reference first, its own limits of five seconds by signal."""
    import logging

    from math_verify import parse, verify

    logging.disable(logging.CRITICAL)
    answer, reference = (parse(f"\\boxed{{{text}}}") for text in pair)
    return verify(reference, answer)


async def measure(pairs: Sequence[Pair]) -> dict[str, object]:
    chunks = [pairs[i::ROUNDS] for i in range(ROUNDS)]
    rates: dict[str, list[float]] = {"ours": [], "math-verify": []}
    seconds: dict[str, float] = {"ours": 0.0, "math-verify": 0.0}
    equal: dict[str, dict[Pair, bool]] = {"ours": {}, "math-verify": {}}
    by_kind: dict[str, list[float]] = {}
    with ProcessPoolExecutor(PROCESSES) as pool:
        async with Judge(workers=PROCESSES) as judge:
            # Started and warm: the first questions load what is loaded on first use.
            warm = [Pair("", f"x+{i}", f"{i}+x") for i in range(PROCESSES * 8)]
            await ours(judge, warm)
            theirs(pool, warm)
            for chunk in chunks:
                for name, contestant in _both(judge, pool):
                    took, verdicts = await contestant(chunk)
                    rates[name].append(len(chunk) / took)
                    seconds[name] += took
                    equal[name] |= dict(zip(chunk, verdicts, strict=True))
            kinds = {kind: [pair for pair in pairs if pair.kind == kind] for kind in sorted({p.kind for p in pairs})}
            kinds["what needs a process"] = [p for p in pairs if not verify_quickly("math", p.answer, p.reference)]
            for kind, chosen in kinds.items():
                # Ours alone and once more, for the rates by kind only.
                by_kind[kind] = [len(chosen) / (await ours(judge, chosen))[0], float(len(chosen))]
    return {"rates": rates, "seconds": seconds, "equal": equal, "by_kind": by_kind}


def _both(judge: Judge, pool: ProcessPoolExecutor) -> list[tuple[str, Callable]]:  # type: ignore[type-arg]
    async def their(pairs: Sequence[Pair]) -> tuple[float, list[bool]]:
        return theirs(pool, pairs)

    return [("ours", lambda pairs: ours(judge, pairs)), ("math-verify", their)]


# ---------------------------------------------------------------- report


def main() -> None:
    missing = [name for name in FILES if not (DATA / name).exists()]
    if missing:
        sys.exit(f"{DATA / missing[0]} is not here: set PREFTREE_DATA to the folder of published data")
    lines = [line for name in FILES for line in gzip.decompress((DATA / name).read_bytes()).splitlines()]
    golds = {last_boxed(json.loads(line)["solution"]) for line in lines}
    pairs = make_pairs(sorted(gold for gold in golds if gold))
    seen = asyncio.run(measure(pairs))
    report = summary(pairs, seen)
    show(report)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")


def summary(pairs: Sequence[Pair], seen: dict) -> dict:  # type: ignore[type-arg]
    rates, equal = seen["rates"], seen["equal"]
    same = [pair for pair in pairs if pair.kind != "another row's"]
    return {
        "ratio": round(statistics.median(a / b for a, b in zip(rates["ours"], rates["math-verify"], strict=True)), 1),
        "answers_per_s": {name: round(len(pairs) / seconds) for name, seconds in seen["seconds"].items()},
        "ours_by_kind": {kind: {"per_s": round(r), "pairs": int(n)} for kind, (r, n) in seen["by_kind"].items()},
        "pairs": len(pairs),
        # Rewritings are equal but for what the rewriter itself misread; another row's answer is nearly never.
        "judged_equal": {
            name: {
                "of rewritings": round(sum(verdicts[p] for p in same) / len(same), 4),
                "of another row's": round(
                    sum(verdicts[p] for p in pairs if p.kind == "another row's") / (len(pairs) - len(same)), 4
                ),
            }
            for name, verdicts in equal.items()
        },
        "processes": PROCESSES,
        "rounds": ROUNDS,
        "machine": {"cores": os.cpu_count(), "kernel": platform.release(), "cpu": _cpu(), "load": os.getloadavg()[0]},
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("math-verify", "latex2sympy2_extended", "sympy", "mpmath")},
        },
    }


def show(report: dict) -> None:  # type: ignore[type-arg]
    print(f"{'ours / math-verify':<40}{report['ratio']:>10.1f}")
    for name, rate in report["answers_per_s"].items():
        print(f"{name + ', two processes, answers a second':<40}{rate:>10}")
    for kind, row in report["ours_by_kind"].items():
        print(f"{'ours, ' + kind:<40}{row['per_s']:>10}   ({row['pairs']} pairs)")
    print(json.dumps(report["judged_equal"]))


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


if __name__ == "__main__":
    main()
