"""The forms of rows: golden rows of one tree in both columns, and each through the trainer's own reader."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from preftree.export import ExportSettings, export, pair_rows, sft_rows
from preftree.export.action_pairs import ActionPairLimits
from preftree.export.rows import action_pair_rows, unpaired_rows
from preftree.problems.places import BadRow, Place
from preftree.records import Action, Message, Observation, Problem, Reference, Tree, Turn, Verdict
from preftree.train.rows import Row, iter_rows

REPLY = "SyntaxError: invalid syntax\nYour answer is wrong.\nMend it."


def action(text: str, outcome: Any, *, status: str = "ok", actor: str = "a") -> Action:
    return Action(text, actor, "sample", 0, observation=Observation(status), verdict=Verdict(outcome))


PROBLEM = Problem("p", "gsm8k", "Math_PoT", "q", (Reference("6", rationale="Two threes."), Reference("6")))
TREE = Tree(
    "t",
    PROBLEM,
    (Message("user", "prompt"),),
    (
        Turn(0, (), (action("1 +", "wrong", status="syntax"), action("5", "wrong")), 0, "Mend it.", REPLY),
        Turn(1, (action("6", "correct"), action("3 * 2", "correct")), (action("7", "wrong", actor="b"),)),
    ),
)
USER, BROKEN, TOLD = (
    {"role": "user", "content": "prompt"},
    {"role": "assistant", "content": "1 +"},
    {"role": "user", "content": REPLY},
)


def said(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


@pytest.mark.parametrize(
    ("columns", "history", "first"),
    [
        pytest.param("ultrainteract", "drop", {"instruction": "prompt", "response": "6"}, id="ultrainteract-drop"),
        pytest.param(
            "ultrainteract", "keep", {"instruction": f"prompt\n1 +\n{REPLY}", "response": "6"}, id="ultrainteract-keep"
        ),
        pytest.param(
            "ultrainteract", "trajectory", {"messages": [USER, BROKEN, TOLD, said("6")]}, id="ultrainteract-trajectory"
        ),
        pytest.param("trl", "drop", {"messages": [USER, said("6")]}, id="trl-drop"),
        pytest.param("trl", "keep", {"prompt": [USER, BROKEN, TOLD], "completion": [said("6")]}, id="trl-keep"),
        pytest.param("trl", "trajectory", {"messages": [USER, BROKEN, TOLD, said("6")]}, id="trl-trajectory"),
    ],
)
def test_sft_rows(columns: str, history: str, first: dict[str, Any]) -> None:
    rows = list(sft_rows(TREE, history=history, columns=columns))
    common = {name: rows[0][name] for name in ("id", "parent_id", "task", "dataset")}
    assert rows[0] == common | first
    assert list(rows[0])[:4] == ["id", "parent_id", "task", "dataset"]
    assert (common["task"], common["dataset"], len(rows)) == ("Math_PoT", "gsm8k", 2)
    assert common["id"].endswith("_2_2")


def test_pairs_in_trl_columns() -> None:
    """A turn with two correct actions and one wrong one gives two pairs; the syntax error is history alone."""
    rows = list(pair_rows(TREE, columns="trl"))
    assert [(row["chosen"], row["rejected"]) for row in rows] == [
        ([said("6")], [said("7")]), ([said("3 * 2")], [said("7")]),
    ]  # fmt: skip
    assert all(row["prompt"] == [USER, BROKEN, TOLD] and row["source"] == "tree" for row in rows)
    (single, *_) = action_pair_rows(TREE, ActionPairLimits(), columns="trl")
    assert (single["prompt"], single["chosen"], single["rejected"]) == ([USER], [said("6")], [said("5")])


def test_unpaired_rows_have_what_pairs_leave_out() -> None:
    rows = [(row["prompt"], row["completion"][0]["content"], row["label"]) for row in unpaired_rows(TREE)]
    history = [USER, BROKEN, TOLD]
    assert rows == [([USER], "5", False), (history, "6", True), (history, "3 * 2", True), (history, "7", False)]


def test_what_a_model_judged_gives_sft_rows_alone() -> None:
    """Magicoder-Evol (FACTS section 1): no ground truth, so no pair of any kind."""
    tree = replace(TREE, problem=replace(PROBLEM, verifier="judge", references=()))
    assert len(list(sft_rows(tree))) == 2
    assert not [*pair_rows(tree), *action_pair_rows(tree, ActionPairLimits()), *unpaired_rows(tree)]


@pytest.mark.parametrize(
    ("turns", "counts"),
    [
        pytest.param([(["a"], ["w"])], (1, 1), id="one-pair"),
        pytest.param([([], ["w"]), (["a"], ["v"])], (1, 1), id="a-turn-without-a-correct-action"),
        pytest.param([([], ["w"])], (0, 0), id="none-correct"),
        pytest.param([(["a", "b"], [])], (2, 0), id="none-wrong"),
        pytest.param([(["a", "b"], ["v", "w"])], (2, 4), id="each-with-each"),
    ],
)
def test_turns_that_lack_a_side(turns: list[tuple[list[str], list[str]]], counts: tuple[int, int]) -> None:
    made = tuple(
        Turn(
            at,
            tuple(action(text, "correct") for text in right),
            tuple(action(text, "wrong") for text in wrong),
            0 if at + 1 < len(turns) else None,
            reply="again" if at + 1 < len(turns) else None,
        )
        for at, (right, wrong) in enumerate(turns)
    )
    tree = replace(TREE, turns=made)
    assert (len(list(sft_rows(tree, history="keep"))), len(list(pair_rows(tree)))) == counts


def test_what_is_not_known_gives_no_row(tmp_path: Path, forest_of: Any) -> None:
    """A correct action whose history isn't known (imported rows), and one without a reference, are counted."""
    gap = replace(TREE, turns=(Turn(0), replace(TREE.turns[1], incorrect=())))
    assert not list(sft_rows(gap, history="keep"))
    assert len(list(sft_rows(gap))) == 2
    report = export(forest_of(tmp_path / "forest", gap), tmp_path / "rows", ExportSettings(history="keep"))
    assert (report.num_sft, report.num_left_out) == (0, 2)
    without = replace(TREE, problem=replace(PROBLEM, references=()))
    assert not list(sft_rows(without, response="reference"))


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
@pytest.mark.parametrize("columns", ["ultrainteract", "trl"])
@pytest.mark.parametrize("history", ["drop", "keep", "trajectory"])
def test_the_trainer_reads_every_form(tmp_path: Path, forest_of: Any, columns: str, history: str, form: str) -> None:
    settings = ExportSettings(columns=columns, history=history, format=form)
    report = export(forest_of(tmp_path / "forest", TREE), tmp_path / "rows", settings)
    assert (report.num_sft, report.num_pairs, report.num_action_pairs) == (2, 2, 2)
    assert report.num_unpaired == (4 if columns == "trl" else 0)
    assert report.pairs_with_different_actors == 2
    kinds = {"sft": "single", "pairs": "pair", "action_pairs": "pair", "unpaired": "label"}
    for name in settings.kinds:
        found = list(iter_rows(Place(str(tmp_path / "rows" / f"{name}.{form}")), kinds[name]))  # type: ignore[arg-type]
        assert not [row for row in found if isinstance(row, BadRow)], name
        assert len({row.group for row in found if isinstance(row, Row)}) == 1
        if name in ("pairs", "action_pairs"):
            assert {row.source for row in found if isinstance(row, Row)} == {"tree"}


def test_the_published_prompts(data_dir: Path) -> None:
    """The wording of our prompts (FACTS section 2) against the published examples, where they agree with it."""
    from preftree.engine.prompts import opening

    row = json.loads((data_dir / "ultrainteract/readme_examples_pair.jsonl").read_text())
    problem = Problem("p", "MATH", "Math_PoT", "Simplify $(-3-2i)-(1+4i)$.", ())
    assert opening(problem)[0].content == row["trajectory"][0]["value"]
