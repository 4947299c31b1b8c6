"""A workbook has no formula in it, and says as much as the CSV."""

import builtins
import io
import zipfile
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from changegate.audit import workbook
from changegate.errors import InputError

ABOUT = {"format": "changegate-population-1", "rows": 2, "extracted": "2026-03-01T00:00:00+00:00", "notes": ["one"]}
NAMES = {"": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
TEXTS = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", '=HYPERLINK("http://x")', "http://example.com", "{=1}", "1e5", ""]


def parts(data: bytes) -> dict[str, ET.Element]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {name: ET.fromstring(file.read(name)) for name in file.namelist() if name.endswith(".xml")}


@pytest.mark.parametrize("text", TEXTS)
def test_no_cell_is_a_formula_or_a_link(text: str) -> None:
    found = parts(workbook.format_xlsx(("id", "title"), [("a", text)], ABOUT))
    sheet = found["xl/worksheets/sheet1.xml"]
    assert not sheet.findall(".//f", NAMES)
    assert not sheet.findall(".//hyperlink", NAMES)
    (cell,) = (each for each in sheet.iter(f"{{{NAMES['']}}}c") if each.get("r") == "B2") if text else (None,)
    if cell is not None:
        assert cell.get("t") == "s"
        shared = ["".join(part.text or "" for part in each.iter(f"{{{NAMES['']}}}t")) for each in found["xl/sharedStrings.xml"]]
        assert shared[int(cell[0].text or "")] == text


def test_the_header_is_on_a_sheet_of_its_own() -> None:
    found = parts(workbook.format_xlsx(("id", "log_index"), [("a", 1), ("b", 2)], ABOUT))
    shared = "".join(found["xl/sharedStrings.xml"].itertext())
    assert "changegate-population-1" in shared
    assert [each.get("name") for each in found["xl/workbook.xml"].iter(f"{{{NAMES['']}}}sheet")] == ["rows", "about"]
    assert workbook.format_xlsx(("id",), [("a",)], ABOUT) == workbook.format_xlsx(("id",), [("a",)], ABOUT)


def test_a_text_that_no_cell_holds_is_cut_and_says_so() -> None:
    found = parts(workbook.format_xlsx(("id",), [("x" * 40_000,)], ABOUT))
    (text,) = (each for each in found["xl/sharedStrings.xml"].itertext() if each.startswith("xxx"))
    assert (len(text), text.endswith("have all of it)")) == (32_767, True)


def test_more_rows_than_a_sheet_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MAX_ROWS", 1)
    with pytest.raises(InputError, match="more than a sheet"):
        workbook.format_xlsx(("id",), [("a",), ("b",)], ABOUT)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any, **more: Any) -> Any:
        if name == "xlsxwriter":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(InputError, match="isn't installed") as refused:
        workbook.format_xlsx(("id",), [], ABOUT)
    assert "changegate[xlsx]" in refused.value.remedy
