"""The control matrix of a real log: what is counted, in every format; OSCAL by NIST's models as compliance-trestle has them."""

import csv
import io
import json
from pathlib import Path

import pytest
from support.gitshop import GitShop
from trestle.oscal.assessment_results import AssessmentResults
from trestle.oscal.component import ComponentDefinition

from changegate.audit import mapping
from changegate.cli import run

PERIOD = ("--from", "2020-01-01", "--to", "2099-12-31")
STORE = ("--store", "file:evidence")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> GitShop:
    """A deploy that ended well, one without an end, one that was stopped; an incident and a partial review on record."""
    monkeypatch.chdir(tmp_path)
    shop = GitShop(tmp_path / "shop", capsys)
    signed = (*STORE, "--signing-key", "changegate-key.pem")
    shop.commit("Round up")
    assert shop.gate("--base", "v1") == 0
    assert run(["outcome", "success", "--workspace", str(shop.path), *signed]) == 0
    shop.commit("Sell pears")
    assert shop.gate("--base", "v1") == 0
    shop.commit("Nobody looked", "")
    assert shop.gate() == 1
    Path("pm.md").write_text("it broke")
    words = ("--file", "pm.md", "--owner", "carol", "--period", "2026-01-01..2026-01-02", *signed)
    assert run(["attest", "--type", "incident", *words, "--control", "incident-reviewed"]) == 0
    assert run(["attest", "--type", "other", *words, "--control", "recovery-tested"]) == 0
    return shop


def printed(shop: GitShop, *words: str) -> str:
    shop.capsys.readouterr()
    assert run(["audit", "matrix", *words]) == 0
    return shop.capsys.readouterr().out


def test_what_is_counted(shop: GitShop) -> None:
    found = json.loads(printed(shop, *PERIOD, *STORE, "--format", "json"))
    counts = {row["control"]: (row["records"], row["stopped"], row["exceptions"]) for row in found["rows"]}
    assert counts["peer-approved"] == (5, 1, 0)
    assert counts["deploy-gated"] == (3, 1, 0)
    assert counts["outcome-recorded"] == (1, 0, 1)
    assert counts["incident-reviewed"] == counts["recovery-tested"] == (1, 0, 0)
    assert counts["access-reviewed"] == counts["keys-managed"] == (0, 0, 0)
    reasons = {(each["control"], each["reason"]): each["count"] for each in found["reasons"]}
    assert reasons["peer-approved", "approved"] == 4
    assert reasons["peer-approved", "not-approved"] == 1
    assert found["checkpoint"] == Path("evidence/checkpoint").read_text()


def test_what_goes_in_spite_of_a_finding_is_an_exception(shop: GitShop) -> None:
    Path("audit.yml").write_text("version: 1\nenforce: false\n")
    shop.gate("--policy", "audit.yml")
    found = json.loads(printed(shop, *PERIOD, *STORE, "--format", "json"))
    counts = {row["control"]: (row["stopped"], row["exceptions"]) for row in found["rows"]}
    assert counts["deploy-gated"][1] == 1
    assert counts["peer-approved"][1] == 1
    results = json.loads(printed(shop, *PERIOD, *STORE, "--format", "oscal-results"))["assessment-results"]["results"][0]
    states = {each["target"]["target-id"]: each["target"]["status"] for each in results["findings"]}
    assert states["cc8.1-08_smt"] == {"state": "not-satisfied", "reason": "fail"}


def test_filters_hold(shop: GitShop) -> None:
    shop.gate("--environment", "staging", "--base", "v1")
    counts = []
    for words in ((), ("--environment", "staging"), ("--environment", "production")):
        rows = json.loads(printed(shop, *PERIOD, *STORE, "--format", "json", *words))["rows"]
        counts.append(next(row["records"] for row in rows if row["control"] == "peer-approved"))
    assert counts[0] == counts[1] + counts[2] > counts[1] > 0
    past = json.loads(printed(shop, "--from", "2020-01-01", "--to", "2020-12-31", *STORE, "--format", "json"))
    assert not any(row["records"] or row["exceptions"] for row in past["rows"])


