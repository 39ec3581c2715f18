"""The vocabulary: frozen records that pass between the layers.

In:  nothing of ours. Out: the types that every other folder speaks.
Always true: a record is immutable; `from_json(cls, to_json(record)) == record`; `to_json` gives plain
JSON values with sorted, stable keys, so that equal records have equal bytes.

The names are those of the paper (Eurus / UltraInteract, arXiv 2404.02078, section 2).
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Task = Literal["Math_PoT", "Math_CoT", "Coding", "Logic"]
Role = Literal["system", "user", "assistant"]
Outcome = Literal["correct", "wrong", "undecided"]

_T = TypeVar("_T")


# ---------------------------------------------------------------- problems


@dataclass(frozen=True, slots=True)
class Reference:
    """One ground truth: the answer and, where the data set has them, its reasons in words or code."""

    answer: str
    rationale: str | None = None
    program: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One run of a program: what it reads, and each output that would be right."""

    input: str
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tests:
    """How a program is tested: by code that calls it, or by what it prints.

    `code` makes assertions; `names` are what it takes from the program under test (functions, classes); `prelude` is
    the problem's own trusted code that runs beside it (imports, helpers that the prompt defines). `cases` are runs
    from standard input to standard output; `checker` is code that defines `check(input, output, expected) -> bool`,
    for problems with several valid outputs.
    """

    __test__ = False  # no class of tests for pytest

    code: str = ""
    names: tuple[str, ...] = ()
    prelude: str = ""
    cases: tuple[Case, ...] = ()
    checker: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem whose answer can be checked.

    `id` is stable over runs. `group` is shared by the forms of one problem (with and without a tool),
    so that splits keep them together. `verifier` names a rule in `preftree.verify`; "code" is judged by `tests` (empty
    ones have yet to be written), "judge" by a model. `filter`: grown only if the baseline actor fails it.
    """

    id: str
    dataset: str
    task: Task
    instruction: str
    references: tuple[Reference, ...]
    verifier: str = "math"
    tools: tuple[str, ...] = ("python",)
    group: str = ""
    split: str = ""
    tests: Tests | None = None
    filter: bool = False

    @property
    def answer(self) -> str:
        """The first reference's answer."""
        return self.references[0].answer


# ---------------------------------------------------------------- conversations and calls


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Trajectory:
    """A conversation so far, the prompt of the next action."""

    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of an actor in one call.

    `messages` is a chat; `text` (instead) is a raw prompt. `prefill` is the start of the answer, given.
    `samples` are the indices of the draws wanted: draw i is seeded by (`seed`, i), never by timing.
    """

    messages: tuple[Message, ...] = ()
    text: str | None = None
    prefill: str = ""
    stop: tuple[str, ...] = ()
    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 512
    samples: tuple[int, ...] = (0,)
    seed: int = 0
    logprobs: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """One draw of an actor. `text` excludes the prefill and the stop string. Log-probabilities in nats."""

    index: int
    text: str
    input_tokens: int
    output_tokens: int
    finish_reason: Literal["stop", "length", "filtered"] = "stop"
    cached_tokens: int = 0
    thought: str | None = None
    logprobs: tuple[float, ...] | None = None


# ---------------------------------------------------------------- trees


@dataclass(frozen=True, slots=True)
class ToolCall:
    """What an action asked of a tool and was told. `arguments` is canonical JSON; a failed call has an `error`."""

    tool: str
    arguments: str
    answer: str = ""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """What the environment saw when an action ran; never a verdict.

    `status`: ok | error | syntax | time | memory | output | processes | killed | none (nothing to run)
    | broken (the jail failed, which says nothing of the action). `output` is what the actor is shown,
    `value` the repr of the last expression, if it had one; `tool_calls` come in the order in which they were made.
    """

    status: str
    output: str = ""
    value: str | None = None
    cpu_s: float = 0.0
    wall_s: float = 0.0
    tool_calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class ProgramRun:
    """A program's run from standard input to standard output; `status` as in `Observation`."""

    status: str
    output: str = ""
    cpu_s: float = 0.0


