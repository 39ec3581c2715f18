"""What runs made and what it took: yield and cost by stage, lengths, turns, token sharing. One run or several.

In:  named results; of a page over one run the name is empty. Out: sections.
Always true: each figure was recorded by its run; an estimate says what it is made of; what no run has is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from preftree.report.charts import QUANTILES, length_figure, sharing_figure, turn_figure, yield_figure
from preftree.report.comparison import Sheet
from preftree.report.sections import Section
from preftree.report.summary import final_rewards, saved_seconds, sharing
from preftree.report.text import MISSING, clean, count, decimal, duration, missing, percent, share

Runs = Sequence[tuple[str, Mapping[str, Any]]]
SAVED = (
    "Time saved is an estimate from what the run recorded: its seconds × (tokens row by row / tokens over the trie − "
    "1), the tokens that were not computed at the pace of those that were. The seconds hold loading and writing too, "
    "so it is high where steps are a small part of them."
)


def named(run: str, name: object) -> str:
    return f"{run}: {name}" if run else str(name)


def style_of(place: int) -> str:
    """A run's colour and pattern, so that it is told by more than its colour."""
    return f"hue{(1, 2, 4, 5, 3)[place % 5]}" + ("", " dashed", " dotted", " dashdot")[place % 4]


def _each(runs: Runs, key: str) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    for place, (run, results) in enumerate(runs):
        for entry in results.get(key) or []:
            yield place, run, entry


# ---------------------------------------------------------------- yield and cost


def yield_section(runs: Runs) -> Section:
    """What each forest gave, and what it cost by stage of growing."""
    forests = _named_forests(runs)
    figure = yield_figure(forests)
    sheets = [_yields(forests), cost_sheet(runs)]
    return Section(
        "yield",
        "Yield and cost of growing",
        figures=(figure,) if figure else (),
        sheets=tuple(sheet for sheet in sheets if sheet.rows),
    )


def _yields(forests: Sequence[Mapping[str, Any]]) -> Sheet:
    rows = []
    for forest in forests:
        report = forest.get("report") or {}
        stages, account = report.get("stages") or {}, report.get("account") or {}
        turns = sum(stages.values())
        actor = sum(number for stage, number in stages.items() if stage not in ("reference", "none"))
        price, pairs = account.get("price_usd"), report.get("pairs")
        rows.append(
            (
                clean(forest["name"]),
                count(report.get("trees")),
                count(report.get("turns")),
                count(pairs),
                share(actor, turns),
                share(stages.get("reference", 0), turns),
                share(stages.get("none", 0), turns),
                count(account.get("calls")),
                count(account.get("output_tokens")),
                count(account["output_tokens"] / pairs) if pairs and "output_tokens" in account else MISSING,
                f"{price:,.2f}" if price else MISSING,
            )
        )
    columns = (
        *("forest", "trees", "turns", "pairs", "solved by actors", "with the reference", "not solved"),
        *("calls", "output tokens", "output tokens a pair", "US$"),
    )
    notes = ("Shares are of turns, by the stage of their first correct action.",)
    return Sheet("What each forest holds, and what it cost", columns, tuple(rows), 1, notes)


def _named_forests(runs: Runs) -> list[dict[str, Any]]:
    return [{**forest, "name": named(run, forest["name"])} for _, run, forest in _each(runs, "forests")]


def cost_sheet(runs: Runs) -> Sheet:
    rows = []
    for forest in _named_forests(runs):
        whole = sum(cost["output_tokens"] for cost in forest.get("costs") or [])
        for cost in forest.get("costs") or []:
            figures = (count(cost["calls"]), count(cost["input_tokens"]), count(cost["output_tokens"]))
            part = share(cost["output_tokens"], whole)
            price = f"{cost['price_usd']:,.2f}" if cost["price_usd"] else MISSING
            names = (clean(forest["name"]), clean(cost["role"]), clean(cost["stage"]), clean(cost["actor"]))
            rows.append((*names, *figures, part, price))
    columns = ("forest", "role", "stage", "actor", "calls", "input tokens", "output tokens", "of the output", "US$")
    return Sheet("Calls by stage of growing", columns, tuple(rows), 4)


# ---------------------------------------------------------------- lengths and turns


