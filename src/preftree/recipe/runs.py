"""A run as a report reads it: the finished stages of a directory, what they were asked, what came of them.

In:  a run's directory, or that of one stage. Out: its stages; the results dict of a page (results.json).
Always true: only finished stages count; where the recipe is not told, it is what the run's own page says it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import preftree
from preftree.errors import InputError
from preftree.forest.raw import spending_by_stage
from preftree.recipe.measured import action_lengths, answer_lengths
from preftree.report.summary import final_rewards, headline_group
from preftree.report.text import turns

# The kinds that measure a policy's training; what else is trained is not ranked by its rewards.
_NO_POLICY = ("sft", "reward")


@dataclass(frozen=True, slots=True)
class Run:
    """`directory` holds the stages; `given` is what the user named (the same, or one stage's directory)."""

    given: Path
    directory: Path
    stages: tuple[dict[str, Any], ...]
    recipe: str = ""
    variables: dict[str, Any] = field(default_factory=dict)
    deviations: tuple[str, ...] = ()

    @property
    def roots(self) -> tuple[str, ...]:
        """How the run's directory may be written in its settings."""
        inside = self.given if self.given.resolve() == self.directory.resolve() else self.given.parent
        written = (self.variables.get("out"), str(inside), str(self.directory.resolve()))
        return tuple(dict.fromkeys(str(root) for root in written if root and root != "."))


def read_run(given: Path, names: Sequence[str] = ()) -> Run:
    """Raises InputError where there is no finished stage."""
    if not given.is_dir():
        raise InputError(f"{given}: no finished stage here, nor such a directory; expected that of a run or a stage")
    if (given / "stage.json").is_file():
        # Named by its directory's own name, wherever the command was given.
        whole = given.resolve()
        stage = _stage(given / "stage.json", whole.name)
        if stage["kind"] == "report":
            raise InputError(f"{given}: holds the page of a report; expected the directory of a run")
        return Run(given, whole.parent, (stage,))
    # A stage is named by its directory: a command of its own may have given it any.
    found = {path.parent.name: _stage(path, path.parent.name) for path in given.glob("*/stage.json")}
    order = [name for name in names if name in found] or sorted(found, key=lambda name: found[name]["made"])
    stages = tuple(found[name] for name in order if found[name]["kind"] != "report")
    if not stages:
        begun = sorted(path.parent for path in (*given.glob("*/begun.json"), *given.glob("begun.json")))
        mend = f"{begun[0]} was begun; run its command again to its end" if begun else "expected the directory of a run"
        raise InputError(f"{given}: no finished stage here; {mend}")
    pages = [given / name / "results.json" for name, stage in found.items() if stage["kind"] == "report"]
    said = next((page for path in pages if (page := _page(path)).get("recipe")), {})
    variables = (said.get("settings") or {}).get("variables") or {}
    return Run(given, given, stages, said.get("recipe", ""), variables, tuple(said.get("deviations") or ()))


def _stage(path: Path, name: str) -> dict[str, Any]:
    try:
        stage: dict[str, Any] = json.loads(path.read_text("utf-8")) | {"name": name}
    except ValueError as fault:
        raise InputError(f"{path}: not valid JSON ({fault}); remove it and run the stage again") from fault
    absent = [key for key in ("kind", "made", "settings", "report") if key not in stage]
    if absent:
        raise InputError(f"{path}: has no {absent[0]}, so it is no stage of preftree's")
    return stage


def _page(path: Path) -> dict[str, Any]:
    """A page that stands in the run already; of a page over several runs, or none, nothing."""
    if not path.is_file():
        return {}
    try:
        page: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except ValueError as fault:
        raise InputError(f"{path}: not valid JSON ({fault}); remove its directory to make the page again") from fault
    return {} if "runs" in page else page


# ---------------------------------------------------------------- results


def collect(run: Run) -> dict[str, Any]:
    """What `results.json` holds of a run."""
    stages, directory = run.stages, run.directory
    of_kind: dict[str, list[dict[str, Any]]] = {}
    for stage in stages:
        of_kind.setdefault(stage["kind"], []).append(stage)
    on_benchmarks: list[dict[str, Any]] = []
    own: list[dict[str, Any]] = []
    for stage in of_kind.get("evaluate", []):
        (on_benchmarks if stage["report"].get("kind") == "benchmarks" else own).append(stage)
    grown, last = of_kind.get("grow", []), stages[-1]
    results: dict[str, Any] = {
        "recipe": run.recipe,
        "version": preftree.__version__,
        "made": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "seed": run.variables.get("seed"),
        "settings": {"variables": run.variables} | {stage["name"]: stage["settings"] for stage in stages},
        "versions": last.get("versions") or {},
        "machine": last.get("machine") or {},
        "provenance": _provenance(run),
        "stages": [_stage_row(stage) for stage in stages],
        "problems": [stage["report"] for stage in of_kind.get("problems", [])],
        "forests": [
            {"name": stage["name"], "report": stage["report"], "costs": _costs(directory / stage["name"])}
            for stage in grown
        ],
        "training": [_training(stage, directory) for stage in of_kind.get("train", [])],
        "answers": [
            {"stage": stage["name"]} | row
            for stage in (*of_kind.get("evaluate", []), *of_kind.get("rerank", []))
            for row in answer_lengths(directory / stage["name"] / "results.jsonl")
        ],
        "actions": [
            {"forest": stage["name"]} | row for stage in grown for row in action_lengths(directory / stage["name"])
        ],
        "policies": _policies(run, [*on_benchmarks, *own]),
        "deviations": list(run.deviations),
        "warnings": [f"{stage['name']}: {said}" for stage in stages for said in stage["report"].get("warnings", [])]
        + _absent(directory, stages),
        "benchmarks": [{"name": stage["name"]} | stage["report"] for stage in on_benchmarks],
    }
    for key, found in (("evaluation", own), ("rerank", of_kind.get("rerank", []))):
        if found:
            results[key] = found[-1]["report"]
    return results


def _absent(directory: Path, stages: Sequence[Mapping[str, Any]]) -> list[str]:
    """Files that a finished stage had and that are gone: their figures are left out, and that is said."""
    wanted = {"grow": "forest.sqlite", "evaluate": "results.jsonl", "rerank": "results.jsonl"}
    files = [(stage["name"], wanted[stage["kind"]]) for stage in stages if stage["kind"] in wanted]
    gone = [(name, file) for name, file in files if not (directory / name / file).is_file()]
    return [f"{name}: {file} is not here, so what it holds is left out" for name, file in gone]


def _costs(forest: Path) -> list[dict[str, Any]]:
    if not (forest / "forest.sqlite").is_file():
        return []
    names = ("role", "stage", "actor", "calls", "input_tokens", "output_tokens", "price_usd")
    return [{name: getattr(spent, name) for name in names} for spent in spending_by_stage(forest)]


def _provenance(run: Run) -> dict[str, Any]:
    """What made it: each field as the stages recorded it, once."""
    training = [stage["settings"] for stage in run.stages if stage["kind"] == "train"]
    models = [settings.get("model") for settings in training]
    for stage in run.stages:
        if stage["kind"] == "evaluate" and not training:
            models += [section.get("model") for section in stage["settings"]["models"].values()]
        if stage["kind"] == "rerank" and not training:
            models += [section.get("model") for section in stage["settings"]["policy"].values()]
        if stage["kind"] == "grow" and not training:
            models += [section.get("model") for section in stage["settings"].get("actors", {}).values()]
    made_here = [f"{root}/" for root in run.roots]
    outside = [str(model) for model in models if model and not str(model).startswith(tuple(made_here))]
    machines = [stage.get("machine") or {} for stage in run.stages]
    seeds = [run.variables["seed"]] if "seed" in run.variables else [_seed(stage) for stage in run.stages]
    return {
        "recipe": run.recipe,
        "models": _once([run.variables["model"]] if run.variables.get("model") else outside),
        "objectives": _once([settings["objective"] for settings in training]),
        "seeds": _once([seed for seed in seeds if seed is not None]),
        "versions": _once([(stage.get("versions") or {}).get("preftree") for stage in run.stages]),
        "made": max(stage["made"] for stage in run.stages),
        "machines": _once([_machine(machine) for machine in machines if machine]),
        "seconds": sum(stage.get("seconds") or 0.0 for stage in run.stages),
    }


def _seed(stage: Mapping[str, Any]) -> Any:
    settings = stage["settings"]
    parts = (settings, settings.get("policy"), settings.get("protocol"), settings.get("draws"))
    return next((part["seed"] for part in parts if isinstance(part, Mapping) and "seed" in part), None)


def _machine(machine: Mapping[str, Any]) -> str:
    return f"{machine.get('cpu', '')}, {machine.get('cores', '?')} cores, {machine.get('memory_gb', '?')} GB"


def _once(values: Sequence[Any]) -> list[str]:
    return list(dict.fromkeys(str(value) for value in values if value is not None))


def _stage_row(stage: dict[str, Any]) -> dict[str, Any]:
    report = stage["report"]
    account = report.get("account", report)
    tokens = {key: account[key] for key in ("input_tokens", "output_tokens", "calls") if key in account}
    if "tokens_trie" in report:
        tokens["trained_tokens"] = report["tokens_trie"]
    return {key: stage.get(key) for key in ("name", "kind", "seconds", "peak_memory_mb", "made")} | tokens


def _training(stage: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    objective = stage["settings"]["objective"]
    metrics = _metrics(directory / stage["name"])
    return {"name": stage["name"], "objective": objective, "report": stage["report"], "metrics": metrics}


def _metrics(directory: Path) -> list[dict[str, Any]]:
    log = directory / "metrics.jsonl"
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.is_file() else []


# ---------------------------------------------------------------- policies: rewards beside benchmarks


def _policies(run: Run, stages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Evaluated models whose training logged rewards: where these ended, and the figures of the model."""
    found: dict[Path, dict[str, Any]] = {}
    for stage in stages:
        for model, section in stage["settings"]["models"].items():
            trained = _trained(str(section.get("model") or ""), run)
            if trained is None:
                continue
            policy = found.setdefault(trained, _policy(trained))
            policy["figures"] |= _figures(stage["report"], model)
    return [policy for policy in found.values() if policy["chosen"] is not None]


def _trained(model: str, run: Run) -> Path | None:
    """The directory of the preference training that made a model, whether the run lies where it was made or not."""
    path = Path(model)
    here = run.directory / path.name
    moved = str(path.parent) == run.variables.get("out") or path.parent.name == run.directory.resolve().name
    at = here if model and (moved or not path.is_dir()) else path
    if not model or not (at / "stage.json").is_file():
        return None
    stage = _stage(at / "stage.json", at.name)
    return at.resolve() if stage["kind"] == "train" and stage["settings"]["objective"] not in _NO_POLICY else None


def _policy(directory: Path) -> dict[str, Any]:
    stage = _stage(directory / "stage.json", directory.name)
    final = final_rewards({"metrics": _metrics(directory)})
    chosen = (
        None if final is None else {"value": final.chosen, "low": final.low, "high": final.high, "steps": final.steps}
    )
    objective = stage["settings"]["objective"]
    return {"name": directory.name, "path": str(directory), "objective": objective, "chosen": chosen, "figures": {}}


def _figures(report: Mapping[str, Any], model: str) -> dict[str, dict[str, Any]]:
    """By what was measured: the first metric of each benchmark and mode, or the accuracy over own problems."""
    figures: dict[str, dict[str, Any]] = {}
    if report.get("kind") == "benchmarks":
        for row in report["rows"]:
            if row["model"] == model and row["metrics"]:
                name = f"{row['benchmark']} ({row['mode']}, {report['protocol']})"
                figures[name] = _share(row["metrics"][0])
    else:
        group = (
            "all"
            if any(row["group"] == "all" for row in report["groups"])
            else headline_group([row["group"] for row in report["groups"]])
        )
        few = min(report["turns"])
        for row in report["groups"]:
            if (row["model"], row["group"], row["turns"]) == (model, group, few):
                figures[f"own problems, {group}, {turns(few)}"] = _share(row)
    return {name: figure for name, figure in figures.items() if figure["value"] is not None}


def _share(figure: Mapping[str, Any]) -> dict[str, Any]:
    """Of what is best: marks and shares are averaged on one scale."""
    best = figure.get("best") or 1.0
    scaled = {key: None if figure[key] is None else figure[key] / best for key in ("value", "low", "high")}
    return scaled | {"n": figure["n"]}
