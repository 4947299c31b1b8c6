"""The control matrix: what is asked × the control that answers × its setting × its owner × its evidence × how much of it there is. Pure."""

import csv
import io
import json
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from changegate import __version__
from changegate.audit.criteria import FRAMEWORKS, Framework, Point
from changegate.audit.mapping import CONTROLS, REASONS, Control, aspect
from changegate.audit.tables import cell
from changegate.audit.tally import Evidence, Tally

FORMAT: Final = "changegate-matrix-1"
NOBODY: Final = "(none here)"
_KNOWN: Final = frozenset((control, reason) for control, aspects in REASONS.items() for named in aspects.values() for reason in named)
_OWN: Final = frozenset(text for control in CONTROLS for text in (control.setting, control.owner))
_MARKDOWN: Final = re.compile(r"([\\`*_\[\]<>|!&~])")


class Row(NamedTuple):
    """One point with one control that answers it; without a control, where its evidence comes from."""

    framework: str
    point: str
    title: str
    asks: str
    control: str
    states: str
    setting: str
    owner: str
    evidence: str
    records: int | None
    """None where nothing was counted."""
    stopped: int | None
    exceptions: int | None


COLUMNS: Final = Row._fields


class Matrix(NamedTuple):
    """The rows, and what they were made of."""

    rows: tuple[Row, ...]
    reasons: tuple[tuple[str, str, str, int | None], ...]
    """Control, reason, what it is about, how often."""
    period: tuple[str, str] | None
    checkpoint: str


def build(tally: Tally | None = None, *, period: tuple[str, str] | None = None, owners: Mapping[str, str], settings: Mapping[str, str]) -> Matrix:
    """Every point of every framework. `owners` and `settings` say of a control what the organization has in place of what is general."""
    rows = [row for framework in FRAMEWORKS for point in framework.points for row in _rows(framework, point, tally, owners, settings)]
    reasons = tuple(
        (control, reason, about, tally.reasons.get((control, reason), 0) if tally else None)
        for control, aspects in REASONS.items()
        for about, named in aspects.items()
        for reason in named
    )
    strange = tuple((*key, aspect(*key), number) for key, number in sorted(tally.reasons.items()) if key not in _KNOWN) if tally else ()
    return Matrix(tuple(rows), reasons + strange, period, tally.checkpoint if tally else "")


def answering(point: str) -> tuple[Control, ...]:
    """The controls that answer a point."""
    return tuple(control for control in CONTROLS if point in control.points)


def _rows(framework: Framework, point: Point, tally: Tally | None, owners: Mapping[str, str], settings: Mapping[str, str]) -> list[Row]:
    asked = (framework.name, point.id, point.title, point.asks)
    found = answering(point.id)
    if not found:
        return [Row(*asked, NOBODY, "", "", "", point.elsewhere, None, None, None)]
    rows = []
    for control in found:
        counted: Evidence | tuple[None, None, None] = tally.by_control[control.id] if tally else (None, None, None)
        setting = settings.get(control.id, control.setting)
        rows.append(Row(*asked, control.id, control.states, setting, owners.get(control.id, control.owner), control.evidence, *counted))
    return rows


def format_json(matrix: Matrix) -> str:
    """For programs."""
    return (
        json.dumps(
            {
                "format": FORMAT,
                "tool": f"changegate {__version__}",
                "period": {"from": matrix.period[0], "to": matrix.period[1]} if matrix.period else None,
                "checkpoint": matrix.checkpoint or None,
                "columns": list(COLUMNS),
                "rows": [row._asdict() for row in matrix.rows],
                "reasons": [dict(zip(("control", "reason", "about", "count"), each, strict=True)) for each in matrix.reasons],
            },
            indent=1,
            ensure_ascii=False,
        )
        + "\n"
    )


def format_csv(matrix: Matrix) -> str:
    """The rows alone, as RFC 4180 has it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows(["" if value is None else cell(value) for value in row] for row in matrix.rows)
    return out.getvalue()


def format_markdown(matrix: Matrix) -> str:
    """One table a framework, then one of the reasons."""
    counted = matrix.period is not None
    lines = [f"Period: {matrix.period[0]} to {matrix.period[1]}, as the signed log has it.", ""] if matrix.period else []
    heads = ["point", "asks", "control: it holds that …", "setting", "owner", "evidence", *(["records", "stopped", "exceptions"] if counted else [])]
    for framework in FRAMEWORKS:
        lines += [f"## {framework.name}", "", _line(heads), _line(["---"] * len(heads))]
        last = ""
        for row in (each for each in matrix.rows if each.framework == framework.name):
            point = f"{row.point} {row.title}" if row.point != last else ""
            asks, last = row.asks if point else "", row.point
            control = f"`{row.control}`: {row.states}" if row.states else row.control
            counts = [_number(each) for each in (row.records, row.stopped, row.exceptions)] if counted else []
            lines.append(_line([point, asks, control, _outside(row.setting), _outside(row.owner), row.evidence, *counts]))
        lines.append("")
    heads = ["control", "reason", "is about", *(["count"] if counted else [])]
    lines += ["## Reasons", "", _line(heads), _line(["---"] * len(heads))]
    for control, reason, about, number in matrix.reasons:
        named = [f"`{control}`", f"`{reason}`"] if (control, reason) in _KNOWN else [_outside(control), _outside(reason)]
        lines.append(_line([*named, about, *([_number(number)] if counted else [])]))
    return "\n".join(lines) + "\n"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _outside(text: str) -> str:
    """Owners, settings and reasons of later versions come from outside: in those nothing is Markdown. Texts of ours keep their code spans."""
    return text if text in _OWN else _MARKDOWN.sub(r"\\\1", text.replace("\n", " ").replace("\r", " "))


def _number(value: int | None) -> str:
    return "" if value is None else str(value)