def test_owners_and_settings_are_those_that_are_given(shop: GitShop) -> None:
    Path("policy.yml").write_text("version: 1\ncontrols:\n  peer-approved:\n    approvals: 2\n  checks-passed:\n    enabled: false\n")
    words = ("--policy", "policy.yml", "--owner", "peer-approved==cmd|x", "--owner", "checks-passed=dave")
    rows = list(csv.DictReader(io.StringIO(printed(shop, *words, "--format", "csv"))))
    by_control = {row["control"]: row for row in rows}
    assert by_control["peer-approved"]["setting"].startswith("peer-approved: on, approvals 2")
    assert by_control["peer-approved"]["owner"] == "'=cmd|x"
    assert (by_control["checks-passed"]["setting"], by_control["checks-passed"]["owner"]) == ("checks-passed: off", "dave")
    assert by_control["deploy-gated"]["setting"] == "enforce: true"
    Path("policy.yml").write_text("version: 1\ncontrols:\n  checks-passed:\n    required: ['[x](http://evil.example) | <b>']\n")
    page = printed(shop, *words)
    assert "=cmd\\|x" in page
    assert "\\[x\\](http://evil.example) \\| \\<b\\>" in page


def test_the_component_definition_is_oscal(shop: GitShop) -> None:
    document = json.loads(printed(shop, "--format", "oscal-component"))
    parsed = ComponentDefinition.model_validate(document["component-definition"])
    (component,) = parsed.components or []
    requirements = {each.control_id: each for one in component.control_implementations or [] for each in one.implemented_requirements}
    assert {"cm-3", "cm-3.2", "cm-5", "cm-5.1", "a.8.32", "pci-6.5.1", "cc8.1-08"} <= set(requirements)
    assert [each.statement_id for each in requirements["cm-3"].statements or []] == [f"cm-3_smt.{part}" for part in "abcdefg"]


def test_the_assessment_results_are_oscal(shop: GitShop) -> None:
    document = json.loads(printed(shop, *PERIOD, *STORE, "--format", "oscal-results"))
    parsed = AssessmentResults.model_validate(document["assessment-results"])
    (result,) = parsed.results
    observed = {each.uuid: each for each in result.observations or []}
    assert len(observed) == len(mapping.CONTROLS)
    findings = {each.target.target_id: each for each in result.findings or []}
    assert all(each.observation_uuid in observed for finding in findings.values() for each in finding.related_observations or [])
    raw = {each["target"]["target-id"]: each["target"]["status"] for each in document["assessment-results"]["results"][0]["findings"]}
    assert raw["cc8.1-08_smt"] == {"state": "satisfied", "reason": "pass"}
    assert raw["cm-5.5_smt"] == {"state": "not-satisfied", "reason": "other"}  # no access review: nothing was seen
    assert raw["cc8.1-10_smt"] == {"state": "not-satisfied", "reason": "fail"}  # a deploy without an end
    ids = [each["uuid"] for part in ("observations", "findings") for each in document["assessment-results"]["results"][0][part]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("kind", ["markdown", "csv", "json", "oscal-component"])
def test_without_a_period_no_log_is_needed(kind: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["audit", "matrix", "--format", kind, "--out", "out"]) == 0
    assert capsys.readouterr().out == ""
    assert "peer-approved" in Path("out").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "2026-01-01"), "belong together"),
        (("--format", "oscal-results"), "are of a period"),
        (("--from", "2026-02-01", "--to", "2026-01-01"), "the period ends before it begins"),
        (("--owner", "nobody=alice"), "names no control and its owner"),
        (("--owner", "peer-approved="), "names no control and its owner"),
        (("--owner", "peer-approved=a\x1b[2J"), "names no control and its owner"),
        (("--policy", "nowhere.yml"), "No such file"),
        ((*PERIOD, "--store", "file:nowhere"), "no trust file"),
    ],
)
def test_bad_words(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["audit", "matrix", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_record_that_was_changed_is_counted_by_nobody(shop: GitShop) -> None:
    for path in sorted(Path("evidence/envelope").rglob("*.json")):
        path.chmod(0o644)
        path.write_bytes(path.read_bytes().replace(b'"payload":"', b'"payload":"A', 1))
    assert run(["audit", "matrix", *PERIOD, *STORE]) == 5
    assert "is not the record that the log holds" in shop.capsys.readouterr().err
