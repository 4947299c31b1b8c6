"""Plots as SVG, each with its numbers as a table for those who don't see it. Pure."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from changegate.render.html import Html, element

_WIDE: Final = 960
_NARROW: Final = 360
"""For screens of a hand's width: drawn anew, since the wide one's text would shrink with it."""
_LEFT: Final = 40
_HEIGHT: Final = 180
_BAR: Final = 26
_LABEL: Final = 84
"""A date, and the room after it."""


class Series(NamedTuple):
    """What is counted: its name, its class in the style sheet."""

    name: str
    style: str


class _Drawing(NamedTuple):
    width: int
    height: int
    parts: Sequence[Html]


def columns(title: str, first: str, labels: Sequence[str], series: Sequence[Series], values: Sequence[Sequence[int]]) -> Html:
    """Stacked columns, one a label; `values[label][series]`. `first` heads the labels in the table."""
    if not values:
        return element("p", "Nothing to plot.", class_="soft")
    legend = element(
        "ul", *(element("li", element("span", class_=f"key {one.style}", aria_hidden="true"), one.name) for one in series), class_="legend"
    )
    rows: Iterable[tuple[str | int, ...]] = ((label, *counts) for label, counts in zip(labels, values, strict=True))
    head = (first, *(one.name for one in series))
    drawings = [_columns(width, labels, series, values) for width in (_WIDE, _NARROW)]
    return _figure(title, drawings, head, rows, legend if len(series) > 1 else None)


def _columns(width: int, labels: Sequence[str], series: Sequence[Series], values: Sequence[Sequence[int]]) -> _Drawing:
    top = max(1, *(sum(each) for each in values))
    step = (width - _LEFT) / len(values)
    thick = min(step * 0.8, 60)
    every = -(-len(values) * _LABEL // (width - _LEFT))
    line = element("line", class_="axis", x1=_LEFT, x2=width, y1=_HEIGHT, y2=_HEIGHT)
    parts = [_text(_LEFT - 6, 14, top, "end"), _text(_LEFT - 6, _HEIGHT, 0, "end"), line]
    for at, counts in enumerate(values):
        middle, base = _LEFT + step * (at + 0.5), float(_HEIGHT)
        for one, each in zip(series, counts, strict=True):
            height = each / top * (_HEIGHT - 8)
            base -= height
            if each:
                parts.append(element("rect", class_=one.style, x=_px(middle - thick / 2), y=_px(base), width=_px(thick), height=_px(height)))
        if at % every == 0:
            parts.append(_text(_px(min(max(middle, _LABEL / 2), width - _LABEL / 2)), _HEIGHT + 16, labels[at], "middle"))
    return _Drawing(width, _HEIGHT + 24, parts)


def bars(title: str, first: str, counted: Sequence[tuple[str, int]], style: str) -> Html:
    """Lying bars, one a name."""
    if not counted:
        return element("p", "Nothing to plot.", class_="soft")
    # Beside their names where there is room, else below them.
    drawings = [_bars(_WIDE, counted, style, left=320, row=_BAR), _bars(_NARROW, counted, style, left=0, row=2 * _BAR - 8)]
    return _figure(title, drawings, (first, "Number"), counted, None)


def _bars(width: int, counted: Sequence[tuple[str, int]], style: str, *, left: int, row: int) -> _Drawing:
    top = max(1, *(each for _, each in counted))
    parts: list[Html] = []
    for at, (name, number) in enumerate(counted):
        y = (at + 1) * row - _BAR
        length = number / top * (width - left - 80)
        parts.append(_text(0, at * row + 17, name if len(name) <= 44 else name[:43] + "…", "start"))
        parts.append(element("rect", class_=style, x=left, y=y + 4, width=_px(length), height=_BAR - 8))
        parts.append(_text(_px(left + 8 + length), y + 17, number, "start"))
    return _Drawing(width, len(counted) * row, parts)


def _figure(title: str, drawings: Sequence[_Drawing], head: Sequence[str], rows: Iterable[tuple[str | int, ...]], legend: Html | None) -> Html:
    table = element(
        "table",
        element("thead", element("tr", *(element("th", each, scope="col") for each in head))),
        element("tbody", *(element("tr", element("th", row[0], scope="row"), *(element("td", each) for each in row[1:])) for row in rows)),
    )
    said = f"{title}. The numbers stand in the table below."
    images = (
        element(
            "svg",
            *each.parts,
            role="img",
            aria_label=said,
            viewBox=f"0 0 {each.width} {each.height}",
            class_="wide" if each.width == _WIDE else "narrow",
        )
        for each in drawings
    )
    return element(
        "figure",
        element("figcaption", title),
        *images,
        legend or "",
        element("details", element("summary", f"{title}: the numbers"), table),
    )


def _text(x: str | int, y: int, text: str | int, anchor: str) -> Html:
    return element("text", text, x=x, y=y, text_anchor=anchor)


def _px(number: float) -> str:
    return f"{number:.1f}"
