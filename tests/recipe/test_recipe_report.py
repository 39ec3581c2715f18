"""Runs as a report reads them: what is no run, single stages, policies beside their rewards, pages made again."""

import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from preftree.cli import main
from preftree.errors import InputError
from preftree.recipe import load_recipe, run_recipe
from preftree.recipe.runs import collect, read_run
from preftree.recipe.stages.report import Settings, compare

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))
from tiny_runs import run_objective, run_quickstart


def made(folder, name="sft", kind="train", **more):
    """A stage as it was left behind."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    stage = {"name": kind, "kind": kind, "made": "2026-11-25T00:00:00+00:00", "seconds": 1.0, "peak_memory_mb": 2}
    stage |= {"settings": {"objective": "sft", "model": "m"}, "report": {}} | more
    (folder / name / "stage.json").write_text(json.dumps(stage))
    return folder / name


def begun(folder):
    (folder / "sft").mkdir(parents=True)
    (folder / "sft" / "begun.json").write_text("{}")


@pytest.mark.parametrize(
    ("prepare", "words", "said"),
    [
        pytest.param(lambda f: None, [], "expected the directory of a run", id="none"),
        pytest.param(
            lambda f: None, ["{f}/gone"], "gone: no finished stage here, nor such a directory", id="no-directory"
        ),
        pytest.param(
            lambda f: (f / "run").mkdir(), ["{f}/run"], "no finished stage here; expected the dir", id="empty"
        ),
        pytest.param(lambda f: begun(f / "run"), ["{f}/run"], "sft was begun; run its command again", id="unfinished"),
        pytest.param(lambda f: made(f, "page", "report"), ["{f}/page"], "holds the page of a report", id="a-page"),
        pytest.param(
            lambda f: (made(f / "run") / "stage.json").write_text("{"), ["{f}/run"], "not valid JSON", id="broken"
        ),
        pytest.param(
            lambda f: (made(f / "run") / "stage.json").write_text("{}"), ["{f}/run"], "has no kind", id="foreign"
        ),
        pytest.param(lambda f: made(f / "run"), ["{f}/run", "{f}/run/"], "is named twice", id="twice"),
        pytest.param(
            lambda f: made(f / "run"),
            ["{f}/run", "{f}/gone"],
            "gone: no finished stage here, nor such a directory",
            id="second",
        ),
    ],
)
def test_what_is_no_run(prepare, words, said, tmp_path, capsys):
    prepare(tmp_path)
    assert main(["report", *(word.format(f=tmp_path) for word in words), f"out={tmp_path / 'out'}"]) == 2
    failure = capsys.readouterr().err
    assert said in failure
    assert failure.startswith("preftree: ")
    assert failure.count("\n") == 1
    # Nothing is written for it, and no directory made.
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "gone").exists()


def test_one_run_or_several_never_both():
    with pytest.raises(InputError, match="got both"):
        Settings(run="a", runs=("a", "b"))


def test_a_recipe_may_report_over_its_own_stages():
    """They are there when the page is made, not when the recipe is read."""
    assert Settings(runs=("@sft", "@preference")).runs == ("@sft", "@preference")


def test_a_directory_is_a_run_whatever_it_is_called(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("lr=1", "plain.yaml"):
        made(tmp_path / name)
    assert main(["report", "lr=1", "--json", "plain.yaml", "out=page"]) == 0
    assert json.loads(capsys.readouterr().out)["page"] == "page/report.html"
    names = [run["name"] for run in json.loads((tmp_path / "page/results.json").read_text())["runs"]]
    assert names == ["lr=1", "plain.yaml"]


def test_runs_of_one_name_are_told_apart(tmp_path):
    for name in ("a", "b"):
        made(tmp_path / name / "run")
    found = compare([tmp_path / "a" / "run", tmp_path / "b" / "run"])
    assert [run["name"] for run in found["runs"]] == ["a/run", "b/run"]


def test_a_forest_that_is_gone_is_said_to_be(tmp_path):
    made(tmp_path, "forest", "grow", settings={}, report={"trees": 3, "stages": {}})
    results = collect(read_run(tmp_path))
    assert results["warnings"] == ["forest: forest.sqlite is not here, so what it holds is left out"]
    assert results["actions"] == []


def test_figures_of_benchmarks_are_shares(tmp_path):
    """Marks out of ten and shares are averaged on one scale; a model without a figure has none."""
    made(tmp_path, "dpo", settings={"objective": "dpo", "model": "m"})
    (tmp_path / "dpo" / "metrics.jsonl").write_text(
        "".join(json.dumps({"step": i, "rewards/chosen": -i, "rewards/rejected": -2 * i}) + "\n" for i in range(1, 21))
    )
    figure = {"name": "accuracy", "value": 0.5, "low": 0.4, "high": 0.6, "n": 9, "best": 1.0}
    rows = [
        {"model": "mine", "benchmark": "gsm8k", "mode": "text", "metrics": [figure]},
        {"model": "mine", "benchmark": "mt_bench", "mode": "text"}
        | {"metrics": [figure | {"value": 7.0, "low": 6.0, "high": 8.0, "best": 10.0}]},
        {"model": "mine", "benchmark": "none", "mode": "text"}
        | {"metrics": [figure | {"value": None, "low": None, "high": None}]},
        {"model": "other", "benchmark": "bbh", "mode": "text", "metrics": [figure]},
    ]
    report = {"kind": "benchmarks", "protocol": "standard", "rows": rows}
    models = {"mine": {"model": str(tmp_path / "dpo")}, "other": {"model": "some/hub-id"}}
    made(tmp_path, "evaluation", "evaluate", settings={"models": models}, report=report)
    (policy,) = collect(read_run(tmp_path))["policies"]
    assert {name: one["value"] for name, one in policy["figures"].items()} == {
        "gsm8k (text, standard)": 0.5,
        "mt_bench (text, standard)": 0.7,
    }
    # The mean over the last tenth of 20 logged steps, and the extremes among these.
    assert policy["chosen"] == {"value": -19.5, "low": -20, "high": -19, "steps": 2}


# ---------------------------------------------------------------- over real runs


@pytest.fixture(scope="module")
def runs(tmp_path_factory, tiny_model):
    folder = tmp_path_factory.mktemp("runs")
    whole = run_quickstart(folder / "whole", tiny_model)
    return whole, run_objective(folder / "kto", whole, "kto")


def test_a_whole_run_and_two_stages(runs, tmp_path, capsys):
    whole, kto = runs
    assert main(["report", str(whole), str(kto), str(kto / "evaluation"), f"out={tmp_path}"]) == 0
    assert "nothing can be said of a rank correlation" in " ".join(capsys.readouterr().out.split())
    results = json.loads((tmp_path / "results.json").read_text())
    assert [run["name"] for run in results["runs"]] == ["whole", "kto", "evaluation"]
    first, second, alone = results["runs"]
    assert first["recipe"] == "quickstart"
    assert first["provenance"]["objectives"] == ["sft", "nca", "reward"]
    assert first["provenance"]["seeds"] == ["0"]
    assert [policy["objective"] for policy in first["policies"]] == ["nca"]
    assert [policy["objective"] for policy in second["policies"]] == ["kto"]
    # The evaluation alone finds the training of the model that it names.
    assert alone["policies"] == second["policies"]
    assert [stage["name"] for stage in alone["stages"]] == ["evaluation"]
    assert {row["model"] for row in first["answers"]} == {"bare", "sft", "nca"}
    assert all(row["written"] == 5 for row in first["answers"] if row["stage"] == "evaluation")
    assert {row["actor"] for row in first["actions"]} >= {"bare", "sft"}
    spent = sum(cost["calls"] for cost in first["forests"][1]["costs"])
    assert spent == first["forests"][1]["report"]["account"]["calls"]


def test_a_run_that_moved_keeps_its_rewards_and_its_names(runs, tmp_path):
    whole, _ = runs
    moved = tmp_path / "elsewhere"
    shutil.copytree(whole, moved)
    (policy,) = collect(read_run(moved))["policies"]
    assert policy["path"] == str(moved / "preference-nca")
    found = compare([whole, moved])
    assert found["differing"] == []


def test_a_page_is_made_again_and_keeps_its_recipe(runs, tmp_path, capsys):
    """By hand after the recipe, and by the recipe after that: nothing is refused, nothing is lost."""
    whole, _ = runs
    page = whole / "report/results.json"
    before = json.loads(page.read_text())
    assert main(["report", str(whole)]) == 0
    after = json.loads(page.read_text())
    for key in ("recipe", "seed", "settings", "deviations", "training", "evaluation", "figures"):
        assert after[key] == before[key], key
    capsys.readouterr()
    stages = run_recipe(load_recipe(str(whole.parent / "whole.yaml"), []))
    assert stages["report"]["report"]["page"] == str(whole / "report/report.html")
    assert json.loads(page.read_text())["recipe"] == "quickstart"


def test_the_commands_of_the_docs(runs, tmp_path, monkeypatch):
    whole, kto = runs
    (tmp_path / "runs").mkdir()
    for name, run in (("quickstart", whole), ("nca", whole), ("kto", kto), ("dpo", kto)):
        (tmp_path / "runs" / name).symlink_to(run)
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[2] / "docs/report.md").read_text("utf-8")
    (block,) = re.findall(r"<!-- test: report -->\n```bash\n(.*?)```", page, re.DOTALL)
    for line in block.splitlines():
        assert main(shlex.split(line, comments=True)[1:]) == 0
    for folder in ("runs/quickstart/report", "comparison", "report"):
        for file in ("report.html", "report.md", "results.json", "figures"):
            assert (tmp_path / folder / file).exists()
