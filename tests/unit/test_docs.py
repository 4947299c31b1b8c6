"""Every reason that a control can give has a row on the control's page, and no page explains one that doesn't exist."""

import importlib
import re
from pathlib import Path

import pytest

from changegate import preview
from changegate.controls import CHANGE_CONTROLS, DEPLOY_CONTROLS
from changegate.liftable import CONTROLS

PAGES = Path(__file__).parents[2] / "docs" / "controls"
SHARED = {"change-unknown", "undone"}
"""Given for any control that judges a change (`changegate.controls`)."""
EXEMPT = {"standard-change"}
"""Given for those of them from which a kind of standard change may be exempt."""
ROW = re.compile(r"^\| ((?:`[a-z-]+`(?:, )?)+) \| (?:pass|fail|unknown|not applicable)", re.MULTILINE)


def documented(control: str) -> list[str]:
    """The codes in the first column of the page's table of reasons."""
    page = (PAGES / f"{control}.md").read_text(encoding="utf-8").partition("## Reasons")[2]
    return [code for codes in ROW.findall(page) for code in re.findall(r"`([a-z-]+)`", codes)]


@pytest.mark.parametrize("control", [*CHANGE_CONTROLS, *DEPLOY_CONTROLS])
def test_every_reason_has_a_row(control: str) -> None:
    module = importlib.import_module(f"changegate.controls.{control.replace('-', '_')}")
    codes = (
        {reason.value for reason in module.Reason} | (SHARED if control in CHANGE_CONTROLS else set()) | (EXEMPT if control in CONTROLS else set())
    )
    codes |= {preview.PENDING} if control == "checks-passed" else set()
    rows = documented(control)
    assert sorted(rows) == sorted(codes)


def test_every_page_is_of_a_control() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} == {*CHANGE_CONTROLS, *DEPLOY_CONTROLS}
