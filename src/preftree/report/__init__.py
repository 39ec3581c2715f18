"""The report of runs: one self-contained HTML page, Markdown, figures as files, and views for the terminal.

In:  a results dict (results.json) and trees. Out: HTML text, rich renderables, or the files of a report.
Always true: nothing is fetched, nothing is run: no script, no font, no image from outside; text that a model wrote
is shown, never interpreted.
"""

from preftree.report.benchmarks import benchmark_table, group_table, suite_markdown, suite_table
from preftree.report.page import render_page, write_report
from preftree.report.pick import pick_trees
from preftree.report.runs_page import render_runs, runs_tables, write_runs
from preftree.report.standalone import rerank_svg, reward_trend_svg
from preftree.report.terminal import draw_tree, evaluation_table, forest_table, rerank_table

__all__ = [
    "benchmark_table",
    "draw_tree",
    "evaluation_table",
    "forest_table",
    "group_table",
    "pick_trees",
    "render_page",
    "render_runs",
    "rerank_svg",
    "rerank_table",
    "reward_trend_svg",
    "runs_tables",
    "suite_markdown",
    "suite_table",
    "write_report",
    "write_runs",
]
