"""Readiness of a real log, by the command line."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.gitshop import GitShop

from changegate.cli import run

NOW = datetime.now(UTC)
FIRST, LAST = f"{NOW - timedelta(days=3):%Y-%m-%d}", f"{NOW + timedelta(days=1):%Y-%m-%d}"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> GitShop:
    monkeypatch.chdir(tmp_path)
    shop = GitShop(tmp_path / "shop", capsys)
    shop.commit("Show prices")
    assert shop.gate("--base", "v1") == 0
    assert run(["outcome", "success", "--workspace", str(shop.path), "--store", "file:evidence", "--signing-key", "changegate-key.pem"]) == 0
    return shop


def ready(shop: GitShop, *words: str, code: int) -> Any:
    shop.capsys.readouterr()
    ended = run(["audit", "readiness", "--period", f"{FIRST}..{LAST}", "--store", "file:evidence", "--out", "ready.json", *words])
    printed = shop.capsys.readouterr()
    assert ended == code, printed.out + printed.err
    return json.loads(Path("ready.json").read_text()) if code != 2 else printed.err


def reconcile(shop: GitShop, deployments: str, code: int) -> None:
    Path("deployments.csv").write_text(f"id,repository,environment,commit,created,state\n{deployments}")
    words = ["--deployments", "deployments.csv", "--repository", "shop", "--store", "file:evidence", "--out", "reconciled.json"]
    assert run(["audit", "reconcile", "--from", FIRST, "--to", LAST, *words]) == code, shop.capsys.readouterr().out


def test_what_is_open_and_how_it_is_closed(shop: GitShop) -> None:
    found = ready(shop, code=1)
    assert [each["code"] for each in found["questions"]] == ["policy-not-in-repository", "not-reconciled"]
    assert (found["decisions"], len(found["policies"]), len(found["keys"])) == (1, 1, 1)
    assert found["daysWithoutEvidence"][0]["from"] == FIRST
    head = shop.git("rev-parse", "HEAD")
    at = datetime.now(UTC).isoformat()
    reconcile(shop, f"1,shop,production,{head},{at},succeeded\n2,shop,production,{'d' * 40},{at},succeeded\n", 1)
    words = ["--reconciliation", "reconciled.json", "--repository", "shop"]
    assert [each["code"] for each in ready(shop, *words, code=1)["questions"]] == ["policy-not-in-repository", "open-exception"]
    closed = ready(shop, *words, "--followed-up", "deploy-without-record:2", code=1)
    assert [each["code"] for each in closed["questions"]] == ["policy-not-in-repository"]
    shop.capsys.readouterr()
    assert run(["audit", "readiness", "--period", f"{FIRST}..{LAST}", "--store", "file:evidence"]) == 1
    page = shop.capsys.readouterr().out
    assert page.startswith("✗ OPEN QUESTIONS: 1 decision, 2 questions")
    assert "not-reconciled: 1. Nothing shows that every deploy came to the gate." in page
    assert run(["audit", "readiness", "--period", f"{FIRST}..{LAST}", "--store", "file:evidence", "--format", "json"]) == 1
    assert json.loads(shop.capsys.readouterr().out)["format"] == "changegate-readiness-1"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "x"}, "of another format"),
        ({"log": "another"}, "of another log"),
        ({"from": f"{NOW:%Y-%m-%d}T00:00:00+00:00"}, "doesn't hold all of the period"),
        ({"environments": ["staging"]}, "of some environments only"),
        ({"whole": None}, "contradicts itself"),
        ({"exceptions": [{"id": "id-gap:7"}]}, "contradicts itself"),
        ({"exceptions": 7}, "not one of this log"),
    ],
)
def test_a_reconciliation_of_something_else_says_nothing(shop: GitShop, change: dict[str, Any], said: str) -> None:
    reconcile(shop, f"1,shop,production,{shop.git('rev-parse', 'HEAD')},{datetime.now(UTC).isoformat()},succeeded\n", 0)
    Path("reconciled.json").write_text(json.dumps(json.loads(Path("reconciled.json").read_text()) | change))
    assert said in ready(shop, "--reconciliation", "reconciled.json", "--repository", "shop", code=2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--period", "2026-01-01"], "no two dots"),
        (["--period", "2026-03-01..2026-02-01"], "the period ends before it begins"),
        (["--period", "2998-03-01..2998-04-01"], "begins in the future"),
        (["--followed-up", "id-gap:7"], "says nothing without"),
        (["--reconciliation", "nowhere.json"], "No such file"),
    ],
)
def test_bad_input_is_named(shop: GitShop, words: list[str], said: str) -> None:
    assert said in ready(shop, *words, code=2)


def test_a_record_that_was_changed_makes_no_report(shop: GitShop) -> None:
    for path in Path("evidence/envelope").rglob("*.json"):
        path.chmod(0o644)
        path.write_bytes(path.read_bytes() + b" ")
    shop.capsys.readouterr()
    assert run(["audit", "readiness", "--period", f"{FIRST}..{LAST}", "--store", "file:evidence"]) == 5
