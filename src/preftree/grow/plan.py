"""What a run of growing will ask, cost and take, before it is paid for: from priors, or from a pilot.

In:  problems by data set, the settings, who plays which role and for how much; priors, or what a pilot's problems took.
Out: calls, tokens, money by role, and the time: means with 80% intervals.
Always true: no call, no I/O; the same input and seed give the same plan.

From priors: the schedule itself is simulated (batches, escalations, hints, critiques, expansion) on a sample of each
data set's problems, once for each of many draws of what is not known: pass rates, lengths, speeds. A problem's own
pass rate is drawn around its data set's, as wide as problems differ. Feedback is taken to leave it as it is.
From a pilot: its problems' own totals, drawn anew with replacement, data set by data set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from preftree.actors import Prices
from preftree.errors import InputError
from preftree.grow.settings import GrowSettings

# Draws of what is not known, and problems that stand for a data set in each.
_DRAWS, _STAND_INS = 200, 100
# Problems of one data set differ: the spread of their pass rates is that of a beta distribution of this weight.
_WEIGHT = 2.0


@dataclass(frozen=True, slots=True)
class Priors:
    """What is believed before the first call: lowest and highest plausible means."""

    pass_rate: tuple[float, ...] = (0.2, 0.8)  # of the actor's samples, for a data set that `by_dataset` lacks
    by_dataset: dict[str, Any] = field(default_factory=dict)  # data set → [lowest, highest]
    stronger: tuple[float, ...] = (0.2, 0.5)  # share of what an actor fails that the next of the ladder solves
    pool_pass_rate: tuple[float, ...] = (0.1, 0.5)  # of the pool's samples
    hint_pass_rate: tuple[float, ...] = (0.6, 0.95)  # of actions written from a reference
    leaks: tuple[float, ...] = (0.02, 0.2)  # share of the critiques that give the answer away and are asked again
    action_tokens: tuple[float, ...] = (120, 400)
    critique_tokens: tuple[float, ...] = (80, 250)
    observation_tokens: tuple[float, ...] = (20, 150)
    call_s: tuple[float, ...] = (1.0, 10.0)  # seconds of one call

    def __post_init__(self) -> None:
        for name in self.__slots__:
            given = getattr(self, name)
            for value in given.values() if isinstance(given, dict) else (given,):
                numbers = list(value) if isinstance(value, (list, tuple)) else []
                if (
                    len(numbers) != 2
                    or not all(isinstance(n, (int, float)) for n in numbers)
                    or sorted(numbers) != numbers
                ):
                    raise InputError(f"plan.{name}: expected [lowest, highest], got {value}")


@dataclass(frozen=True, slots=True)
class Load:
    """The problems of one data set. Shares are of the problems, in [0, 1]."""

    dataset: str
    problems: int
    prompt_tokens: float
    hinted: float = 1.0  # have a reference that an actor would write from
    filtered: float = 0.0  # are grown only if the baseline fails them
    judged: float = 0.0  # are judged by a model
    written: float = 0.0  # have their test inputs written


@dataclass(frozen=True, slots=True)
class Seat:
    """Who plays a role: `role` is actor, escalation-1 …, pool, hints, critic, baseline, judge or writer."""

    role: str
    actor: str
    prices: Prices = field(default_factory=Prices)
    connections: int = 64
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None


@dataclass(frozen=True, slots=True)
class Range:
    """A mean with its 80% interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PlanRow:
    role: str
    actor: str
    calls: Range
    input_tokens: Range
    output_tokens: Range
    usd: Range


@dataclass(frozen=True, slots=True)
class Plan:
    """`source` says what it was made from. `rows` are by role; `total` is over all; `time_s` is wall time."""

    source: str
    problems: int
    rows: tuple[PlanRow, ...]
    total: PlanRow
    time_s: Range


@dataclass(frozen=True, slots=True)
class Spent:
    """What one problem of a pilot took in one role: calls, tokens, US dollars, seconds of waiting for answers."""

    role: str
    actor: str
    calls: int
    input_tokens: int
    output_tokens: int
    usd: float
    seconds: float


# calls, input tokens, output tokens, US dollars, seconds: of each draw.
_CALLS, _INPUT, _OUTPUT, _USD, _SECONDS = range(5)
_Sums = dict[str, Any]  # role → [draws, 5]


