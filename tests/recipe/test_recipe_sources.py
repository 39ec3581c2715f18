"""A problems stage over sources: one file, no id twice, what two sources share once; and the page that tells of it.

The rows are made for these tests; none is taken from a data set.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from preftree.errors import InputError
from preftree.recipe.runner import run_single
from preftree.recipe.stages.problems import read_problems

PAGE = Path(__file__).parents[2] / "docs" / "sources.md"
QUESTION = "Add all the numbers from the first of the input to the last one and print what they make together. "


def contest(description, contest_id=0):
    return {
        "description": description,
        "public_tests": {"input": ["1 2\n"], "output": ["3\n"]},
        "solutions": {"language": [3], "solution": ["print(sum(map(int, input().split())))"]},
        "cf_contest_id": contest_id,
        "cf_index": "A" if contest_id else "",
    }


def exercise(question, url=""):
    tests = {"inputs": ["1 2\n"], "outputs": ["3\n"]}
    solutions = ["print(sum(map(int, input().split())))"]
    return {"question": question, "solutions": json.dumps(solutions), "input_output": json.dumps(tests), "url": url}


def write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


@pytest.fixture
def rows(tmp_path):
    """CodeContests and TACO with two problems in common, and StrategyQA with a broken row."""
    write(tmp_path / "contests.jsonl", contest(QUESTION), contest("Sum.", 9999), contest("Only here."))
    write(
        tmp_path / "taco.jsonl",
        exercise(QUESTION.upper()),
        exercise("The sum.", "https://codeforces.com/contest/9999/problem/A"),
        exercise("Only there."),
    )
    yes = [{"question": f"Is {n} even?", "answer": n % 2 == 0, "facts": [f"{n} is a number."]} for n in range(3)]
    (tmp_path / "strategyqa.json").write_text(json.dumps([*yes, {"question": "Is it?", "answer": "maybe"}]))
    return tmp_path


def test_sources_in_one_file(rows):
    sources = [
        {"name": "taco", "path": str(rows / "taco.jsonl")},
        {"name": "strategyqa", "path": str(rows / "strategyqa.json"), "filter": True},
        {"name": "codecontests", "path": str(rows / "contests.jsonl")},
        {"name": "strategyqa", "path": str(rows / "strategyqa.json"), "limit": 2},
        {"name": "gsm8k", "limit": 2, "forms": ["Math_CoT", "Math_PoT"]},
    ]
    report = run_single("problems", {"sources": sources, "out": str(rows / "out")})["report"]
    problems = read_problems(str(rows / "out" / "problems.jsonl"))
    assert [problem.dataset for problem in problems] == ["taco"] * 3 + ["strategyqa"] * 3 + ["codecontests"] + [
        "gsm8k"
    ] * 4
    assert len({problem.id for problem in problems}) == len(problems)
    assert {problem.dataset for problem in problems if problem.filter} == {"strategyqa"}
    assert problems[6].instruction == "Only here."
    told = report["sources"]
    assert {name: told[name]["problems"] for name in told} == {
        "taco": 3, "strategyqa": 3, "codecontests": 1, "strategyqa (4)": 0, "gsm8k": 4,
    }  # fmt: skip
    assert told["codecontests"]["shared_with_another_source"] == 2
    assert told["strategyqa (4)"]["repeated_ids"] == 2
    assert told["strategyqa"]["set_aside"] == 1
    assert told["strategyqa"]["first_set_aside"] == [
        "strategyqa.json row 4, field \"answer\": expected true or false, got 'maybe'"
    ]


def test_rules_are_counted(tmp_path):
    path = write(
        tmp_path / "numglue.jsonl",
        {"question": "1 and 1?", "answer": 2, "type": "Type_1"},
        {"question": "Which?", "answer": "x", "type": "Type_7"},
    )
    section = {"sources": [{"name": "numglue", "path": path}], "out": str(tmp_path / "out")}
    report = run_single("problems", section)["report"]
    assert report["sources"]["numglue"]["passed_over"] == {"tasks 5, 6 and 7": 1}
    assert report["sources"]["numglue"]["problems"] == 2


def test_a_source_is_left_out_by_a_dash(rows):
    sources = [{"name": "reclor", "path": "-"}, {"name": "taco", "path": str(rows / "taco.jsonl")}]
    stage = run_single("problems", {"sources": sources, "out": str(rows / "out")})
    assert list(stage["report"]["sources"]) == ["taco"]


def test_a_missing_file_is_told_before_the_hub_is_asked(tmp_path):
    sources = [{"name": "math"}, {"name": "numglue", "path": str(tmp_path / "none.json")}]
    with pytest.raises(InputError, match=r"source numglue: path: .*none\.json: no such file"):
        run_single("problems", {"sources": sources, "out": str(tmp_path / "out")})


def test_a_changed_file_is_noticed(rows):
    section = {"sources": [{"name": "taco", "path": str(rows / "taco.jsonl")}], "out": str(rows / "out")}
    first = run_single("problems", section)
    assert run_single("problems", section) == first
    write(rows / "taco.jsonl", exercise("Another."))
    with pytest.raises(InputError, match="was begun with other settings"):
        run_single("problems", section)


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"sources": [{"name": "gsm8k"}], "splits": {"train": {"gsm8k": 1}}}, "expected sources, or splits"),
        ({"sources": [{"name": "gsm8k", "size": 3}]}, "size"),
        ({"sources": [{"name": "gsm8k", "forms": ["Math"]}]}, "forms"),
        ({}, "splits: expected split names with families and counts, or sources"),
    ],
)
def test_wrong_settings(tmp_path, section, told):
    with pytest.raises(InputError, match=told):
        run_single("problems", {**section, "out": str(tmp_path / "out")})


def test_the_page_runs(rows):
    blocks = dict(re.findall(r"<!-- test: sources -->\n```(\w+)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))
    (rows / "problems.yaml").write_text(blocks["yaml"])
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(["bash", "-ec", blocks["bash"]], cwd=rows, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    problems = read_problems(str(rows / "runs" / "problems" / "problems" / "problems.jsonl"))
    assert Counter(problem.dataset for problem in problems) == {
        "gsm8k": 40,
        "strategyqa": 3,
        "codecontests": 3,
        "taco": 1,
    }
    assert all(problem.split == "dev" for problem in problems if problem.dataset == "strategyqa")


def test_the_page_names_every_source():
    from preftree.problems import SOURCES, licence_of

    page = PAGE.read_text("utf-8")
    for name in set(SOURCES):
        assert f"`{name}`" in page, name
    for name, licence in re.findall(
        r"^\| `(\w+)` \| [^|]+ \| ([^|(,]+?)(?: \(contested\)|, [^|]+)? \|", page, re.MULTILINE
    ):
        if name in SOURCES:
            assert licence_of(name).name.startswith(licence), name
