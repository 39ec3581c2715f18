"""MATH: competition mathematics in seven subjects and five levels, in text and with a program (Hendrycks et al., 2021).

In:  5,000 test rows in one of the forms in which they are published: `test.jsonl` (ids: its `idx`), the authors'
     archive (ids: `test/algebra/1.json`, as MATH-500 has them), Eurus's `math_test_cleaned.json` or the hub's configs
     (ids: the place, from 0). Out: accuracy, also by level and subject.
`standard` is lm-evaluation-harness's minerva_math, four examples, and the rule `math`; exact_match is minerva_math's
figure of the same response, string_match that of MATH's own comparison of strings.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

from preftree.errors import InputError
from preftree.evaluate.benchmark import Benchmark, Form, Item, Published, Read
from preftree.evaluate.benchmarks._mathematics import (
    ACCURACY_AND_STRINGS,
    MODES,
    ask_competition,
    graded,
    printing,
    strings,
)
from preftree.evaluate.items import read_items, rows_of
from preftree.problems.math import last_box
from preftree.problems.places import Value
from preftree.problems.rows import BadRowError, Row, optional_field, text_field
from preftree.records import Problem, Reference

HUB_CONFIGS = (
    "algebra", "counting_and_probability", "geometry", "intermediate_algebra", "number_theory", "prealgebra",
    "precalculus",
)  # fmt: skip


def competition_item(row: Row, identity: str, dataset: str) -> Item:
    """A row of MATH or MATH-500."""
    solution = optional_field(row, "solution")
    answer = optional_field(row, "answer") or optional_field(row, "expected_answer") or last_box(solution or "")
    if not answer:
        raise BadRowError("solution", "no \\boxed{} answer")
    level = str(row.get("level", "")).removeprefix("Level ")
    reference = Reference(answer, solution)
    question = text_field(row, "problem")
    problem = Problem(f"{dataset}/{identity}", dataset, "Math_PoT", question, (reference,), "math")
    return Item(identity, problem, {"level": level, "subject": text_field(row, "type", "subject")})


def competition_reference(item: Item, form: Form) -> str | None:
    """The solution, and its answer where the protocol looks for one."""
    reference = item.problem.references[0]
    if form.mode == "program":
        # One answer has a line break, and a notebook's answer is the last line.
        return printing(reference.answer.replace("\n", " ") if form.protocol == "standard" else reference.answer)
    if form.protocol == "standard":
        closing = f"Final Answer: The final answer is ${reference.answer}$. I hope it is correct."
    else:
        closing = f"\\boxed{{{reference.answer}}}"
    return f"{reference.rationale or ''}\n{closing}".lstrip()


def _item(row: Row, place: int) -> Item:
    return competition_item(row, str(row.get("idx", row.get("unique_id", place))), "math")


def _read(path: str | None, published: Published) -> Read:
    packed = path is not None and path.endswith((".tar", ".tar.gz", ".tgz"))
    return read_items(_members(Path(path or "")) if packed else rows_of(path, published), _item)


def _members(file: Path) -> Iterator[Value]:
    """The rows of the archive MATH/test/<subject>/<n>.json, in its order."""
    try:
        with tarfile.open(file) as archive:
            members = [one for one in archive if one.isfile() and "test/" in one.name and one.name.endswith(".json")]
            for number, member in enumerate(members, start=1):
                stream = archive.extractfile(member)
                identity = member.name[member.name.index("test/") :]
                try:
                    row = json.loads(stream.read() if stream else b"")
                except ValueError as error:
                    yield Value(file.name, number, None, f"{identity}: not JSON ({error})")
                    continue
                yield Value(file.name, number, {**row, "unique_id": identity} if isinstance(row, dict) else row)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise InputError(f"{file}: not an archive that can be read ({error})") from error


MATH = Benchmark(
    name="math",
    published=Published(
        "EleutherAI/hendrycks_math",
        "test",
        HUB_CONFIGS,
        ("math", "MATH"),
        ("test.jsonl", "test.jsonl.gz", "math_test_cleaned.json", "MATH_test.tar.gz", "MATH.tar"),
    ),
    read=_read,
    rows=5000,
    ask=ask_competition,
    grade=graded(strings),
    reference=competition_reference,
    modes=MODES,
    shots={"standard": 4},
    metrics=ACCURACY_AND_STRINGS,
    groups=("level", "subject"),
)
