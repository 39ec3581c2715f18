"""One page over a run: what every stage reported, and three of its trees."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import preftree
from preftree.errors import InputError
from preftree.forest import Forest
from preftree.recipe.runner import Context, machine, versions
from preftree.records import Tree
from preftree.report import pick_trees, write_report


@dataclass(frozen=True, slots=True)
class Settings:
    recipe: str = ""
    variables: dict[str, Any] = field(default_factory=dict)
    stages: tuple[str, ...] = ()  # names in order; none: all that stand in the run's directory
    run: str | None = None  # a run's directory; none: the directory that this stage stands in
    deviations: tuple[str, ...] = ()  # where the run departs from the paper, in plain sentences


def run(settings: Settings, context: Context) -> dict[str, Any]:
    directory = Path(settings.run) if settings.run is not None else context.run
    stages = read_stages(directory, settings.stages)
    results = collect(settings, stages, directory)
    trees = sample_trees(directory, stages)
    written = write_report(results, trees, context.out)
    return {"results": str(written[0]), "page": str(written[1])}


def read_stages(directory: Path, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """The `stage.json` of the finished stages, in the order of the recipe, or of their making."""
    # A stage is named by its directory: a command of its own may have given it any.
    found = {
        path.parent.name: json.loads(path.read_text("utf-8")) | {"name": path.parent.name}
        for path in directory.glob("*/stage.json")
    }
    order = [name for name in names if name in found] or sorted(found, key=lambda name: found[name]["made"])
    stages = [found[name] for name in order if found[name]["kind"] != "report"]
    if not stages:
        raise InputError(f"{directory}: no finished stage here")
    return stages


def collect(settings: Settings, stages: list[dict[str, Any]], directory: Path) -> dict[str, Any]:
    """What `results.json` holds."""
    of_kind: dict[str, list[dict[str, Any]]] = {}
    for stage in stages:
        of_kind.setdefault(stage["kind"], []).append(stage)
    results: dict[str, Any] = {
        "recipe": settings.recipe,
        "version": preftree.__version__,
        "made": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "seed": settings.variables.get("seed"),
        "settings": {"variables": settings.variables} | {stage["name"]: stage["settings"] for stage in stages},
        "versions": versions(),
        "machine": machine(),
        "stages": [_stage_row(stage) for stage in stages],
        "problems": [stage["report"] for stage in of_kind.get("problems", [])],
        "forests": [{"name": stage["name"], "report": stage["report"]} for stage in of_kind.get("grow", [])],
        "training": [_training(stage, directory) for stage in of_kind.get("train", [])],
        "deviations": list(settings.deviations),
        "warnings": [f"{stage['name']}: {said}" for stage in stages for said in stage["report"].get("warnings", [])],
    }
    on_benchmarks = [stage for stage in of_kind.get("evaluate", []) if stage["report"].get("kind") == "benchmarks"]
    results["benchmarks"] = [{"name": stage["name"]} | stage["report"] for stage in on_benchmarks]
    own = [stage for stage in of_kind.get("evaluate", []) if stage not in on_benchmarks]
    for key, found in (("evaluation", own), ("rerank", of_kind.get("rerank", []))):
        if found:
            results[key] = found[-1]["report"]
    return results


def _stage_row(stage: dict[str, Any]) -> dict[str, Any]:
    report = stage["report"]
    account = report.get("account", report)
    tokens = {key: account[key] for key in ("input_tokens", "output_tokens", "calls") if key in account}
    if "tokens_trie" in report:
        tokens["trained_tokens"] = report["tokens_trie"]
    return {key: stage[key] for key in ("name", "kind", "seconds", "peak_memory_mb", "made")} | tokens


def _training(stage: dict[str, Any], directory: Path) -> dict[str, Any]:
    log = directory / stage["name"] / "metrics.jsonl"
    metrics = [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.is_file() else []
    objective = stage["settings"]["objective"]
    return {"name": stage["name"], "objective": objective, "report": stage["report"], "metrics": metrics}


def sample_trees(directory: Path, stages: list[dict[str, Any]]) -> list[Tree]:
    """Three telling trees of the last forest that was grown."""
    grown = [stage["name"] for stage in stages if stage["kind"] == "grow"]
    if not grown:
        return []
    with Forest(directory / grown[-1], readonly=True) as forest:
        return pick_trees(forest.trees(), 3)
