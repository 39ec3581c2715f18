"""Views for the terminal: a tree, and the tables of a run.

In:  a Tree or a results dict. Out: rich renderables, for any width and with or without colour.
Always true: nothing is told by colour alone; text that a model wrote is never read as rich markup nor obeyed as a
control sequence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, ConsoleRenderable, Group, RenderResult
from rich.constrain import Constrain
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text
from rich.tree import Tree as Branches

from preftree.records import Action, Tree, Turn
from preftree.report.charts import stages_of
from preftree.report.text import MISSING, clean, count, interval, missing, percent, share, turns
from preftree.report.trees import left_out, segments, shown_actions

# Below this width two actions side by side would be too narrow to read code in.
_SIDE_BY_SIDE = 88
_MAX_LINES = 24


def draw_tree(tree: Tree, width: int | None = None) -> ConsoleRenderable:
    """Problem at the top, turns downwards; the next turn hangs below the action that was expanded."""
    head = Text()
    head.append(clean(f"{tree.problem.dataset}  "), style="bold")
    head.append(clean(f"{turns(tree.depth)} · {tree.problem.task} · {tree.id}"), style="dim")
    problem = _panel(Text(_clip(clean(tree.problem.instruction))), "problem", "cyan")
    root = Branches(Group(head, problem), guide_style="dim")
    branch = root
    for turn in tree.turns:
        branch = branch.add(Group(_turn_head(turn), _Actions(turn)))
        if turn.reply is not None:
            title = "reply to the expanded action" + (" (gives the answer away)" if turn.leaked else "")
            branch = branch.add(_panel(Text(_clip(clean(turn.reply))), title, "yellow"))
    return root if width is None else Constrain(root, width)


def evaluation_table(results: Mapping[str, Any]) -> Table:
    """Accuracy in per cent with 95% intervals: a row a family (or group) and number of turns, a column a model."""
    evaluation = results.get("evaluation") or {}
    models = evaluation.get("models") or []
    table = plain_table("Accuracy in %, with its 95% interval", "family", right=("turns", "n", *models))
    for key, rows in (("dataset", evaluation.get("rows") or []), ("group", evaluation.get("groups") or [])):
        table.add_section()
        for name in dict.fromkeys(row[key] for row in rows):
            mine = [row for row in rows if row[key] == name]
            for k in sorted({row["turns"] for row in mine}):
                by_model = {row["model"]: row for row in mine if row["turns"] == k}
                label = name + (" *" if key == "dataset" and not mine[0].get("trained", True) else "")
                sizes = "/".join(dict.fromkeys(count(row.get("n")) for row in by_model.values()))
                cells = [_score(by_model.get(model)) for model in models]
                table.add_row(Text(clean(label)), str(k), sizes, *cells, style="bold" if key == "group" else "")
    if any(not row.get("trained", True) for row in evaluation.get("rows") or []):
        table.caption = "* kept out of training"
    return table


def rerank_table(results: Mapping[str, Any]) -> Table:
    """Accuracy in per cent over N: a row a way to choose one of N samples."""
    rerank = results.get("rerank") or {}
    curves = rerank.get("curves") or []
    numbers = sorted({row["n"] for row in curves})
    title = f"Best of N: accuracy in %, with its 95% interval; samples of {rerank.get('policy', 'no policy')}"
    table = plain_table(title, "chosen by", right=[f"N = {n}" for n in numbers])
    for method in dict.fromkeys(row["method"] for row in curves):
        at = {row["n"]: row for row in curves if row["method"] == method}
        table.add_row(Text(clean(method)), *(_score(at.get(n)) for n in numbers))
    return table


def forest_table(results: Mapping[str, Any]) -> Table:
    """What each forest holds: a column a forest."""
    forests = results.get("forests") or []
    table = plain_table("Forests", "", right=[forest["name"] for forest in forests])
    reports = [forest.get("report") or {} for forest in forests]
    for label, key in (
        ("trees", "trees"),
        ("turns", "turns"),
        ("pairs", "pairs"),
        ("correct actions", "correct"),
        ("incorrect actions", "incorrect"),
        ("critiques that leak", "leaked_critiques"),
    ):
        table.add_row(label, *(count(report.get(key)) for report in reports))
    different = [share(report.get("pairs_with_different_actors"), report.get("pairs")) for report in reports]
    table.add_row("pairs of two actors", *different)
    for name in sorted({name for report in reports for name in report.get("pairs_by_actors") or {}}):
        cells = (count((report.get("pairs_by_actors") or {}).get(name, 0)) for report in reports)
        table.add_row(Text(clean(f"  {name}")), *cells)
    table.add_section()
    for name in sorted({name for report in reports for name in report.get("trees_by_turns") or {}}):
        cells = (count((report.get("trees_by_turns") or {}).get(name, 0)) for report in reports)
        table.add_row(Text(clean(f"trees of {turns(int(name))}")), *cells)
    table.add_section()
    for stage in stages_of(reports):
        label = "turns without correct" if stage == "none" else f"correct by {stage}"
        table.add_row(Text(clean(label)), *(count((r.get("stages") or {}).get(stage, 0)) for r in reports))
    table.add_section()
    for label, key in (("calls", "calls"), ("input tokens", "input_tokens"), ("output tokens", "output_tokens")):
        table.add_row(label, *(count((report.get("account") or {}).get(key)) for report in reports))
    return table


# ---------------------------------------------------------------- parts


class _Actions:
    """The actions of a turn: side by side where the terminal is wide enough, otherwise one below the other."""

    def __init__(self, turn: Turn) -> None:
        self.panels = [_action(*drawn) for drawn in shown_actions(turn)]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if len(self.panels) < 2 or options.max_width < _SIDE_BY_SIDE / 2 * len(self.panels):
            yield from self.panels
            return
        grid = Table.grid(expand=True, padding=(0, 1, 0, 0))
        for _ in self.panels:
            grid.add_column(ratio=1)
        grid.add_row(*self.panels)
        yield grid


def _turn_head(turn: Turn) -> Text:
    head = Text(f"turn {turn.index + 1}", style="bold")
    said = f"  {turn.num_samples} samples drawn" if turn.num_samples else ""
    hidden = left_out(turn)
    head.append(said + (f", {hidden} more actions not shown" if hidden else ""), style="not bold dim")
    return head


def _action(action: Action, correct: bool, expanded: bool) -> Panel:
    parts: list[ConsoleRenderable] = []
    for kind, text in segments(action):
        code = Syntax(_clip(text), "python", theme="ansi_dark", background_color="default", word_wrap=True)
        parts.append(code if kind == "code" else Text(_clip(text)))
    if action.observation is not None and action.observation.status != "none":
        label = Text(f"observation ({clean(action.observation.status)})", style="dim")
        parts += [label, Text(_clip(clean(action.observation.output.rstrip())) or "no output")]
    if action.verdict is not None:
        answer = "" if action.verdict.answer is None else f", answer {clean(action.verdict.answer)}"
        why = f" ({clean(action.verdict.why)})" if action.verdict.why else ""
        parts.append(Text(f"verdict: {action.verdict.outcome}{answer}{why}", style="green" if correct else "red"))
    title = f"{'✓ correct' if correct else '✗ incorrect'} · {clean(action.actor)} · {clean(action.stage)}"
    title += " · expanded ↓" if expanded else ""
    return _panel(Group(*parts), title, "green" if correct else "red", bold=expanded)


def _panel(body: ConsoleRenderable, title: str, style: str, *, bold: bool = False) -> Panel:
    # The title is Text: a string would be read as markup.
    border = f"bold {style}" if bold else style
    return Panel(body, title=Text(title, style=border), title_align="left", border_style=border)


def _clip(text: str) -> str:
    lines = text.split("\n")
    if len(lines) <= _MAX_LINES:
        return text
    return "\n".join([*lines[: _MAX_LINES - 1], f"… {len(lines) - _MAX_LINES + 1} more lines"])


def plain_table(title: str, first: str, *, right: Sequence[str], names: Sequence[str] = ()) -> Table:
    """Columns of names, then columns of figures. A narrow terminal folds names and scores; no figure is ever cut."""
    table = Table(title=Text(clean(title), style="bold"), title_justify="left", caption_justify="left", box=SIMPLE_HEAD)
    table.show_edge = table.pad_edge = False
    table.padding = (0, 1, 0, 0)
    for name in (first, *names):
        table.add_column(Text(name), overflow="fold")
    for name in right:
        table.add_column(Text(clean(name)), justify="right", overflow="fold")
    return table


def _score(row: Mapping[str, Any] | None) -> Text:
    if row is None or missing(row["value"]):
        return Text(MISSING)
    return Text.assemble(percent(row["value"]), (f" {interval(row['low'], row['high'])}", "not bold dim"))
