"""MMLU: multiple choice in 57 subjects, five examples before each question (Hendrycks et al., 2021; MIT).

In:  the published folders `test/<subject>_test.csv` and `dev/<subject>_dev.csv` (no header; every cell is text, "None"
     and "NA" too), or the hub's config "all"; ids are `<subject>/<place in the subject>`.
Out: accuracy over all questions (micro), by subject and by category. Raw text, no chat template.
Modes, each a figure of its own: `text`, the answer is what is written; `choice`, the likeliest of " A" to " D".
The Eurus protocols write two spaces after "about" and draw one token, which must be the letter; `standard` is
lm-evaluation-harness's: mmlu in `choice`, mmlu_generative (the first line, case and punctuation aside) in `text`.
"""

from __future__ import annotations

import csv
import string
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from preftree.engine import Sampling
from preftree.errors import InputError
from preftree.evaluate.benchmark import PROTOCOLS, Asked, Bench, Benchmark, Form, Grade, Item, Published, Read
from preftree.evaluate.items import read_items
from preftree.problems.places import Place, Value, values
from preftree.problems.rows import BadRowError, Row
from preftree.records import Problem, Reference, Verdict

LETTERS = ("A", "B", "C", "D")
CATEGORIES = {
    "STEM": """abstract_algebra astronomy college_biology college_chemistry college_computer_science college_mathematics
        college_physics computer_security conceptual_physics electrical_engineering elementary_mathematics
        high_school_biology high_school_chemistry high_school_computer_science high_school_mathematics
        high_school_physics high_school_statistics machine_learning""",
    "humanities": """formal_logic high_school_european_history high_school_us_history high_school_world_history
        international_law jurisprudence logical_fallacies moral_disputes moral_scenarios philosophy prehistory
        professional_law world_religions""",
    "social sciences": """econometrics high_school_geography high_school_government_and_politics
        high_school_macroeconomics high_school_microeconomics high_school_psychology human_sexuality
        professional_psychology public_relations security_studies sociology us_foreign_policy""",
    "other": """anatomy business_ethics clinical_knowledge college_medicine global_facts human_aging management
        marketing medical_genetics miscellaneous nutrition professional_accounting professional_medicine virology""",
}
CATEGORY_OF = {subject: category for category, names in CATEGORIES.items() for subject in names.split()}
_SHOTS = 5


# ---------------------------------------------------------------- rows


def _read(path: str | None, published: Published) -> Read:
    shots = _shots(path, published)
    counts: Counter[str] = Counter()

    def item_of(row: Row, place: int) -> Item:
        # A row that can't be used takes its place in its subject, too.
        place = counts[str(row.get("subject"))]
        counts[str(row.get("subject"))] += 1
        question = _question(row)
        subject = question["subject"]
        if len(shots.get(subject, ())) < _SHOTS:
            raise BadRowError("subject", f"{subject} has no {_SHOTS} examples in dev")
        name = f"{subject}/{place}"
        problem = Problem(
            f"mmlu/{name}",
            "mmlu",
            "Logic",
            _shown(question, strip=False),
            (Reference(question["answer"]),),
            "choice",
            (),
        )
        labels = {"subject": subject, "category": CATEGORY_OF[subject]}
        return Item(name, problem, labels, {"question": question, "shots": shots[subject]})

    return read_items(_rows(path, published, published.split), item_of)


