"""The figures of the page, as inline SVG.

In:  plain numbers and names. Out: one `<svg>` element as text, well-formed, sized by its view box.
Always true: built as an XML tree, so that no name can break out of it; colours are classes that the page's style
sheet fills for light and dark; each has a title and a description for those who do not see it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from preftree.report.text import clean, count, decimal, percent

_WIDTH = 520
_LEFT, _TOP, _BOTTOM = 54, 14, 46
_LONGEST_NAME, _LONGEST_LABEL = 18, 26  # of a line or dot; of a row


# A row of stacked bars: its name, and of each part the name, the amount and the colour class.
Bar = tuple[str, Sequence[tuple[str, float, str]]]


@dataclass(frozen=True, slots=True)
class Line:
    """A named curve: points (x, y), a band (low, high) at each, faint points behind it. `style` is a colour class."""

    name: str
    points: Sequence[tuple[float, float]]
    style: str
    band: Sequence[tuple[float, float]] = ()
    faint: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True, slots=True)
class Dot:
    """One estimate with its interval; `hollow` marks the second of two protocols."""

    name: str
    value: float
    low: float
    high: float
    style: str
    hollow: bool = False


@dataclass(frozen=True, slots=True)
class Box:
    """A distribution: its 10%, 25%, 50%, 75% and 90% points."""

    name: str
    spread: tuple[float, float, float, float, float]
    style: str


@dataclass(frozen=True, slots=True)
class Cross:
    """A point with its interval on either axis."""

    name: str
    x: tuple[float, float, float]  # value, low, high
    y: tuple[float, float, float]
    style: str


def curves(
    title: str, lines: Sequence[Line], *, x_label: str, y_label: str, log2: bool = False, as_percent: bool = False
) -> str:
    """Curves over a common x axis, each named at its right end."""
    height = 310
    xs = sorted({x for line in lines for x, _ in (*line.points, *line.faint)})
    ys = [y for line in lines for _, y in (*line.points, *line.faint)]
    ys += [edge for line in lines for band in line.band for edge in band]
    y_ticks = _percent_ticks(ys) if as_percent else _ticks(min([*ys, 0.0]), max([*ys, 0.0]))
    x_ticks = xs if log2 else _whole_ticks(xs[0], xs[-1])
    right, bottom = _WIDTH - _label_width([line.name for line in lines]) - 14, height - _BOTTOM
    scale_x = _Scale(xs[0], xs[-1], _LEFT, right, log2=log2)
    scale_y = _Scale(y_ticks[0], y_ticks[-1], bottom, _TOP)

    svg = _svg(_WIDTH, height, title, _describe(lines, as_percent))
    for tick in y_ticks:
        axis = "axis" if tick == 0 else "grid"
        _add(svg, "line", axis, x1=_LEFT, x2=right, y1=scale_y(tick), y2=scale_y(tick))
        _text(
            svg, _LEFT - 8, scale_y(tick) + 4, percent(tick).removesuffix(".0") if as_percent else _short(tick), "end"
        )
    for tick in x_ticks:
        _text(svg, scale_x(tick), bottom + 20, count(tick), "middle")
    _text(svg, (_LEFT + right) / 2, height - 6, x_label, "middle", "label")
    middle = (_TOP + bottom) / 2
    _text(svg, 13, middle, y_label, "middle", "label").set("transform", f"rotate(-90 13 {_n(middle)})")

    for line in lines:
        if line.band:
            edges = [(x, low) for (x, _), (low, _) in zip(line.points, line.band, strict=True)]
            edges += [(x, high) for (x, _), (_, high) in reversed(list(zip(line.points, line.band, strict=True)))]
            _add(svg, "polygon", f"band {line.style}", points=_path(edges, scale_x, scale_y))
    for line in lines:
        if line.faint:
            _add(svg, "polyline", f"faint {line.style}", points=_path(line.faint, scale_x, scale_y))
        _add(svg, "polyline", f"line {line.style}", points=_path(line.points, scale_x, scale_y))
        if len(line.points) <= 12:
            for x, y in line.points:
                _add(svg, "circle", f"dot {line.style}", cx=scale_x(x), cy=scale_y(y), r=3.5)
    ends = [scale_y(line.points[-1][1]) + 4 for line in lines]
    for line, y in zip(lines, _spread(ends, 17, _TOP + 4, bottom + 4), strict=True):
        _text(svg, right + 10, y, _short_name(line.name), "start", f"name {line.style}")
    return _serialise(svg)


def dots(title: str, rows: Sequence[Dot]) -> str:
    """Proportions with their intervals, one below the other, on one axis from 0 to 100%; narrow enough for a phone."""
    width, row = 340, 25
    left, right = _label_width([dot.name for dot in rows]) + 12, width - 46
    height = row * len(rows) + 30
    scale = _Scale(0.0, 1.0, left, right)
    said = "; ".join(f"{dot.name}: {percent(dot.value)}%" for dot in rows)
    svg = _svg(width, height, title, said, "figure small")
    for tick in (0.0, 0.5, 1.0):
        _add(svg, "line", "axis" if tick == 0 else "grid", x1=scale(tick), x2=scale(tick), y1=2, y2=height - 24)
        _text(svg, scale(tick), height - 8, f"{100 * tick:.0f}%", "middle")
    for place, dot in enumerate(rows):
        middle = (place + 0.5) * row
        _text(svg, left - 12, middle + 4, _short_name(dot.name), "end")
        _add(svg, "line", f"whisker {dot.style}", x1=scale(dot.low), x2=scale(dot.high), y1=middle, y2=middle)
        kind = "hollow" if dot.hollow else "dot"
        _add(svg, "circle", f"{kind} {dot.style}", cx=scale(dot.value), cy=middle, r=5)
        _text(svg, width, middle + 4, percent(dot.value), "end", "number")
    return _serialise(svg)


def bars(title: str, rows: Sequence[Bar]) -> str:
    """Stacked horizontal bars, all on one scale, totals at the end."""
    row, left, right = 36, _label_width([name for name, _ in rows], _LONGEST_LABEL) + 16, _WIDTH - 82
    widest = max((sum(amount for _, amount, _ in parts) for _, parts in rows), default=0.0) or 1.0
    said = "; ".join(f"{name}: " + ", ".join(f"{p} {count(a)}" for p, a, _ in parts) for name, parts in rows)
    svg = _svg(_WIDTH, row * len(rows) + 6, title, said)
    for place, (name, parts) in enumerate(rows):
        top, x = place * row + 6, float(left)
        _text(svg, left - 12, top + 17, _short_name(name, _LONGEST_LABEL), "end")
        for part, amount, style in parts:
            width = (right - left) * amount / widest
            box = _add(svg, "rect", f"bar {style}", x=x, y=top, width=max(0.0, width - 1), height=24, rx=2)
            ET.SubElement(box, "title").text = clean(f"{part}: {count(amount)}")
            # One part alone is the total, which stands at the end of the bar.
            if len(parts) > 1 and width > 11 * len(count(amount)) + 6:
                _text(svg, x + width / 2, top + 17, count(amount), "middle", "inside")
            x += width
        _text(svg, x + 8, top + 17, count(sum(amount for _, amount, _ in parts)), "start", "number")
    return _serialise(svg)


def boxes(title: str, rows: Sequence[Box], x_label: str) -> str:
    """Distributions one below the other: a line from the 10% to the 90% point, a box of the middle half, its median."""
    row, left, right = 30, _label_width([box.name for box in rows], _LONGEST_LABEL) + 16, _WIDTH - 62
    height = row * len(rows) + 44
    ticks = _ticks(0.0, max([box.spread[-1] for box in rows] + [1.0]))
    scale = _Scale(0.0, ticks[-1], left, right)
    said = "; ".join(f"{box.name}: median {count(box.spread[2])}, 90% up to {count(box.spread[4])}" for box in rows)
    svg = _svg(_WIDTH, height, title, said)
    for tick in ticks:
        _add(svg, "line", "axis" if tick == 0 else "grid", x1=scale(tick), x2=scale(tick), y1=2, y2=height - 42)
        _text(svg, scale(tick), height - 26, _short(tick), "middle")
    _text(svg, (left + right) / 2, height - 6, x_label, "middle", "label")
    for place, box in enumerate(rows):
        middle = (place + 0.5) * row
        low, first, median, third, high = map(scale, box.spread)
        _text(svg, left - 12, middle + 4, _short_name(box.name, _LONGEST_LABEL), "end")
        _add(svg, "line", f"whisker {box.style}", x1=low, x2=high, y1=middle, y2=middle)
        _add(svg, "rect", f"half {box.style}", x=first, y=middle - 7, width=max(1.0, third - first), height=14, rx=2)
        _add(svg, "line", f"median {box.style}", x1=median, x2=median, y1=middle - 9, y2=middle + 9)
        _text(svg, max(high, median) + 8, middle + 4, count(box.spread[2]), "start", "number")
    return _serialise(svg)


def crosses(title: str, points: Sequence[Cross], *, x_label: str, y_label: str) -> str:
    """Points with their intervals, each named; y is a share, in per cent."""
    height, right = 330, _WIDTH - 18
    bottom = height - _BOTTOM
    x_ticks = _ticks(min([0.0, *(edge for p in points for edge in p.x)]), max([0.0, *(e for p in points for e in p.x)]))
    y_ticks = _percent_ticks([edge for point in points for edge in point.y])
    scale_x, scale_y = _Scale(x_ticks[0], x_ticks[-1], _LEFT, right), _Scale(y_ticks[0], y_ticks[-1], bottom, _TOP)
    said = "; ".join(f"{point.name}: {decimal(point.x[0])} and {percent(point.y[0])}%" for point in points)
    svg = _svg(_WIDTH, height, title, said)
    for tick in y_ticks:
        _add(svg, "line", "axis" if tick == 0 else "grid", x1=_LEFT, x2=right, y1=scale_y(tick), y2=scale_y(tick))
        _text(svg, _LEFT - 8, scale_y(tick) + 4, percent(tick).removesuffix(".0"), "end")
    for tick in x_ticks:
        _add(svg, "line", "axis" if tick == 0 else "grid", x1=scale_x(tick), x2=scale_x(tick), y1=_TOP, y2=bottom)
        _text(svg, scale_x(tick), bottom + 20, _short(tick), "middle")
    _text(svg, (_LEFT + right) / 2, height - 6, x_label, "middle", "label")
    middle = (_TOP + bottom) / 2
    _text(svg, 13, middle, y_label, "middle", "label").set("transform", f"rotate(-90 13 {_n(middle)})")
    for point in points:
        x, y = scale_x(point.x[0]), scale_y(point.y[0])
        _add(svg, "line", f"whisker {point.style}", x1=scale_x(point.x[1]), x2=scale_x(point.x[2]), y1=y, y2=y)
        _add(svg, "line", f"whisker {point.style}", x1=x, x2=x, y1=scale_y(point.y[1]), y2=scale_y(point.y[2]))
        _add(svg, "circle", f"dot {point.style}", cx=x, cy=y, r=5)
    # Names stand on the side with room, spread so that points that lie close can be told apart.
    for side, anchor, away in ((False, "start", 9), (True, "end", -9)):
        mine = [point for point in points if (scale_x(point.x[0]) > (_LEFT + right) / 2) is side]
        ys = _spread([scale_y(point.y[0]) - 8 for point in mine], 17, _TOP + 12, bottom - 4)
        for point, y in zip(mine, ys, strict=True):
            _text(svg, scale_x(point.x[0]) + away, y, _short_name(point.name), anchor, f"name {point.style}")
    return _serialise(svg)


def mark(value: float, low: float, high: float) -> str:
    """An estimate and its interval on a scale from 0 to 1, as small as a word, to stand under its number."""
    svg = ET.Element("svg", {"class": "mark", "viewBox": "0 0 84 8", "aria-hidden": "true", "focusable": "false"})
    scale = _Scale(0.0, 1.0, 3, 81)
    _add(svg, "line", "grid", x1=3, x2=81, y1=4, y2=4)
    _add(svg, "line", "whisker", x1=scale(low), x2=scale(high), y1=4, y2=4)
    _add(svg, "circle", "dot", cx=scale(value), cy=4, r=3)
    return _serialise(svg)


# ---------------------------------------------------------------- drawing


def _svg(width: float, height: float, title: str, description: str, style: str = "figure") -> ET.Element:
    box = {"class": style, "viewBox": f"0 0 {_n(width)} {_n(height)}", "role": "img", "aria-label": clean(title)}
    svg = ET.Element("svg", box)
    ET.SubElement(svg, "title").text = clean(title)
    ET.SubElement(svg, "desc").text = clean(description)
    return svg


def _add(parent: ET.Element, tag: str, style: str, **values: float | str) -> ET.Element:
    attributes = {key: value if isinstance(value, str) else _n(value) for key, value in values.items()}
    return ET.SubElement(parent, tag, {"class": style, **attributes})


def _text(parent: ET.Element, x: float, y: float, text: str, anchor: str, style: str = "tick") -> ET.Element:
    element = _add(parent, "text", style, x=x, y=y, **{"text-anchor": anchor})
    element.text = clean(text)
    return element


def _short_name(name: str, longest: int = _LONGEST_NAME) -> str:
    """A hub id or a path may be longer than the figure; its end tells more than its start."""
    return name if len(name) <= longest else f"…{name[1 - longest :]}"


def _label_width(names: Sequence[str], longest: int = _LONGEST_NAME) -> float:
    """Room for the longest of these names at the size that a phone shows."""
    return 8.2 * max((len(_short_name(name, longest)) for name in names), default=0)


def _serialise(svg: ET.Element) -> str:
    # Inline SVG in an HTML page needs no namespace: the HTML parser gives it one.
    return ET.tostring(svg, encoding="unicode")


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _describe(lines: Sequence[Line], as_percent: bool) -> str:
    def say(y: float) -> str:
        return f"{percent(y)}%" if as_percent else decimal(y)

    return "; ".join(
        f"{line.name}: from {say(line.points[0][1])} at {count(line.points[0][0])}"
        f" to {say(line.points[-1][1])} at {count(line.points[-1][0])}"
        for line in lines
    )


# ---------------------------------------------------------------- scales and ticks


class _Scale:
    """A linear (or binary logarithmic) map of [low, high] onto [start, end]."""

    def __init__(self, low: float, high: float, start: float, end: float, *, log2: bool = False) -> None:
        self.map = math.log2 if log2 else float
        self.low, self.span = self.map(low), (self.map(high) - self.map(low)) or 1.0
        self.start, self.end = start, end

    def __call__(self, value: float) -> float:
        return self.start + (self.map(value) - self.low) / self.span * (self.end - self.start)


def _path(points: Sequence[tuple[float, float]], scale_x: _Scale, scale_y: _Scale) -> str:
    return " ".join(f"{_n(scale_x(x))},{_n(scale_y(y))}" for x, y in points)


def _ticks(low: float, high: float) -> list[float]:
    """About five round numbers that enclose [low, high]."""
    span = (high - low) or 1.0
    power = 10.0 ** math.floor(math.log10(span / 4))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= span / 5)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(i * step, 12) for i in range(first, max(last, first + 1) + 1)]


def _whole_ticks(low: float, high: float) -> list[float]:
    inside = [tick for tick in _ticks(low, high) if low <= tick <= high and tick == int(tick)]
    return inside if len(inside) > 1 else [low, high] if low != high else [low]


def _percent_ticks(values: Sequence[float]) -> list[float]:
    """From 0 (so that heights compare) to the next fifth above the largest value."""
    top = min(1.0, max(0.2, math.ceil(max(values) * 5) / 5))
    return [round(top * i / 4, 4) for i in range(5)]


def _spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places near the wanted ones, at least `gap` apart where there is room, so that labels do not overlap."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    places = [0.0] * len(wanted)
    previous = low - gap
    for i in order:
        previous = places[i] = max(wanted[i], previous + gap)
    limit = high
    for i in reversed(order):
        places[i] = min(places[i], limit)
        limit = places[i] - gap
    return places


def _short(value: float) -> str:
    return f"{value:g}".replace("-", "−")
