"""The figures: well-formed whatever they are given, inside their box, and in scale."""

from __future__ import annotations

import itertools
import math
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_examples import HOSTILE

from preftree.report.figures import Dot, Line, bars, curves, dots, mark
from preftree.report.standalone import reward_trend_svg

numbers = st.floats(-1e6, 1e6, allow_nan=False)
names = st.text(max_size=40)


def parse(svg: str) -> ET.Element:
    root = ET.fromstring(svg)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for element in root.iter():
        for key, edge in (("x", width), ("cx", width), ("y", height), ("cy", height), ("x1", width), ("y2", height)):
            value = float(element.attrib.get(key, 0))
            assert math.isfinite(value)
            assert -0.01 <= value <= edge + 0.01, (element.tag, key, value)
    return root


@given(
    st.lists(
        st.tuples(names, st.lists(st.tuples(st.integers(1, 10_000), numbers), min_size=2, max_size=20)),
        min_size=1,
        max_size=4,
    )
)
def test_curves_of_anything(drawn: list[tuple[str, list[tuple[int, float]]]]) -> None:
    lines = [Line(name, sorted(points), "hue1", faint=sorted(points)) for name, points in drawn]
    root = parse(curves("title", lines, x_label="x", y_label="y"))
    assert len(root.findall("polyline")) == 2 * len(lines)


@given(st.lists(st.tuples(names, *[st.floats(0, 1)] * 3), min_size=1, max_size=8))
def test_dots_of_anything(drawn: list[tuple[str, float, float, float]]) -> None:
    rows = [Dot(name, sorted(values)[1], min(values), max(values), "hue2") for name, *values in drawn]
    root = parse(dots("title", rows))
    assert len(root.findall("circle")) == len(rows)
    for whisker, circle in zip(
        [line for line in root.findall("line") if "whisker" in line.attrib["class"]],
        root.findall("circle"),
        strict=True,
    ):
        left, right = float(whisker.attrib["x1"]), float(whisker.attrib["x2"])
        assert left <= float(circle.attrib["cx"]) <= right


@given(
    st.lists(st.tuples(names, st.lists(st.tuples(names, st.floats(0, 1e9), st.just("hue3")), max_size=5)), max_size=5)
)
def test_bars_of_anything(rows: list[tuple[str, list[tuple[str, float, str]]]]) -> None:
    root = parse(bars("title", rows))
    assert len(root.findall("rect")) == sum(len(parts) for _, parts in rows)


def test_hostile_names_stay_text() -> None:
    line = Line(HOSTILE, [(1, 0.1), (2, 0.2)], "hue1", band=[(0, 0.2), (0.1, 0.3)])
    for svg in (
        curves(HOSTILE, [line], x_label=HOSTILE, y_label=HOSTILE, log2=True, as_percent=True),
        dots(HOSTILE, [Dot(HOSTILE, 0.5, 0.4, 0.6, "hue1")]),
        bars(HOSTILE, [(HOSTILE, [(HOSTILE, 3.0, "hue1")])]),
    ):
        root = parse(svg)
        assert {element.tag for element in root.iter()} <= {
            *("svg", "title", "desc", "line", "text", "circle", "rect", "polyline", "polygon"),
        }
        assert root.findtext("title") == HOSTILE
        assert "<script" not in svg


def test_heights_are_in_proportion() -> None:
    """On a scale that starts at 0, half the accuracy is half the height."""
    line = Line("a", [(1, 0.4), (2, 0.8)], "hue1")
    root = parse(curves("t", [line], x_label="x", y_label="y", log2=True, as_percent=True))
    axis = next(float(e.attrib["y1"]) for e in root.findall("line") if e.attrib["class"] == "axis")
    low, high = (float(circle.attrib["cy"]) for circle in root.findall("circle"))
    assert (axis - high) / (axis - low) == pytest.approx(2, rel=1e-3)


def test_names_at_the_ends_do_not_overlap() -> None:
    lines = [Line(f"line {i}", [(1, 0.5), (2, 0.5 + i / 1000)], "hue1") for i in range(5)]
    root = parse(curves("t", lines, x_label="x", y_label="y"))
    ys = sorted(float(e.attrib["y"]) for e in root.findall("text") if "name" in e.attrib["class"].split())
    assert len(ys) == 5
    assert all(below - above >= 16.9 for above, below in itertools.pairwise(ys))


def test_a_mark_stands_where_its_value_is() -> None:
    root = parse(mark(0.5, 0.0, 1.0))
    assert float(root.find("circle").attrib["cx"]) == 42  # type: ignore[union-attr]
    assert root.attrib["aria-hidden"] == "true"


def test_a_reward_trend_as_a_file_of_its_own() -> None:
    metrics = [{"step": i, "loss": 1.0, "rewards/chosen": 0.1 * i, "rewards/rejected": -0.2 * i} for i in range(1, 40)]
    svg = reward_trend_svg(HOSTILE, metrics)
    assert svg is not None
    root = ET.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert not [element for element in root.iter() if element.tag.endswith("script")]
    style = root.findtext("{http://www.w3.org/2000/svg}style") or ""
    used = {name for element in root.iter() for name in element.attrib.get("class", "").split()} - {"label", "tick"}
    assert used >= {"line", "good", "bad"}
    assert {name for name in used if f".{name}" not in style} == set()
    assert "prefers-color-scheme: dark" in style
    assert style.count("{") == style.count("}")


def test_no_trend_without_rewards() -> None:
    assert reward_trend_svg("sft", [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}]) is None
