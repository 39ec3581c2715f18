"""The table of `preftree grow --plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from preftree.cli.screen import emit, say, show

if TYPE_CHECKING:
    from preftree.grow.plan import Plan, Range
    from preftree.recipe import Observer


def show_plan(section: dict[str, Any], pilot: int | None, observer: Observer, *, as_json: bool) -> int:
    from preftree.recipe.planning import make_plan
    from preftree.records import to_json

    plan = make_plan(section, pilot, observer)
    if as_json:
        emit(to_json(plan))
    else:
        _print(plan)
    return 0


def _print(plan: Plan) -> None:
    from rich.table import Table
    from rich.text import Text

    title = f"{plan.problems:,} problems, from {plan.source}: means with 80% intervals"
    table = Table("role", "actor", title=title, title_justify="left")
    for name in ("calls", "input tokens", "output tokens", "US dollars"):
        table.add_column(name, justify="right")
    for row in (*plan.rows, plan.total):
        amounts = [_amount(one) for one in (row.calls, row.input_tokens, row.output_tokens)]
        style = "bold" if row is plan.total else ""
        table.add_row(row.role, Text(row.actor), *amounts, _amount(row.usd, 2), style=style)
    show(table)
    low, mean, high = (_hours(seconds) for seconds in (plan.time_s.low, plan.time_s.mean, plan.time_s.high))
    say(f"Time: {mean} ({low} to {high}), by the slowest actor.")


def _amount(one: Range, decimals: int = 0) -> str:
    mean, low, high = (_short(value, decimals) for value in (one.mean, one.low, one.high))
    return f"{mean} ({low}–{high})"


def _short(value: float, decimals: int) -> str:
    """Three figures are all that a plan knows."""
    if value < 1e5:
        return f"{value:,.{decimals}f}"
    return f"{value / 1e6:,.1f}M" if value >= 1e6 else f"{value / 1e3:,.0f}K"


def _hours(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
