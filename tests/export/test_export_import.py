"""Published rows back into a forest: the quirks of the published sets, and export of what was imported."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from preftree.errors import InputError
from preftree.export import ExportSettings, export, import_rows
from preftree.export.action_pairs import ActionPairLimits
from preftree.export.published import read_row, split_reply, trees_of
from preftree.export.rows import action_pair_rows, pair_rows, sft_rows, unpaired_rows
from preftree.forest import Forest
from preftree.records import Action, Message, Observation, Problem, Reference, Tree, Turn, Verdict, from_json, to_json

Row = dict[str, Any]


def sft(response: str, *, parent: str = "p", place: str = "1_1", instruction: str = "q", **other: Any) -> Row:
    row = {"id": f"{response}_{place}", "parent_id": parent, "task": "Math_CoT", "dataset": "MATH"}
    return row | {"instruction": instruction, "response": response} | other


def pair(chosen: str, rejected: str, *earlier: str, parent: str = "p", place: str = "", **other: Any) -> Row:
    """`earlier`: action, reply, action, reply, … of the turns before."""
    said = [{"from": ("assistant", "user")[at % 2], "value": text} for at, text in enumerate(earlier)]
    place = place or f"{len(earlier) // 2 + 1}_{len(earlier) // 2 + 1}"
    row = {"id": f"{parent}_{place}", "parent_id": parent, "task": "Math_CoT", "dataset": "MATH"}
    row |= {"trajectory": [{"from": "user", "value": "q"}, *said], "chosen": chosen, "rejected": rejected}
    return row | other


def trees(*rows: Row) -> list[Tree]:
    found = [read_row(row) for row in rows]
    problem, made = trees_of(found[0][0], [row for _, row in found])
    for tree in made:
        assert tree.problem == problem
        assert from_json(Tree, to_json(tree)) == tree
    return made


def shape(tree: Tree) -> list[tuple[list[str], list[str], int | None]]:
    """Turn by turn: correct, incorrect, which was expanded."""
    return [([a.text for a in t.correct], [a.text for a in t.incorrect], t.expanded) for t in tree.turns]


REPLY = "Out: 0\nYour answer is wrong.\nLook again."
SYNTAX = "Out: Cell In[1], line 2\nSyntaxError: invalid syntax\nYour answer is wrong.\nMend it."


@pytest.mark.parametrize(
    ("rows", "shapes"),
    [
        pytest.param([sft("a")], [[(["a"], [], None)]], id="sft-alone"),
        pytest.param([pair("a", "w")], [[(["a"], ["w"], None)]], id="pair-alone"),
        pytest.param([sft("a"), sft("b"), pair("b", "w")], [[(["a", "b"], ["w"], None)]], id="more-correct-than-pairs"),
        pytest.param(
            [pair("a", "w", place="2_1"), pair("b", "v", "w", REPLY)],
            [[(["a"], ["w"], 0), (["b"], ["v"], None)]],
            id="two-turns",
        ),
        pytest.param(
            [pair("b", "v", "w", REPLY)], [[([], ["w"], 0), (["b"], ["v"], None)]], id="a-turn-without-a-correct-action"
        ),
        pytest.param(
            [pair("a", "w", place="2_1"), pair("b", "v", "u", SYNTAX)],
            [[(["a"], ["w", "u"], 1), (["b"], ["v"], None)]],
            id="a-syntax-error-was-expanded",
        ),
        pytest.param(
            [pair("a", "w", place="4_1")],
            [[(["a"], ["w"], None), ([], [], None), ([], [], None), ([], [], None)]],
            id="depth-of-the-id",
        ),
        pytest.param(
            [sft("b", place="2_2"), pair("a", "w", place="2_1")],
            [[(["a"], ["w"], None), (["b"], [], None)]],
            id="a-correct-action-whose-history-is-dropped",
        ),
        pytest.param(
            [sft("b", place="1_1"), pair("a", "w", place="2_1"), pair("b", "v", "w", REPLY)],
            [[(["a"], ["w"], 0), (["b"], ["v"], None)]],
            id="an-sft-row-that-names-another-turn-than-its-pair",
        ),
        pytest.param(
            [sft("c", place="1_1"), pair("b", "v", "w", REPLY)],
            [[([], ["w"], 0), (["b"], ["v"], None)], [(["c"], [], None)]],
            id="an-sft-row-of-another-depth",
        ),
        pytest.param(
            [sft("c", instruction=f"q\nw\n{REPLY}", place="2_2"), pair("b", "v", "w", REPLY)],
            [[([], ["w"], 0), (["c", "b"], ["v"], None)]],
            id="history-in-the-instruction",
        ),
        pytest.param(
            [sft("c", instruction="q\nStep 1\nPage"), pair("b", "v")],
            [[(["b"], ["v"], None)], [(["c"], [], None)]],
            id="history-in-the-instruction-that-no-pair-tells",
        ),
        pytest.param(
            [pair("a", "w", "x", REPLY), pair("b", "v", "y", REPLY)],
            [[([], ["x"], 0), (["a"], ["w"], None)], [([], ["y"], 0), (["b"], ["v"], None)]],
            id="two-trees-of-one-instruction",
        ),
    ],
)
def test_trees_of_rows(rows: list[Row], shapes: list[Any]) -> None:
    made = trees(*rows)
    assert [shape(tree) for tree in made] == shapes
    # Whatever the trees look like, they give the pairs that were published, no more and no fewer.
    assert _said(row for tree in made for row in pair_rows(tree)) == _said(row for row in rows if "chosen" in row)
    given_sft = [row["response"] for row in rows if "response" in row]
    if given_sft and not any("chosen" in row for row in rows):
        assert [row["response"] for tree in made for row in sft_rows(tree)] == given_sft
    for tree in made:
        list(action_pair_rows(tree, ActionPairLimits()))
        list(unpaired_rows(tree))


def _said(rows: Iterable[Row]) -> list[str]:
    return sorted(json.dumps([row["parent_id"], row["trajectory"], row["chosen"], row["rejected"]]) for row in rows)


def test_pairs_one_to_one_stay_so() -> None:
    """Challenging problems: a wrong action for each of several correct ones, not each with each."""
    (tree,) = trees(pair("a", "v"), pair("b", "w"))
    assert [(row["chosen"], row["rejected"]) for row in pair_rows(tree)] == [("a", "v"), ("b", "w")]


@pytest.mark.parametrize(
    ("task", "read"), [("Math_Cot", "Math_CoT"), ("math_pot", "Math_PoT"), ("Logic", "Logic"), ("CODING", "Coding")]
)
def test_a_task_however_it_is_spelt(task: str, read: str) -> None:
    assert trees(sft("a", task=task))[0].problem.task == read


@pytest.mark.parametrize(
    ("reply", "status", "output", "critique"),
    [
        pytest.param(REPLY, "ok", "Out: 0", "Look again.", id="all-three"),
        pytest.param(SYNTAX, "syntax", SYNTAX[: SYNTAX.index("\nYour")], "Mend it.", id="syntax"),
        pytest.param("Your answer is wrong.", "none", "", None, id="verdict-alone"),
        pytest.param("Page: 3OH!3\nSummary: a duo.", "ok", "Page: 3OH!3\nSummary: a duo.", None, id="a-search"),
        pytest.param(
            "Out: Traceback (most recent call last)\nNameError: x\nYour answer is wrong.\nDefine x.\n",
            "error", "Out: Traceback (most recent call last)\nNameError: x", "Define x.\n", id="error",
        ),
    ],
)  # fmt: skip
def test_a_reply_in_its_parts(reply: str, status: str, output: str, critique: str | None) -> None:
    observation, said = split_reply(reply)
    assert (observation.status, observation.output, said) == (status, output, critique)


# ---------------------------------------------------------------- files


def write(path: Path, rows: Sequence[Any]) -> str:
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return str(path)


def read(path: str | Path) -> list[Row]:
    path = Path(path)
    if path.suffix == ".parquet":
        return list(pyarrow.parquet.read_table(path).to_pylist())
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_published_examples(tmp_path: Path, data_dir: Path) -> None:
    """The rows of the paper's README: every one comes back as it was, but for `Math_Cot` and the hash of SFT ids."""
    folder = data_dir / "ultrainteract"
    report = import_rows([str(folder)], tmp_path / "forest")
    assert (report.num_sft, report.num_pairs, report.num_set_aside, report.trees) == (3, 1, 0, 4)
    assert report.datasets == {"MATH": 1, "codecontest": 1, "hotpotqa": 1, "mathqa": 1}
    written = export(tmp_path / "forest", tmp_path / "rows")
    assert read(written.pairs) == read(folder / "readme_examples_pair.jsonl")
    published, again = read(folder / "readme_examples_sft.jsonl"), read(written.sft)
    for before, after in zip(published, again[:3], strict=True):
        assert after.pop("id").partition("_")[2] == before.pop("id").partition("_")[2] == "1_1"
        assert after == before
    with Forest(tmp_path / "forest", readonly=True) as forest:
        found = {tree.problem.dataset: tree for tree in forest.trees()}
    tree = found["MATH"]
    assert (tree.depth, tree.problem.instruction) == (5, "Simplify $(-3-2i)-(1+4i)$.")
    assert [turn.expanded for turn in tree.turns] == [0, 0, None, None, None]
    assert [turn.incorrect[0].observation.status for turn in tree.turns[:2]] == ["syntax", "ok"]  # type: ignore[union-attr]
    assert (tree.turns[1].critique or "").endswith("with the correct arithmetic calculations.")
    assert found["hotpotqa"].problem.tools == ("wikipedia_search",)
    assert found["hotpotqa"].problem.instruction.startswith("Which musician or group is from the US")
    assert found["mathqa"].problem.tools == ("python",)
    assert found["codecontest"].problem.instruction.startswith("Mike has a string s")


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_rows_that_can_not_be_read_are_set_aside(tmp_path: Path, form: str) -> None:
    rows: list[Any] = [
        sft("a"),
        sft("b", task="Physics"),
        sft("c", place="x"),
        sft(" ", place="1_1"),
        sft("d", parent_id=None),
        sft("e", place="5000_1"),
    ]
    reasons = {
        2: ("task", "expected one of Math_PoT, Math_CoT, Coding, Logic, got 'Physics'"),
        3: ("id", "expected <hash>_<turns of the tree>_<turn>, turns up to 100"),
        4: ("response", "empty"),
        5: ("parent_id", "missing"),
        6: ("id", "expected <hash>_<turns of the tree>_<turn>, turns up to 100"),
    }
    if form == "jsonl":
        bad = [{"from": "user", "value": "q"}, {"from": "user", "value": "r"}]
        rows += [
            pair("a", "w") | {"trajectory": bad}, pair("a", "w") | {"trajectory": "q"}, "{", "[1]",
            sft("half") | {"response": "half \ud83d"},
            pair("a", "w") | {"trajectory": [{"from": "assistant", "value": "q"}]},
        ]  # fmt: skip
        reasons |= {
            8: ("trajectory", "expected a list of {from, value}"),
            10: ("", "expected an object, got list"),
            11: ("response", "holds half of a character (a lone surrogate)"),
            12: ("trajectory", "expected to begin with the user's message"),
        }
    report = import_rows([write(tmp_path / f"rows.{form}", rows)], tmp_path / "forest")
    assert (report.num_sft, report.trees) == (1, 1 + report.num_pairs)
    aside = {row["row"]: row for row in json.loads((tmp_path / "forest" / "rows_set_aside.json").read_text())}
    assert len(aside) == report.num_set_aside == sum(report.reasons.values())
    for number, (field, reason) in reasons.items():
        assert (aside[number]["file"], aside[number]["field"], aside[number]["reason"]) == (
            f"rows.{form}", field, reason,
        )  # fmt: skip
    if form == "jsonl":
        # Two user messages before any answer are a prompt; the row is whole.
        assert report.num_pairs == 1
        assert aside[9]["reason"].startswith("not JSON")