@dataclass(frozen=True, slots=True)
class TestRun:
    """What came of test code that called a program.

    `status`: passed | failed (an assertion did not hold) | error (the program or the test raised) | a limit that the
    program exceeded (time, memory, output, processes, killed) | syntax | unsupported (the test needs objects that
    plain data can't carry) | broken (the judge or a jail failed, which says nothing of the program).
    """

    __test__ = False  # no class of tests for pytest

    status: str
    why: str = ""
    cpu_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an answer is right. `undecided` is a failure of the judge, never of the answer."""

    outcome: Outcome
    why: str = ""
    answer: str | None = None

    @property
    def correct(self) -> bool:
        """Whether it is right for certain: undecided is not."""
        return self.outcome == "correct"


@dataclass(frozen=True, slots=True)
class Action:
    """What one actor did in one turn, and what came of it.

    `stage` says how it was got: "sample", "escalation-1" …, or "reference" (from the ground truth). `schema` is the
    reasoning schema that was asked for ("cot" or "modular"; empty: none), `thought` what the model thought before it
    acted, which is no part of the action.
    """

    text: str
    actor: str
    stage: str
    sample: int
    code: str | None = None
    observation: Observation | None = None
    verdict: Verdict | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    truncated: bool = False
    schema: str = ""
    thought: str | None = None

    @property
    def parses(self) -> bool:
        """Whether it says anything, and its code, if any, is valid Python: else it enters no pair (FACTS section 1)."""
        return bool(self.text.strip()) and (self.observation is None or self.observation.status != "syntax")


@dataclass(frozen=True, slots=True)
class Turn:
    """k correct and m incorrect actions; `expanded` is the index of the incorrect one that was gone on with.

    `reply` is the next user message (observation, verdict and critique), present if one was expanded.
    `leaked` marks a critique that gives the reference answer away. `praise` holds the critiques of the correct actions,
    one each, or none at all. `paired` names the pairs, as places in `correct` and `incorrect`: those of
    imported rows, and one for each reference of a challenging problem; None: each correct action is paired with each
    incorrect one (`Tree.pairs`).
    """

    index: int
    correct: tuple[Action, ...] = ()
    incorrect: tuple[Action, ...] = ()
    expanded: int | None = None
    critique: str | None = None
    reply: str | None = None
    leaked: bool = False
    num_samples: int = 0
    praise: tuple[str, ...] = ()
    paired: tuple[tuple[int, int], ...] | None = None


@dataclass(frozen=True, slots=True)
class Tree:
    """A preference tree of one problem. `prompt` is the first user message (and system message, if any)."""

    id: str
    problem: Problem
    prompt: tuple[Message, ...]
    turns: tuple[Turn, ...]

    @property
    def depth(self) -> int:
        """How many turns it has."""
        return len(self.turns)

    def history(self, turn: int) -> tuple[Message, ...]:
        """The messages before the action of turn `turn` (from 0): expanded actions and their replies."""
        messages = list(self.prompt)
        for earlier in self.turns[:turn]:
            if earlier.expanded is None or earlier.reply is None:
                raise ValueError(f"tree {self.id}: turn {earlier.index} was not expanded, yet it has a successor")
            messages.append(Message("assistant", earlier.incorrect[earlier.expanded].text))
            messages.append(Message("user", earlier.reply))
        return tuple(messages)

    def pairs(self, turn: Turn) -> list[tuple[Action, Action]]:
        """The (correct, incorrect) pairs of a turn. None where a model judged the problem, and none of an action whose
        code is not valid Python (FACTS section 1)."""
        if self.problem.verifier == "judge":
            return []
        if turn.paired is not None:
            return [(turn.correct[c], turn.incorrect[i]) for c, i in turn.paired]
        return [(chosen, rejected) for chosen in turn.correct for rejected in turn.incorrect if rejected.parses]


# ---------------------------------------------------------------- training rows and results


@dataclass(frozen=True, slots=True)
class Pair:
    """A preference after a shared history. `parent_id` is common to the rows of one instruction."""

    id: str
    parent_id: str
    task: str
    dataset: str
    trajectory: tuple[Message, ...]
    chosen: str
    rejected: str
    source: str = "tree"


@dataclass(frozen=True, slots=True)
class Result:
    """One judged attempt of an evaluation: model × problem × sample, over up to `turns` turns."""

    model: str
    problem: str
    dataset: str
    sample: int
    outcomes: tuple[Outcome, ...]
    responses: tuple[str, ...]
    answer: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    truncated: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)

    def solved_by(self, turns: int) -> bool:
        """Whether one of the first `turns` turns was correct."""
        return "correct" in self.outcomes[:turns]


# ---------------------------------------------------------------- JSON, hashes


def to_json(record: Any) -> dict[str, Any]:
    """Plain JSON values of a record; fields at their defaults are kept, so a row is self-describing."""
    return typing.cast("dict[str, Any]", _plain(record))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return value


@functools.cache
def _names(cls: type) -> tuple[str, ...]:
    return tuple(sorted(f.name for f in dataclasses.fields(cls)))


def from_json(cls: type[_T], data: Any) -> _T:
    """The record that `to_json` made; raises ValueError that names the record and the field."""
    return typing.cast(_T, _reader(typing.cast(type, cls))(data))


# A reader makes a typed value of a JSON value. Forests hold millions of values, so what a hint means is worked out once
# for each class: this reads a tree in a quarter of the time that looking at the hints of each value takes.
_Reader = Callable[[Any], Any]


class _MisfitError(ValueError):
    """A value that is not of its field's type; the message begins where the field's name ends."""


@functools.cache
def _reader(cls: type) -> _Reader:
    """The reader of a record."""
    hints = get_type_hints(cls)
    # With each field's reader go the types of the values that may stay as they are.
    fields = {f.name: (_kept(hints[f.name]), _value_reader(hints[f.name])) for f in dataclasses.fields(cls)}

    def read(data: Any) -> Any:
        if not isinstance(data, dict):
            raise ValueError(f"{cls.__name__}: expected an object, got {type(data).__name__}")
        values, name = {}, ""
        try:
            for name, value in data.items():
                kept, typed = fields[name]
                values[name] = value if type(value) in kept else typed(value)
            return cls(**values)
        except KeyError:
            raise ValueError(f'{cls.__name__}: unknown field "{min(set(data) - set(fields))}"') from None
        except _MisfitError as misfit:
            raise ValueError(f"{cls.__name__}.{name}{misfit}") from None
        except TypeError as error:
            raise ValueError(f"{cls.__name__}: {error}") from error

    return read


def _kept(hint: Any) -> frozenset[type]:
    options = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    return frozenset(option for option in options if option in (str, int, float, bool, type(None)))


def _value_reader(hint: Any) -> _Reader:
    """The reader of a field's value; it raises _MisfitError."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        inner = [option for option in get_args(hint) if option is not type(None)]
        optional = len(inner) < len(get_args(hint))
        one = _value_reader(inner[0])
        # Of one thing or several ("str | tuple[str, ...]") a list is the several.
        several = next((_value_reader(option) for option in inner if get_origin(option) is tuple), one)

        def read(value: Any) -> Any:
            if optional and value is None:
                return None
            return several(value) if isinstance(value, (list, tuple)) else one(value)

        return read
    if origin is tuple:
        return _tuple_reader(get_args(hint)[0])
    if origin is Literal:
        return functools.partial(_one_of, get_args(hint))
    if origin is dict:
        return _mapping
    if dataclasses.is_dataclass(hint):
        return _reader(typing.cast(type, hint))
    return functools.partial(_scalar, hint) if hint in (str, int, float, bool) else lambda value: value


