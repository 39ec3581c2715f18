"""What staged sampling saves against 20 samples at once, and whether it chooses alike. Counts, no timing.

In:  made problems whose chance of a correct sample goes from 2% to 98%; a scripted actor that has five correct and five
wrong answers to each, some likelier than others, of 40 to 160 words; the growing of the product, one turn, one pair.
Out: results/staging.json: calls and tokens of both schedules for each chance, and over all; the yield of both (equal by
construction: the same samples); a permutation test that the answers chosen (staged: the first correct one; at once: a
random one of the correct among 20, other seeds) are distributed alike.

    python -m benchmarks.staging [--problems 200]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from preftree.actors.scripted import ScriptedActor
from preftree.environment import EnvironmentSettings
from preftree.forest import Account, Forest
from preftree.grow import Actors, GrowSettings, grow
from preftree.records import Problem, Reference, digest

RESULTS = Path(__file__).parent / "results" / "staging.json"
CHANCES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98)
WEIGHTS = (8, 4, 2, 1, 1)
STAGED = GrowSettings(max_turns=1, hints=False)
AT_ONCE = replace(STAGED, batches=(20,), choice="random")
_SHUFFLES = 10_000


@dataclass(frozen=True, slots=True)
class Grown:
    """What a run came to: its account, and by problem which correct answer was chosen and whether there is a pair."""

    account: Account
    chosen: dict[str, str]
    pairs: frozenset[str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", type=int, default=200, help="of each chance")
    count = parser.parse_args().problems
    rows = []
    staged_all: list[str] = []
    other_all: list[str] = []
    for chance in CHANCES:
        staged, at_once = grown(chance, count, STAGED), grown(chance, count, AT_ONCE)
        other = grown(chance, count, replace(AT_ONCE, seed=1))
        if staged.pairs != at_once.pairs:
            raise SystemExit(f"chance {chance}: the two schedules do not yield the same pairs")
        rows.append(row(chance, staged, at_once))
        staged_all += staged.chosen.values()
        other_all += other.chosen.values()
        print(rows[-1], flush=True)
    calls = [sum(r[name] for r in rows) for name in ("calls at once", "calls staged")]
    tokens = [sum(r[name] for r in rows) for name in ("tokens at once", "tokens staged")]
    result = {
        "calls, 20 at once over staged": round(calls[0] / calls[1], 2),
        "tokens, 20 at once over staged": round(tokens[0] / tokens[1], 2),
        "chosen alike": alike(staged_all, other_all),
        "problems of each chance": count,
        "note": "made problems, one turn, one pair; tokens are words; the saving depends on how hard problems are",
        "rows": rows,
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print({key: value for key, value in result.items() if key != "rows"})


def row(chance: float, staged: Grown, at_once: Grown) -> dict[str, Any]:
    def tokens(account: Account) -> int:
        return account.input_tokens + account.output_tokens

    return {
        "chance": chance,
        "pairs": len(staged.pairs),
        "calls at once": at_once.account.calls,
        "calls staged": staged.account.calls,
        "calls ratio": round(at_once.account.calls / staged.account.calls, 2),
        "tokens at once": tokens(at_once.account),
        "tokens staged": tokens(staged.account),
        "tokens ratio": round(tokens(at_once.account) / tokens(staged.account), 2),
    }


def grown(chance: float, count: int, settings: GrowSettings) -> Grown:
    """Grow `count` problems of this chance with the product's own policy."""
    problems = [
        Problem(f"p{i}", "made", "Math_CoT", f"Problem {i}: what is 1 + 1?", (Reference("2"),), tools=())
        for i in range(count)
    ]
    actors = Actors((ScriptedActor(answers(chance, settings.seed), name="made", identity=f"made {chance}"),))
    jail = EnvironmentSettings(workers=1, preload=())
    with tempfile.TemporaryDirectory() as out:
        asyncio.run(grow(problems, actors, settings, Path(out), environment=jail, title=f"chance {chance}"))
        with Forest(out, readonly=True) as forest:
            turns = {tree.problem.id: tree.turns[0] for tree in forest.trees()}
            account = forest.account()
    chosen = {name: turn.correct[0].text.split(":")[0] for name, turn in turns.items() if turn.correct}
    pairs = frozenset(name for name, turn in turns.items() if turn.correct and turn.incorrect)
    return Grown(account, chosen, pairs)


def answers(chance: float, seed: int) -> Any:
    """Independent draws by problem and sample; an answer begins with its name."""

    def script(messages: Any, index: int) -> str:
        draw = random.Random(digest([chance, seed, messages[0].content, index]))
        correct = draw.random() < chance
        (which,) = draw.choices(range(len(WEIGHTS)), WEIGHTS)
        name = f"{'right' if correct else 'wrong'} {which}"
        length = 40 + 30 * which
        return f"{name}: {'so ' * length}\\boxed{{{2 if correct else 3 + which}}}"

    return script


def alike(one: list[str], two: list[str]) -> dict[str, Any]:
    """A permutation test of the chi-square distance between the counts of chosen answers."""
    names = sorted(set(one) | set(two))
    codes = np.array([names.index(name) for name in one + two])
    draw = np.random.default_rng(0)

    def distance(order: np.ndarray) -> float:
        first = np.bincount(order[: len(one)], minlength=len(names))
        second = np.bincount(order[len(one) :], minlength=len(names))
        expected = (first + second) / len(order)
        parts = [(c - n * expected) ** 2 / (n * expected) for c, n in ((first, len(one)), (second, len(two)))]
        return float(sum(part.sum() for part in parts))

    found = distance(codes)
    beyond = sum(distance(draw.permutation(codes)) >= found for _ in range(_SHUFFLES))
    return {
        "p": round((beyond + 1) / (_SHUFFLES + 1), 4),
        "chi-square": round(found, 2),
        "degrees of freedom": len(names) - 1,
        "staged": {name: one.count(name) for name in names},
        "at once": {name: two.count(name) for name in names},
    }


if __name__ == "__main__":
    main()
