"""`preftree stats FOREST`: the paper's tables 1 and 7 of a forest, pass@k, yields, and what it cost."""

from __future__ import annotations

import argparse
import dataclasses
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from preftree.cli.screen import emit, say, show
from preftree.errors import InputError

if TYPE_CHECKING:
    from preftree.report.forest_stats import ForestStats, Measure, Table1Row, Table7Row
    from preftree.report.pass_at import Draws


def add(commands: Any) -> None:
    command = commands.add_parser(
        "stats",
        help="what a forest holds, beside the paper's tables",
        description="The paper's tables 1 and 7 of a forest, beside the paper's rows of the same sources; unbiased "
        "pass@k; the challenging problems; yield by stage; who wrote the pairs; calls, tokens and money.",
        examples=("runs/forest", "runs/forest tokenizer=embedded --json", "runs/forest --problems pass-at-k.jsonl"),
    )
    command.add_argument("forest", metavar="FOREST", help="a forest's directory")
    command.add_argument(
        "settings",
        nargs="*",
        default=[],
        metavar="key=value",
        help="tokenizer=NAME (a hub id, a folder, embedded); else words",
    )
    command.add_argument("--problems", metavar="FILE", help="also write each problem's samples and pass@k, as JSONL")
    command.add_argument("--json", action="store_true", help="print all figures as JSON")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from preftree.forest import Forest
    from preftree.forest.raw import raw_trees
    from preftree.recipe import load_section
    from preftree.recipe.grown import grown_with
    from preftree.report.forest_stats import forest_stats, words

    section = load_section(arguments.settings)
    for key in section:
        if key != "tokenizer":
            raise InputError(f'stats: unknown setting "{key}"; expected tokenizer=NAME')
    directory = Path(arguments.forest)
    with Forest(directory, readonly=True) as forest:
        account = dataclasses.asdict(forest.account())
        passed_over = dict(sorted(Counter(forest.passed_over().values()).items()))
        by_actor = {name: dataclasses.asdict(forest.account(name)) for name in forest.actors()}
    grown = grown_with(directory)
    tokenizer = section.get("tokenizer")
    stats, draws = forest_stats(
        raw_trees(directory),
        measure=_tokens(str(tokenizer)) if tokenizer else words,
        unit="tokens" if tokenizer else "words",
        max_turns=None if grown is None else grown.policy.max_turns,
        batches=None if grown is None else grown.policy.batches,
    )
    if arguments.problems:
        _write_problems(Path(arguments.problems), stats, draws)
    if arguments.json:
        emit(_figures(stats) | {"passed_over": passed_over, "account": account, "account_by_actor": by_actor})
    else:
        _print(stats, passed_over, account)
    return 0


def _tokens(name: str) -> Measure:
    """Tokens by a tokenizer, without the marks that it puts around a text."""
    from transformers import AutoTokenizer

    from preftree.actors.weights import resolve_model

    tokenizer = AutoTokenizer.from_pretrained(resolve_model(name))

    def measure(texts: Any) -> list[int]:
        if not texts:
            return []
        return [len(ids) for ids in tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]]

    return measure


def _figures(stats: ForestStats) -> dict[str, Any]:
    from preftree.records import to_json
    from preftree.report.forest_tables import paper_row, paper_table

    figures = to_json(stats)
    rows: list[Table1Row | Table7Row] = [*stats.table1, *stats.table7]
    for shown, row in zip([*figures["table1"], *figures["table7"]], rows, strict=True):
        shown["paper"] = paper_row(row)
    return figures | {"paper_total": next(row for row in paper_table(1) if row["task"] == "Total")}


def _write_problems(file: Path, stats: ForestStats, draws: list[Draws]) -> None:
    from preftree.export.files import row_writer
    from preftree.report.pass_at import by_problem

    try:
        with row_writer(file.with_suffix(".jsonl")) as writer:
            for draw in draws:
                writer.write(dataclasses.asdict(draw) | {"pass_at": by_problem(draw, stats.pass_at)})
            writer.finish()
    except OSError as fault:
        raise InputError(f"{file}: can't be written ({fault.strerror}); name another file") from fault


def _print(stats: ForestStats, passed_over: dict[str, int], account: dict[str, Any]) -> None:
    from preftree.report.forest_tables import pass_table, stage_table, table1, table7, writers_table

    for table in (table1, table7, pass_table, stage_table, writers_table):
        show(table(stats))
    hard, passed = stats.challenging, stats.pass_at
    lines = [
        f"Trees: {stats.trees:,}. Challenging problems (no sample was correct at some turn): {hard.problems:,}, "
        f"{hard.first_turn:,} of them at the first.",
        *(f"Passed over, {reason}: {count:,}." for reason, count in passed_over.items()),
        f"Critiques: {stats.critiques:,}, of which {stats.leaked_critiques:,} give the answer away.",
        f"Account: {account['calls']:,} calls, {account['input_tokens']:,} input tokens "
        f"({account['cached_tokens']:,} cached), {account['output_tokens']:,} output tokens, "
        f"{account['price_usd']:.2f} US dollars; {account['unanswered_calls']:,} calls were never answered.",
    ]
    if passed.estimator == "first k":
        lines.append(
            "Pass@k: sampling stopped once enough was found, so each problem counts by its first k samples, which is "
            "unbiased; all its samples together would not be."
        )
    if passed.left_out:
        lines.append(f"Pass@k leaves out {passed.left_out:,} problems whose samples ended early for other reasons.")
    if stats.unit == "words":
        lines.append("Lengths are words; tokenizer=NAME counts tokens, as the paper does.")
    for line in lines:
        say(line)
