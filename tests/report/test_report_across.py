"""Several runs against each other: stages that belong together, settings that differ, names that tell runs apart."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest

from preftree.report.across import align, differing, distinct_names


def stage(name: str, kind: str = "grow", **settings: Any) -> dict[str, Any]:
    return {"name": name, "kind": kind, "settings": settings}


def run(*stages: dict[str, Any], root: str = "runs/a", **variables: Any) -> dict[str, Any]:
    return {"stages": list(stages), "roots": [root], "variables": variables}


def trained(name: str, objective: str, **more: Any) -> dict[str, Any]:
    return stage(name, "train", objective=objective, **more)


@pytest.mark.parametrize(
    ("runs", "rows"),
    [
        pytest.param([[stage("a"), stage("b")], [stage("a"), stage("b")]], [("a", "a a"), ("b", "b b")], id="the-same"),
        pytest.param([[stage("a")], [stage("a"), stage("b", "export")]], [("a", "a a"), ("b", "- b")], id="one-lacks"),
        pytest.param(
            [[trained("p-nca", "nca"), stage("e", "evaluate")], [trained("p-kto", "kto"), stage("e", "evaluate")]],
            [("p-nca / p-kto", "p-nca p-kto"), ("e", "e e")],
            id="renamed",
        ),
        pytest.param(
            [[trained("one", "sft"), trained("two", "dpo")], [trained("rm", "reward"), trained("x", "kto")]],
            [("one", "one -"), ("rm", "- rm"), ("two / x", "two x")],
            id="by-what-is-trained",
        ),
        pytest.param(
            [[stage("f1"), stage("f2")], [stage("g1"), stage("g2")]],
            [("f1 / g1", "f1 g1"), ("f2 / g2", "f2 g2")],
            id="by-order",
        ),
    ],
)
def test_stages_that_belong_together(runs: list[list[dict[str, Any]]], rows: list[tuple[str, str]]) -> None:
    found = align(runs)
    names = [(row.label, " ".join(one["name"] if one else "-" for one in row.stages)) for row in found]
    assert sorted(names) == sorted(rows)
    assert sum(one is not None for row in found for one in row.stages) == sum(map(len, runs))


@pytest.mark.parametrize(
    ("runs", "rows"),
    [
        pytest.param([run(stage("a", x=1)), run(stage("a", x=1))], [], id="nothing"),
        pytest.param([run(stage("a", x=1)), run(stage("a", x=2))], [("a.x", "1 2")], id="value"),
        pytest.param([run(stage("a", x={"y": [1]})), run(stage("a"))], [("a.x.y", "[1] –")], id="absent"),
        pytest.param(
            [run(stage("a", f="runs/a/b/c.jsonl")), run(stage("a", f="else/b/c.jsonl"), root="else")], [], id="own-path"
        ),
        pytest.param(
            [run(stage("a", f="runs/ab/c")), run(stage("a", f="runs/ab/d"))],
            [("a.f", "runs/ab/c runs/ab/d")],
            id="beside-the-run",
        ),
        pytest.param([run(out="x", seed=1), run(out="y", seed=1)], [], id="where-it-lies"),
        pytest.param([run(seed=1), run(seed=2), run(seed=1)], [("seed", "1 2 1")], id="variable-of-three"),
        pytest.param([run(stage("a", x=1), seed=1), run(stage("b", "export", y=2))], [], id="nothing-to-compare-with"),
        pytest.param(
            [run(stage("a", x=1)), run(stage("b", "export", y=1)), run(stage("a", x=2))],
            [("a.x", "1 – 2")],
            id="two-of-three",
        ),
        pytest.param(
            [
                run(trained("p-nca", "nca"), stage("e", m="runs/a/p-nca")),
                run(trained("p-kto", "kto"), stage("e", m="runs/a/p-kto")),
            ],
            [("p-nca / p-kto.objective", "nca kto")],
            id="a-renamed-stage-is-the-same-path",
        ),
    ],
)
def test_settings_that_differ(runs: list[dict[str, Any]], rows: list[tuple[str, str]]) -> None:
    assert [(key, " ".join(values)) for key, values in differing(runs)] == rows


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        pytest.param(["/r/a", "/r/b"], ["a", "b"], id="different"),
        pytest.param(["/r/a/q", "/r/b/q"], ["a/q", "b/q"], id="one-name"),
        pytest.param(["/r/a/q", "/r/b/q", "/r/c"], ["a/q", "b/q", "c"], id="only-where-needed"),
        pytest.param(["/x/a/q", "/y/a/q"], ["x/a/q", "y/a/q"], id="deeper"),
        pytest.param(["/q", "/a/q"], ["//q", "a/q"], id="the-root"),
    ],
)
def test_names_tell_runs_apart(paths: list[str], names: list[str]) -> None:
    found = distinct_names([PurePosixPath(path) for path in paths])
    assert len(set(found)) == len(found)
    assert found == names
