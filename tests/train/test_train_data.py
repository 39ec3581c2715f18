"""Public sets, places, mixes and splits: each form on a row as published, each place with the same rows."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from preftree.errors import InputError
from preftree.problems.places import BadRow, Place, values
from preftree.records import Message
from preftree.train import TrainSettings
from preftree.train.forms import FORMS
from preftree.train.mix import MixEntry, iter_mix
from preftree.train.rows import Conversation, Kind, Row, Text, iter_rows
from preftree.train.sources import held_out_rows, mix_of, problem_key, rows_fingerprint, training_rows

DATA = Path(os.environ.get("PREFTREE_DATA", Path(__file__).parents[3] / "shared" / "data"))


def write(path: Path, rows: list[Any]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def read(path: str, kind: Kind, **more: Any) -> list[Row | BadRow]:
    return list(iter_rows(Place(path), kind, **more))


def texts(row: Any) -> list[str]:
    return [a.completion if isinstance(a, Text) else a.completion[-1].content for a in row.answers]


# ---------------------------------------------------------------- forms


def scored(*scores: float) -> dict[str, Any]:
    return {"instruction": "q", "completions": [{"response": f"r{s}", "overall_score": s} for s in scores]}


def rated(ratings: list[str]) -> dict[str, Any]:
    return {"response": "r" + "".join(ratings), "annotations": {str(i): {"Rating": r} for i, r in enumerate(ratings)}}


def safe(rating: str, text: str) -> dict[str, Any]:
    return {"response": text, "annotations": {"harmlessness": [{"Rating": rating}]}}


@pytest.mark.parametrize(
    ("value", "pairs"),
    [
        pytest.param(
            scored(1, 4, 2, 3), [("r4", "r1"), ("r2", "r1"), ("r3", "r1"), ("r4", "r2"), ("r4", "r3"), ("r3", "r2")],
            id="six-comparisons",
        ),
        pytest.param(scored(1, 1, 2), [("r2", "r1"), ("r2", "r1")], id="a-tie-is-no-pair"),
        pytest.param(
            {"instruction": "q", "completions": [rated(["1", "2"]), rated(["5", "N/A"])]}, [("r5N/A", "r12")],
            id="ratings-where-there-is-no-score",
        ),
        pytest.param(
            {"prompt": "q", "chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
             "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}],
             "score_chosen": 8.0, "score_rejected": 3.0, "messages": []}, [("a", "b")], id="binarized",
        ),
        pytest.param(
            {"instruction": "q", "prompt": "jail q", "completions": [safe("0", "bad"), safe("1", "good")]},
            [("good", "bad")], id="ultrasafety",
        ),
    ],
)  # fmt: skip
def test_preference_sets(tmp_path: Path, value: dict[str, Any], pairs: list[tuple[str, str]]) -> None:
    rows = read(write(tmp_path / "r.jsonl", [value]), "pair")
    assert [tuple(texts(row)) for row in rows] == pairs
    assert len({row.group for row in rows if isinstance(row, Row)}) == 1
    assert {row.source for row in rows if isinstance(row, Row)} <= {"ultrafeedback", "ultrasafety"}


@pytest.mark.parametrize(
    ("value", "field", "reason"),
    [
        pytest.param(scored(2, 2), "completions", "no two of them", id="all-ties"),
        pytest.param(
            {"instruction": "q", "completions": [{"response": "r"}]}, "completions[0]", "overall", id="unscored"
        ),
        pytest.param(
            {"instruction": "q", "completions": [safe("1", "a"), safe("1", "b")]}, "completions", "no harmful",
            id="all-harmless",
        ),
        pytest.param(
            {"chosen": "a", "rejected": "b", "prompt": "q", "score_chosen": 1, "score_rejected": 1}, "score_rejected",
            "a tie", id="binarized-tie",
        ),
        pytest.param(
            {"chosen": "a", "rejected": "b", "prompt": "q", "score_chosen": 1, "score_rejected": 9}, "score_rejected",
            "higher than score_chosen", id="binarized-the-other-way",
        ),
        pytest.param(
            {"chosen": "a", "rejected": "b", "prompt": "q", "score_chosen": float("nan"), "score_rejected": 1},
            "score_chosen", "expected a number", id="binarized-not-a-number",
        ),
        pytest.param(
            scored(9, float("nan")), "completions[1].overall_score", "expected a number", id="score-not-a-number"
        ),
        pytest.param(
            {"instruction": "q", "completions": ["a", "b"]}, "completions", "list of objects", id="texts-as-completions"
        ),
        pytest.param(
            {"instruction": "q", "completions": [safe("1", "a"), "b"]}, "", "AttributeError", id="half-an-ultrasafety"
        ),
    ],
)  # fmt: skip
def test_what_preference_sets_leave_out(tmp_path: Path, value: dict[str, Any], field: str, reason: str) -> None:
    (bad,) = read(write(tmp_path / "r.jsonl", [value]), "pair")
    assert isinstance(bad, BadRow)
    assert bad.field == field
    assert reason in bad.reason


@pytest.mark.parametrize(
    ("value", "prompt", "completion", "source"),
    [
        pytest.param(
            {"id": "niv.1", "system_prompt": "be brief", "question": "q", "response": "r"},
            [("system", "be brief"), ("user", "q")], ["r"], "openorca", id="openorca",
        ),
        pytest.param(
            {"id": "flan.1", "system_prompt": "", "question": "q", "response": "r"}, [("user", "q")], ["r"], "openorca",
            id="openorca-no-system",
        ),
        pytest.param(
            {"id": "0", "data": ["q", "a", "q2", "a2", "q3"]}, [("user", "q")], ["a", "q2", "a2"], "ultrachat",
            id="ultrachat",
        ),
        pytest.param(
            {"conversations": [{"from": "gpt", "value": "lost"}, {"from": "human", "value": "q"},
                               {"from": "gpt", "value": "a"}, {"from": "human", "value": "bye"}]},
            [("user", "q")], ["a"], "sharegpt", id="sharegpt",
        ),
        pytest.param(
            {"instruction": "q", "response": "r", "parent_id": "p"}, [("user", "q")], ["r"], "ultrainteract",
            id="ultrainteract",
        ),
    ],
)  # fmt: skip
def test_sft_sets(tmp_path: Path, value: Any, prompt: Any, completion: list[str], source: str) -> None:
    (row,) = read(write(tmp_path / "r.jsonl", [value]), "single")
    assert isinstance(row, Row)
    (answer,) = row.answers
    assert isinstance(answer, Conversation)
    assert [(m.role, m.content) for m in answer.prompt] == prompt
    assert [m.content for m in answer.completion] == completion
    assert row.source == source


def test_trl_more_forms(tmp_path: Path) -> None:
    labelled = write(tmp_path / "l.jsonl", [{"prompt": "q", "completion": "a", "label": i > 0} for i in range(2)])
    assert [row.label for row in read(labelled, "label") if isinstance(row, Row)] == [False, True]
    margin = write(tmp_path / "m.jsonl", [{"prompt": "q", "chosen": "a", "rejected": "b", "margin": 2}])
    assert [row.margin for row in read(margin, "pair") if isinstance(row, Row)] == [2.0]
    as_text = write(
        tmp_path / "t.jsonl",
        [{"prompt": "q", "chosen": [{"role": "assistant", "content": "a"}],
          "rejected": [{"role": "assistant", "content": "b"}]}],
    )  # fmt: skip
    (row,) = read(as_text, "pair")
    assert isinstance(row, Row)
    assert {answer.prompt for answer in row.answers} == {(Message("user", "q"),)}
    implicit = write(tmp_path / "i.jsonl", [{"chosen": "What is 1+1? It is 2", "rejected": "What is 1+1? It was 3"}])
    (row,) = read(implicit, "pair")
    assert isinstance(row, Row)
    assert row.answers == (Text("What is 1+1? It", " is 2"), Text("What is 1+1? It", " was 3"))


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no real rows at {DATA} (PREFTREE_DATA names another place)")
@pytest.mark.parametrize(
    ("file", "kind", "source", "count"),
    [
        ("ultrainteract/readme_examples_sft.jsonl", "single", "ultrainteract", 3),
        ("ultrainteract/readme_examples_pair.jsonl", "pair", "tree", 1),
        ("ultrasafety/schema_example.jsonl", "pair", "ultrasafety", 1),
        ("openorca/schema_example.jsonl", "single", "openorca", 1),
        ("ultrachat/schema_example.jsonl", "single", "ultrachat", 1),
        ("ultrachat/schema_example_200k.jsonl", "single", "other", 1),
    ],
)
def test_published_rows_are_recognised(file: str, kind: Kind, source: str, count: int) -> None:
    rows = read(str(DATA / file), kind)
    assert all(isinstance(row, Row) and row.source == source for row in rows), rows
    assert len(rows) == count


def test_an_unknown_form_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", [{"prompt": "q", "completion": "a"}])
    with pytest.raises(InputError, match='form "ultra" is unknown; expected auto, ultrainteract_pair'):
        read(path, "single", form="ultra")
    with pytest.raises(InputError, match='form "openorca" has no chosen and rejected'):
        read(path, "pair", form="openorca")
    assert len(FORMS) == 13


# ---------------------------------------------------------------- places

VALUES = [{"prompt": f"q{i}", "completion": f"a{i}"} for i in range(5)]


def jsonl(path: Path) -> str:
    return write(path / "rows.jsonl", VALUES)


def gzipped(path: Path) -> str:
    with gzip.open(path / "rows.jsonl.gz", "wt") as file:
        file.write("".join(json.dumps(value) + "\n" for value in VALUES))
    return str(path / "rows.jsonl.gz")


def json_list(path: Path) -> str:
    (path / "rows.json").write_text(json.dumps(VALUES))
    return str(path / "rows.json")


def parquet(path: Path) -> str:
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(VALUES), path / "rows.parquet")
    return str(path / "rows.parquet")


def directory(path: Path) -> str:
    write(path / "a.jsonl", VALUES[:2])
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(VALUES[2:]), path / "b.parquet")
    return str(path)


def saved(path: Path) -> str:
    """The layout of `Dataset.save_to_disk`: state.json lists streams of record batches."""
    files = []
    for name, part in (("data-0.arrow", VALUES[:3]), ("data-1.arrow", VALUES[3:])):
        table = pyarrow.Table.from_pylist(part)
        with pyarrow.OSFile(str(path / name), "wb") as file, pyarrow.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table)
        files.append({"filename": name})
    (path / "state.json").write_text(json.dumps({"_data_files": files}))
    return str(path)


def saved_dict(path: Path) -> str:
    (path / "train").mkdir()
    saved(path / "train")
    (path / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    return str(path)


@pytest.mark.parametrize("make", [jsonl, gzipped, json_list, parquet, directory, saved, saved_dict])
def test_places_give_the_same_values(tmp_path: Path, make: Callable[[Path], str]) -> None:
    assert [value.content for value in values(Place(make(tmp_path)))] == VALUES


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(lambda p: p / "none.jsonl", "no .jsonl", id="missing"),
        pytest.param(lambda p: p, "no .jsonl", id="empty-directory"),
        pytest.param(lambda p: (p / "r.parquet").write_text("x") and p / "r.parquet", "not a Parquet", id="parquet"),
        pytest.param(lambda p: (p / "r.json").write_text("{}") and p / "r.json", "a list of rows", id="json"),
        pytest.param(lambda p: (p / "r.txt").write_text("x") and p / "r.txt", "expected .jsonl", id="ending"),
        pytest.param(lambda p: (p / "r.jsonl.gz").write_text("x") and p / "r.jsonl.gz", "broken gzip", id="gzip"),
    ],
)
def test_wrong_places(tmp_path: Path, make: Callable[[Path], Path], said: str) -> None:
    with pytest.raises(InputError, match=said):
        list(values(Place(str(make(tmp_path)))))


def test_a_split_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='no split "dev"; it has train, test'):
        list(values(Place(saved_dict(tmp_path), split="dev")))


def test_hub_sets_through_a_mock_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mock: no hub can be reached from a test. It answers as the hub lists and stores converted sets."""
    import huggingface_hub

    listed = ["default/train/0000.parquet", "default/test/0000.parquet", "other/train/0000.parquet", "README.md"]
    monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_files", lambda self, *a, **k: listed)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda repo, name, **k: parquet(tmp_path))
    assert [value.content for value in values(Place("owner/name"))] == VALUES
    with pytest.raises(InputError, match='owner/name: no split "dev"; it has test, train'):
        list(values(Place("owner/name", split="dev")))
    with pytest.raises(InputError, match="choose a config of it: default, other"):
        list(values(Place("owner/name", config="third")))