def test_no_row_is_one_sentence(tmp_path: Path) -> None:
    place = write(tmp_path / "rows.jsonl", [{"messages": []}])
    with pytest.raises(InputError, match=r'columns there; rows\.jsonl row 1, field "parent_id"'):
        import_rows([place], tmp_path / "forest")
    assert not (tmp_path / "forest" / "forest.sqlite").exists()


def test_nothing_is_left_of_the_spool(tmp_path: Path) -> None:
    import_rows([write(tmp_path / "rows.jsonl", [sft("a")])], tmp_path / "forest")
    assert {path.name for path in (tmp_path / "forest").iterdir()} <= {
        "forest.sqlite", "forest.sqlite-shm", "forest.sqlite-wal", "lock", "owner", "rows_set_aside.json",
    }  # fmt: skip


def test_a_problem_with_and_without_a_tool_is_one_group(tmp_path: Path) -> None:
    tool = "Tool available:\n[1] Python interpreter\nWhen you send a message containing Python code to python, it will "
    tool += "be executed in a stateful Jupyter notebook environment.\n"
    asked = "Solve the following math problem step-by-step.\nSimplify your answer as much as possible."
    with_tool = sft("a", parent="x", task="Math_PoT", instruction=f"{tool}{asked}\nWhat is 2 + 2?")
    boxed = " Present your final answer as \\boxed{Your Answer}."
    without = sft("b", parent="y", instruction=f"{asked}{boxed}\nWhat is 2 + 2?")
    found = [trees(row)[0].problem for row in (with_tool, without)]
    assert [problem.instruction for problem in found] == ["What is 2 + 2?"] * 2
    assert found[0].group == found[1].group != ""


