"""The report for a terminal or a pipeline's log. The only file that knows rich."""

from collections.abc import Sequence
from io import StringIO
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from changegate.decision import Outcome
from changegate.render import Preview, Recorded, RecordingFailed, Report, Submitted, exceptions, headline, matrix, todo
from changegate.render.matrix import LEGEND, Matrix, Row
from changegate.render.text import bounded, count, inert, short, visible, web_link
from changegate.render.todo import Place, ToDo

_LISTED: Final = 10
"""Changes named per thing to do; the table names every one that fails, up to `_ROWS`."""
_ROWS: Final = 200
_NARROWEST: Final = 40
_TITLE: Final = 20
"""Columns that titles need before the controls' names give way to letters."""
_MARKS: Final = {Outcome.PASS: "✓", Outcome.FAIL: "✗", Outcome.UNKNOWN: "?", Outcome.NOT_APPLICABLE: "–", Outcome.LIFTED: "!"}
_STYLES: Final = {
    Outcome.PASS: "green",
    Outcome.FAIL: "bold red",
    Outcome.UNKNOWN: "bold yellow",
    Outcome.NOT_APPLICABLE: "dim",
    Outcome.LIFTED: "bold yellow",
}


def render(report: Report, *, width: int = 80, colour: bool = False) -> str:
    """The report, `width` columns wide; links alone may be longer. Ends with a line break.

    The caller says whether there is colour: on a terminal without NO_COLOR (https://no-color.org). No line of it is a command to a runner.
    """
    page = StringIO()
    console = Console(
        file=page,
        width=max(width, _NARROWEST),
        color_system="standard" if colour else None,
        force_terminal=colour,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
        _environ={},
    )
    things = todo.things_to_do(report.decision, report.facts)
    _print_verdict(console, report, things)
    for number, thing in enumerate(things, 1):
        console.print()
        _print_thing(console, number, thing)
    console.print()
    _print_matrix(console, matrix.build(report.decision, report.facts))
    console.print()
    _print_record(console, report)
    lines = (line.rstrip() for line in page.getvalue().split("\n"))
    return inert("\n".join(lines))


def _print_verdict(console: Console, report: Report, things: tuple[ToDo, ...]) -> None:
    outcome = headline.outcome(report)
    line = Text(f"{_MARKS[outcome]} {headline.word(report)}", style=_STYLES[outcome])
    environment = visible(headline.environment(report), 40)
    line.append(f" {headline.before_environment(report)} {environment}{headline.after_environment(report, things)}", style="bold default")
    console.print(line)
    if isinstance(report.where, RecordingFailed):
        _print_field(console, "why", report.where.why)
        _print_field(console, "do", report.where.remedy, style="bold")
    for said in exceptions.lines(report.decision):
        _print_field(console, said.label, said.words, style="bold yellow" if report.decision.emergency else "yellow")
    console.print(Text(visible(headline.subject(report)), style="dim"))
    console.print(Text(f"policy: {visible(headline.policy(report))}", style="dim"))
    for note in report.where.notes if isinstance(report.where, Preview) else ():
        console.print(Text(f"note: {visible(note)}", style="dim"))


def _print_thing(console: Console, number: int, thing: ToDo) -> None:
    style = _STYLES[thing.outcome]
    title = Text(f"{number}. {_MARKS[thing.outcome]} ", style=style)
    title.append(visible(thing.control, 60), style="bold")
    title.append(f": {visible(thing.reason, 60)}", style=style)
    console.print(title)
    _print_field(console, "needed", thing.required)
    _print_places(console, thing)
    if thing.observed:
        _print_field(console, "found", thing.observed)
    _print_field(console, "who", thing.who)
    _print_field(console, "do", thing.step, style="bold")
    if thing.link:
        _print_link(console, thing.link, "link")


def _print_places(console: Console, thing: ToDo) -> None:
    places, left = bounded(thing.places, _LISTED)
    for index, place in enumerate(places):
        _print_place(console, place, "on" if not index else "", found=not thing.observed, link=not thing.link)
    if left:
        _print_field(console, "", f"and {left} more", style="dim")


def _print_place(console: Console, place: Place, label: str, *, found: bool, link: bool) -> None:
    if place.change is None:
        _print_field(console, label, "the whole deploy")
    else:
        line = Text(visible(short(place.change), 40), style="cyan")
        line.append(f" {visible(place.title, 200)}", style="default")
        line.truncate(console.width - 12, overflow="ellipsis")
        _print_labelled(console, label, line)
    if found and place.observed:
        _print_field(console, "", f"found: {place.observed}")
    if link and place.link:
        _print_link(console, place.link, "")


