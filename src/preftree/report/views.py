"""Results as plain nested values for the page: what stands in each table, before it is markup or Markdown.

In:  sections of the results dict. Out: dicts of names, words, cells and figures; None where there is nothing to show.
Always true: a section whose results are absent is left out; a value that could not be computed is an en dash.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from preftree.report import charts, text
from preftree.report.figures import mark
from preftree.report.measures import SAVED
from preftree.report.sections import own_files
from preftree.report.summary import saved_seconds, sharing


def benchmarks_view(summaries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A table an evaluation: a line a benchmark, mode and metric, a column a model; then a suite's columns."""
    return [_benchmark_table(summary) for summary in summaries if summary["rows"]]


def _benchmark_table(summary: Mapping[str, Any]) -> dict[str, Any]:
    models = list(summary["models"])
    cells: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in summary["rows"]:
        for figure in row["metrics"]:
            cells.setdefault((row["benchmark"], row["mode"], figure["name"]), {})[row["model"]] = figure
    for better in summary["better_of_modes"]:
        cells.setdefault((better["benchmark"], "better of both", better["name"]), {})[better["model"]] = better
    lines = [(*names, [by_model.get(model) for model in models]) for names, by_model in _by_benchmark(cells)]
    suites = {
        column["title"]: [row["columns"][place]["figure"] for row in summary["suites"]]
        for place, column in enumerate(summary["suites"][0]["columns"] if summary["suites"] else [])
    }
    if suites and any(row["average"] for row in summary["suites"]):
        suites["average"] = [row["average"] for row in summary["suites"]]
    return {**summary, "lines": lines, "columns": suites}


def _by_benchmark(cells: Mapping[tuple[str, str, str], Any]) -> list[tuple[tuple[str, str, str], Any]]:
    """A benchmark's lines beside each other, in the order in which benchmarks came."""
    order = list(dict.fromkeys(name for name, _, _ in cells))
    return sorted(cells.items(), key=lambda entry: order.index(entry[0][0]))


def evaluation_view(evaluation: Mapping[str, Any]) -> dict[str, Any] | None:
    """Table bodies of families (trained, held out) and groups; a column a number of turns × model."""
    rows, groups = evaluation.get("rows") or [], evaluation.get("groups") or []
    if not rows and not groups:
        return None
    models, turns = evaluation.get("models") or [], evaluation.get("turns") or []
    columns = [(k, model) for k in turns for model in models]
    trained = [row for row in rows if row.get("trained", True)]
    held_out = [row for row in rows if not row.get("trained", True)]
    bodies = [
        ("Families that were trained on", _cells(trained, "dataset", columns)),
        ("Families kept out of training", _cells(held_out, "dataset", columns)),
        ("Together", _cells(groups, "group", columns)),
    ]
    return {
        "models": models,
        "turns": turns,
        "bodies": [(name, lines) for name, lines in bodies if lines],
        "paired": evaluation.get("paired") or [],
        "figures": own_files(charts.accuracy_figures(evaluation)),
        "undecided": sum(row.get("undecided") or 0 for row in rows),
    }


def _cells(rows: Sequence[Mapping[str, Any]], key: str, columns: Sequence[tuple[Any, Any]]) -> list[dict[str, Any]]:
    """A line a name: its number of problems, and a cell a column."""
    lines = []
    for name in dict.fromkeys(row[key] for row in rows):
        mine = {
            (row.get("turns", row.get("n")), row.get("model", row.get("method"))): row
            for row in rows
            if row[key] == name
        }
        sizes = dict.fromkeys(text.count(row.get("problems", row.get("n"))) for row in mine.values())
        lines.append({"name": name, "n": "/".join(sizes), "cells": [_cell(mine.get(column)) for column in columns]})
    return lines


