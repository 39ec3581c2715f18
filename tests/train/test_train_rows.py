"""Row forms: what is read from each, and what is set aside with which field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from preftree.errors import InputError
from preftree.problems.places import BadRow, Place
from preftree.records import Message
from preftree.train.rows import Conversation, Row, Text, iter_rows

USER, YES, NO = Message("user", "q"), Message("assistant", "yes"), Message("assistant", "no")


def chat(*turns: tuple[str, str]) -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role, content in turns]


def read(tmp_path: Path, rows: list[Any], paired: bool) -> tuple[list[Row], list[BadRow]]:
    """What is read of a file with these rows, and what is set aside."""
    path = tmp_path / "rows.jsonl"
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return read_place(path, paired)


def read_place(path: Path, paired: bool) -> tuple[list[Row], list[BadRow]]:
    found = list(iter_rows(Place(str(path)), "pair" if paired else "single"))
    return [row for row in found if isinstance(row, Row)], [row for row in found if isinstance(row, BadRow)]


@pytest.mark.parametrize(
    ("row", "answer"),
    [
        pytest.param({"instruction": "q", "response": "yes"}, Conversation((USER,), (YES,)), id="ultrainteract"),
        pytest.param(
            {"messages": chat(("user", "q"), ("assistant", "yes"))}, Conversation((USER,), (YES,)), id="messages"
        ),
        pytest.param(
            {"messages": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "yes"}]},
            Conversation((USER,), (YES,)),
            id="sharegpt",
        ),
        pytest.param({"prompt": "q", "completion": "yes"}, Text("q", "yes"), id="prompt-completion"),
        pytest.param(
            {"prompt": chat(("user", "q")), "completion": chat(("assistant", "yes"))},
            Conversation((USER,), (YES,)),
            id="prompt-completion-chat",
        ),
        pytest.param({"text": "abc"}, Text("", "abc"), id="text"),
    ],
)
def test_sft_forms(tmp_path: Path, row: dict[str, Any], answer: Any) -> None:
    ((got,), _) = read(tmp_path, [row], False)
    assert got.answers == (answer,)


@pytest.mark.parametrize(
    ("row", "answers", "source"),
    [
        pytest.param(
            {"trajectory": [{"from": "user", "value": "q"}], "chosen": "yes", "rejected": "no", "parent_id": "p"},
            (Conversation((USER,), (YES,)), Conversation((USER,), (NO,))), "tree", id="ultrainteract",
        ),
        pytest.param(
            {"prompt": "q", "chosen": "yes", "rejected": "no"}, (Text("q", "yes"), Text("q", "no")), "other", id="text"
        ),
        pytest.param(
            {"prompt": chat(("user", "q")), "chosen": chat(("assistant", "yes")), "rejected": "no", "source": "uf"},
            (Conversation((USER,), (YES,)), Conversation((USER,), (NO,))), "uf", id="chat",
        ),
        pytest.param(
            {"prompt": "q", "chosen": chat(("user", "q"), ("assistant", "yes")),
             "rejected": chat(("user", "q"), ("assistant", "no"))},
            (Conversation((USER,), (YES,)), Conversation((USER,), (NO,))), "other", id="implicit-prompt",
        ),
        pytest.param(
            {"chosen": chat(("user", "q"), ("assistant", "no")), "rejected": chat(("user", "q"), ("assistant", "no"))},
            (Conversation((USER,), (NO,)), Conversation((USER,), (NO,))), "other", id="implicit-prompt-equal",
        ),
    ],
)  # fmt: skip
def test_pair_forms(tmp_path: Path, row: dict[str, Any], answers: Any, source: str) -> None:
    ((got,), _) = read(tmp_path, [row], True)
    assert (got.answers, got.source) == (answers, source)


GOOD = {"prompt": "q", "chosen": "yes", "rejected": "no"}


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        pytest.param("{broken", "", "not JSON", id="not-json"),
        pytest.param([1], "", "expected an object", id="not-an-object"),
        pytest.param({"chosen": "yes", "rejected": "no"}, "prompt", "no common beginning", id="no-prompt"),
        pytest.param({"prompt": "q", "chosen": "yes"}, "rejected", "missing", id="no-rejected"),
        pytest.param({"prompt": "q", "chosen": " ", "rejected": "no"}, "chosen", "empty", id="empty"),
        pytest.param({"prompt": "q", "chosen": 3, "rejected": "no"}, "chosen", "expected text", id="not-text"),
        pytest.param({"trajectory": [], "chosen": "a", "rejected": "b"}, "trajectory", "list of", id="no-turn"),
        pytest.param(
            {"trajectory": [{"from": "robot", "value": "q"}], "chosen": "a", "rejected": "b"},
            "trajectory[0]", "expected a role", id="unknown-role",
        ),
        pytest.param(
            {"prompt": chat(("user", "q")), "chosen": chat(("user", "x")), "rejected": "b"},
            "chosen", "not the assistant", id="answered-by-the-user",
        ),
        pytest.param(
            {"chosen": chat(("user", "q"), ("assistant", "a")), "rejected": chat(("user", "q"))},
            "rejected", "not the assistant", id="unanswered",
        ),
        pytest.param(
            {"chosen": chat(("user", "q"), ("assistant", "a")), "rejected": chat(("user", "r"), ("assistant", "b"))},
            "rejected", "does not answer the prompt", id="two-questions",
        ),
        pytest.param(
            {"prompt": "r", "chosen": chat(("user", "q"), ("assistant", "a")),
             "rejected": chat(("user", "q"), ("assistant", "b"))},
            "prompt", "is nowhere in", id="another-prompt",
        ),
        pytest.param(
            {"trajectory": [{"from": ["user"], "value": "q"}], "chosen": "a", "rejected": "b"},
            "trajectory[0]", "expected a role", id="role-that-is-a-list",
        ),
        pytest.param({**GOOD, "margin": float("nan")}, "margin", "expected a number", id="margin-not-a-number"),
        pytest.param({**GOOD, "margin": 10**400}, "", "OverflowError", id="margin-without-end"),
        pytest.param({**GOOD, "chosen": "half \ud800"}, "", "half of a character", id="lone-surrogate"),
        pytest.param('{"prompt": ' + "[" * 100_000 + "]" * 100_000 + "}", "", "not JSON", id="deeply-nested"),
    ],
)  # fmt: skip
def test_a_bad_row_is_set_aside(tmp_path: Path, row: Any, field: str, reason: str) -> None:
    rows, (bad,) = read(tmp_path, [GOOD, row, GOOD], True)
    assert len(rows) == 2
    assert (bad.file, bad.row, bad.field) == ("rows.jsonl", 2, field)
    assert reason in bad.reason


@pytest.mark.parametrize("column", ["context", "input"])
def test_nothing_that_was_asked_is_left_out(tmp_path: Path, column: str) -> None:
    """Dolly's and Alpaca's columns beside instruction and response."""
    told = {"instruction": "Sum it up.", "response": "Short."}
    rows, set_aside = read(tmp_path, [told | {column: ""}, told | {column: "A long text."}], False)
    assert len(rows) == 1
    assert [(bad.row, bad.field) for bad in set_aside] == [(2, column)]


def test_rows_of_one_prompt_are_one_group(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, [GOOD, {**GOOD, "rejected": "never"}, {**GOOD, "prompt": "other"}], True)
    assert rows[0].group == rows[1].group != rows[2].group


@pytest.mark.parametrize("name", ["missing.jsonl", "empty"], ids=["no-file", "empty-directory"])
def test_nothing_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=name):
        read_place(tmp_path / name, True)


def test_a_directory_of_parquet_and_json(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([GOOD, GOOD]), tmp_path / "a.parquet")
    (tmp_path / "b.json").write_text(json.dumps([{**GOOD, "prompt": "last"}]))
    rows, _ = read_place(tmp_path, True)
    assert [row.place for row in rows] == ["a.parquet row 1", "a.parquet row 2", "b.json row 1"]
    assert rows[2].answers[0] == Text("last", "yes")


def test_published_rows(data_dir: Path) -> None:
    folder = data_dir / "ultrainteract"
    assert len(read_place(folder / "readme_examples_sft.jsonl", False)[0]) == 3
    ((pair,), _) = read_place(folder / "readme_examples_pair.jsonl", True)
    assert pair.source == "tree"
    assert pair.group == "d1f094e0e13096bc1bb6260e1e0d807e2c4ebfbbf4a4373f04cbed001c385c3c"
