"""MT-Bench: 80 questions of two turns, marked by a model (Zheng et al., 2023; FastChat, Apache-2.0); table 8.

In:  FastChat's question.jsonl, and beside it reference_answer/gpt-4.jsonl, against which the answers to questions of
reasoning, math and coding are judged. Out: the mean mark over questions and turns, both turns apart, by category.
The same in all protocols: temperatures by category and 1,024 tokens are FastChat's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from preftree.engine import Sampling
from preftree.errors import InputError
from preftree.evaluate.benchmark import Asked, Bench, Benchmark, Form, Grade, Item, Metric, Published, Read
from preftree.evaluate.grading.mt_judge import BEST, judge_turn
from preftree.evaluate.items import read_items, rows_of
from preftree.problems.places import file_values
from preftree.problems.rows import BadRowError, Row, text_field
from preftree.records import Message, Problem, Reference, Verdict

_TEMPERATURES = {
    "writing": 0.7,
    "roleplay": 0.7,
    "extraction": 0.0,
    "math": 0.0,
    "coding": 0.0,
    "reasoning": 0.0,
    "stem": 0.1,
    "humanities": 0.1,
}
_WITH_REFERENCE = ("math", "reasoning", "coding")
_MAX_TOKENS = 1024
_TURNS = 2


def _read(path: str | None, published: Published) -> Read:
    if path is None:
        raise InputError("mt_bench: no hub has its rows with the reference answers; name a folder with data=…")
    file = Path(path).parent / "reference_answer" / "gpt-4.jsonl"
    if not file.is_file():
        raise InputError(
            f"mt_bench: {file}: no such file; answers to {', '.join(_WITH_REFERENCE)} questions are judged against it"
        )
    references: dict[str, list[str]] = {}
    for value in file_values(file):
        try:
            references[str(value.content["question_id"])] = _texts(value.content["choices"][0], "turns")
        except (KeyError, IndexError, TypeError, BadRowError) as bad:
            expected = f'"question_id", and "choices" with an answer\'s {_TURNS} "turns"'
            raise InputError(f"{file} row {value.number}: expected {expected}") from bad
    return read_items(rows_of(path, published), lambda row, place: _item(row, references))


def _item(row: Row, references: dict[str, list[str]]) -> Item:
    identity, category = text_field(row, "question_id"), text_field(row, "category")
    turns = _texts(row, "turns")
    if category not in _TEMPERATURES:
        raise BadRowError("category", f'expected one of {", ".join(_TEMPERATURES)}, got "{category}"')
    needed = category in _WITH_REFERENCE
    if needed and identity not in references:
        raise BadRowError("question_id", f"no reference answer to {identity}")
    problem = Problem(
        id=f"mt_bench/{identity}",
        dataset="mt_bench",
        task="Logic",
        instruction=turns[0],
        references=(Reference(""),),
        verifier="judge",
        tools=(),
        split="test",
    )
    data = {"turns": turns, "references": references[identity] if needed else []}
    return Item(identity, problem, {"category": category}, data)


def _texts(row: Row, name: str) -> list[str]:
    """The two turns of a question or an answer, as they are written."""
    value = row.get(name)
    if not isinstance(value, list) or len(value) != _TURNS or not all(isinstance(text, str) for text in value):
        raise BadRowError(name, f"expected a list of {_TURNS} texts")
    return value


def _ask(item: Item, form: Form) -> Asked:
    sampling = Sampling(temperature=_TEMPERATURES[item.labels["category"]], max_tokens=_MAX_TOKENS)
    first, second = item.data["turns"]
    return Asked((Message("user", first),), sampling=sampling, then=(second,))


async def _grade(bench: Bench, item: Item, form: Form, responses: Sequence[str]) -> Grade:
    if len(responses) != _TURNS:
        raise InputError(f"mt_bench: {item.id}: expected {_TURNS} responses, one a turn, got {len(responses)}")
    turns, references = item.data["turns"], item.data["references"]
    scores: dict[str, float] = {}
    missing: list[str] = []
    for turn in range(_TURNS):
        judged = await judge_turn(bench, turn, turns, responses, references)
        if judged.mark is None:
            missing.append(f"turn {turn + 1} has no mark: {judged.why[-200:].strip()}")
        else:
            scores[f"turn {turn + 1}"] = judged.mark
    # The mean is over judgments, as FastChat's: one that is missing leaves the other in.
    if scores:
        scores |= {"marks": sum(scores.values()), "marked": float(len(scores))}
    return Grade(Verdict("undecided" if missing else "correct", "; ".join(missing) or "marked"), scores)


def _reference(item: Item, form: Form) -> str | None:
    """None: there is no answer that is right by itself."""
    return None


MT_BENCH = Benchmark(
    name="mt_bench",
    published=Published(folders=("mt_bench",), files=("question.jsonl",)),
    read=_read,
    rows=80,
    ask=_ask,
    grade=_grade,
    reference=_reference,
    metrics=(
        Metric("mark", "marks", "marked", best=BEST),
        Metric("turn 1", "turn 1", best=BEST),
        Metric("turn 2", "turn 2", best=BEST),
    ),
    groups=("category",),
    needs_judge=True,
    graded=True,
)
