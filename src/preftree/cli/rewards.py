"""`preftree rewards`: reward models, implicit rewards and judges on pairs of answers that people compared."""

from __future__ import annotations

import argparse
from typing import Any

from preftree.cli.parsing import add_settings
from preftree.cli.screen import emit, say, show

_EXAMPLES = (
    "benchmarks=[rewardbench,autoj] scorers.rm.model=runs/reward data=DATA out=runs/rewards",
    "benchmarks=[rewardbench] scorers.dpo.kind=implicit scorers.dpo.model=runs/dpo "
    "scorers.dpo.reference_model=runs/sft out=runs/implicit",
    "benchmarks=[autoj] judges.big.model=NAME judges.big.base_url=http://127.0.0.1:8000/v1 data=DATA out=runs/judge",
)


def add(commands: Any) -> None:
    command = commands.add_parser(
        "rewards",
        help="how far a reward model, an implicit reward or a judge agrees with people",
        description="RewardBench, Auto-J's pairs and MT-Bench's human judgments, each figure with a 95% interval. "
        "Rewards are kept in out/rewards.jsonl; a killed run goes on where it was.",
        examples=_EXAMPLES,
    )
    add_settings(command, "rewards")
    command.add_argument("--json", action="store_true", help="print the report as JSON")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from preftree.recipe import load_section, run_single

    section = load_section(arguments.settings)
    report = run_single("rewards", section)["report"]
    if arguments.json:
        emit(report)
    else:
        print_summaries(report)
        say(f"Rewards: {section['out']}/rewards.jsonl")
    return 0


def print_summaries(report: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    for summary in report["benchmarks"]:
        table = Table("figure", "%", "95%", "rows", "", title_justify="left")
        table.title = f"{summary['scorer']} on {summary['benchmark']}: {summary['scored']:,} rows of "
        table.title += f"{summary['published_rows']:,}"
        for figure in summary["figures"]:
            known = figure["value"] is not None
            between = f"{100 * figure['low']:.1f} to {100 * figure['high']:.1f}" if known else ""
            value = f"{100 * figure['value']:.1f}" if known else "-"
            table.add_row(figure["figure"], value, between, f"{figure['n']:,}", Text(figure.get("note", "")))
        show(table)
        told = {"set aside": len(summary["set_aside"]), "unread": summary["unread"]}
        told |= {"without verdict": summary["no_verdict"], "not scored": summary["not_scored"]}
        counts = ", ".join(f"{count:,} {what}" for what, count in told.items() if count)
        if counts:
            say(counts)
