"""Waivers from the command to the decision that uses them, and what doesn't count: on a bare history and a real directory store."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from repositories import History

from changegate.cli import run
from changegate.errors import ExitCode
from changegate.evidence import idempotency, layout
from changegate.stores import open_store

PLANNED = "Round prices up\n\nRollback plan: switch the flag off; prices are back within a minute\n\nReviewed-by: Bob <bob@example.com>"
TODAY = datetime.now(UTC).date()

Gate = Callable[..., tuple[int, Any]]


def until(days: int) -> str:
    return str(TODAY + timedelta(days=days))


def waive(*arguments: str, **differs: str) -> int:
    given = {"repository": "shop", "control": "ticket-linked", "until": until(3), "reason": "the tracker was down", "requested-by": "bob@example.com"}
    given |= {"approved-by": "carol@example.com", "signing-key": "changegate-key.pem", "store": "file:evidence"} | differs
    return run(["waive", *(part for name, value in given.items() for part in (f"--{name}", value)), *arguments])


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Gate:
    """Runs the gate on a history whose last commit names no ticket, and gives exit code and report."""
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    history = History()
    first = history.commit("Begin")
    last = history.commit(PLANNED)
    built = history.write(tmp_path / "shop")
    assert run(["keys", "generate"]) == 0

    def gated(*arguments: str, environment: str = "production") -> tuple[int, Any]:
        command = ["gate", "--forge", "git", "--workspace", str(built.path), "--base", built.ids[first], "--head", built.ids[last]]
        capsys.readouterr()
        key = () if "--signing-key" in arguments else ("--signing-key", "changegate-key.pem")
        code = run([*command, *key, "--store", "file:evidence", "--format", "json", "--environment", environment, *arguments])
        printed = capsys.readouterr()
        return code, json.loads(printed.out) if printed.out.startswith("{") else printed.err

    return gated


def change_of(gate: Gate) -> tuple[str, str]:
    """The change's id, and its head."""
    _, report = gate()
    assert report["reasons"] == ["ticket-linked/no-ticket"]
    (judged,) = report["changes"]
    return judged["id"], judged["head"]


@pytest.mark.parametrize("scope", ["change", "environment", "both"])
def test_a_waiver_lifts_what_it_is_for(gate: Gate, scope: str, capsys: pytest.CaptureFixture[str]) -> None:
    change, head = change_of(gate)
    alone, there = {"change": change, "head": head}, {"environment": "production"}
    held = {"change": alone, "environment": there, "both": alone | there}
    assert waive(**held[scope]) == 0
    code, report = gate()
    assert (code, report["verdict"]) == (ExitCode.ALLOWED, "allowed"), report
    (used,) = report["waivers"]
    assert (used["requestedBy"], used["approvedBy"], used["lifted"][0]["control"]) == ("bob@example.com", "carol@example.com", "ticket-linked")
    assert run(["verify", "evidence"]) == 0
    assert run(["replay", report["record"]["id"], "--store", "file:evidence"]) == 0
    assert run(["show", report["record"]["id"], "--store", "file:evidence"]) == 0
    assert "requested by bob@example.com, approved by carol@example.com" in " ".join(capsys.readouterr().out.split())
    assert run(["show", used["record"][:16], "--store", "file:evidence"]) == 0
    assert "waiver of ticket-linked" in capsys.readouterr().out


def test_one_of_another_place_is_none(gate: Gate) -> None:
    change_of(gate)
    assert waive(environment="staging") == 0
    assert waive(environment="production", repository="other") == 0
    assert waive(environment="production", control="checks-passed") == 0
    code, report = gate()
    assert (code, report["waivers"], report["refusedWaivers"]) == (ExitCode.BLOCKED, [], [])
    assert gate(environment="staging")[0] == ExitCode.ALLOWED


