"""Benchmarks × scorers: rewards kept row by row, figures with intervals, a row as in the paper's table 4.

In:  names of benchmarks, scorers by name (reward models and policies here, judges anywhere), a directory.
Out: `rewards.jsonl` (one row an item and scorer, with what was said of it), `summary.json`; the summary.
Always true: what was scored or asked once is not scored or asked again in the same directory; given rewards are
counted by the same code (`score_rewards`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from preftree.actors import Actor
from preftree.errors import InputError
from preftree.evaluate.items import read_from
from preftree.evaluate.kept import Kept, write_whole
from preftree.evaluate.rewards.items import FigureSettings, Outcome, Read, RewardBenchmark, RewardItem, judged
from preftree.evaluate.rewards.judge import Judgement, JudgeSettings, judge_pairs, votes_of
from preftree.evaluate.rewards.registry import REWARD_BENCHMARKS, find_reward_benchmark
from preftree.evaluate.rewards.scorers import ScorerSettings, score_groups


class RewardRun:
    """One directory; scorers are asked one after another, and written up at the end."""

    def __init__(
        self,
        benchmarks: Sequence[str],
        out: Path,
        *,
        data: str | None = None,
        limit: int | None = None,
        figures: FigureSettings | None = None,
    ) -> None:
        self._out, self._figures = out, figures or FigureSettings()
        self._read: dict[str, tuple[RewardBenchmark, Read]] = {}
        for name in benchmarks:
            benchmark = find_reward_benchmark(name)
            read = read_from(benchmark, data)
            self._read[name] = (benchmark, Read(read.items[:limit], read.set_aside))
        self._rows: list[dict[str, Any]] = []
        self._summaries: list[dict[str, Any]] = []

    def score(self, name: str, settings: ScorerSettings) -> None:
        """A reward model or an implicit reward; all benchmarks in one pass, so that the model is loaded once."""
        groups = [list(item.conversations) for _, read in self._read.values() for item in read.items]
        rewards = iter(score_groups(settings, groups, Kept(self._out / "scores.jsonl")))
        for benchmark, read in self._read.values():
            outcomes = [Outcome((first, second)) for first, second in (next(rewards) for _ in read.items)]
            self._note(name, benchmark, read, outcomes)

    async def judge(self, name: str, actor: Actor, settings: JudgeSettings) -> None:
        """A judge, through the journal of the directory."""
        for benchmark, read in self._read.values():
            pairs = [item.conversations for item in read.items]
            judgements = await judge_pairs(actor, pairs, ties=benchmark.ties, settings=settings, out=self._out)
            outcomes = [judgement.outcome for judgement in judgements]
            self._note(name, benchmark, read, outcomes, _spent(judgements))

    def write(self) -> dict[str, Any]:
        """`rewards.jsonl` and `summary.json`, each whole or absent; returns the summary."""
        summary = {"benchmarks": self._summaries, "rows": table_rows(self._summaries)}
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in self._rows)
        write_whole(self._out / "rewards.jsonl", lines)
        write_whole(self._out / "summary.json", json.dumps(summary, indent=1))
        return summary

    def _note(
        self,
        name: str,
        benchmark: RewardBenchmark,
        read: Read,
        outcomes: Sequence[Outcome],
        more: Mapping[str, Any] | None = None,
    ) -> None:
        by_id = {item.id: outcome for item, outcome in zip(read.items, outcomes, strict=True)}
        self._rows += [_row(name, benchmark, item, by_id[item.id]) for item in read.items]
        summary = summarise(benchmark, read, by_id, self._figures)
        self._summaries.append({"scorer": name} | summary | dict(more or {}))


def score_rewards(
    name: str,
    rows: Iterable[tuple[int, Mapping[str, Any]]],
    data: str | None = None,
    figures: FigureSettings | None = None,
    *,
    partial: bool = False,
) -> dict[str, Any]:
    """The summary of given rewards: rows with their numbers, each {"id", "rewards": [first, second]} or
    {"id", "response"}: a judge's words, or two of them, the second to the swapped pair; or 0, 1 or 2 (a tie).

    First and second are as the published row has them: chosen and rejected, "response 1" and "response 2",
    conversation_a and conversation_b. A row that nothing is given for agrees with nothing, as an item without a
    response is wrong; `partial` leaves it out. Raises InputError that names the row.
    """
    benchmark = find_reward_benchmark(name)
    read = read_from(benchmark, data)
    items = {item.id: item for item in read.items}
    outcomes: dict[str, Outcome] = {}
    for number, row in rows:
        item = items.get(str(row.get("id")))
        if item is None:
            raise InputError(f'row {number}, field "id": {name} has no row {row.get("id")!r}')
        if item.id in outcomes:
            raise InputError(f'row {number}, field "id": {item.id} a second time')
        outcomes[item.id] = _given(number, row)
    if not outcomes:
        raise InputError(f"{name}: no predictions")
    if len({bool(outcome.votes) for outcome in outcomes.values()}) == 2:
        raise InputError(f"{name}: some rows hold rewards and some responses; expected one of the two")
    summary = summarise(benchmark, read, outcomes, figures or FigureSettings())
    if partial or not summary["not_scored"]:
        return summary
    votes = (None,) if next(iter(outcomes.values())).votes else ()
    nothing = Outcome((-math.inf, -math.inf), votes)
    every = [(item, outcomes.get(item.id, nothing)) for item in read.items]
    shown = benchmark.figures(every, figures or FigureSettings())
    return summary | {"missing_count_as_wrong": True, "figures": [figure.to_row() for figure in shown]}


def gold_rewards(name: str, data: str | None = None) -> Iterator[dict[str, Any]]:
    """Predictions that agree with every row, as `score_rewards` takes them."""
    benchmark = find_reward_benchmark(name)
    for item in read_from(benchmark, data).items:
        yield {"id": item.id, "rewards": [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]][item.preferred]}


def summarise(
    benchmark: RewardBenchmark, read: Read, outcomes: Mapping[str, Outcome], settings: FigureSettings
) -> dict[str, Any]:
    """Figures, and over how many of the published rows."""
    scored = [(item, outcomes[item.id]) for item in read.items if item.id in outcomes]
    votes = [vote for _, outcome in scored for vote in outcome.votes]
    unread = sum(-math.inf in outcome.rewards for _, outcome in scored)
    return {
        "benchmark": benchmark.name,
        "version": benchmark.version,
        "scored": len(scored),
        "not_scored": len(read.items) - len(scored),
        "published_rows": benchmark.rows,
        "set_aside": list(read.set_aside),
        "unread": unread,  # rows with an answer that the scorer could not read
        "no_verdict": sum(vote is None for vote in votes),
        "figures": [figure.to_row() for figure in benchmark.figures(scored, settings)],
    }


def table_rows(summaries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row a scorer with the columns of table 4, in percent; None where there are no rows for it."""
    found: dict[str, dict[str, Any]] = {}
    for summary in summaries:
        row = found.setdefault(summary["scorer"], {"model": summary["scorer"]} | dict.fromkeys(_columns()))
        figures = {figure["figure"]: figure["value"] for figure in summary["figures"]}
        for column, names in REWARD_BENCHMARKS[summary["benchmark"]].row.items():
            value = next((figures[name] for name in names if name in figures), None)
            row[column] = None if value is None else round(100 * value, 1)
    return list(found.values())


