"""A team's cases and another policy, by the command line: on real records."""

import json
import textwrap
from pathlib import Path

import pytest
from support import deploylog
from support.gitshop import GitShop

from changegate.cli import run
from changegate.errors import ExitCode
from changegate.trust import format_trust

STRICT = "controls: {rollback-plan: {min-words: 30}, ticket-linked: {enabled: false}}\n"


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twenty deploys; each seventh has neither ticket nor approval."""
    monkeypatch.chdir(tmp_path)

    def put(key: str, data: bytes) -> None:
        path = tmp_path / "evidence" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    deploylog.write(put, deploylog.deploys(20))
    Path("changegate-trust.yml").write_bytes(format_trust(deploylog.trust()))
    Path("old.yml").write_text("version: 1\n")
    Path("new.yml").write_text(STRICT)
    return tmp_path


def diff(*words: str) -> int:
    return run(["policy", "diff", "old.yml", "new.yml", "--store", "file:evidence", *words])


@pytest.mark.usefixtures("log")
def test_which_deploys_another_policy_would_have_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    assert diff() == 0
    text = capsys.readouterr().out
    assert "20 of 20 recorded deploys would be decided otherwise by new.yml than by old.yml" in text
    assert "allowed → blocked: +rollback-plan/too-short\n" in text
    assert "blocked, for other reasons: +rollback-plan/too-short -ticket-linked/no-ticket\n" in text
    assert diff("--format", "json", "--environment", "staging") == 0
    *lines, counts = map(json.loads, capsys.readouterr().out.splitlines())
    assert {each["environment"] for each in lines} == {"staging"}
    assert all(each["appeared"] == ["rollback-plan/too-short"] for each in lines)
    assert (counts["deploys"], counts["differ"]) == (len(lines), len(lines))


@pytest.mark.usefixtures("log")
def test_the_same_policy_differs_in_nothing_and_what_was_not_fetched_cannot_be_told(capsys: pytest.CaptureFixture[str]) -> None:
    Path("new.yml").write_text("version: 1\n")
    assert diff() == 0
    assert capsys.readouterr().out.startswith("0 of 20 recorded deploys")
    Path("new.yml").write_text("controls: {rollback-plan: {by-path: [{paths: [db/], brings: ['*.down.sql']}]}}\n")
    assert diff() == 0
    assert "can't be told\n" in capsys.readouterr().out


def test_a_record_that_was_edited_is_not_decided_again(log: Path) -> None:
    record = max((log / "evidence/envelope").rglob("*.json"), key=lambda path: path.stat().st_size)
    record.write_bytes(record.read_bytes().replace(b"a", b"b", 1))
    assert diff() == ExitCode.NOT_VERIFIED


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--from", "2026-01-01"), "--from and --to belong together"),
        (("--from", "2026-02-01", "--to", "2026-01-01"), "the period ends before it begins"),
        (("--environment", "nowhere"), "nothing in the whole log is of that name"),
    ],
)
def test_bad_questions(words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert diff(*words) == ExitCode.USAGE
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("log")
def test_a_policy_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    Path("new.yml").write_text("nonsense: 1\n")
    assert diff() == ExitCode.USAGE
    assert "new.yml:1: nonsense: unknown key" in capsys.readouterr().err


def test_a_record_becomes_a_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    shop = GitShop(tmp_path / "shop", capsys)
    shop.commit("Round up", "")
    assert shop.gate("--base", "v1") == 1
    assert run(["show", shop.git("rev-parse", "HEAD"), "--store", "file:evidence", "--facts", "march.json"]) == 0
    Path("policy.yml").write_text("version: 1\n")
    cases = "policy: policy.yml\ncases:\n- name: what happened in March\n  facts: march.json\n  expect: {}\n"
    Path(".changegate.test.yml").write_text(cases.format("blocked"))
    capsys.readouterr()
    assert run(["policy", "test"]) == 0
    assert capsys.readouterr().out == "1 of 1 case as expected\n"
    Path("cases.yml").write_text(cases.format("allowed"))
    assert run(["policy", "test", ".changegate.test.yml", "cases.yml"]) == ExitCode.BLOCKED
    text = capsys.readouterr().out
    assert "✗ what happened in March  (cases.yml:3)\n    expected  allowed\n    was       blocked (" in text
    assert text.endswith("1 of 2 cases as expected\n")
    Path("lenient.yml").write_text(
        "enforce: true\ncontrols: {peer-approved: {enabled: false}, ticket-linked: {enabled: false}, rollback-plan: {enabled: false}}\n"
    )
    assert run(["policy", "test", "cases.yml", "--policy", "lenient.yml", "-v"]) == 0
    assert "✓ what happened in March" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("facts", "message"),
    [(None, "No such file"), (b"{", "holds no facts"), (b"{}", "holds no facts"), (b"[" * 100_000, "holds no facts")],
)
def test_facts_that_are_none(
    facts: bytes | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    if facts is not None:
        Path("facts.json").write_bytes(facts)
    Path(".changegate.yml").write_text("version: 1\n")
    Path(".changegate.test.yml").write_text("cases:\n- {name: it, facts: facts.json, expect: allowed}\n")
    assert run(["policy", "test"]) == ExitCode.USAGE
    assert message in capsys.readouterr().err


def test_without_a_file_of_cases_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["policy", "test"]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert ".changegate.test.yml" in said
    Path(".changegate.test.yml").write_text(textwrap.dedent(said[said.index("cases:") :]))
    Path(".changegate.yml").write_text("version: 1\n")
    assert run(["policy", "test"]) == ExitCode.ALLOWED, "what it shows is a file of cases"