# ---------------------------------------------------------------- there and back

texts = st.sampled_from(["one", "two\nlines", "three", "```python\n4\n```", "fünf", "six"])


@st.composite
def grown(draw: st.DrawFn, number: int = 0) -> Tree:
    """A tree as growing makes it: distinct actions, each turn but the last expanded."""
    task = draw(st.sampled_from(["Math_PoT", "Math_CoT", "Coding", "Logic"]))
    verifier = draw(st.sampled_from(["math", "math", "math", "judge"]))
    problem = Problem(f"problem {number}", "GSM8K", task, f"question {number}", (Reference("1"),), verifier)
    turns = []
    depth = draw(st.integers(1, 5))
    for index in range(depth):
        last = index == depth - 1
        right = draw(st.lists(texts, max_size=3, unique=True))
        wrong = draw(st.lists(texts, min_size=0 if last else 1, max_size=3, unique=True))
        bad = draw(st.integers(-1, len(wrong) - 1))
        expanded = None if last else draw(st.integers(0, len(wrong) - 1))
        actions = [
            Action(f"w{text}", "b", "sample", at, observation=Observation("syntax" if at == bad else "ok"),
                   verdict=Verdict("wrong"))
            for at, text in enumerate(wrong)
        ]  # fmt: skip
        reply = None
        if expanded is not None:
            shown = "SyntaxError: invalid syntax" if expanded == bad else "Out: 0"
            reply = f"{shown}\nYour answer is wrong.\n{draw(texts)}"
        correct = [Action(f"r{text}", "a", "sample", at, verdict=Verdict("correct")) for at, text in enumerate(right)]
        turns.append(Turn(index, tuple(correct), tuple(actions), expanded, None, reply))
    return Tree(f"t{number}", problem, (Message("user", f"prompt {number}"),), tuple(turns))


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_export_of_an_import_is_the_export(data: st.DataObject) -> None:
    """Rows of any forest, read back and written again, are the same rows, ids and order included."""
    tree = data.draw(grown())
    rows = [list(sft_rows(tree)), list(pair_rows(tree))]
    if not rows[0]:
        return
    for columns in rows, rows[::-1]:
        found = [read_row(row) for kind in columns for row in kind]
        _, made = trees_of(found[0][0], [row for _, row in found])
        again = [[row for tree in made for row in rows_of(tree)] for rows_of in (sft_rows, pair_rows)]
        assert again == rows


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_forest_there_and_back(tmp_path: Path, forest_of: Any, form: str) -> None:
    made = []
    for number in range(30):
        tree = _example(number)
        made.append(replace(tree, id=f"t{number}"))
    forest_of(tmp_path / "forest", *made)
    first = export(tmp_path / "forest", tmp_path / "rows", ExportSettings(format=form))
    # A directory of rows: its action pairs and its card are passed over.
    import_rows([str(tmp_path / "rows")], tmp_path / "again")
    second = export(tmp_path / "again", tmp_path / "rows-again", ExportSettings(format=form))
    assert read(second.sft) == read(first.sft)
    assert read(second.pairs) == read(first.pairs)
    assert (second.num_trees, second.pairs_with_different_actors) == (30, 0)
    assert not [path for path in (tmp_path / "again").iterdir() if path.name.startswith("spool")]


