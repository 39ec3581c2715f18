"""`preftree run RECIPE`, and one command for each stage, with the same settings and the same key=value overrides."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from typing import Any

from preftree.cli import interrupts
from preftree.cli.parsing import add_settings
from preftree.cli.screen import emit, say, show
from preftree.errors import InputError
from preftree.train.settings import OBJECTIVE_NAMES

_EXAMPLES = {
    "run": (
        "quickstart",
        "quickstart model=HuggingFaceTB/SmolLM2-360M-Instruct out=runs/360m",
        "quickstart --until sft",
        "mine.yaml sft.epochs=2",
    ),
    "grow": (
        "problems=mine.jsonl actors.sft.model=runs/quickstart/sft ladder=[sft] policy.max_turns=3 out=runs/forest",
        "forest.yaml --plan",
        "forest.yaml --plan --pilot 50",
    ),
    "export": (
        "forest=runs/forest out=runs/rows",
        "forest=runs/forest rows.columns=trl rows.format=parquet out=runs/rows",
        "forest=runs/forest push_to_hub=me/rows push_private=false out=runs/rows",
    ),
    "train": (
        "sft model=embedded rows=runs/rows/sft.jsonl learning_rate=1e-4 out=runs/sft",
        "dpo model=runs/sft rows=runs/rows/pairs.jsonl beta=0.1 out=runs/dpo",
    ),
    "rerank": (
        "problems=mine.jsonl policy.sft.model=runs/sft reward_model=runs/reward out=runs/best-of-n",
        "benchmarks=gsm8k data=data protocol=eurus policy.sft.model=runs/sft draws.samples=16 "
        "rewards.mine.model=runs/reward out=runs/gsm8k-best-of-n",
        "best-of-n.yaml rewards.other.model=runs/other   # in the same directory: no answer is drawn again",
    ),
    "report": (
        "runs/quickstart",
        "runs/quickstart out=page",
        "runs/nca runs/kto runs/dpo out=comparison",
        "runs/evaluation runs/best-of-n   # single stages, in ./report",
    ),
}

_HELP = {
    "run": "all stages of a recipe, each resumable",
    "grow": "grow a forest of preference trees",
    "export": "a forest into training rows",
    "train": "SFT, a preference objective or a reward model",
    "rerank": "one of N samples, chosen by rewards, votes, log-probabilities or chance",
    "report": "one page over a run, or over several side by side",
}


_FEW_DATASETS = 8


def add(commands: Any) -> None:
    for name, text in _HELP.items():
        command = commands.add_parser(
            name,
            help=text,
            description=text,
            examples=_EXAMPLES[name],
        )
        if name == "run":
            command.add_argument("recipe", help="a packaged recipe or a YAML file")
            command.add_argument("--until", metavar="STAGE", help="end after this stage; run it again to go on")
        if name == "grow":
            command.add_argument(
                "--plan", action="store_true", help="only say what it would ask, cost and take; no call is made"
            )
            command.add_argument(
                "--pilot",
                type=int,
                metavar="N",
                help="grow N problems first, into out, and plan from them",
            )
        if name == "train":
            command.add_argument("objective", choices=OBJECTIVE_NAMES)
        if name == "report":
            command.add_argument(
                "runs", nargs="*", metavar="RUN", help="a run's directory, or that of one of its stages"
            )
        add_settings(command, name if name != "run" else "RECIPE")
        command.add_argument("--json", action="store_true", help="print the result as JSON")
        command.set_defaults(run=_run_recipe if name == "run" else _run_stage)


def _run_recipe(arguments: argparse.Namespace) -> int:
    from preftree.recipe import load_recipe, run_recipe

    recipe = load_recipe(arguments.recipe, arguments.settings)
    stages = run_recipe(recipe, observer(heading=True), arguments.until)
    reports = [stage["report"] for stage in stages.values() if stage["kind"] == "report"]
    if arguments.json:
        emit({name: stage["report"] for name, stage in stages.items()})
    elif reports:
        _print_results(reports[-1])
    return 0


def _run_stage(arguments: argparse.Namespace) -> int:
    from preftree.recipe import load_section, run_single

    words = arguments.settings
    if arguments.command == "report":
        runs, words = _runs_and_settings([*arguments.runs, *words])
    section = load_section(words)
    if arguments.command == "grow" and (arguments.plan or arguments.pilot is not None):
        from preftree.cli.planning import show_plan

        return show_plan(section, arguments.pilot, observer(), as_json=arguments.json)
    if arguments.command == "train":
        section["objective"] = arguments.objective
    if arguments.command == "report":
        section = _of_runs(runs) | section
    stage = run_single(arguments.command, section, observer())
    if os.environ.get("RANK", "0") != "0":
        return 0  # one of several processes that torchrun began: the first one speaks
    if arguments.json:
        emit(stage["report"])
    elif arguments.command == "report":
        _print_results(stage["report"])
    elif arguments.command == "rerank":
        _print_curves(stage["report"], section["out"])
    else:
        print_report(stage["report"])
    return 0


def _runs_and_settings(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """RUN… and settings stand in one row of words: a directory is a run, whatever it is called."""
    settings = [word for word in words if ("=" in word or word.endswith((".yaml", ".yml"))) and not os.path.isdir(word)]
    return [word for word in words if word not in settings], settings


def _of_runs(runs: Sequence[str]) -> dict[str, Any]:
    """The settings of a page over these runs; over one it stands in the run, over several in ./report."""
    if not runs:
        raise InputError("report: expected the directory of a run, or of several: preftree report RUN [RUN …]")
    from pathlib import Path

    from preftree.recipe.runs import read_run

    for run in runs:
        read_run(Path(run))  # before a directory is made for the page
    if len(runs) == 1:
        return {"run": runs[0], "out": f"{runs[0]}/report"}
    return {"runs": list(runs), "out": "report"}


def observer(*, heading: bool = False) -> Any:
    """Says on stderr which stage runs (where there are several), and draws the first tree of each forest."""
    from rich.console import Console

    from preftree.recipe import Observer
    from preftree.report import draw_tree

    console = Console(stderr=True)
    drawn: set[str] = set()

    def tree(stage: str, grown: Any) -> None:
        # The first tree at once; of a forest with turns, the first that shows them.
        if stage not in drawn:
            drawn.add(stage)
            console.print(draw_tree(grown))

    def begun(name: str, kind: str) -> None:
        interrupts.arm()
        if not heading:
            return
        if console.is_terminal:
            console.rule(f"{name} ({kind})", align="left")
        else:
            console.print(f"{name} ({kind})", highlight=False, soft_wrap=True)

    return Observer(
        begun=begun,
        skipped=lambda name: console.print(f"{name}: done before", style="dim", highlight=False),
        done=lambda name, stage: console.print(
            f"{name}: {stage['seconds']} s, peak memory so far {stage['peak_memory_mb']} MB",
            style="dim",
            highlight=False,
        ),
        tree=tree,
    )


def _print_results(report: dict[str, str]) -> None:
    from pathlib import Path

    from preftree.report import benchmark_table, evaluation_table, forest_table, rerank_table, runs_tables

    results = json.loads(Path(report["results"]).read_text("utf-8"))
    if "runs" in results:  # the runs and what their scores say; the page has the rest
        for part in runs_tables(results):
            say(part) if isinstance(part, str) else show(part)
    for warning in results.get("warnings") or []:
        say(f"Warning: {warning}")
    for key, table in (("forests", forest_table), ("evaluation", evaluation_table), ("rerank", rerank_table)):
        if results.get(key):
            show(table(results))
    for summary in results.get("benchmarks") or []:
        for model in summary["models"]:
            show(benchmark_table(summary, model))
    if report["figures"]:
        say(f"Figures: {report['figures']}, in {Path(report['page']).parent / 'figures'}")
    say(f"Results: {report['results']}\nPage:    {report['page']}\nText:    {report['markdown']}")


def _print_curves(report: dict[str, Any], out: str) -> None:
    from preftree.report import rerank_table

    datasets = list(dict.fromkeys(row["dataset"] for row in report["by_dataset"]))
    # A data set of its own has a table where they are few: benchmarks, not families of problems.
    apart = datasets if 1 < len(datasets) <= _FEW_DATASETS else []
    for name, rows in [("", report["curves"])] + [
        (name, [row for row in report["by_dataset"] if row["dataset"] == name]) for name in apart
    ]:
        policy = f"{report['policy']}{', ' if name else ''}{name}"
        show(rerank_table({"rerank": {"policy": policy, "curves": rows}}))
    lines = [*report["notes"], "Files: " + ", ".join(f"{out}/{name}" for name in report["files"])]
    for line in lines:
        say(line)


def print_report(report: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("figure", "value")
    for key, value in report.items():
        shown = json.dumps(value) if isinstance(value, (dict, list)) else str(value)
        table.add_row(Text(key), Text(shown))
    show(table)
