"""Tables as an XLSX workbook: the rows, and what is known about them on a sheet of its own. Needs the extra `xlsx`.

Every cell is a number or a text, none a formula or a link, whatever it begins with.
"""

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from changegate.errors import InputError

MAX_ROWS: Final = 1_048_575
"""Excel's, the line of names left out ("Excel specifications and limits")."""
_MAX_TEXT: Final = 32_767
_CUT: Final = " … (cut: a cell holds no more; CSV and JSON have all of it)"


def format_xlsx(columns: Sequence[str], rows: Iterable[Sequence[str | int]], about: Mapping[str, Any]) -> bytes:
    """The file. `about` is the header of information; `extracted` in it is the file's time.

    Raises `InputError` without the extra, or for more rows than a sheet holds.
    """
    try:
        import xlsxwriter
    except ImportError as error:
        raise InputError(
            "XLSX needs a library that isn't installed", remedy="pip install 'changegate[xlsx]', or write CSV: --out FILE.csv."
        ) from error
    units = list(rows)
    if len(units) > MAX_ROWS:
        raise InputError(f"{len(units)} rows are more than a sheet of XLSX holds", remedy="Write CSV, or take a shorter period.")
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False})
    book.set_properties({"created": datetime.fromisoformat(about["extracted"])})
    bold = book.add_format({"bold": True})
    for name, lines in (("rows", [columns, *units]), ("about", [("field", "value"), *((key, _say(value)) for key, value in about.items())])):
        sheet = book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for number, line in enumerate(lines):
            for column, value in enumerate(line):
                if isinstance(value, int):
                    sheet.write_number(number, column, value)
                else:
                    sheet.write_string(number, column, _fit(value), bold if number == 0 else None)
    book.close()
    return out.getvalue()


def _say(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _fit(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - len(_CUT)] + _CUT
