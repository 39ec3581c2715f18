"""MT-Bench's human judgments (Zheng et al., 2023; CC-BY-4.0): does a scorer agree with the people who voted?

In:  rows of the hub: `question_id`, `model_a`, `model_b`, `winner`, `judge`, `conversation_a`, `conversation_b`,
     `turn`; or LLMBar's sample of them (MIT): `input`, `output_1`, `output_2`, `label` (1 or 2; ties were dropped).
Out: agreement by turn under three rules for ties.
Always true: a vote on turn 1 is about the first two messages, one on turn 2 about all four; every vote counts once,
several of one pair too, and intervals are over pairs. The paper does not say which turns it takes, nor what it does
with ties, so all are given:
- *ties dropped*: votes for a tie are left out, and so is a scorer's tie (FastChat's "without tie");
- *ties count 0.5*: a vote for a tie is half agreed with whatever the scorer says, and a scorer's tie is half right;
- *ties match*: a tie is agreed with by a tie alone (FastChat's "with tie").
"""

from __future__ import annotations

from collections.abc import Callable

from preftree.evaluate.benchmark import Published
from preftree.evaluate.items import rows_of
from preftree.evaluate.rewards.figures import Figure, clustered
from preftree.evaluate.rewards.items import (
    FIRST,
    SECOND,
    TIE,
    Conversation,
    FigureSettings,
    Outcome,
    Read,
    RewardBenchmark,
    RewardItem,
    Scored,
    answer_text,
    asked_once,
    read_rows,
    turns,
)
from preftree.problems.rows import BadRowError, Row

_WINNERS = {"model_a": FIRST, "model_b": SECOND}
_TURNS = ("both turns", "turn 1", "turn 2")


def ties_dropped(item: RewardItem, said: int | None) -> float | None:
    return None if TIE in (item.preferred, said) else float(said == item.preferred)


def ties_half(item: RewardItem, said: int | None) -> float | None:
    return 0.5 if TIE in (item.preferred, said) else float(said == item.preferred)


def ties_match(item: RewardItem, said: int | None) -> float | None:
    return float(said == item.preferred)


RULES: dict[str, Callable[[RewardItem, int | None], float | None]] = {
    "ties dropped": ties_dropped,
    "ties count 0.5": ties_half,
    "ties match": ties_match,
}


def figures(scored: Scored, settings: FigureSettings) -> list[Figure]:
    """Each rule for both turns and for each; of the hub's rows also without the votes of the authors themselves."""
    groups: dict[str, Scored] = {"": scored}
    experts = [(item, outcome) for item, outcome in scored if item.labels.get("judge") == "expert"]
    if experts and len(experts) < len(scored):
        groups[", experts only"] = experts
    threshold = settings.tie_threshold
    found = []
    for suffix, rows in groups.items():
        for turn in _TURNS:
            mine = [
                (i, said) for i, said in rows if turn == _TURNS[0] or i.labels["turn"] == turn.removeprefix("turn ")
            ]
            for rule in RULES:
                found.append(clustered(f"{turn}, {rule}{suffix}", _marks(mine, rule, threshold)))
    return found


def _marks(scored: Scored, rule: str, threshold: float) -> list[list[float]]:
    """By pair of models on one question: several people vote on it, and the scorer chooses once."""
    found: dict[frozenset[Conversation], list[float]] = {}
    for item, outcome in scored:
        mark = RULES[rule](item, _choice(outcome, threshold))
        if mark is not None:
            found.setdefault(frozenset(talk[:2] for talk in item.conversations), []).append(mark)
    return list(found.values())


def _choice(outcome: Outcome, threshold: float) -> int | None:
    # The thresholds are for rewards; a judge's votes have no unit.
    return outcome.choice() if outcome.votes else outcome.choice(threshold)


def _item(row: Row, place: int) -> RewardItem:
    return _sampled(row, place) if "output_1" in row else _published(row, place)


def _published(row: Row, place: int) -> RewardItem:
    turn, winner = row.get("turn"), row.get("winner")
    if turn not in (1, 2):
        raise BadRowError("turn", f"expected 1 or 2, got {turn!r}")
    if winner not in _WINNERS and not str(winner).startswith("tie"):
        raise BadRowError("winner", f"expected model_a, model_b or tie, got {winner!r}")
    sides = []
    for name in ("conversation_a", "conversation_b"):
        talk = turns(row, name)[: 2 * int(turn)]
        if [message.role for message in talk] != ["user", "assistant"] * int(turn):
            raise BadRowError(name, f"expected {turn} questions with their answers")
        sides.append(talk)
    judge = str(row.get("judge") or "").partition("_")[0]
    preferred = _WINNERS.get(str(winner), TIE)
    return RewardItem(str(place), (sides[0], sides[1]), preferred, {"turn": str(turn), "judge": judge})


def _sampled(row: Row, place: int) -> RewardItem:
    if row.get("label") not in (1, 2):
        raise BadRowError("label", f"expected 1 or 2, got {row.get('label')!r}")
    prompt = answer_text(row, "input")
    both = (asked_once(prompt, answer_text(row, "output_1")), asked_once(prompt, answer_text(row, "output_2")))
    return RewardItem(str(place), both, int(row["label"]) - 1, {"turn": "1"})


def _read(path: str | None, published: Published) -> Read:
    return read_rows(rows_of(path, published), _item)


MT_BENCH_HUMAN = RewardBenchmark(
    name="mt_bench_human",
    published=Published(
        "lmsys/mt_bench_human_judgments",
        "human",
        folders=("mt_bench",),
        files=("human_judgments.jsonl", "human_judgments.jsonl.gz", "llmbar_mt_bench_human_200/dataset.json"),
    ),
    read=_read,
    rows=3355,
    figures=figures,
    row={"mt_bench": (f"{_TURNS[0]}, ties dropped",)},
    ties=True,
)
