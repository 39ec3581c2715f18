"""`preftree score BENCH --predictions FILE`: given responses, graded; no model is needed."""

from __future__ import annotations

import argparse
from typing import Any

from preftree.cli.parsing import add_settings
from preftree.cli.screen import emit, say, show


def add(commands: Any) -> None:
    command = commands.add_parser(
        "score",
        help="score given responses on a benchmark, no model needed",
        description="Grade responses that came from anywhere, as an evaluation grades them. Rows of the file: "
        '{"id": …, "response": …}, the id as in the published file (or the row\'s place in it, from 0, where rows have '
        'none), the response a text, or a list of texts, one a turn; several samples of an item differ in "sample". '
        'For rewardbench, autoj and mt_bench_human: {"id": …, "rewards": [first, second]}.',
        examples=(
            "humaneval --predictions responses.jsonl",
            "math --predictions responses.jsonl data=MATH_test/ protocol=eurus mode=program --json",
            "gsm8k --predictions a.jsonl model=a out=runs/a   # for preftree compare",
            "mt_bench --predictions two-turns.jsonl judge.kind=endpoint judge.model=gpt-4 "
            "judge.base_url=https://example.org/v1",
        ),
    )
    command.add_argument("benchmark", metavar="BENCH", help="the benchmark's name")
    add_settings(command, "score")
    command.add_argument("--predictions", required=True, metavar="FILE", help="the rows: .jsonl, .json or .parquet")
    command.add_argument(
        "--partial", action="store_true", help="score the items that have a response; the others are not wrong"
    )
    command.add_argument("--json", action="store_true", help="print all figures and verdicts as JSON")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from preftree.recipe import load_section
    from preftree.recipe.scoring import run_score

    section = load_section(arguments.settings) | {"predictions": arguments.predictions}
    if arguments.partial:
        section["partial"] = True
    scored = run_score(arguments.benchmark, section)
    if arguments.json:
        emit(scored)
    else:
        _print(scored)
    return 0


def _print(scored: dict[str, Any]) -> None:
    rewards = "figures" in scored
    for table in _reward_tables(scored) if rewards else _tables(scored):
        show(table)
    for line in _reward_lines(scored) if rewards else _lines(scored):
        say(line)


def _tables(scored: dict[str, Any]) -> list[Any]:
    title = f"{scored['benchmark']} ({scored['protocol']}, {scored['mode']})"
    table = _table(title, "", "95% interval", "n")
    for metric in scored["metrics"]:
        _row(table, metric["name"], metric, metric["best"])
    for row in scored["pass_at"]:
        _row(table, f"pass@{row['k']}", row, 1.0)
    tables = [table]
    for label, values in scored["groups"].items():
        by = _table(f"By {label}: {scored['metric']}", "", "95% interval", "n")
        for value, metrics in values.items():
            _row(by, value, metrics[0], metrics[0]["best"])
        if values:
            tables.append(by)
    return tables


def _lines(scored: dict[str, Any]) -> list[str]:
    full, found = scored["rows_in_full"], scored["rows_found"]
    said = f"{scored['correct']:,} correct, {scored['wrong']:,} wrong, {scored['undecided']:,} undecided"
    if scored["graded"]:
        said = f"{scored['correct']:,} marked, {scored['undecided']:,} with a mark missing"
    return [
        f"Responses: {said}. Items: {scored['n']:,} counted, {found:,} in the data, {full:,} in full.",
        *scored["notes"],
    ]


def _reward_tables(scored: dict[str, Any]) -> list[Any]:
    table = _table(scored["benchmark"], "", "95% interval", "n")
    for figure in scored["figures"]:
        note = f" ({figure['note']})" if figure.get("note") else ""
        _row(table, figure["figure"] + note, figure, 1.0)
    return [table]


def _reward_lines(scored: dict[str, Any]) -> list[str]:
    left = "not, counted as wrong" if scored.get("missing_count_as_wrong") else "not"
    said = f"{scored['scored']:,} scored, {scored['not_scored']:,} {left}, {scored['published_rows']:,} in full"
    lines = [f"Rows: {said}."]
    if scored["set_aside"]:
        lines.append(f"{len(scored['set_aside']):,} rows were set aside, for one {scored['set_aside'][0]}.")
    return lines


def _table(title: str, *right: str) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for name in ("score", *right[1:]):
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _row(table: Any, name: str, row: dict[str, Any], best: float) -> None:
    """Shares in per cent; marks (a best other than 1) as they are."""
    from rich.text import Text

    def shown(value: float | None) -> str:
        if value is None:
            return "–"
        return f"{100 * value:.1f}" if best == 1.0 else f"{value:.2f}"

    table.add_row(Text(name), shown(row["value"]), f"{shown(row['low'])} to {shown(row['high'])}", f"{row['n']:,}")
