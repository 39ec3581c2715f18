"""What a run found, in sentences made from its figures.

In:  a results dict. Out: sentences; each claim carries its interval or its p-value.
Always true: a difference whose paired test gives p > 0.05 is called within the noise, whatever its size, and one
without a test is not called better; losses are said as plainly as gains.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from preftree.report.text import clean, count, decimal, interval, missing, p_value, percent, points, share, turns

_ALPHA = 0.05
# The group that the headline speaks of, if it is there; otherwise the first one.
_HEADLINE = ("trained families", "all")


@dataclass(frozen=True, slots=True)
class Final:
    """Where rewards ended: means over the last tenth of the logged steps; `low` and `high` are the lowest and the
    highest chosen reward among them."""

    chosen: float
    rejected: float
    steps: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Summary:
    """The headline (what each training step bought), and what else was found, a sentence each."""

    lead: tuple[str, ...]
    more: tuple[str, ...]


def summary(results: Mapping[str, Any]) -> Summary:
    evaluation = results.get("evaluation") or {}
    more = _held_out(evaluation) + _more_turns(evaluation)
    more += _rerank(results.get("rerank") or {}) + _rewards(results.get("training") or [])
    return Summary(tuple(_headline(evaluation)), tuple(more))


def reading(row: Mapping[str, Any]) -> str:
    """What a paired comparison says of b against a."""
    p: Any = row.get("p_value")
    difference: Any = row.get("difference")
    if missing(p) or missing(difference):
        return "no test"
    if p > _ALPHA:
        return "within the noise"
    return "better" if difference > 0 else "worse"


def reward_trend(run: Mapping[str, Any]) -> list[tuple[int, float, float]]:
    """(step, chosen reward, rejected reward) of a training run, where it logged them."""
    return [
        (int(row["step"]), float(row["rewards/chosen"]), float(row["rewards/rejected"]))
        for row in run.get("metrics") or []
        if not missing(row.get("rewards/chosen")) and not missing(row.get("rewards/rejected"))
    ]


def final_rewards(run: Mapping[str, Any]) -> Final | None:
    """One step is a few pairs; the last tenth is steadier. None where no rewards were logged."""
    trend = reward_trend(run)
    if not trend:
        return None
    last = trend[-max(1, len(trend) // 10) :]
    chosen, rejected = (sum(row[i] for row in last) / len(last) for i in (1, 2))
    return Final(chosen, rejected, len(last), min(row[1] for row in last), max(row[1] for row in last))


def _headline(evaluation: Mapping[str, Any]) -> list[str]:
    """Each model against the one before it, in one turn, over the headline group."""
    scores = evaluation.get("groups") or []
    group = headline_group([row["group"] for row in scores])
    models: Sequence[str] = evaluation.get("models") or []
    fewest = min(evaluation.get("turns") or [1])
    by_model = {row["model"]: row for row in scores if row["group"] == group and row["turns"] == fewest}
    present = [model for model in models if model in by_model and not missing(by_model[model]["value"])]
    if not present:
        return []
    opening = ", ".join(f"{clean(model)} solves {_score(by_model[model])}" for model in present)
    sentences = [f"In {turns(fewest)}, over {_group(group)}, {opening}."]
    for a, b in itertools.pairwise(present):
        paired = _paired(evaluation, a, b, group, fewest)
        untested = {"difference": by_model[b]["value"] - by_model[a]["value"]}
        sentences.append(_compare(a, b, paired or untested))
    return sentences


def _held_out(evaluation: Mapping[str, Any]) -> list[str]:
    """Whether anything carried over to families that training never saw."""
    fewest = min(evaluation.get("turns") or [1])
    rows = [r for r in evaluation.get("groups") or [] if r["turns"] == fewest and "held-out" in r["group"]]
    rows = [row for row in rows if not missing(row["value"])]
    if not rows:
        return []
    return [f"On {_group(rows[0]['group'])}: " + ", ".join(f"{clean(r['model'])} {_score(r)}" for r in rows) + "."]


def _more_turns(evaluation: Mapping[str, Any]) -> list[str]:
    """What a second and third attempt, with an observation, add."""
    numbers = evaluation.get("turns") or []
    if len(numbers) < 2:
        return []
    scores = evaluation.get("groups") or []
    group = headline_group([row["group"] for row in scores])
    said = []
    for model in evaluation.get("models") or []:
        mine = {row["turns"]: row for row in scores if row["group"] == group and row["model"] == model}
        few, many = mine.get(min(numbers)), mine.get(max(numbers))
        if few and many and not missing(few["value"]) and not missing(many["value"]):
            gain = points(many["value"] - few["value"])
            said.append(f"{clean(model)} {percent(many['value'])}% ({gain} points)")
    if not said:
        return []
    listed = ", ".join(said)
    return [f"Up to {turns(max(numbers))} instead of {min(numbers)}, each with the observation of the last: {listed}."]


def _rerank(rerank: Mapping[str, Any]) -> list[str]:
    """Best of the largest N by the reward model beside chance and the ceiling."""
    curves = [row for row in rerank.get("curves") or [] if not missing(row["value"])]
    if not curves:
        return []
    n = max(row["n"] for row in curves)
    at = {row["method"]: row for row in curves if row["n"] == n}
    if "reward model" not in at or "random" not in at:
        return []
    ours, chance = at["reward model"], at["random"]
    gain = ours["value"] - chance["value"]
    apart = ours["low"] > chance["high"] or ours["high"] < chance["low"]
    verdict = "the intervals do not overlap" if apart else "the intervals overlap, so this may be noise"
    text = f"The best of {n} samples by the reward model is right for {_score(ours)}, a random one for {_score(chance)}"
    others = [f"{name.replace('@N', f'@{n}')} {percent(row['value'])}%" for name, row in at.items()]
    rest = ", ".join(other for other in others if not other.startswith(("reward model", "random")))
    return [f"{text}: {points(gain)} points; {verdict}." + (f" Beside it: {clean(rest)}." if rest else "")]


def _rewards(training: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where the implicit rewards of a policy ended (the paper's figure 5)."""
    sentences = []
    for run in training:
        final = final_rewards(run)
        if final is None or run.get("objective") == "reward":
            continue
        over = "at the last logged step" if final.steps == 1 else f"over the last {final.steps} logged steps"
        place = "above" if final.chosen > 0 else "below"
        sentences.append(
            f"Training {clean(run['name'])} left the implicit reward of chosen answers at {decimal(final.chosen)}, "
            f"{place} zero, and of rejected ones at {decimal(final.rejected)} (mean {over})."
        )
    return sentences


