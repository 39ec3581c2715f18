"""A figure as a file of its own: the page's figure with the page's colours inside.

In:  what a training run logged, or curves over N. Out: an SVG document that any browser shows, light or dark.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any
from xml.etree import ElementTree as ET

from preftree.report.charts import rerank_figure, reward_figures


def reward_trend_svg(name: str, metrics: Sequence[Mapping[str, Any]]) -> str | None:
    """Rewards of chosen and rejected answers by step (the paper's figure 5); None where fewer than two were logged."""
    figures = reward_figures([{"name": name, "metrics": metrics}])
    if not figures:
        return None
    return _document(str(figures[0]["svg"]))


def rerank_svg(rows: Sequence[Mapping[str, Any]], title: str) -> str | None:
    """Accuracy over N, a curve a way to choose (the paper's figure of reranking); None where there is but one N."""
    figure = rerank_figure(rows, title)
    return None if figure is None else _document(str(figure))


def _document(svg: str) -> str:
    root = ET.fromstring(svg)
    root.set("xmlns", "http://www.w3.org/2000/svg")
    style = ET.Element("style")
    style.text = _style()
    root.insert(0, style)
    return ET.tostring(root, encoding="unicode")


def _style() -> str:
    """The rules of the page's sheet that figures use: its variables, what begins with `svg`, and the colours."""
    sheet = (resources.files("preftree.report") / "page.css").read_text(encoding="utf-8")
    variables = re.findall(r"^:root \{.*?^\}|^@media \(prefers-color-scheme: dark\) \{.*?^\}", sheet, re.S | re.M)
    rules = re.findall(r"^(?:svg |\.hue|\.figure \{).*$", sheet, re.M)
    return "\n".join([*variables, *rules, "svg { background: var(--paper); }"])