def _columns() -> list[str]:
    return [column for benchmark in REWARD_BENCHMARKS.values() for column in benchmark.row]


def _row(name: str, benchmark: RewardBenchmark, item: RewardItem, outcome: Outcome) -> dict[str, Any]:
    row: dict[str, Any] = {"scorer": name, "benchmark": benchmark.name, "id": item.id, "labels": dict(item.labels)}
    rewards = [None if reward == -math.inf else reward for reward in outcome.rewards]
    row |= {"preferred": item.preferred, "rewards": rewards, "choice": outcome.choice()}
    return row | ({"votes": list(outcome.votes)} if outcome.votes else {})


def _spent(judgements: Sequence[Judgement]) -> dict[str, int]:
    """Of pairs that stand in several rows, once each (equal judgements are one object)."""
    distinct = {id(judgement): judgement for judgement in judgements}.values()
    fields = ("input_tokens", "output_tokens", "refused")
    return {field: sum(getattr(judgement, field) for judgement in distinct) for field in fields}


def _given(number: int, row: Mapping[str, Any]) -> Outcome:
    if "rewards" in row:
        rewards = row["rewards"]
        if not isinstance(rewards, (list, tuple)) or len(rewards) != 2:
            raise InputError(f'row {number}, field "rewards": expected two numbers')
        first, second = (_reward(number, reward) for reward in rewards)
        return Outcome((first, second))
    said = row.get("response")
    if not isinstance(said, bool) and said in (0, 1, 2):
        return judged((int(said),))
    texts = [said] if isinstance(said, str) else said
    if not isinstance(texts, (list, tuple)) or len(texts) not in (1, 2) or not all(isinstance(t, str) for t in texts):
        raise InputError(
            f'row {number}: expected "rewards", two numbers, or "response": a judge\'s words, two of them (the second '
            "to the swapped pair), or 0, 1 or 2"
        )
    return judged(votes_of(texts))


def _reward(number: int, value: Any) -> float:
    if value is None:
        return -math.inf
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise InputError(f'row {number}, field "rewards": expected two numbers, got {value!r}')
    try:
        return float(value)
    except OverflowError:
        raise InputError(f'row {number}, field "rewards": a number that no float can hold') from None