def sharing(report: Mapping[str, Any]) -> str:
    """The part of row-by-row tokens that the trie did not compute."""
    rows: Any = report.get("tokens_rows")
    trie: Any = report.get("tokens_trie")
    return share(None if missing(rows) or missing(trie) else rows - trie, rows)


def saved_seconds(report: Mapping[str, Any]) -> float | None:
    """An estimate of the time that sharing saved: the tokens that were not computed, at the pace of those that were.

    The run's seconds × (`tokens_rows` / `tokens_trie` − 1). They hold loading, a reference's pass and writing too, so
    the estimate is fair where steps take most of the time, and high where they don't.
    """
    rows, trie, seconds = (report.get(name) for name in ("tokens_rows", "tokens_trie", "seconds"))
    if missing(rows) or missing(seconds) or not trie:
        return None
    return float(seconds * (rows / trie - 1))


def _compare(a: str, b: str, row: Mapping[str, Any]) -> str:
    said = f"{clean(b)} against {clean(a)}: {points(row['difference'])} points"
    bounds = "" if missing(row.get("low")) else f" [{points(row['low'])} to {points(row['high'])}]"
    tested = "" if missing(row.get("p_value")) else f"{bounds} ({p_value(row['p_value'])}, paired)"
    return f"{said}{tested}: {reading(row)}."


def _score(row: Mapping[str, Any]) -> str:
    size = row.get("n") if "problems" not in row and "method" not in row else row.get("problems")
    of = "" if missing(size) else f" of {count(size)}"
    return f"{percent(row['value'])}%{of} [{interval(row['low'], row['high'])}]"


def headline_group(groups: Sequence[str]) -> str:
    return next((name for name in _HEADLINE if name in groups), groups[0] if groups else "")


def _group(name: str) -> str:
    return "all families" if name == "all" else f"the {clean(name)}"


def _paired(evaluation: Mapping[str, Any], a: str, b: str, group: str, k: int) -> dict[str, Any] | None:
    """The paired comparison of b against a, turned round where it was made the other way."""
    for row in evaluation.get("paired") or []:
        if row["group"] != group or row["turns"] != k or missing(row["difference"]):
            continue
        if (row["a"], row["b"]) == (a, b):
            return dict(row)
        if (row["a"], row["b"]) == (b, a):
            return {**row, "difference": -row["difference"]}
    return None
