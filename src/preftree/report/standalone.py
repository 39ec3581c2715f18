"""A figure as files of its own: the page's figure with the page's colours inside, and its data as CSV.

In:  a figure; what a training run logged, or curves over N. Out: an SVG document that any browser shows, light or dark;
CSV text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any
from xml.etree import ElementTree as ET

from preftree.report.charts import Figure, rerank_figure, reward_figures
from preftree.report.text import clean


def reward_trend_svg(name: str, metrics: Sequence[Mapping[str, Any]]) -> str | None:
    """Rewards of chosen and rejected answers by step (the paper's figure 5); None where fewer than two were logged."""
    figures = reward_figures([{"name": name, "metrics": metrics}])
    return document(figures[0]) if figures else None


def rerank_svg(rows: Sequence[Mapping[str, Any]], title: str) -> str | None:
    """Accuracy over N, a curve a way to choose (the paper's figure of reranking); None where there is but one N."""
    figure = rerank_figure(rows, title)
    return None if figure is None else document(figure)


def table(figure: Figure) -> str:
    """A figure's data as CSV."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    for row in (figure.columns, *figure.rows):
        writer.writerow([clean(cell) if isinstance(cell, str) else cell for cell in row])
    return file.getvalue()


def document(figure: Figure) -> str:
    """A figure as an SVG document, with the legend that the page sets beside it."""
    root = ET.fromstring(figure.svg)
    if figure.legend:
        _legend(root, figure.legend)
    root.set("xmlns", "http://www.w3.org/2000/svg")
    style = ET.Element("style")
    style.text = _style()
    root.insert(0, style)
    return ET.tostring(root, encoding="unicode")


def _legend(root: ET.Element, legend: Sequence[tuple[str, str]]) -> None:
    """Below the figure, one entry a line."""
    _, _, width, height = root.attrib["viewBox"].split()
    for place, (style, words) in enumerate(legend):
        top = float(height) + 12 + 20 * place
        box = {"class": f"bar {style}", "x": "2", "y": f"{top:g}", "width": "12", "height": "12", "rx": "3"}
        ET.SubElement(root, "rect", box)
        ET.SubElement(root, "text", {"class": "tick", "x": "22", "y": f"{top + 11:g}"}).text = clean(words)
    root.set("viewBox", f"0 0 {width} {float(height) + 12 + 20 * len(legend):g}")


def _style() -> str:
    """The rules of the page's sheet that figures use: its variables, what begins with `svg`, and the colours."""
    sheet = (resources.files("preftree.report") / "page.css").read_text(encoding="utf-8")
    variables = re.findall(r"^:root \{.*?^\}|^@media \(prefers-color-scheme: dark\) \{.*?^\}", sheet, re.S | re.M)
    rules = re.findall(r"^(?:svg |\.hue|\.figure \{).*$", sheet, re.M)
    return "\n".join([*variables, *rules, "svg { background: var(--paper); }"])
