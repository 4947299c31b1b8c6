"""Gate and preview on either forge: a broken policy, reviews that were taken back, and a decision made again by another policy."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doubles.serving import Double
from support.gating import gate, open_shop, without_waiting
from support.parity import ALICE, ALLOWED, BLOCKED
from support.shops import PLAN, SHOPS, Shop

from changegate.cli import run
from changegate.errors import ExitCode
from changegate.facts import Identity
from changegate.pipeline import read_pipeline

BROKEN = "version: 1\ncontrols:\n  rollback-plan: {}\n  peer-approved: {aprovals: 2}\n"
STRICT = "version: 1\ncontrols:\n  peer-approved: {approvals: 2}\n"


@pytest.fixture(params=SHOPS)
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return open_shop(request.param, tmp_path, monkeypatch)


@pytest.fixture
def server(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Double]:
    with shop.serve() as serving:
        without_waiting(serving, monkeypatch)
        yield serving


def preview(shop: Shop, server: Double, number: int) -> int:
    words = ["preview", "--change", str(number), "--no-check", "--no-comment", "--format", "json"]
    return run([*words, *shop.arguments(server, Path("previewed.git"))[:6]])


def test_a_broken_policy_is_named_by_its_line(
    shop: Shop, server: Double, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at = shop.repo.push("main", author=ALICE, files={".changegate.yml": BROKEN})
    shop.deploy()
    change = shop.change().approve("bob")
    assert preview(shop, server, change.number) == ExitCode.USAGE
    place = f".changegate.yml at {at[:10]}:4: controls.peer-approved.aprovals: unknown key"
    previewed = capsys.readouterr()
    assert place in previewed.err
    assert not previewed.out
    change.merge()
    gated = gate(shop, server, monkeypatch, capsys, "--head", shop.repo.head)
    assert gated.code == ExitCode.USAGE
    assert place in gated.error
    assert not Path("evidence").exists(), "nothing was decided, so nothing is on record"


def test_a_change_that_breaks_the_policy_does_not_go_live(
    shop: Shop, server: Double, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would judge the next deploy, and let none go."""
    change = shop.change(files={".changegate.yml": BROKEN}).approve("bob")
    capsys.readouterr()
    assert preview(shop, server, change.number) == BLOCKED
    previewed = json.loads(capsys.readouterr().out)
    assert previewed["reasons"] == ["policy-readable/broken"]
    change.merge()
    gated = gate(shop, server, monkeypatch, capsys, "--head", shop.repo.head)
    assert (gated.code, gated.report["reasons"]) == (BLOCKED, ["policy-readable/broken"])
    (found,) = (each for each in gated.report["findings"] if each["control"] == "policy-readable")
    assert ":4: controls.peer-approved.aprovals: unknown key" in found["observed"]
    assert run(["replay", shop.repo.head, "--store", "file:evidence"]) == ALLOWED
    shop.change(files={".changegate.yml": STRICT}).approve("bob").merge()
    assert gate(shop, server, monkeypatch, capsys, "--head", shop.repo.head).code == ALLOWED


