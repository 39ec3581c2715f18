"""What a benchmark is: where its rows lie, how each is asked, how an answer is judged, what is counted.

In:  published rows. Out: items; for each, what a model is asked, and the grade of what it answered.
Always true: a benchmark is one small module that fills in a `Benchmark` and is named in `registry.py`; an item's id is
that of its published row, or, where rows have none, its place in the file, from 0; `ask` and `reference` are pure;
only `grade` may run code or ask a judge, and only through the bench, so that it is journalled.

A *form* is a protocol and a mode. Protocols (FACTS section 3): `eurus-2024-04`, the paper's first evaluation code,
which "eurus" stands for; `eurus-2024-09`, its last; `standard`, what the public harnesses do. Modes: `text`, `program`
(the answer is what the response's code prints), `choice` (the continuation of highest log-probability).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from preftree.actors import Actor
from preftree.engine import Engine, Sampling
from preftree.records import Message, Problem, Result, Verdict

PROTOCOLS = ("eurus-2024-04", "eurus-2024-09", "standard")
PROTOCOL_NAMES = {"eurus": "eurus-2024-04"} | {name: name for name in PROTOCOLS}


@dataclass(frozen=True, slots=True)
class Form:
    """In which of its forms a benchmark is asked and judged."""

    protocol: str = "standard"
    mode: str = "text"


@dataclass(frozen=True, slots=True)
class Item:
    """One row. `labels` are what results are grouped by (difficulty, level, subject); `data` what this benchmark's
    own `ask` and `grade` need beside the problem. Both hold JSON values."""

    id: str
    problem: Problem
    labels: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """How a model is asked: a chat, or raw text in its place.

    `then` are further user messages, each sent after an answer. With `choices` nothing is sampled: the answer is
    the choice that the model finds likeliest as the continuation. `stop_after_prefill` are stops that hold only for an
    answer that goes on from the prefill: for one that opens its own fence they would cut too early.
    """

    messages: tuple[Message, ...] = ()
    text: str | None = None
    sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0.0))
    then: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    stop_after_prefill: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grade:
    """The verdict, and figures by name beside it (instructions followed, a judge's marks)."""

    verdict: Verdict
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bench:
    """What grading may use: the engine's jail, verifiers and journal; `judge`, the model that grades where a
    benchmark is graded by one; `tree` and `sample`, the place in the journal of the attempt that is graded."""

    engine: Engine
    judge: Actor | None = None
    tree: str = ""
    sample: int = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One conversation to hold: who answers which item, in which form, for which time."""

    bench: Bench
    benchmark: Benchmark
    form: Form
    actor: Actor
    model: str  # the name in results
    item: Item
    sample: int = 0
    seed: int = 0
    # What the settings put in the place of the protocol's own: fields of `Sampling` by name.
    overrides: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure over results: the mean of `scores[numerator]`, or, with a denominator, the ratio of two sums.

    An empty numerator stands for "the verdict is correct". `best` is the score of a perfect answer.
    """

    name: str
    numerator: str = ""
    denominator: str = ""
    best: float = 1.0


ACCURACY = Metric("accuracy")


@dataclass(frozen=True, slots=True)
class Published:
    """Where rows lie: a hub id with its configs and split; and, in a folder of data sets, the names that this one's
    own folder may have, and the file in it."""

    hub: str = ""
    split: str = "test"
    configs: tuple[str, ...] = ("",)
    folders: tuple[str, ...] = ()
    files: tuple[str, ...] = ()  # the first of these that is there; a name may hold a path


@dataclass(frozen=True, slots=True)
class Read:
    """The items, in the order of the file, and the rows that were set aside."""

    items: tuple[Item, ...]
    set_aside: tuple[str, ...] = ()


Ask = Callable[[Item, Form], Asked]
GradeAnswer = Callable[[Bench, Item, Form, Sequence[str]], Awaitable[Grade]]
Converse = Callable[[Attempt], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Raise `version` when a score could change.

    `read` takes a place that exists (file or folder), or None for the hub's. `rows` is how many the published set has:
    a figure over fewer says so. `reference` is a row's reference as a response, None where there is none.
    `metrics`: the first is the one that tables show. `modes`: with several, the better one counts (FACTS section 3),
    unless `better_of_modes` is off: then they are figures of their own, the first of which tables show.
    `converse` is for benchmarks that hold a conversation of their own kind (MINT). `variant` gives the benchmark under
    the settings after the colon of a name such as "mint:k=3"; it has a name of its own, so its own place in journals
    and results. `graded`: answers get marks, no verdict: "correct" says only that all marks were given, "undecided"
    that one is missing; what compares or ranks takes the first metric's score.
    """

    name: str
    published: Published
    read: Callable[[str | None, Published], Read]
    rows: int
    ask: Ask
    grade: GradeAnswer
    reference: Callable[[Item, Form], str | None]
    modes: tuple[str, ...] = ("text",)
    metrics: tuple[Metric, ...] = (ACCURACY,)
    better_of_modes: bool = True
    groups: tuple[str, ...] = ()  # labels by which results are shown, too
    needs_judge: bool = False
    converse: Converse | None = None
    variant: Callable[[str], Benchmark] | None = None
    graded: bool = False
    equal: str = ""  # the rule under which two samples give one answer; empty: each problem's own verifier
    shots: Mapping[str, int] = field(default_factory=dict)  # by protocol: worked examples in the prompt, 0 where absent
    version: int = 1
