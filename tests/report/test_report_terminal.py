"""The terminal views: whole at any width, plain without colour, and never obeying what a model wrote."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from report_examples import HOSTILE, make_results, make_tree
from rich.cells import cell_len
from rich.console import Console, RenderableType

from preftree.records import Action, Observation, Tree, Turn, Verdict
from preftree.report import draw_tree, evaluation_table, forest_table, pick_trees, rerank_table


def draw(renderable: RenderableType, width: int, **settings: Any) -> str:
    out = io.StringIO()
    Console(file=out, width=width, **settings).print(renderable)
    return out.getvalue()


@pytest.mark.parametrize("width", [60, 120])
def test_a_tree_shows_all_its_parts(width: int) -> None:
    text = draw(draw_tree(make_tree()), width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    for part in ("What is 23 - 40", "turn 1", "turn 3", "✓ correct · sft · reference", "✗ incorrect · smollm2", "7"):
        assert part in text
    for part in ("total(terms)", "Out: -6", "verdict: wrong, answer -6 (differs)", "reply to the expanded action"):
        assert part in text
    assert text.count("expanded ↓") == 2
    assert "terms = [23, -40, 11, 2]" in text


def test_actions_stand_side_by_side_where_there_is_room() -> None:
    def heads_in_one_line(width: int) -> bool:
        return any("✓" in line and "✗" in line for line in draw(draw_tree(make_tree()), width).splitlines())

    assert heads_in_one_line(120)
    assert not heads_in_one_line(60)


def test_a_width_of_ones_own() -> None:
    assert max(map(cell_len, draw(draw_tree(make_tree(), width=70), 200).splitlines())) <= 70


def test_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    for renderable in (draw_tree(make_tree()), evaluation_table(make_results()), forest_table(make_results())):
        coloured = draw(renderable, 100, force_terminal=True, color_system="truecolor")
        codes = {code for part in coloured.split("\x1b[")[1:] for code in part.split("m")[0].split(";")}
        # Bold, dim, italic and the like may stay; foreground and background colours may not.
        assert all(code == "" or int(code) < 30 for code in codes)
    assert "\x1b" not in draw(draw_tree(make_tree()), 100)


@pytest.mark.parametrize("hostile", [HOSTILE, "\x1b[2J\x1b]0;title\x07", "\u202eabc", "[/bold][red]x"], ids=ascii)
def test_what_a_model_wrote_is_shown_not_obeyed(hostile: str) -> None:
    text = draw(draw_tree(make_tree(hostile=hostile)), 100, force_terminal=True, color_system=None)
    assert "\x1b[2J" not in text
    assert "\x1b]" not in text
    assert "\u202e" not in text
    assert "alert(1)" in text or hostile != HOSTILE
    assert "[red]" in text or "[red]" not in hostile


def test_odd_turns() -> None:
    """No correct action, no incorrect one, many of both, no code, nothing observed or judged, very long."""
    tree = make_tree(depth=1)
    right, wrong = tree.turns[0].correct[0], tree.turns[0].incorrect[0]
    bare = Action("I do not know.", "a", "sample", 0)
    long = replace(
        wrong, text="line\n" * 100, code="x = 1", observation=Observation("time"), verdict=Verdict("wrong", "time")
    )
    turns = (
        Turn(0, (), (bare,), 0, None, "try again"),
        Turn(1, (right,) * 5, (wrong, long, wrong), 1, None, "again", leaked=True),
        Turn(2, (right,), ()),
        Turn(3),
    )
    odd = Tree(tree.id, tree.problem, tree.prompt, turns)
    for width in (40, 60, 120):
        text = draw(draw_tree(odd), width)
        assert max(map(cell_len, text.splitlines())) <= width
    assert "4 more actions not shown" in text
    assert "77 more lines" in text
    assert "x = 1" in text
    assert "observation (time)" in text
    assert "gives the answer away" in text


@pytest.mark.parametrize("width", [60, 120])
def test_the_tables_hold_the_figures(width: int) -> None:
    results = make_results()
    evaluation = draw(evaluation_table(results), width)
    rerank = draw(rerank_table(results), width)
    forest = draw(forest_table(results), width)
    for text, parts in (
        (evaluation, ("gcd", "90.0", "kept out of training", "58.1", "84.3–100.0", "trained")),
        (rerank, ("reward", "52.3", "pass@N", "63.9–79.9", "N = 8")),
        (forest, ("forest-2", "612", "93.3%", "escalation-1", "456,789")),
    ):
        assert max(map(cell_len, text.splitlines())) <= width
        for part in parts:
            assert part in text
    assert "90.0 80.7–99.3" in draw(evaluation_table(results), 120)


def test_tables_of_nothing() -> None:
    for table in (evaluation_table({}), rerank_table({}), forest_table({})):
        assert draw(table, 80)


def with_stage(tree: Tree, stage: str) -> Tree:
    last = tree.turns[-1]
    return replace(tree, turns=(*tree.turns[:-1], replace(last, correct=(replace(last.correct[0], stage=stage),))))


def test_the_most_telling_trees_are_picked() -> None:
    mended = make_tree("mended", 2)
    given = with_stage(make_tree("given", 3), "reference")
    flat = make_tree("flat", 1)
    barren = replace(make_tree("barren", 3), turns=(Turn(0, (), make_tree().turns[0].incorrect),))
    other = make_tree("other", 1, "gcd")
    all_of_them = [barren, flat, given, mended, other]
    assert [tree.id for tree in pick_trees(all_of_them, 5)] == ["mended", "other", "given", "flat", "barren"]
    assert pick_trees(reversed(all_of_them)) == pick_trees(iter(all_of_them))
    assert pick_trees([]) == []
