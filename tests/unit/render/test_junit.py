from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from unit.render.reports import change, hostile, not_approved, of_size, report, with_text

from changegate.decision import Outcome
from changegate.render import RecordingFailed
from changegate.render.junit import render, render_error


def read(document: str) -> ET.Element:
    suite = ET.fromstring(document).find("testsuite")
    assert suite is not None
    return suite


def counts(suite: ET.Element) -> dict[str, int]:
    return {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}


def test_a_case_for_each_change_and_control() -> None:
    suite = read(render(report((change(1, '<100%> & "of" it'),), not_approved("#1"))))
    case = next(each for each in suite if each.find("failure") is not None)
    assert case.attrib == {"classname": "peer-approved", "name": '#1 <100%> & "of" it'}
    failure = case.find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "not-approved: nobody approved it"
    assert failure.text == (
        "Needed: 1 approval by somebody who did not write it\n"
        "Found: nobody approved it\n"
        "Who: somebody with write access who did not write it\n"
        "Do: Ask a colleague to review it.\n"
        "Where: https://forge.example/acme/shop/pull/1"
    )
    assert counts(suite)["failures"] == 1


def test_several_findings_of_one_control_are_one_case() -> None:
    one = not_approved("#1")
    suite = read(render(report((change(1),), one, one.model_copy(update={"outcome": Outcome.UNKNOWN, "reason": "reviewer-unknown"}))))
    cases = [each for each in suite if each.attrib["classname"] == "peer-approved"]
    assert len(cases) == 1
    error = cases[0].find("error")
    assert error is not None
    assert (error.text or "").count("Needed: ") == 2
    assert (counts(suite)["failures"], counts(suite)["errors"]) == (0, 1)


def test_in_audit_mode_nothing_fails_and_all_is_told() -> None:
    suite = read(render(report((change(1),), not_approved("#1"), enforced=False)))
    assert (counts(suite)["failures"], counts(suite)["errors"]) == (0, 0)
    assert "Ask a colleague" in "".join(each.text or "" for each in suite.iter("system-out"))


def test_what_is_not_recorded_is_an_error() -> None:
    suite = read(render(report((change(1),), where=RecordingFailed("the store is full", "Make room."))))
    assert counts(suite)["errors"] == 1
    assert [each.attrib["name"] for each in suite if each.find("error") is not None] == ["the decision is recorded"]


def test_nothing_judged_is_an_error() -> None:
    suite = read(render_error("no \x00 token", "Give <one>."))
    assert counts(suite) == {"tests": 1, "failures": 0, "errors": 1, "skipped": 0}


@pytest.mark.parametrize("document", [render(of_size(3)), render(of_size(200, lambda number: number % 2 == 0))])
def test_the_counts_are_those_of_the_cases(document: str) -> None:
    suite = read(document)
    found = {name: len(list(suite.iter(tag))) for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))}
    assert counts(suite) == {"tests": len(suite), **found}
    keys = [(each.attrib["classname"], each.attrib["name"]) for each in suite]
    assert len(set(keys)) == len(keys)


@settings(max_examples=150)
@given(hostile)
def test_any_text_is_well_formed(text: str) -> None:
    suite = read(render(with_text(text)))
    assert sorted({each.tag for each in suite.iter()}) == sorted({"testsuite", "testcase", *(each.tag for case in suite for each in case)})
    assert {each.tag for case in suite for each in case} <= {"failure", "error", "skipped", "system-out"}