def test_a_policy_that_lies_elsewhere_is_not_brought_along(
    shop: Shop, server: Double, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("policy.yml").write_text("version: 1\n", encoding="utf-8")
    shop.change(files={".changegate.yml": BROKEN}).approve("bob").merge()
    assert gate(shop, server, monkeypatch, capsys, "--head", shop.repo.head, "--policy", "policy.yml").code == ALLOWED


def test_reviews_that_were_taken_back_are_shown(
    shop: Shop, server: Double, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On GitLab an approval that is taken back is gone from all that it tells."""
    change = shop.change().approve("bob").withdraw("bob").approve("carol")
    capsys.readouterr()
    assert preview(shop, server, change.number) == ALLOWED
    expected = [("bob", "dismissed"), ("carol", "approved")] if shop.name == "github" else [("carol", "approved")]
    assert _reviews(json.loads(capsys.readouterr().out)) == expected
    change.merge()
    assert _reviews(gate(shop, server, monkeypatch, capsys, "--head", shop.repo.head).report) == expected


def _reviews(report: Any) -> list[tuple[str, str]]:
    (change,) = report["changes"]
    return [(review["by"], review["state"]) for review in change["reviews"]]


def test_a_decision_is_made_again_by_another_policy(
    shop: Shop, server: Double, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.change().approve("bob").merge()
    assert gate(shop, server, monkeypatch, capsys, "--head", shop.repo.head).code == ALLOWED
    Path("strict.yml").write_text(STRICT, encoding="utf-8")
    asked = len(server.requests)
    assert run(["replay", shop.repo.head, "--store", "file:evidence", "--policy", "strict.yml"]) == ALLOWED
    printed = capsys.readouterr().out
    assert "the same decision, allowed" in printed
    assert "instead: blocked (peer-approved/too-few-approvals)" in printed
    assert len(server.requests) == asked, "no network"


def test_a_blocked_decision_is_made_again_by_a_policy_that_allows_it(
    shop: Shop, server: Double, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.change().approve("dave").merge()
    assert gate(shop, server, monkeypatch, capsys, "--head", shop.repo.head).code == BLOCKED
    Path("lenient.yml").write_text("version: 1\ncontrols: {peer-approved: {permission: any}}\n", encoding="utf-8")
    assert run(["replay", shop.repo.head, "--store", "file:evidence", "--policy", "lenient.yml"]) == ALLOWED
    assert "instead: allowed" in capsys.readouterr().out


ASKS_LESS = """version: 1
controls:
  rollback-plan: {files: [rollback/*.md]}
standard-changes:
  - {name: docs, paths: [docs/], max-files: 2, exempt-from: [peer-approved, rollback-plan]}
"""


@pytest.mark.parametrize(
    ("files", "code", "reasons"),
    [
        ({"docs/a.md": "words\n"}, ALLOWED, []),
        ({"docs/a.md": "words\n", "src/a.py": "1\n"}, BLOCKED, ["peer-approved/not-approved", "rollback-plan/no-plan"]),
        ({"docs/1": "1\n", "docs/2": "2\n", "docs/3": "3\n"}, BLOCKED, ["peer-approved/not-approved", "rollback-plan/no-plan"]),
        ({"src/a.py": "1\n", "rollback/7.md": "# Way back\nSwitch the flag off, then purge the cache.\n"}, BLOCKED, ["peer-approved/not-approved"]),
        ({"src/a.py": "1\n", "rollback/7.md": "TBD\n"}, BLOCKED, ["peer-approved/not-approved", "rollback-plan/no-plan"]),
    ],
    ids=["a standard change", "not only docs", "too many files", "a plan in a file", "no plan in the file"],
)
def test_what_a_change_touches_decides_what_it_needs(
    shop: Shop,
    server: Double,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    files: dict[str, str],
    code: int,
    reasons: list[str],
) -> None:
    shop.repo.push("main", author=ALICE, files={".changegate.yml": ASKS_LESS})
    shop.deploy()
    change = shop.change(body="Closes #{issue}", files=files)
    capsys.readouterr()
    assert preview(shop, server, change.number) == code
    assert sorted(json.loads(capsys.readouterr().out)["reasons"]) == reasons
    change.merge()
    gated = gate(shop, server, monkeypatch, capsys, "--head", shop.repo.head)
    assert (gated.code, sorted(gated.report["reasons"])) == (code, reasons)
    assert run(["replay", shop.repo.head, "--store", "file:evidence"]) == ALLOWED


@pytest.mark.parametrize(
    ("asks", "code", "reasons"),
    [("carol", ALLOWED, []), ("bob", BLOCKED, ["duties-separated/requester-approved"]), ("dave", BLOCKED, ["duties-separated/requester-deploys"])],
)
def test_who_asked_for_it_is_held_apart(
    shop: Shop, server: Double, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], asks: str, code: int, reasons: list[str]
) -> None:
    rules = "controls: {duties-separated: {enabled: true, requester-is-not: [approver, deployer]}}\n"
    shop.repo.push("main", author=ALICE, files={".changegate.yml": rules})
    shop.deploy()
    shop.change(body=PLAN.replace("{issue}", str(shop.issue(by=asks)))).approve("bob").merge()
    monkeypatch.setattr(
        "changegate.cli.gate.read_pipeline", lambda *given, **more: read_pipeline(*given, **more)._replace(deployer=identity(shop, "dave"))
    )
    gated = gate(shop, server, monkeypatch, capsys, "--head", shop.repo.head)
    assert (gated.code, gated.report["reasons"]) == (code, reasons)


def identity(shop: Shop, name: str) -> Identity:
    """Who started the run, as the CI says."""
    return Identity(key=f"{shop.name}:{shop.number_of(name)}", login=name)