def lengths_section(runs: Runs) -> Section:
    """Tokens of answers and of actions, and the turns that conversations took."""
    answers = [
        (place, run, entry, f"{entry['stage']}, {entry['model']}") for place, run, entry in _each(runs, "answers")
    ]
    actions = [
        (place, run, entry, f"{entry['forest']}, {entry['actor']}") for place, run, entry in _each(runs, "actions")
    ]
    figures, sheets = [], []
    for file, label, found in (
        ("answer-lengths", "Length of answers", answers),
        ("action-lengths", "Length of actions", actions),
    ):
        rows = [(named(run, name), entry["tokens"], style_of(place)) for place, run, entry, name in found]
        figures.append(length_figure(file, label, rows))
        sheets.append(_length_sheet(label, [(named(run, name), entry) for _, run, entry, name in found]))
    several = [
        (named(run, name), entry["turns"])
        for _, run, entry, name in answers
        if len(set(entry["turns"]) - {"unsolved"}) > 1 or entry["most_turns"] > 1
    ]
    figures.append(turn_figure(several))
    sheets += [_turn_sheet(several), _depth_sheet(runs)]
    text = "Output tokens: of an answer those of its whole conversation, of an action those that its actor sampled."
    kept = tuple(sheet for sheet in sheets if sheet.rows)
    return Section(
        "lengths", "Lengths and turns", (text,) if kept else (), tuple(figure for figure in figures if figure), kept
    )


def _length_sheet(label: str, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> Sheet:
    lines = tuple(
        (
            clean(name),
            count(entry["written"]),
            *(count(entry["tokens"].get(q)) for q in QUANTILES),
            count(entry["mean"]),
            share(entry["truncated"], entry["written"]),
        )
        for name, entry in rows
        if entry["tokens"]
    )
    return Sheet(label, ("of", "number", *QUANTILES, "mean", "cut off"), lines)


def _turn_sheet(rows: Sequence[tuple[str, Mapping[str, int]]]) -> Sheet:
    numbers = sorted({int(turn) for _, counts in rows for turn in counts if turn != "unsolved"})
    lines = tuple(
        (clean(name), *(count(counts.get(str(k), 0)) for k in numbers), count(counts.get("unsolved", 0)))
        for name, counts in rows
    )
    return Sheet("Conversations by the turn that solved them", ("of", *map(_turn, numbers), "not solved"), lines)


def _depth_sheet(runs: Runs) -> Sheet:
    found = [
        (named(run, f["name"]), (f.get("report") or {}).get("trees_by_turns") or {})
        for _, run, f in _each(runs, "forests")
    ]
    depths = sorted({int(depth) for _, counts in found for depth in counts})
    lines = tuple((clean(name), *(count(counts.get(str(d), 0)) for d in depths)) for name, counts in found if counts)
    return Sheet("Trees by their turns", ("forest", *(f"{d} turn{'s' * (d > 1)}" for d in depths)), lines)


def _turn(number: int) -> str:
    return f"turn {number}"


# ---------------------------------------------------------------- training


def sharing_parts(runs: Runs) -> tuple[list[Any], list[Sheet]]:
    """Token sharing and the time that it saved, as figure and table."""
    training = [{**entry, "name": named(run, entry["name"])} for _, run, entry in _each(runs, "training")]
    figure, rows = sharing_figure(training), []
    for entry in training:
        report = entry.get("report") or {}
        if missing(report.get("tokens_rows")) or missing(report.get("tokens_trie")):
            continue
        saved = saved_seconds(report)
        seconds, tokens = duration(report.get("seconds")), (report["tokens_rows"], report["tokens_trie"])
        rows.append((clean(entry["name"]), *map(count, tokens), sharing(report), seconds, duration(saved)))
    columns = ("training", "tokens row by row", "tokens over the trie", "shared", "time", "time saved, estimate")
    sheet = Sheet("Token sharing", columns, tuple(rows), 1, (SAVED,))
    return ([figure] if figure else []), ([sheet] if rows else [])


def training_sheet(runs: Runs) -> Sheet:
    rows = []
    for _, run, entry in _each(runs, "training"):
        report, final = entry.get("report") or {}, final_rewards(entry)
        ends = (final.chosen, final.rejected, final.chosen - final.rejected) if final else (None, None, None)
        rows.append(
            (
                clean(named(run, entry["name"])),
                clean(entry.get("objective", "")),
                count(report.get("num_rows")),
                count(report.get("num_set_aside")),
                count(report.get("steps")),
                duration(report.get("seconds")),
                *map(decimal, ends),
            )
        )
    columns = ("training", "objective", "rows", "set aside", "steps", "time", "chosen", "rejected", "margin")
    note = "Final rewards of chosen and rejected answers: means over the last tenth of the logged steps."
    return Sheet("Training runs", columns, tuple(rows), 2, (note,) if rows else ())


def score(row: Mapping[str, Any] | None) -> str:
    """A figure with its interval as text; marks (whose best is not 1) as they are."""
    if row is None or missing(row.get("value")):
        return MISSING
    known = not missing(row.get("low")) and not missing(row.get("high"))
    if row.get("best", 1.0) != 1.0:
        return f"{row['value']:.2f}" + (f" [{row['low']:.2f}–{row['high']:.2f}]" if known else "")
    return percent(row["value"]) + (f" [{percent(row['low'])}–{percent(row['high'])}]" if known else "")