def _shots(path: str | None, published: Published) -> dict[str, list[dict[str, Any]]]:
    """The first examples of each subject. A row of them that can't be used is an error: all questions need it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for value in _rows(path, published, "dev"):
        try:
            question = _question(value.content)
        except BadRowError as bad:
            raise InputError(f'{value.file} row {value.number}, field "{bad.field}": {bad.why}') from bad
        found.setdefault(question["subject"], []).append(question)
    return {subject: examples[:_SHOTS] for subject, examples in found.items()}


def _rows(path: str | None, published: Published, split: str) -> Iterator[Value]:
    if path is None:
        yield from values(Place(published.hub, split, published.configs[0]))
        return
    folder = Path(path).parent / split
    files = sorted(folder.glob(f"*_{split}.csv"))
    if not files:
        raise InputError(f"mmlu: {folder}: expected files such as abstract_algebra_{split}.csv there")
    for file in files:
        subject = file.name.removesuffix(f"_{split}.csv")
        with file.open(encoding="utf-8", newline="") as lines:
            cells = (row for row in csv.reader(lines) if row)
            for number, row in enumerate(cells, start=1):
                content = {"subject": subject, "question": row[0], "choices": row[1:-1], "answer": row[-1]}
                yield Value(file.name, number, content)


def _question(row: Row) -> dict[str, Any]:
    """One row of either form, checked: subject, question, four choices, the letter of the answer."""
    subject, question, choices, answer = (row.get(name) for name in ("subject", "question", "choices", "answer"))
    if subject not in CATEGORY_OF:
        raise BadRowError("subject", f"no subject of MMLU is named {subject!r}")
    if not isinstance(question, str):
        raise BadRowError("question", "expected text")
    if not isinstance(choices, list) or len(choices) != len(LETTERS) or not all(isinstance(x, str) for x in choices):
        raise BadRowError("choices", f"expected {len(LETTERS)} texts")
    letter = LETTERS[answer] if isinstance(answer, int) and 0 <= answer < len(LETTERS) else answer
    if letter not in LETTERS:
        raise BadRowError("answer", f"expected a letter from A to D (the hub: 0 to 3), got {answer!r}")
    return {"subject": subject, "question": question, "choices": choices, "answer": letter}


# ---------------------------------------------------------------- asking


def _shown(question: Mapping[str, Any], *, strip: bool) -> str:
    text = question["question"].strip() if strip else question["question"]
    listed = "".join(f"\n{letter}. {choice}" for letter, choice in zip(LETTERS, question["choices"], strict=True))
    return f"{text}{listed}\nAnswer:"


def prompt(item: Item, protocol: str) -> str:
    """The raw text, up to "Answer:"."""
    standard = protocol == "standard"
    subject = item.labels["subject"].replace("_", " ")
    head = f"The following are multiple choice questions (with answers) about {'' if standard else ' '}{subject}.\n\n"
    shots = "".join(f"{_shown(shot, strip=standard)} {shot['answer']}\n\n" for shot in item.data["shots"])
    return head + shots + _shown(item.data["question"], strip=standard)


def _ask(item: Item, form: Form) -> Asked:
    text = prompt(item, form.protocol)
    if form.mode == "choice":
        return Asked(text=text, choices=tuple(f" {letter}" for letter in LETTERS))
    if form.protocol == "standard":
        return Asked(text=text, sampling=Sampling(temperature=0.0, max_tokens=256, stop=("</s>", "\n")))
    return Asked(text=text, sampling=Sampling(temperature=0.0, max_tokens=1))


# ---------------------------------------------------------------- grading


async def _grade(bench: Bench, item: Item, form: Form, responses: Sequence[str]) -> Grade:
    lenient = form.protocol == "standard" and form.mode == "text"
    answer = first_line(responses[-1]) if lenient else responses[-1].strip()
    equal = (answer.upper() if lenient else answer) == item.problem.answer
    return Grade(Verdict("correct" if equal else "wrong", "equal" if equal else "differs", answer))


def first_line(response: str) -> str:
    """As lm-evaluation-harness compares it: the first line without punctuation."""
    return response.partition("\n")[0].strip().translate(str.maketrans("", "", string.punctuation))


MMLU = Benchmark(
    name="mmlu",
    published=Published("cais/mmlu", "test", ("all",), ("mmlu",), ("test",)),
    read=_read,
    rows=14042,
    ask=_ask,
    grade=_grade,
    reference=lambda item, form: item.problem.answer,
    modes=("text", "choice"),
    better_of_modes=False,
    groups=("category", "subject"),
    shots=dict.fromkeys(PROTOCOLS, _SHOTS),
)
