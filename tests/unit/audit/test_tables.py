"""A population written and read."""

import csv
import io
import json
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.audit import tables
from changegate.audit.population import COLUMNS, Ends, Kind, Population, Row, Wanted
from changegate.errors import InputError
from changegate.evidence.card import parse_time

BEGIN, END = parse_time("2026-01-01T00:00:00Z"), parse_time("2026-02-01T00:00:00Z")
ROW = Row("r:#1", "2026-01-05T00:00:00Z", "acme/shop", "production", "c" * 40, "ahead", "allowed", "enforced", "", "alice", "7", "d" * 64, 3)


def population(*rows: Row) -> Population:
    wanted = Wanted(Kind.CHANGES, BEGIN, END)
    return Population(wanted, rows, "log", "note", 4, 4, Ends(0, ""), Ends(4, ""), ((), ()))


def ipe(found: Population) -> dict[str, object]:
    return tables.header(found, source="file:evidence", extracted="2026-03-01T00:00:00+00:00", trust="trust.yml")


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=20), max_size=5))
def test_what_is_written_is_read(titles: list[str]) -> None:
    found = population(*(ROW._replace(id=f"r:#{number}", title=title) for number, title in enumerate(titles)))
    by_json = tables.parse(tables.format_json(found, ipe(found)).encode())
    assert [unit["title"] for unit in by_json] == titles
    by_csv = tables.parse(tables.format_csv(found).encode())
    assert [unit["id"] for unit in by_csv] == [unit["id"] for unit in by_json]
    assert [unit["title"] for unit in by_csv] == [tables.cell(title) for title in titles]
    assert [unit["title"].replace("'", "") for unit in by_csv] == [title.replace("'", "") for title in titles]


@pytest.mark.parametrize("title", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\nx", "＝1", '=HYPERLINK("http://x")'])
def test_no_cell_is_a_formula(title: str) -> None:
    text = tables.format_csv(population(ROW._replace(title=title)))
    (row,) = list(csv.DictReader(io.StringIO(text)))
    assert row["title"] == f"'{title}"


@given(st.text(st.sampled_from("=+-@＝;\t \"',a1"), max_size=12))
def test_no_cell_is_a_formula_whatever_parts_the_cells(title: str) -> None:
    """Much of Europe's spreadsheets take a semicolon for it, and some any of the three."""
    text = tables.format_csv(population(ROW._replace(title=title)))
    for line in text.splitlines()[1:]:
        for separator in (",", ";", "\t"):
            cells = [each.lstrip(' "') for each in line.split(separator)]
            assert separator == "," or not any(each.startswith(("=", "+", "-", "@", "＝")) for each in cells), (separator, cells)


def test_the_header_names_what_was_asked_and_holds_the_tables_digest() -> None:
    found = population(ROW)
    table = tables.format_csv(found)
    said = json.loads(tables.format_sidecar(ipe(found), table.encode()))
    assert said["rows"] == 1
    assert said["sha256"] == tables.digest(table.encode())
    assert (said["from"], said["to"]) == ("2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00")
    assert table.splitlines()[0] == ",".join(COLUMNS)


@pytest.mark.parametrize(
    "data",
    [
        b"{", b'{"units": []}', b'{"format": "changegate-population-1", "rows": 2, "units": [{"id": "a"}]}', b'{"format": "changegate-population-1"}',
        b"id,a\n,x\n", b"a,b\n1,2\n", b"id\na,b\n", b"\xff", b'{"format": "changegate-population-1", "rows": 1, "units": [7]}', b'id\n"a',
        b'{"format": "changegate-population-1", "rows": 1, "units": [{"id": "\\ud800"}]}',
    ],
)  # fmt: skip
def test_what_is_no_population_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="no exported population"):
        tables.parse(data)


@given(st.binary(max_size=200))
def test_anything_is_a_population_or_refused(data: bytes) -> None:
    with suppress(InputError):
        assert all(unit["id"] for unit in tables.parse(data))


@pytest.mark.parametrize(("kind", "silent", "said"), [(Kind.WAIVERS, 3, "records no waivers"), (Kind.EMERGENCIES, 0, "is empty")])
def test_an_empty_population_says_why(kind: Kind, silent: int, said: str) -> None:
    found = replace(population(), wanted=Wanted(kind, BEGIN, END), decisions=3, silent=silent)
    assert said in " ".join(tables.header(found, source="s", extracted="e", trust="t")["notes"])


def test_a_population_with_rows_has_nothing_to_say() -> None:
    assert tables.notes(population(ROW)) == ()
