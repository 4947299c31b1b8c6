"""What the pages of the controls say in the terminal."""

import re

import pytest

from changegate.cli import run
from changegate.controls import CHANGE_CONTROLS, DEPLOY_CONTROLS
from changegate.errors import ExitCode, InputError
from changegate.explaining import explain, find_reasons, read_pages


def test_every_control_has_a_page() -> None:
    assert set(read_pages()) == {*CHANGE_CONTROLS, *DEPLOY_CONTROLS}


@pytest.mark.parametrize("control", ["checks-passed", "peer-approved", "range-intact", "rollback-plan", "ticket-linked"])
def test_a_control_is_explained_by_its_page(control: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    page = explain(control)
    assert page.startswith(f"# {control}\n\n**This ")
    assert run(["explain", control, "--markdown"]) == ExitCode.ALLOWED
    assert capsys.readouterr().out == page
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["explain", control]) == ExitCode.ALLOWED
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_a_reason_is_explained_for_each_control_that_has_it() -> None:
    text = explain("undone")
    assert {each.control for each in find_reasons(read_pages(), "undone")} >= {"peer-approved", "rollback-plan", "ticket-linked"}
    assert text.count("taken back") == text.count("# ") >= 3


@pytest.mark.parametrize("control", read_pages())
def test_every_row_of_a_table_of_reasons_is_found(control: str) -> None:
    table = read_pages()[control].partition("## Reasons")[2].partition("\n## ")[0]
    codes = [code for row in table.splitlines()[4:] for code in re.findall(r"`([a-z-]+)`", row.split("|")[1])] if table else []
    assert codes
    assert all(find_reasons({control: table}, code) for code in codes)


def test_what_to_do_is_said() -> None:
    assert "What to do: have the final head approved, as it stands to its base now." in explain("stale-approval")


def test_reasons_that_share_a_row() -> None:
    assert [each.control for each in find_reasons(read_pages(), "reviewer-unknown")] == ["peer-approved"]


def test_without_a_name_all_controls_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "--markdown"]) == ExitCode.ALLOWED
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("- `artifact-bound`: This deploy may go if what it deploys is known by its digest")
    assert second.startswith("- `checks-passed`: This change may deploy if its tests passed")


def test_a_reason_is_found_as_reports_and_cases_name_it() -> None:
    assert explain("peer-approved/not-approved").startswith("# peer-approved: not-approved")
    assert "policy-owner-approved" in explain("not-approved")
    assert "policy-owner-approved: " not in explain("peer-approved/not-approved")
    with pytest.raises(InputError) as refused:
        explain("artifact-bond")
    assert refused.value.remedy == "Did you mean artifact-bound?"
    with pytest.raises(InputError, match="no control and no reason"):
        explain("rollback-plan/not-approved")


@pytest.mark.parametrize("wanted", ["no-such", "../README", "approved`, `x", ""])
def test_what_there_is_no_page_of(wanted: str) -> None:
    with pytest.raises(InputError, match="no control and no reason"):
        explain(wanted)
