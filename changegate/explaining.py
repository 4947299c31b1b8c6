"""The pages of the controls, as the documentation has them: docs/controls, which the package brings along as changegate/pages."""

import difflib
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from changegate.errors import InputError

_ROW: Final = re.compile(r"^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \|([^|]*)\|([^|]*)\|([^|]*)\|$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Reason:
    """A row of a page's table of reasons."""

    control: str
    code: str
    outcome: str
    meaning: str
    remedy: str


def read_pages() -> dict[str, str]:
    """Each control's page (Markdown) by the control's id, in alphabetical order."""
    packaged = Path(str(files("changegate"))) / "pages"
    folder = packaged if packaged.is_dir() else Path(__file__).parents[1] / "docs" / "controls"  # a checkout has no copy
    return {each.stem: each.read_text(encoding="utf-8") for each in sorted(folder.glob("*.md"))}


def find_reasons(pages: dict[str, str], code: str) -> list[Reason]:
    """The rows of this reason code, of every control that has it."""
    return [
        Reason(control, code, outcome.strip(), meaning.strip(), remedy.strip())
        for control, page in pages.items()
        for codes, outcome, meaning, remedy in _ROW.findall(page)
        if f"`{code}`" in codes.split(", ")
    ]


def list_reasons(pages: dict[str, str]) -> frozenset[str]:
    """Every reason of every control, as reports name them: `control/reason`."""
    rows = ((control, codes) for control, page in pages.items() for codes, *_ in _ROW.findall(page))
    return frozenset(f"{control}/{code.strip('`')}" for control, codes in rows for code in codes.split(", "))


def explain(wanted: str) -> str:
    """The page (Markdown) of a control, or what a reason means: a code, in each control that has it, or `control/code`.

    Raises `InputError` where there is neither.
    """
    pages = read_pages()
    if wanted in pages:
        return pages[wanted]
    control, _, code = wanted.rpartition("/")
    reasons = [each for each in find_reasons(pages, code) if control in ("", each.control)]
    if not reasons:
        known = [*pages, *(each.rpartition("/")[2] for each in list_reasons(pages))]
        near = difflib.get_close_matches(code, known, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Name a reason from a report, or a control: {', '.join(pages)}."
        raise InputError(f"there is no control and no reason {wanted[:100]!r}", remedy=hint)
    return "\n\n".join(_section(each) for each in reasons) + "\n"


def _section(reason: Reason) -> str:
    lines = [f"# {reason.control}: {reason.code}", f"**{reason.outcome}**: {reason.meaning}."]
    if reason.remedy:
        lines.append(f"What to do: {reason.remedy}.")
    lines.append(f"The whole page: `changegate explain {reason.control}`")
    return "\n\n".join(lines)