def _example(number: int) -> Tree:
    problem = Problem(f"problem {number}", "GSM8K", "Math_PoT", f"question {number}", (Reference("1"),))
    right = tuple(Action(f"right {number} {i}", "a", "sample", i, verdict=Verdict("correct")) for i in range(2))
    wrong = tuple(
        Action(f"wrong {number} {i}", "b", "sample", i, observation=Observation(s), verdict=Verdict("wrong"))
        for i, s in enumerate(("ok", "syntax"))
    )
    first = Turn(0, right if number % 3 else (), wrong, 0, "c", "Out: 0\nYour answer is wrong.\nc")
    second = Turn(1, right[:1], wrong if number % 2 else ())
    return Tree("", problem, (Message("user", f"prompt {number}"),), (first, second))


def test_import_again_is_the_same_forest(tmp_path: Path) -> None:
    """A stopped import is begun anew: what stands there already stands for the same."""
    places = [write(tmp_path / "rows.jsonl", [sft("a"), sft("b", parent="o"), pair("a", "w")])]
    fingerprints = []
    for _ in range(2):
        import_rows(places, tmp_path / "forest")
        with Forest(tmp_path / "forest", readonly=True) as forest:
            fingerprints.append((forest.fingerprint(), [problem.id for problem in forest.problems()]))
    assert fingerprints[0] == fingerprints[1]
    assert fingerprints[0][1] == ["published/p", "published/o"]