def plan_from_priors(
    loads: Sequence[Load], seats: Sequence[Seat], settings: GrowSettings, priors: Priors, *, seed: int = 0
) -> Plan:
    """The expectation over priors; every role without a seat is left out, as growing leaves it out."""
    sums: _Sums = {seat.role: np.zeros((_DRAWS, 5)) for seat in seats}
    for draw in range(_DRAWS):
        rng = np.random.default_rng([seed, draw])
        world = {name: float(rng.uniform(*getattr(priors, name))) for name in Priors.__slots__ if name != "by_dataset"}
        world["action_tokens"] = min(world["action_tokens"], settings.max_tokens)
        for load in loads:
            low, high = priors.by_dataset.get(load.dataset, priors.pass_rate)
            drawn = {**world, "pass_rate": float(rng.uniform(low, high))}
            _Simulation(load, seats, settings, drawn, rng, sums, draw).run()
    return _plan("priors", sum(load.problems for load in loads), sums, seats, settings)


def plan_from_pilot(
    loads: Sequence[Load],
    seats: Sequence[Seat],
    settings: GrowSettings,
    pilot: Mapping[str, Sequence[Sequence[Spent]]],
    *,
    seed: int = 0,
) -> Plan:
    """`pilot` holds for each data set what each of its grown problems took; a set that it lacks is taken for all."""
    everything = [problem for problems in pilot.values() for problem in problems]
    if not everything:
        raise InputError("plan: the pilot grew no problem")
    rng = np.random.default_rng(seed)
    roles = list(dict.fromkeys((*(s.role for s in seats), *(spent.role for one in everything for spent in one))))
    sums: _Sums = {role: np.zeros((_DRAWS, 5)) for role in roles}
    for load in loads:
        problems = pilot.get(load.dataset) or everything
        table = np.array([[_spent_in(problem, role) for role in roles] for problem in problems])  # [problems, roles, 5]
        done = len(pilot.get(load.dataset) or ())
        left = max(0, load.problems - done)
        for draw in range(_DRAWS):
            again = table[rng.integers(0, len(problems), len(problems))]
            # The mean is not known, and the problems that are left vary around it.
            noise = rng.standard_normal() * again.std(axis=0) * np.sqrt(left)
            total = np.maximum(0.0, left * again.mean(axis=0) + noise) + (table.sum(axis=0) if done else 0.0)
            for place, role in enumerate(roles):
                sums[role][draw] += total[place]
    return _plan(f"a pilot of {len(everything)} problems", sum(load.problems for load in loads), sums, seats, settings)


def _spent_in(problem: Sequence[Spent], role: str) -> list[float]:
    mine = [spent for spent in problem if spent.role == role]
    return [
        sum(spent.calls for spent in mine), sum(spent.input_tokens for spent in mine),
        sum(spent.output_tokens for spent in mine), sum(spent.usd for spent in mine),
        sum(spent.seconds for spent in mine),
    ]  # fmt: skip


# ---------------------------------------------------------------- the schedule