def _print_field(console: Console, label: str, value: str, *, style: str = "default") -> None:
    _print_labelled(console, label, Text(visible(value), style=style))


def _print_labelled(console: Console, label: str, value: Text, *, indent: int = 3) -> None:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=9 if label == "no waiver" else 8, style="dim")
    grid.add_column(overflow="fold")
    grid.add_row(Text(label), value)
    console.print(Padding(grid, (0, 0, 0, indent)))


def _print_link(console: Console, link: str, label: str) -> None:
    """On one line however long it is, so that a terminal makes it clickable; what is no web address is text."""
    address = web_link(link)
    if not address:
        _print_field(console, label, link)
        return
    line = Text(f"   {label:<8} ", style="dim")
    line.append(address, style="blue")
    console.print(line, soft_wrap=True)


def _print_matrix(console: Console, table: Matrix) -> None:
    for finding in table.whole:
        line = Text(_MARKS[finding.outcome], style=_STYLES[finding.outcome])
        line.append(f" {visible(finding.control, 60)}, the whole deploy: {visible(finding.observed, 200)}", style="default")
        console.print(line)
    rows = table.stopping if table.folds else table.rows
    shown, left = bounded(rows, _ROWS)
    if shown:
        _print_rows(console, table.controls, shown)
    if left:
        console.print(Text(f"and {count(left, 'change')} more; the record names each"))
    if table.folds and table.passing:
        console.print(Text(f"and {count(len(table.passing), 'change')} on which nothing fails", style="dim"))
    if table.rows:
        outcomes = {outcome for row in shown for outcome in row.outcomes}
        legend = "   ".join(f"{_MARKS[each]} {words}" for each, words in LEGEND.items() if each in outcomes)
        console.print(Text(legend, style="dim"))


def _print_rows(console: Console, controls: tuple[str, ...], rows: Sequence[Row]) -> None:
    ids = [visible(short(row.change), 40) for row in rows]
    names = [visible(control, 40).replace("-", "-\n") for control in controls]
    id_width = min(max(6, *map(cell_len, ids)), 16)
    widths = [max(map(cell_len, name.split("\n"))) for name in names]
    lettered = id_width + sum(widths) + 2 * len(widths) + 2 + _TITLE > console.width
    if lettered:
        letters = _letters(len(names))
        console.print(Text("   ".join(f"{letter} {visible(control, 40)}" for letter, control in zip(letters, controls, strict=True)), style="dim"))
        names = letters
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, expand=True, header_style="bold", show_edge=False)
    grid.add_column(Text("change"), width=id_width, no_wrap=True, overflow="ellipsis", vertical="bottom")
    grid.add_column(Text(""), ratio=1, no_wrap=True, overflow="ellipsis")
    for name in names:
        grid.add_column(Text(name, justify="center"), width=max(map(cell_len, name.split("\n"))), justify="center", no_wrap=True)
    for row, change in zip(rows, ids, strict=True):
        marks = [Text(_MARKS[outcome], style=_STYLES[outcome]) for outcome in row.outcomes]
        grid.add_row(Text(change, style="cyan"), Text(visible(row.label, 200)), *marks)
    console.print(grid)


def _letters(number: int) -> list[str]:
    """A … Z, then 27, 28, …"""
    return [chr(ord("A") + index) if index < 26 else str(index + 1) for index in range(number)]


def _print_record(console: Console, report: Report) -> None:
    where = report.where
    if not isinstance(where, Recorded):
        _print_record_field(console, "record", f"{where.digest[:16]} {where.why}" if isinstance(where, Submitted) else f"none: {where.why}")
        if isinstance(where, Preview):
            _print_shown(console, where)
        return
    _print_record_field(console, "record", f"{where.record_id}, index {where.log_index} in a log of {where.log_size}")
    _print_record_field(console, "digest", f"sha256:{where.digest}")
    _print_record_field(console, "log", where.origin)
    _print_record_field(console, "keep", f"{where.checkpoint} for verify --since")
    _print_record_field(console, "store", where.store_url)
    if where.receipt:
        _print_record_field(console, "receipt", where.receipt)
    for warning in where.warnings:
        _print_record_field(console, "warning", warning, style="yellow")


def _print_shown(console: Console, preview: Preview) -> None:
    for label, address in (("check", preview.check), ("comment", preview.comment)):
        if address:
            _print_record_field(console, label, address)
    for warning in preview.warnings:
        _print_record_field(console, "warning", warning, style="yellow")


def _print_record_field(console: Console, label: str, value: str, *, style: str = "default") -> None:
    _print_labelled(console, label, Text(visible(value), style=style), indent=0)