def test_a_hub_that_can_not_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="owner/name: neither a file, nor a data set that the hub gives"):
        list(values(Place("owner/name")))


# ---------------------------------------------------------------- mixes


def source(path: Path, name: str, groups: int, a_group: int = 1) -> str:
    rows = [
        {"prompt": f"{name} {g}", "chosen": f"y{i}", "rejected": f"n{i}", "parent_id": f"{name}{g}"}
        for g in range(groups)
        for i in range(a_group)
    ]
    return write(path / f"{name}.jsonl", rows)


def mixed(entries: list[MixEntry]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in iter_mix(entries, "pair"):
        assert isinstance(row, Row)
        found.setdefault(row.source, []).append(row.group)
    return found


def test_caps_keep_groups_whole_and_follow_the_seed(tmp_path: Path) -> None:
    path = source(tmp_path, "a", groups=20, a_group=3)
    first = mixed([MixEntry(path, name="a", cap=10)])["a"]
    assert len(first) == 9
    assert all(first.count(group) == 3 for group in first)
    assert mixed([MixEntry(path, name="a", cap=10)])["a"] == first
    assert mixed([MixEntry(path, name="a", cap=10, seed=1)])["a"] != first
    assert mixed([MixEntry(source(tmp_path, "b", 5), name="b"), MixEntry(path, name="a", cap=10)])["a"] == first
    assert len(mixed([MixEntry(path, name="a", cap=1000)])["a"]) == 60


def test_shares_are_of_the_whole(tmp_path: Path) -> None:
    a, b, c = (source(tmp_path, name, count) for name, count in (("a", 60), ("b", 100), ("c", 100)))
    found = mixed([MixEntry(a, name="a"), MixEntry(b, name="b", share=0.25), MixEntry(c, name="c", share=0.25)])
    assert {name: len(groups) for name, groups in found.items()} == {"a": 60, "b": 30, "c": 30}
    found = mixed([MixEntry(a, name="a", share=0.75), MixEntry(b, name="b", share=0.25)])
    assert {name: len(groups) for name, groups in found.items()} == {"a": 60, "b": 20}


@pytest.mark.parametrize(
    ("mix", "said"),
    [
        pytest.param([{"rows": "x", "cap": 0}], "cap of at least 1", id="cap"),
        pytest.param([{"rows": "x", "share": 2}], "a share over 0", id="share"),
        pytest.param([{"rows": ""}], "has no rows", id="empty"),
        pytest.param([{"path": "x"}], 'unknown setting "path"', id="unknown"),
        pytest.param([{"cap": 3}], '"rows" is missing', id="missing"),
        pytest.param(["x.jsonl"], "expected a list of objects", id="a-path-alone"),
        pytest.param([{"rows": "x", "cap": "abc"}], "expected cap as a whole number, got 'abc'", id="cap-as-text"),
        pytest.param([{"rows": "x", "share": "y"}], "expected share as a number", id="share-as-text"),
        pytest.param([{"rows": 5}], "expected a file", id="rows-as-a-number"),
        pytest.param([{"rows": "x", "name": 5}], "expected name as text", id="name-as-a-number"),
    ],
)
def test_wrong_mixes(mix: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(InputError, match=said):
        mix_of(TrainSettings("dpo", "m", out="o", mix=tuple(mix)))
    with pytest.raises(InputError, match=r"shares add up to 1\.2"):
        list(iter_mix([MixEntry("x", share=0.6), MixEntry("y", share=0.6)], "pair"))


# ---------------------------------------------------------------- splits

COT = (
    "Solve the following math problem step-by-step.\nSimplify your answer as much as possible. "
    "Present your final answer as \\boxed{Your Answer}.\n"
)
POT = (
    "Tool available:\n[1] Python interpreter\nWhen you send a message containing Python code to python, it will be "
    "executed in a stateful Jupyter notebook environment.\nSolve the following math problem step-by-step.\n"
    "Simplify your answer as much as possible.\n"
)


def test_a_problem_with_and_without_a_tool_stays_on_one_side(tmp_path: Path) -> None:
    rows = [
        {"trajectory": [{"from": "user", "value": f"{form}What is {i} plus {i}?"}], "chosen": "a", "rejected": "b",
         "parent_id": f"{len(form)} {i}"}
        for i in range(200)
        for form in (COT, POT, "Write Python code to solve the task:\n")
    ]  # fmt: skip
    settings = TrainSettings("dpo", "m", write(tmp_path / "r.jsonl", rows), "o", eval_share=0.2)
    sides = [
        {problem_key(row) for row in part(settings) if isinstance(row, Row)} for part in (training_rows, held_out_rows)
    ]
    assert not sides[0] & sides[1]
    assert len(sides[0] | sides[1]) == 200
    assert 20 <= len(sides[1]) <= 60
    counts = [sum(1 for _ in part(settings)) for part in (training_rows, held_out_rows)]
    assert counts == [3 * len(side) for side in sides]


def test_problem_key_keeps_what_is_no_task_prompt() -> None:
    def row(asked: str) -> Row:
        return Row("f row 1", "g", "tree", (Conversation((Message("user", asked),), (Message("assistant", "a"),)),))

    assert problem_key(row(COT + "Find  X.\nNow")) == problem_key(row(POT + "find x. now")) == "find x. now"
    assert problem_key(row(COT)) == "g"


def test_pairs_of_one_question_without_a_prompt_stay_on_one_side(tmp_path: Path) -> None:
    """What two answers begin with goes into the question's last line; the lines before it are the same in all pairs."""
    asked = [f"Human: what is {i}?\n\nAssistant: {word}" for i in range(60) for word in ("It is", "Well,", "I say")]
    rows = [{"chosen": f"{start} right", "rejected": f"{start} no"} for start in asked]
    settings = TrainSettings("dpo", "m", write(tmp_path / "r.jsonl", rows), "o", eval_share=0.3)
    sides = [
        {problem_key(row) for row in part(settings) if isinstance(row, Row)} for part in (training_rows, held_out_rows)
    ]
    assert not sides[0] & sides[1]
    assert len(sides[0] | sides[1]) == 60
    rows = [{"chosen": "What is 1? It is one", "rejected": "What is 1? It is two"}]
    settings = TrainSettings("dpo", "m", write(tmp_path / "s.jsonl", rows), "o", eval_share=0.3)
    with pytest.raises(InputError, match=r"eval_share: pairs of plain text without a prompt"):
        list(training_rows(settings))


def test_a_named_form_names_what_a_row_lacks(tmp_path: Path) -> None:
    place = Place(write(tmp_path / "r.jsonl", [{"prompt": "q", "completion": "a"}]))
    (bad,) = iter_rows(place, "single", form="ultrachat")
    assert isinstance(bad, BadRow)
    assert (bad.field, bad.reason) == ("data", "missing: the form ultrachat has it")


def test_rows_to_train_on_and_to_evaluate_on_are_told_apart(tmp_path: Path) -> None:
    a, b = (write(tmp_path / f"{name}.jsonl", [{"text": name}]) for name in "ab")
    both = TrainSettings("sft", "m", out="o", mix=({"rows": a}, {"rows": b}))
    apart = TrainSettings("sft", "m", out="o", mix=({"rows": a},), eval_rows=b)
    assert rows_fingerprint(both) != rows_fingerprint(apart)