class _Simulation:
    """One data set in one draw of the world: the turns of problems that stand for all of it, side by side."""

    def __init__(
        self,
        load: Load,
        seats: Sequence[Seat],
        settings: GrowSettings,
        world: Mapping[str, float],
        rng: np.random.Generator,
        sums: _Sums,
        draw: int,
    ) -> None:
        self._load, self._settings, self._world, self._rng = load, settings, world, rng
        self._seats = {seat.role: seat for seat in seats}
        self._sums, self._draw = sums, draw
        self._num = min(load.problems, _STAND_INS)
        self._each = load.problems / max(1, self._num)
        rate = min(max(world["pass_rate"], 1e-3), 1 - 1e-3)
        self._rates = rng.beta(rate * _WEIGHT, (1 - rate) * _WEIGHT, self._num)
        self._judged = rng.random(self._num) < load.judged
        self._hinted = rng.random(self._num) < load.hinted

    def run(self) -> None:
        if not self._num:
            return
        settings, world = self._settings, self._world
        growing = self._selected()
        per_turn = world["action_tokens"] + world["observation_tokens"] + world["critique_tokens"]
        for turn in range(settings.max_turns):
            prompt = self._load.prompt_tokens + turn * per_turn
            correct, wrong = self._sample(growing, prompt)
            goes_on = growing & (wrong > 0) & ~self._judged & (turn + 1 < settings.max_turns)
            self._critiques(growing, goes_on, correct, prompt)
            growing = goes_on

    def _selected(self) -> Any:
        """Who is grown at all: the baseline's filter; and the writing of test inputs."""
        filtered = self._rng.random(self._num) < self._load.filtered
        growing = np.ones(self._num, dtype=bool)
        if "baseline" in self._seats:
            samples = self._settings.baseline_samples
            self._ask("baseline", filtered * samples, self._load.prompt_tokens)
            solved = self._rng.binomial(samples, self._rates) > 0
            growing &= ~(filtered & solved)
        if "writer" in self._seats:
            self._ask("writer", growing & (self._rng.random(self._num) < self._load.written), self._load.prompt_tokens)
        return growing

    def _sample(self, growing: Any, prompt: float) -> tuple[Any, Any]:
        """Step by step as the policy does; the numbers of correct and wrong actions of each problem."""
        settings, rates = self._settings, self._rates
        pooled = "pool" in self._seats
        correct, wrong = self._draws(
            "actor", growing, rates, settings.batches, (settings.correct, 0 if pooled else settings.incorrect), prompt
        )
        if pooled:
            weak = np.full(self._num, self._world["pool_pass_rate"])
            more = self._draws("pool", growing, weak, settings.pool_batches, (0, 1), prompt)
            # The policy's pool is asked for wrong actions, and its correct ones count too.
            correct, wrong = correct + more[0], wrong + more[1]
        for role in sorted(role for role in self._seats if role.startswith("escalation")):
            rates = rates + (1 - rates) * self._world["stronger"]
            more = self._draws(role, growing & (correct == 0), rates, settings.batches, (settings.correct, 0), prompt)
            correct, wrong = correct + more[0], wrong + more[1]
        if settings.hints and "hints" in self._seats:
            asked = growing & (correct == 0) & self._hinted
            for _ in range(settings.hint_attempts):
                asked = asked & (correct == 0)
                self._ask("hints", asked, prompt * 2)
                correct = correct + (asked & (self._rng.random(self._num) < self._world["hint_pass_rate"]))
        return correct, wrong

    def _draws(
        self, role: str, growing: Any, rates: Any, batches: Sequence[int], wanted: tuple[int, int], prompt: float
    ) -> tuple[Any, Any]:
        correct, wrong = np.zeros(self._num, dtype=int), np.zeros(self._num, dtype=int)
        for size in batches:
            asked = growing & ((correct < wanted[0]) | (wrong < wanted[1]))
            self._ask(role, asked * size, prompt)
            found = self._rng.binomial(size, rates) * asked
            correct, wrong = correct + found, wrong + size * asked - found
            if "judge" in self._seats:
                self._ask("judge", (asked & self._judged) * size, prompt + self._world["action_tokens"])
        return correct, wrong

    def _critiques(self, growing: Any, goes_on: Any, correct: Any, prompt: float) -> None:
        if "critic" not in self._seats:
            return
        again = sum(self._world["leaks"] ** attempt for attempt in range(1, self._settings.leak_attempts + 1))
        calls = goes_on * (1 + again)
        if self._settings.critique_correct:
            calls = calls + growing * np.minimum(correct, self._settings.correct)
        seen = prompt + self._world["action_tokens"] + self._world["observation_tokens"]
        self._ask("critic", calls, seen, self._world["critique_tokens"])

    def _ask(self, role: str, calls: Any, prompt: float, answer: float | None = None) -> None:
        """Count calls (one number a problem), with the tokens of each."""
        number = float(np.sum(calls)) * self._each
        answered = self._world["action_tokens"] if answer is None else answer
        prices = self._seats[role].prices
        usd = (prompt * prices.input_usd + answered * prices.output_usd) / 1e6
        self._sums[role][self._draw] += (
            number, number * prompt, number * answered, number * usd, number * self._world["call_s"],
        )  # fmt: skip


# ---------------------------------------------------------------- the table


def _plan(source: str, problems: int, sums: _Sums, seats: Sequence[Seat], settings: GrowSettings) -> Plan:
    named = {seat.role: seat.actor for seat in seats}
    rows = tuple(_row(role, named.get(role, ""), sums[role]) for role in sums)
    total = _row("total", "", sum(sums.values(), np.zeros((_DRAWS, 5))))
    return Plan(source, problems, rows, total, _range(_time_s(sums, seats, settings)))


def _time_s(sums: _Sums, seats: Sequence[Seat], settings: GrowSettings) -> Any:
    """Of each draw: the slowest actor, whose connections and limits all its roles share."""
    slowest = np.zeros(_DRAWS)
    for actor in dict.fromkeys(seat.actor for seat in seats):
        mine = [seat for seat in seats if seat.actor == actor]
        spent = sum((sums[seat.role] for seat in mine), np.zeros((_DRAWS, 5)))
        seat = mine[0]
        slowest = np.maximum(slowest, spent[:, _SECONDS] / max(1, min(seat.connections, settings.concurrency)))
        if seat.requests_per_minute:
            slowest = np.maximum(slowest, spent[:, _CALLS] / seat.requests_per_minute * 60)
        if seat.tokens_per_minute:
            slowest = np.maximum(slowest, (spent[:, _INPUT] + spent[:, _OUTPUT]) / seat.tokens_per_minute * 60)
    return slowest


def _row(role: str, actor: str, draws: Any) -> PlanRow:
    return PlanRow(role, actor, *(_range(draws[:, column]) for column in (_CALLS, _INPUT, _OUTPUT, _USD)))


def _range(values: Any) -> Range:
    low, high = np.quantile(values, (0.1, 0.9))
    return Range(float(np.mean(values)), float(low), float(high))
