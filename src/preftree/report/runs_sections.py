"""The page over several runs, section by section.

In:  results of several runs (`runs`, `differing`). Out: sections of sentences, figures and tables.
Always true: a run has one name and one place throughout; what only some runs have is an en dash for the others; the
paper's claim is named as the paper's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from preftree.report.across import align
from preftree.report.comparison import Sheet
from preftree.report.correlation import FEWEST, PAPER, Correlation, correlate
from preftree.report.measures import (
    Runs,
    lengths_section,
    named,
    score,
    sharing_parts,
    training_sheet,
    yield_section,
)
from preftree.report.runs_charts import accuracy_dots, correlation_figure, rerank_figures, trend_figures
from preftree.report.sections import Section, own_files, present
from preftree.report.text import MISSING, clean, count, decimal, duration, flat, p_value, percent, turns

# More dot figures than this are no longer looked at; the tables have them all.
_DOTTED = 12
_SHOWN_SETTINGS = 40


def runs_sections(results: Mapping[str, Any]) -> list[Section]:
    runs: Runs = [(run["name"], run) for run in results["runs"]]
    return present(
        [
            _overview(runs, results["differing"]),
            *_scores(runs),
            _rewards_and_averages(runs),
            _rerank(runs),
            _training(runs),
            yield_section(runs),
            lengths_section(runs),
            _made(runs),
        ]
    )


# ---------------------------------------------------------------- what was run


def _overview(runs: Runs, differing: Sequence[Mapping[str, Any]]) -> Section:
    rows = []
    for name, run in runs:
        made = run["provenance"]
        lists = (", ".join(made[key]) or MISSING for key in ("models", "objectives", "seeds", "versions"))
        facts = (made["recipe"] or MISSING, *lists, made["made"][:16].replace("T", " "), duration(made["seconds"]))
        rows.append((name, *map(clean, facts), clean("; ".join(made["machines"]) or MISSING)))
    titles = ("run", "recipe", "model", "objectives", "seed", "version", "ended (UTC)", "time", "machine")
    sheets = [Sheet("Runs", titles, tuple(rows), len(titles))]
    lines = [(row["setting"], *row["values"]) for row in differing]
    names = tuple(name for name, _ in runs)
    folded = []
    if lines:
        shown = Sheet("Settings that differ", ("setting", *names), tuple(lines[:_SHOWN_SETTINGS]), len(names) + 1)
        sheets.append(shown)
    if len(lines) > _SHOWN_SETTINGS:
        folded.append(replace(shown, title="More settings that differ", rows=tuple(lines[_SHOWN_SETTINGS:])))
    text = "Paths into a run's own directory are written @stage/…, so that they don't count as different."
    warnings = [f"Warning. {name}, {said}." for name, run in runs for said in run.get("warnings") or []]
    if not lines:
        text = "No setting differs between these runs."
    return Section("runs", "Runs", (*warnings, text), sheets=tuple(sheets), folded=tuple(folded))


def _made(runs: Runs) -> Section:
    """Time by stage, and every setting."""
    names = tuple(name for name, _ in runs)
    stages = align([_with_settings(run) for _, run in runs])
    rows = [
        (row.label, *(duration(stage.get("seconds")) if stage else MISSING for stage in row.stages)) for row in stages
    ]
    rows.append(("all", *(duration(run["provenance"]["seconds"]) for _, run in runs)))
    written = [
        (row.label, *(count(stage.get("output_tokens")) if stage else MISSING for stage in row.stages))
        for row in stages
        if any(stage and "output_tokens" in stage for stage in row.stages)
    ]
    sheets = [Sheet("Time by stage", ("stage", *names), tuple(rows))]
    if written:
        sheets.append(Sheet("Output tokens by stage", ("stage", *names), tuple(written)))
    folded = tuple(
        Sheet(f"All settings of {name}", ("setting", "value"), tuple(flat(run.get("settings") or {})), 2)
        for name, run in runs
    )
    deviations = dict.fromkeys(said for _, run in runs for said in run.get("deviations") or [])
    text = tuple(f"Differs from the paper: {said}" for said in deviations)
    return Section("made", "How they were made", text, sheets=tuple(sheets), folded=folded)


def _with_settings(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{**stage, "settings": run["settings"].get(stage["name"]) or {}} for stage in run["stages"]]


# ---------------------------------------------------------------- what came of it


def _scores(runs: Runs) -> list[Section | None]:
    """Benchmarks and own problems: models of all runs side by side."""
    return [
        _score_section("benchmarks", "Benchmarks", _benchmark_figures(runs)),
        _score_section("accuracy", "Accuracy on own problems", _own_figures(runs)),
    ]


Figures = dict[str, dict[tuple[str, int], Mapping[str, Any]]]  # what was measured → (model of a run, place) → figure


def _benchmark_figures(runs: Runs) -> Figures:
    found: Figures = {}
    for place, (run, results) in enumerate(runs):
        for summary in results.get("benchmarks") or []:
            for row in summary["rows"]:
                for figure in row["metrics"]:
                    name = f"{row['benchmark']} ({row['mode']}): {figure['name']}, {summary['protocol']}"
                    found.setdefault(name, {})[(named(run, row["model"]), place)] = figure
            for row in summary["better_of_modes"]:
                name = f"{row['benchmark']} (better of both): {row['name']}, {summary['protocol']}"
                found.setdefault(name, {})[(named(run, row["model"]), place)] = row
            for row in summary["suites"]:
                if row["average"]:
                    key = f"average of suite {summary['suite']}, {summary['protocol']}"
                    found.setdefault(key, {})[(named(run, row["model"]), place)] = row["average"]
    return found


def _own_figures(runs: Runs) -> Figures:
    found: Figures = {}
    for place, (run, results) in enumerate(runs):
        groups = (results.get("evaluation") or {}).get("groups") or []
        for row in sorted(groups, key=lambda row: row["turns"]):
            name = f"{row['group']}, {turns(row['turns'])}"
            found.setdefault(name, {})[(named(run, row["model"]), place)] = row
    return found


def _score_section(place: str, title: str, found: Figures) -> Section | None:
    if not found:
        return None
    models = list(dict.fromkeys(model for cells in found.values() for model in cells))
    # What there is less of goes across.
    if len(models) <= len(found):
        columns = ("measured", *(clean(name) for name, _ in models))
        rows = [(clean(name), *(score(cells.get(model)) for model in models)) for name, cells in found.items()]
    else:
        columns = ("model", *map(clean, found))
        rows = [(clean(model[0]), *(score(cells.get(model)) for cells in found.values())) for model in models]
    sizes = {clean(name): sorted({cell["n"] for cell in cells.values()}) for name, cells in found.items()}
    items = "; ".join(f"{name} {' or '.join(map(count, numbers))}" for name, numbers in sizes.items())
    notes = ("In per cent (marks as they are), with 95% intervals over items.", f"Items: {items}.")
    drawn = [(name, [(model, at, cell) for (model, at), cell in cells.items()]) for name, cells in found.items()]
    figures = own_files(accuracy_dots(drawn)) if len(drawn) <= _DOTTED else ()
    return Section(place, title, figures=figures, sheets=(Sheet(title, columns, tuple(rows), 1, notes),))


def _rerank(runs: Runs) -> Section:
    rows, numbers = [], set()
    for run, results in runs:
        curves = (results.get("rerank") or {}).get("curves") or []
        numbers |= {row["n"] for row in curves}
        for method in dict.fromkeys(row["method"] for row in curves):
            rows.append((run, method, {row["n"]: row for row in curves if row["method"] == method}))
    shown = sorted(numbers)
    lines = tuple((clean(run), clean(method), *(score(at.get(n)) for n in shown)) for run, method, at in rows)
    sheet = Sheet("Accuracy of one answer out of N", ("run", "chosen by", *(f"N = {n}" for n in shown)), lines, 2)
    return Section("rerank", "Best of N", figures=own_files(rerank_figures(runs)), sheets=(sheet,) if lines else ())


def _training(runs: Runs) -> Section:
    figures, sheets = sharing_parts(runs)
    found = training_sheet(runs)
    return Section(
        "training",
        "Training",
        figures=(*own_files(trend_figures(runs)), *figures),
        sheets=(*([found] if found.rows else []), *sheets),
    )


# ---------------------------------------------------------------- the paper's claim


def _rewards_and_averages(runs: Runs) -> Section | None:
    policies = merged_policies(runs)
    if not policies:
        return None
    found = correlate(policies)
    figure = correlation_figure(found)
    rows = tuple(
        (
            clean(point.name),
            clean(point.objective),
            decimal(point.reward),
            f"{decimal(point.reward_low)} to {decimal(point.reward_high)}" if point.steps > 1 else MISSING,
            f"{percent(point.average)} [{percent(point.low)}–{percent(point.high)}]",
        )
        for point in found.points
    )
    note = "The final reward is the mean over the last tenth of the logged steps; beside it the extremes among these."
    titles = ("policy", "objective", "final chosen reward", "lowest and highest step", "average")
    sheet = Sheet("Final reward and average", titles, rows, 2, (note,))
    return Section(
        "rewards",
        "Final reward against benchmark average",
        (*say(found), PAPER),
        (figure,) if figure else (),
        (sheet,) if rows else (),
    )


def merged_policies(runs: Runs) -> list[dict[str, Any]]:
    """One entry a training, however many of the runs evaluated it; named by its run, and by itself where needed."""
    found: dict[str, dict[str, Any]] = {}
    for run, results in runs:
        for policy in results.get("policies") or []:
            mine = found.setdefault(policy["path"], {**policy, "run": run, "figures": {}})
            mine["figures"] = {**mine["figures"], **policy["figures"]}
    several = [policy["run"] for policy in found.values()]
    return [
        {**policy, "name": policy["run"] if several.count(policy["run"]) == 1 else named(policy["run"], policy["name"])}
        for policy in found.values()
    ]


def say(found: Correlation) -> tuple[str, ...]:
    """What the correlation says, with its p-value and n; of too few points, that it says nothing."""
    n = len(found.points)
    said = []
    if found.left_out and not found.over:
        said.append(f"No benchmark was measured for all of {', '.join(found.left_out)}: no average can be compared.")
    elif found.left_out:
        said.append(f"Left out, since no benchmark was measured: {', '.join(found.left_out)}.")
    if found.over:
        said.append(f"Averages are over what all of them were measured on: {'; '.join(found.over)}.")
    if n < FEWEST:
        policies = "1 policy has" if n == 1 else f"{n} policies have"
        said.append(
            f"{policies} both a final chosen reward and an average; with fewer than {FEWEST} nothing can be said of a "
            "rank correlation."
        )
    elif math.isnan(found.rho):
        said.append(f"All {n} rewards, or all averages, are equal: there is no rank correlation.")
    else:
        said.append(
            f"Spearman's rank correlation of the final reward of chosen answers with the average is "
            f"{decimal(found.rho)} over n = {n} policies ({p_value(found.p_value)}, two-sided, "
            f"{'by all orders' if found.exact else 'by orders drawn at random'})."
        )
        if found.exact and found.smallest_p > 0.05:
            said.append(
                f"With {n} points no order gives a p-value below {found.smallest_p:.3f}: this is a description, not a "
                "test that could succeed."
            )
    return tuple(said)
