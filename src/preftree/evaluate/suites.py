"""Suites: the columns of the paper's tables; and which benchmarks a run asks, in which forms.

In:  names of benchmarks or of a suite, modes, a protocol. Out: the chosen benchmarks with their forms; InputError in
one sentence for a name that is unknown, a mode that a benchmark lacks, a judge that is missing.
Always true: a column is a benchmark, or the rows of one that share a label; a suite's average is the plain mean of its
columns (FACTS, table notes).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from preftree.errors import InputError, nearest
from preftree.evaluate.benchmark import Benchmark, Form, Item
from preftree.evaluate.registry import find_benchmark, find_protocol

MODES = ("text", "program", "choice")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: a benchmark's first metric, over all its rows or over those with `label` = `value`."""

    title: str
    benchmark: str
    label: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Suite:
    columns: tuple[Column, ...]
    protocol: str
    table: str = ""  # which table of the paper has these columns
    average: bool = True  # whether the table averages them
    modes: tuple[str, ...] = ()  # of those that benchmarks have; none: all

    @property
    def benchmarks(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(column.benchmark for column in self.columns))


SUITES: dict[str, Suite] = {
    "eurus": Suite(
        (
            Column("HumanEval", "humaneval"),
            Column("MBPP", "mbpp"),
            Column("LeetCode", "leetcode"),
            Column("GSM-Plus", "gsm_plus"),
            Column("MATH", "math"),
            Column("TheoremQA", "theoremqa"),
            Column("SVAMP", "svamp"),
            Column("ASDiv", "asdiv"),
            Column("BBH", "bbh"),
            Column("IFEval", "ifeval"),
            Column("MINT-code", "mint", "group", "code"),
            Column("MINT-math", "mint", "group", "math"),
        ),
        "eurus-2024-04",
        "table 3",
    ),
    # Means of different units: table 8 gives no average.
    "knowledge": Suite(
        (Column("MMLU", "mmlu"), Column("MT-Bench", "mt_bench")), "eurus-2024-04", "table 8", average=False
    ),
    # One greedy answer each: the first point of table 9's curves ("top logits"). Best of N is `preftree rerank`.
    "reranking": Suite(
        (
            Column("HumanEval", "humaneval"),
            Column("MBPP", "mbpp"),
            Column("GSM8K", "gsm8k"),
            Column("MATH", "math"),
        ),
        "eurus-2024-04",
        "table 9",
        modes=("text",),
    ),
}


@dataclass(frozen=True, slots=True)
class Asking:
    """How benchmarks are asked. What is set here stands in the place of the protocol's own."""

    name: str = ""  # of the protocol; empty: the suite's, or standard
    samples: int = 1  # answers to an item, each from a draw of its own
    seed: int = 0
    concurrency: int = 256  # conversations at a time
    temperature: float | None = None  # 0: greedy
    top_p: float | None = None
    max_tokens: int | None = None  # tokens of one answer
    stop: tuple[str, ...] | None = None
    prefill: str | None = None

    def __post_init__(self) -> None:
        if self.name:
            find_protocol(self.name)
        for name in ("samples", "concurrency", "max_tokens"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"protocol.{name}: expected at least 1, got {value}")
        if self.temperature is not None and self.temperature < 0:
            raise InputError(f"protocol.temperature: expected 0 or more, got {self.temperature}")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise InputError(f"protocol.top_p: expected more than 0 and at most 1, got {self.top_p}")

    @property
    def overrides(self) -> dict[str, Any]:
        """Fields of `Sampling` that are set."""
        names = ("temperature", "top_p", "max_tokens", "stop", "prefill")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


@dataclass(frozen=True, slots=True)
class Chosen:
    """A benchmark that is run, in these forms."""

    benchmark: Benchmark
    forms: tuple[Form, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a run asks. `explicit`: the modes were named, so none may be left out in silence. `notes` are for whoever
    named the benchmarks."""

    chosen: tuple[Chosen, ...]
    protocol: str
    suite: str = ""
    explicit: bool = False
    columns: tuple[Column, ...] = ()
    average: bool = False
    notes: tuple[str, ...] = ()


def choose(
    benchmarks: Sequence[str] = (), suite: str = "", modes: Sequence[str] = (), protocol: str = "", *, judge: bool
) -> Choice:
    """The benchmarks by name, or those of a suite, with their forms. `judge`: a model that grades is at hand."""
    for mode in modes:
        if mode not in MODES:
            raise InputError(f'modes: expected some of {", ".join(MODES)}, got "{mode}"')
    if bool(benchmarks) == bool(suite):
        raise InputError("expected benchmarks=[NAME, …] or suite=NAME, one of the two")
    known = find_suite(suite) if suite else Suite((), "standard")
    form = find_protocol(protocol or known.protocol)
    found, notes = _distinct(benchmarks or known.benchmarks)
    missing = [benchmark.name for benchmark in found if benchmark.needs_judge and not judge]
    if missing:
        raise InputError(
            f"{missing[0]}: a model grades its answers; name it with judge.model=… (and judge.kind=endpoint "
            "judge.base_url=… for one at an endpoint)"
        )
    chosen = tuple(Chosen(one, _forms(one, form, modes, known.modes)) for one in found)
    return Choice(chosen, form, suite, bool(modes), known.columns, known.average, notes)


def _distinct(names: Sequence[str]) -> tuple[list[Benchmark], tuple[str, ...]]:
    """The benchmarks of these names, each once, however it is spelt ("mint" and "mint:k=5")."""
    found: dict[str, tuple[str, Benchmark]] = {}
    notes = []
    for name in names:
        benchmark = find_benchmark(name)
        if benchmark.name in found:
            notes.append(f"{benchmark.name}: named twice ({found[benchmark.name][0]} and {name}), asked once")
        else:
            found[benchmark.name] = (name, benchmark)
    return [benchmark for _, benchmark in found.values()], tuple(notes)


def asked_items(items: Sequence[Item], benchmark: str, choice: Choice, limit: int | None) -> tuple[Item, ...]:
    """The items that are asked: all, or the first `limit`. Where a suite has columns of a benchmark's groups (MINT's
    code and math), these alone, and the first of each: so a row is whole, however few are asked."""
    wanted = {(column.label, column.value) for column in choice.columns if column.benchmark == benchmark}
    if not any(label for label, _ in wanted):
        return tuple(items[:limit])
    taken = dict.fromkeys(wanted, 0)
    found = []
    for item in items:
        mine = [one for one in wanted if item.labels.get(one[0]) == one[1]]
        if any(limit is None or taken[one] < limit for one in mine):
            found.append(item)
            taken |= {one: taken[one] + 1 for one in mine}
    return tuple(found)


def find_suite(name: str) -> Suite:
    if name not in SUITES:
        raise InputError(f'no suite is named "{name}"{nearest(name, SUITES)}')
    return SUITES[name]


def _forms(benchmark: Benchmark, protocol: str, asked: Sequence[str], usual: Collection[str]) -> tuple[Form, ...]:
    modes = tuple(mode for mode in benchmark.modes if mode in asked) if asked else benchmark.modes
    if not modes:
        raise InputError(f"{benchmark.name}: has no mode {' or '.join(asked)}; it has {', '.join(benchmark.modes)}")
    if not asked and usual:
        modes = tuple(mode for mode in modes if mode in usual) or modes
    return tuple(Form(protocol, mode) for mode in modes)