def _tuple_reader(hint: Any) -> _Reader:
    kept, item = _kept(hint), _value_reader(hint)

    def read(value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            raise _MisfitError(f": expected a list, got {type(value).__name__}")
        items: list[Any] = []
        try:
            for entry in value:
                items.append(entry if type(entry) in kept else item(entry))
        except _MisfitError as misfit:
            raise _MisfitError(f"[{len(items)}]{misfit}") from None
        return tuple(items)

    return read


def _mapping(value: Any) -> Any:
    if not isinstance(value, dict):
        raise _MisfitError(f": expected a mapping, got {type(value).__name__}")
    return value


def _one_of(options: tuple[Any, ...], value: Any) -> Any:
    if value not in options:
        raise _MisfitError(f": expected one of {', '.join(map(str, options))}, got {value!r}")
    return value


def _scalar(hint: type, value: Any) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise _MisfitError(f": expected {hint.__name__}, got {type(value).__name__}")
    return value


def _fields_of(record: Any) -> dict[str, Any]:
    """What the JSON writer puts in a record's place."""
    if not dataclasses.is_dataclass(record) or isinstance(record, type):
        raise TypeError(f"Object of type {type(record).__name__} is not JSON serializable")
    return {name: getattr(record, name) for name in _names(type(record))}


_CANONICAL = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, separators=(",", ":"), check_circular=False, default=_fields_of
)


def canonical(value: Any) -> str:
    """One-line JSON with sorted keys: equal values, equal bytes. The keys of dicts are strings."""
    return _CANONICAL.encode(value)


def digest(value: Any) -> str:
    """SHA-256 (hex) of the canonical JSON of a value or record."""
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()
