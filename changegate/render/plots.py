"""Plots as SVG, each with its numbers as a table for those who don't see it. Pure."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from changegate.render.html import Html, element

_WIDTH: Final = 960
_LEFT: Final = 40
_HEIGHT: Final = 180
_BAR: Final = 26


class Series(NamedTuple):
    """What is counted: its name, its class in the style sheet."""

    name: str
    style: str


def columns(title: str, first: str, labels: Sequence[str], series: Sequence[Series], values: Sequence[Sequence[int]]) -> Html:
    """Stacked columns, one a label; `values[label][series]`. `first` heads the labels in the table."""
    if not values:
        return element("p", "Nothing to plot.", class_="soft")
    top = max(1, *(sum(each) for each in values))
    step = (_WIDTH - _LEFT) / len(values)
    width = min(step * 0.8, 60)
    every = -(-len(values) * 56 // (_WIDTH - _LEFT))
    line = element("line", class_="axis", x1=_LEFT, x2=_WIDTH, y1=_HEIGHT, y2=_HEIGHT)
    parts = [_text(_LEFT - 6, 14, top, "end"), _text(_LEFT - 6, _HEIGHT, 0, "end"), line]
    for at, counts in enumerate(values):
        middle, base = _LEFT + step * (at + 0.5), float(_HEIGHT)
        for one, each in zip(series, counts, strict=True):
            height = each / top * (_HEIGHT - 8)
            base -= height
            if each:
                parts.append(element("rect", class_=one.style, x=_px(middle - width / 2), y=_px(base), width=_px(width), height=_px(height)))
        if at % every == 0:
            parts.append(_text(_px(middle), _HEIGHT + 16, labels[at], "middle"))
    legend = element(
        "ul", *(element("li", element("span", class_=f"key {one.style}", aria_hidden="true"), one.name) for one in series), class_="legend"
    )
    rows: Iterable[tuple[str | int, ...]] = ((label, *counts) for label, counts in zip(labels, values, strict=True))
    head = (first, *(one.name for one in series))
    return _figure(title, _HEIGHT + 24, parts, head, rows, legend if len(series) > 1 else None)


def bars(title: str, first: str, counted: Sequence[tuple[str, int]], style: str) -> Html:
    """Lying bars, one a name."""
    if not counted:
        return element("p", "Nothing to plot.", class_="soft")
    top = max(each for _, each in counted)
    parts: list[Html] = []
    for at, (name, number) in enumerate(counted):
        y = at * _BAR
        parts.append(_text(0, y + 17, name if len(name) <= 44 else name[:43] + "…", "start"))
        parts.append(element("rect", class_=style, x=320, y=y + 4, width=_px(number / top * 560), height=_BAR - 8))
        parts.append(_text(_px(328 + number / top * 560), y + 17, number, "start"))
    return _figure(title, len(counted) * _BAR, parts, (first, "Number"), counted, None)


def _figure(title: str, height: int, parts: Sequence[Html], head: Sequence[str], rows: Iterable[tuple[str | int, ...]], legend: Html | None) -> Html:
    table = element(
        "table",
        element("thead", element("tr", *(element("th", each, scope="col") for each in head))),
        element("tbody", *(element("tr", element("th", row[0], scope="row"), *(element("td", each) for each in row[1:])) for row in rows)),
    )
    drawing = element("svg", *parts, role="img", aria_label=f"{title}. The numbers stand in the table below.", viewBox=f"0 0 {_WIDTH} {height}")
    return element(
        "figure",
        element("figcaption", title),
        element("div", drawing, class_="scroll plot", tabindex=0, role="region", aria_label=f"Plot: {title}"),
        legend or "",
        element("details", element("summary", f"{title}: the numbers"), table),
    )


def _text(x: str | int, y: int, text: str | int, anchor: str) -> Html:
    return element("text", text, x=x, y=y, text_anchor=anchor)


def _px(number: float) -> str:
    return f"{number:.1f}"
