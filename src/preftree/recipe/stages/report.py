"""One page over a run: what every stage reported, and three of its trees. Over several runs: what sets them apart.

In:  a run's directory, or several. Out: `report.html`, `report.md`, `results.json`, `figures/NAME.svg` and `.csv`.
Always true: only finished stages are reported; runs are told apart by as much of their paths as it takes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import preftree
from preftree.errors import InputError
from preftree.forest import Forest
from preftree.recipe.runner import Context, machine, versions
from preftree.recipe.runs import Run, collect, read_run
from preftree.records import Tree
from preftree.report import pick_trees, write_report, write_runs
from preftree.report.across import differing, distinct_names


@dataclass(frozen=True, slots=True)
class Settings:
    recipe: str = ""
    variables: dict[str, Any] = field(default_factory=dict)
    stages: tuple[str, ...] = ()  # names in order; none: all that stand in the run's directory
    run: str | None = None  # a run's directory; none: the directory that this stage stands in
    runs: tuple[str, ...] = ()  # in its place: several runs, or single stages, on one page
    deviations: tuple[str, ...] = ()  # where the run departs from the paper, in plain sentences

    def __post_init__(self) -> None:
        if self.runs and (self.run is not None or self.stages):
            raise InputError("report: expected run=DIRECTORY (with stages) or runs=[DIRECTORY, …], got both")


def run(settings: Settings, context: Context) -> dict[str, Any]:
    if len(settings.runs) > 1:
        written = write_runs(compare([Path(path) for path in settings.runs]), context.out)
    else:
        directory = Path(next(iter(settings.runs), settings.run or context.run))
        found = read_run(directory, settings.stages)
        found = replace(
            found,
            recipe=settings.recipe or found.recipe,
            variables=settings.variables or found.variables,
            deviations=settings.deviations or found.deviations,
        )
        results = collect(found)
        results["versions"], results["machine"] = results["versions"] or versions(), results["machine"] or machine()
        written = write_report(results, sample_trees(found), context.out)
    return {
        "results": str(written.results),
        "page": str(written.page),
        "markdown": str(written.markdown),
        "figures": len(written.figures),
    }


def compare(paths: Sequence[Path]) -> dict[str, Any]:
    """What `results.json` holds of several runs: the results of each, and the settings that are not the same."""
    whole = [Path(os.path.abspath(path)) for path in paths]
    twice = next((path for place, path in enumerate(whole) if path in whole[:place]), None)
    if twice is not None:
        raise InputError(f"{twice}: is named twice; name each run once")
    runs = [read_run(path) for path in paths]
    sides = [{"variables": run.variables, "stages": run.stages, "roots": run.roots} for run in runs]
    return {
        "version": preftree.__version__,
        "made": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "runs": [
            {"name": name, "path": str(run.given)} | collect(run)
            for name, run in zip(distinct_names(whole), runs, strict=True)
        ],
        "differing": [{"setting": key, "values": list(values)} for key, values in differing(sides)],
    }


def sample_trees(run: Run) -> list[Tree]:
    """Three telling trees of the last forest that was grown."""
    grown = [run.directory / stage["name"] for stage in run.stages if stage["kind"] == "grow"]
    if not grown or not (grown[-1] / "forest.sqlite").is_file():
        return []
    with Forest(grown[-1], readonly=True) as forest:
        return pick_trees(forest.trees(), 3)