def test_one_for_a_change_is_for_its_head_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Another commit with the same Change-Id, deployed after it, is another change."""
    monkeypatch.chdir(tmp_path)
    history = History()
    first = history.commit("Begin")
    named = f"{PLANNED}\nChange-Id: I{'ab' * 20}"
    seen, other = history.commit(named), history.commit(f"Send data elsewhere{named.removeprefix('Round prices up')}")
    built = history.write(tmp_path / "shop")
    assert run(["keys", "generate"]) == 0

    def gate(base: int, head: int) -> Any:
        capsys.readouterr()
        range_ = ("--base", built.ids[base], "--head", built.ids[head])
        run(
            [
                "gate",
                "--forge",
                "git",
                "--workspace",
                "shop",
                *range_,
                "--signing-key",
                "changegate-key.pem",
                "--store",
                "file:evidence",
                "--format",
                "json",
            ]
        )
        return json.loads(capsys.readouterr().out)

    (judged,) = gate(first, seen)["changes"]
    assert waive(change=judged["id"], head=judged["head"]) == 0
    assert gate(first, seen)["verdict"] == "allowed"
    blocked = gate(seen, other)
    assert (blocked["verdict"], blocked["changes"][0]["id"], blocked["waivers"]) == ("blocked", judged["id"], [])
    assert "it was given for" in blocked["refusedWaivers"][0]["why"]


def test_an_earlier_decision_stays_what_it_was(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    code, before = gate()
    assert code == ExitCode.BLOCKED
    assert waive(environment="production") == 0
    capsys.readouterr()
    assert run(["replay", before["record"]["id"], "--store", "file:evidence"]) == 0
    assert "the same decision, blocked (ticket-linked/no-ticket)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "differs",
    [
        {"until": until(-1)},
        {"until": until(400)},
        {"until": "soon"},
        {"approved-by": "BOB@example.com"},
        {"approved-by": "carol"},
        {"change": "12"},
        {"change": "12", "head": "main"},
        {"head": "ab" * 20},
        {"reason": "short"},
        {"reason": "two lines\nof markup <b>"},
        {"control": "range-intact"},
        {"control": "emergency-reviewed"},
        {"requested-by": "al ice"},
        {"change": "#1/../2", "head": "ab" * 20},
        {"environment": ""},
    ],
    ids=lambda value: next(iter(value.items()))[0] + "=" + next(iter(value.values()))[:9].replace("\n", " "),
)
def test_what_cannot_be_waived(gate: Gate, differs: dict[str, str]) -> None:
    assert waive(**{"environment": "production"} | differs) == ExitCode.USAGE
    assert gate()[0] == ExitCode.BLOCKED


@pytest.mark.parametrize("approver", ["alice@example.com", "carol"])
def test_one_that_does_not_count_does_not_with_hidden_names(gate: Gate, approver: str) -> None:
    change_of(gate)
    policy = Path("hiding.yml")
    policy.write_text("version: 1\nprivacy: {pseudonymise-people: true}\n")
    requester = "bob@example.com" if "@" in approver else "bob"
    assert waive(environment="production", **{"approved-by": approver, "requested-by": requester}) == 0
    code, report = gate("--policy", str(policy), "--names", "names.jsonl")
    assert (code, report["waivers"], len(report["refusedWaivers"])) == (ExitCode.BLOCKED, [], 1), report


def test_where_there_is_a_key_for_waivers_no_other_counts(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    change_of(gate)
    assert run(["keys", "generate", "--out", "waivers.pem", "--trust", "waivers-trust.yml"]) == 0
    public = Path("waivers-trust.yml").read_text().split("record-keys:")[1]
    trust = Path("changegate-trust.yml").read_text() + public.rstrip("\n") + "\n    use: waivers\n"
    Path("trust.yml").write_text(trust)
    shared = {"trust": "trust.yml", "log-key": "changegate-key.pem"}
    assert waive(environment="production", **shared) == 0
    code, report = gate("--trust", "trust.yml", "--log-key", "changegate-key.pem")
    assert (code, report["waivers"]) == (ExitCode.BLOCKED, [])
    assert "another signed it" in report["refusedWaivers"][0]["why"]
    assert waive(environment="production", **{**shared, "signing-key": "waivers.pem"}) == 0
    code, report = gate("--trust", "trust.yml", "--log-key", "changegate-key.pem")
    assert (code, len(report["waivers"])) == (ExitCode.ALLOWED, 1)
    capsys.readouterr()
    code, said = gate("--trust", "trust.yml", "--log-key", "changegate-key.pem", "--signing-key", "waivers.pem")
    assert code not in (ExitCode.ALLOWED, ExitCode.BLOCKED), said
    assert run(["verify", "evidence", "--trust", "trust.yml"]) == 0


def test_a_forged_waiver_counts_for_nothing(gate: Gate) -> None:
    """Whoever may write to the store points the key of a waiver to another's entry."""
    change_of(gate)
    assert waive(environment="staging") == 0
    store = open_store("file:evidence")
    origin = gate()[1]["record"]["origin"]
    key = idempotency.of_waiver(origin, "shop", "ticket-linked", "", "production", 0)
    store.create(layout.index_key(key), b"1\n")
    code, said = gate()
    assert code == ExitCode.NOT_VERIFIED
    assert "which is another's" in said


def test_the_population_of_waivers(gate: Gate) -> None:
    change_of(gate)
    assert waive(environment="production") == 0
    assert gate()[0] == ExitCode.ALLOWED
    period = ("--from", str(TODAY), "--to", str(TODAY), "--store", "file:evidence")
    assert run(["audit", "population", "--kind", "waivers", *period, "--out", "waivers.csv"]) == 0
    assert run(["audit", "export", "--kind", "waivers", *period, "--out", "pack.zip"]) == 0
    assert run(["verify", "pack.zip"]) == 0
    with zipfile.ZipFile("pack.zip") as held:
        assert b":waiver-1" in held.read("population.csv")
        Path("verify.py").write_bytes(held.read("verify.py"))
    assert subprocess.run([sys.executable, "verify.py", "pack.zip", "--key", "changegate-trust.yml"], check=False).returncode == 0
    _, *rows = Path("waivers.csv").read_text().splitlines()
    assert len(rows) == 1
    assert "carol" in rows[0]