def _cell(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if row is None or text.missing(row.get("value")):
        return None
    known = not text.missing(row.get("low")) and not text.missing(row.get("high"))
    drawn = Markup(mark(row["value"], row["low"], row["high"])) if known else ""
    return {"value": row["value"], "low": row.get("low"), "high": row.get("high"), "mark": drawn}


def rerank_view(rerank: Mapping[str, Any]) -> dict[str, Any] | None:
    """The curves as a figure and a table, and the largest N by family."""
    curves, rows = rerank.get("curves") or [], rerank.get("rows") or []
    if not curves and not rows:
        return None
    numbers = sorted({row["n"] for row in curves})
    by_method = []
    for method in dict.fromkeys(row["method"] for row in curves):
        at = {row["n"]: row for row in curves if row["method"] == method}
        by_method.append({"name": method, "cells": [_cell(at.get(n)) for n in numbers]})
    columns = list(dict.fromkeys((row["n"], row["method"]) for row in rows))
    return {
        "policy": rerank.get("policy") or "",
        "reward_model": rerank.get("reward_model") or "",
        "samples": rerank.get("samples"),
        "numbers": numbers,
        "methods": by_method,
        "columns": columns,
        "families": _cells(rows, "dataset", columns),
        "figure": charts.rerank_figure(curves),
    }


def training_view(training: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    if not training:
        return None
    return {
        "runs": [
            {
                **run,
                "report": run.get("report") or {},
                "saved": sharing(run.get("report") or {}),
                "saved_seconds": saved_seconds(run.get("report") or {}),
            }
            for run in training
        ],
        "how_saved": SAVED,
        "logs": [log for log in map(_log, training) if log],
        "trends": own_files(charts.reward_figures(training)),
        "sharing": charts.sharing_figure(training),
    }


def _log(run: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a run logged: the columns that any step has, and at most 200 steps, evenly chosen."""
    metrics = run.get("metrics") or []
    wanted = ("loss", "rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies")
    columns = [name for name in wanted if any(not text.missing(row.get(name)) for row in metrics)]
    # The last line of a log may hold totals only.
    metrics = [row for row in metrics if any(not text.missing(row.get(name)) for name in columns)]
    stride = math.ceil(len(metrics) / 200)
    steps = [(row.get("step"), [text.decimal(row.get(name)) for name in columns]) for row in metrics[:: stride or 1]]
    if not steps:
        return None
    return {"name": run.get("name"), "columns": columns, "steps": steps, "stride": stride, "total": len(metrics)}


def _writers(reports: Sequence[Mapping[str, Any]]) -> list[str]:
    """Who wrote the chosen and who the rejected actions of pairs: "sft over bare"."""
    return sorted({name for report in reports for name in report.get("pairs_by_actors") or {}})


def forests_view(forests: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Lines of one table, a column a forest, and the figure of yields."""
    if not forests:
        return None
    reports = [forest.get("report") or {} for forest in forests]
    plain = [
        ("Trees", "trees"),
        ("Turns", "turns"),
        ("Correct actions", "correct"),
        ("Incorrect actions", "incorrect"),
        ("Pairs", "pairs"),
    ]
    lines = [(label, [text.count(report.get(key)) for report in reports]) for label, key in plain]
    different = [(report.get("pairs_with_different_actors"), report.get("pairs")) for report in reports]
    lines.append(
        (
            "Pairs whose chosen and rejected come from different actors",
            [f"{text.count(part)} ({text.share(part, whole)})" for part, whole in different],
        )
    )
    for name in _writers(reports):
        cells = [text.count((r.get("pairs_by_actors") or {}).get(name, 0)) for r in reports]
        lines.append((f"Pairs: {name}", cells))
    lines.append(("Critiques that give the answer away", [text.count(r.get("leaked_critiques")) for r in reports]))
    for depth in sorted({int(depth) for report in reports for depth in report.get("trees_by_turns") or {}}):
        cells = [text.count((r.get("trees_by_turns") or {}).get(str(depth), 0)) for r in reports]
        lines.append((f"Trees of {text.turns(depth)}", cells))
    for stage in charts.stages_of(reports):
        cells = [text.count((r.get("stages") or {}).get(stage, 0)) for r in reports]
        lines.append((charts.stage_name(stage), cells))
    account = (
        ("Calls", "calls"),
        ("Samples", "samples"),
        ("Input tokens", "input_tokens"),
        ("of these from a cache", "cached_tokens"),
        ("Output tokens", "output_tokens"),
        ("Calls without an answer", "unanswered_calls"),
    )
    for label, key in account:
        lines.append((label, [text.count((r.get("account") or {}).get(key)) for r in reports]))
    prices = [(report.get("account") or {}).get("price_usd") for report in reports]
    if any(prices):
        lines.append(("Price, US$", [text.MISSING if text.missing(p) else f"{p:,.2f}" for p in prices]))
    return {
        "names": [forest.get("name") for forest in forests],
        "lines": lines,
        "figure": charts.yield_figure(forests),
    }


def stages_view(stages: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The stages with the part of the time that each took, and their sums."""
    if not stages:
        return None

    def known(key: str) -> list[float]:
        return [stage[key] for stage in stages if not text.missing(stage.get(key))]

    longest = max([*known("seconds"), 0.0]) or 1.0
    return {
        "rows": [{**stage, "part": round(100 * (stage.get("seconds") or 0.0) / longest, 1)} for stage in stages],
        "seconds": sum(known("seconds")),
        "peak_memory_mb": max(known("peak_memory_mb"), default=None),
        **{key: sum(known(key)) for key in ("calls", "input_tokens", "output_tokens")},
    }


def problems_view(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Problems by family (a line) and split (a column)."""
    splits: dict[str, Mapping[str, int]] = {}
    for report in reports:
        splits.update(report.get("problems") or {})
    families = dict.fromkeys(family for sizes in splits.values() for family in sizes)
    if not families:
        return None
    lines = [(family, [sizes.get(family, 0) for sizes in splits.values()]) for family in families]
    return {"splits": list(splits), "lines": lines, "totals": [sum(sizes.values()) for sizes in splits.values()]}


def made_view(results: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Definition lists: what made this run, where, with what."""
    of_run = [(key, results[key]) for key in ("recipe", "version", "made", "seed") if results.get(key) is not None]
    lists = [
        ("Run", [(key, text.plain(value)) for key, value in of_run]),
        ("Machine", text.flat(results.get("machine") or {})),
        ("Versions", text.flat(results.get("versions") or {})),
    ]
    return [(name, rows) for name, rows in lists if rows]
