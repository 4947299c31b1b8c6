"""A population as CSV and JSON, written and read; with its header of information produced by the entity (IPE). Pure."""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from changegate import __version__
from changegate.audit.population import COLUMNS, Population, Row
from changegate.errors import InputError

FORMAT: Final = "changegate-population-1"
MAX_BYTES: Final = 256 * 1024 * 1024
_FORMULA: Final = re.compile(r"\A(?=[=+\-@\t\r\n＝＋－＠])|(?<=[;\t])(?=[ \"']*[=+\-@＝＋－＠])")
"""With these a spreadsheet takes a cell for a formula (OWASP, "CSV Injection"), full-width forms too: a quote before them makes it text. Where
the list separator is another (a semicolon in much of Europe), what stands after one begins a cell."""


def header(population: Population, *, source: str, extracted: str, trust: str, since: str | None = None) -> dict[str, Any]:
    """Where the list comes from, what it was filtered by, and what proves that it is whole. `since` names the kept checkpoint that it grew from."""
    wanted = population.wanted
    begin, end = population.begin, population.end
    return {
        "format": FORMAT,
        "population": wanted.kind.value,
        "from": wanted.begin.isoformat(),
        "to": wanted.end.isoformat(),
        "environments": sorted(wanted.environments) or "all",
        "repositories": sorted(wanted.repositories) or "all",
        "rows": len(population.rows),
        "decisionsRead": population.decisions,
        "notes": list(notes(population)),
        "source": source,
        "log": population.origin,
        "entriesExamined": population.examined,
        "checkpoint": population.checkpoint,
        "growsFrom": since,
        "periodBegins": {"size": begin.size, "root": begin.root},
        "periodEnds": {"size": end.size, "root": end.root},
        "consistencyProofs": {"beginToEnd": list(population.proofs[0]), "endToCheckpoint": list(population.proofs[1])},
        "trustedKeys": trust,
        "extracted": extracted,
        "tool": f"changegate {__version__}",
    }


def notes(population: Population) -> tuple[str, ...]:
    """What must be known to read the list rightly, in plain words: of an empty one, and of one that can't hold what nobody could record."""
    found = []
    kind, silent, decisions = population.wanted.kind.value, population.silent, population.decisions
    if not population.rows:
        found.append(f"The population is empty: {decisions} gate decisions of the period and these places were read, and none is of the {kind}.")
    if silent:
        found.append(
            f"{silent} of {decisions} gate decisions were made by a version of changegate that records no {kind}: of them this list can't show any."
        )
    return tuple(found)


def format_json(population: Population, ipe: Mapping[str, Any]) -> str:
    """Header and rows in one."""
    return json.dumps({**ipe, "columns": list(COLUMNS), "units": [row._asdict() for row in population.rows]}, indent=1, ensure_ascii=False) + "\n"


def format_csv(population: Population) -> str:
    """The rows alone, as RFC 4180 has it, safe to open in a spreadsheet."""
    return format_rows(population.rows)


def format_rows(rows: Iterable[Row]) -> str:
    """As `format_csv`."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows([cell(value) for value in row] for row in rows)
    return out.getvalue()


def format_sidecar(ipe: Mapping[str, Any], table: bytes) -> str:
    """The header of a CSV or XLSX file, which holds its digest."""
    return json.dumps({**ipe, "sha256": digest(table)}, indent=1, ensure_ascii=False) + "\n"


def digest(data: bytes) -> str:
    """SHA-256, lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def cell(value: str | int) -> str | int:
    """A value as a spreadsheet may have it: no formula."""
    return _FORMULA.sub("'", value) if isinstance(value, str) else value


def parse(data: bytes) -> tuple[dict[str, str], ...]:
    """The units of an exported population, CSV or JSON, as texts by column. Raises `InputError`."""
    if len(data) > MAX_BYTES:
        raise InputError(f"a population of {len(data)} bytes is more than is read here", remedy="Export it by month or by environment.")
    try:
        text = data.decode("utf-8")
        found = _parse_json(text) if text.lstrip()[:1] == "{" else list(csv.DictReader(io.StringIO(text), strict=True))
    except (UnicodeDecodeError, ValueError, csv.Error, RecursionError) as error:
        raise _no_population(str(error)) from error
    if any(not isinstance(unit, dict) or not unit.get("id") or None in unit for unit in found):
        raise _no_population("a unit without an id, or with cells that have no column")
    return tuple({str(name): _text(value) for name, value in unit.items()} for unit in found)


def _text(value: Any) -> str:
    text = "" if value is None else str(value)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise _no_population("a text that UTF-8 can't write") from error
    return text


def _parse_json(text: str) -> Sequence[Any]:
    value = json.loads(text)
    units = value.get("units")
    if value.get("format") != FORMAT or not isinstance(units, list):
        raise _no_population(f"not the format {FORMAT}")
    if value.get("rows") != len(units):
        raise _no_population(f"its header says {value.get('rows')} rows, and it has {len(units)}")
    return units


def _no_population(why: str) -> InputError:
    return InputError(f"this is no exported population: {why[:200]}", remedy="Give what `changegate audit population --out FILE` wrote, unchanged.")
