"""The split role: a job without the log's key submits, the protected one integrates. What nobody vouches for stays where it is, and is named."""

import json
from pathlib import Path

import pytest
from support.gitshop import GitShop

from changegate.cli import run
from changegate.errors import ExitCode
from changegate.evidence import layout
from changegate.signing.keys import PrivateKey

TRUST = ("--trust", "changegate-trust.yml")
INTEGRATE = ["integrate", "file:evidence", "--log-key", "log.pem"]


@pytest.fixture(name="shop")
def make_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> GitShop:
    monkeypatch.chdir(tmp_path)
    shop = GitShop(tmp_path / "shop", capsys)
    for name in ("changegate-key.pem", "changegate-trust.yml"):
        Path(name).unlink()
    assert run(["keys", "generate", "--log-out", "log.pem"]) == 0
    shop.commit("Good")
    return shop


def waiting() -> list[Path]:
    return sorted(Path("evidence/pending").glob("*"))


def submit(shop: GitShop, *words: str) -> int:
    return shop.gate("--submit-only", *TRUST, *words)


def test_a_submitted_record_waits_and_is_integrated(shop: GitShop, capsys: pytest.CaptureFixture[str]) -> None:
    assert submit(shop, "--base", "v1") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["record"] is None
    assert "waits to be integrated into the log" in said["notRecorded"]
    assert len(said["submitted"]) == 64
    assert len(waiting()) == 1
    assert not Path("evidence", layout.CHECKPOINT).exists()
    assert run(INTEGRATE) == 0
    assert f"entry 0: allowed, shop to production, record {said['submitted'][:16]}" in capsys.readouterr().out
    assert waiting() == []
    assert run(["verify", "file:evidence"]) == 0
    assert run(INTEGRATE) == 0
    assert "Nothing waits." in capsys.readouterr().out


def test_several_jobs_submit_and_one_commit_takes_them(shop: GitShop, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(5):
        assert submit(shop, "--base", "v1") == 0
    assert len(waiting()) == 5
    assert run(INTEGRATE) == 0
    assert capsys.readouterr().out.count("✓ entry") == 5
    assert shop.entries() == 5
    assert len([each for each in Path("evidence/commit").rglob("*") if each.is_file()]) == 1
    assert submit(shop) == 0  # what is live is read from the log, without its key
    assert run(INTEGRATE) == 0
    assert shop.entries() == 6


def test_a_blocked_deploy_is_submitted_and_stops(shop: GitShop) -> None:
    shop.commit("Bad", "")
    assert submit(shop, "--base", "v1") == ExitCode.BLOCKED
    assert len(waiting()) == 1


def test_a_retried_step_submits_beside_the_first(shop: GitShop, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"GITLAB_CI": "true", "CI_JOB_ID": "7", "CI_PIPELINE_ID": "6", "CI_COMMIT_SHA": shop.git("rev-parse", "HEAD")}.items():
        monkeypatch.setenv(name, value)
    for _ in range(2):
        assert submit(shop, "--base", "v1", "--forge", "git") == 0
    assert len(waiting()) == 2
    assert run(INTEGRATE) == 0
    assert submit(shop, "--base", "v1", "--forge", "git") == 0
    assert run(INTEGRATE) == 0
    assert shop.entries() == 3


@pytest.mark.parametrize("spoil", ["card", "envelope", "facts", "key"])
def test_what_is_not_what_it_claims_stays_and_is_named(shop: GitShop, capsys: pytest.CaptureFixture[str], spoil: str) -> None:
    assert submit(shop, "--base", "v1") == 0
    (card,) = waiting()
    match spoil:
        case "card":
            card.chmod(0o644)
            card.write_bytes(card.read_bytes().replace(b"allowed", b"blocked"))
        case "key":
            card.rename(card.with_name("0" * 64))
        case what:
            (path,) = (each for each in Path("evidence", what).rglob("*") if each.is_file())
            path.chmod(0o644)
            path.write_bytes(b"")
    assert run(INTEGRATE) == ExitCode.NOT_VERIFIED
    assert "✗ refused" in capsys.readouterr().out
    assert len(waiting()) == 1
    assert submit(shop, "--base", "v1") == 0
    assert run(INTEGRATE) == ExitCode.NOT_VERIFIED  # the good one is taken all the same
    assert shop.entries() == 1


def test_a_record_by_a_stranger_is_refused(shop: GitShop, capsys: pytest.CaptureFixture[str]) -> None:
    Path("other.pem").write_bytes(PrivateKey.generate().to_pem())
    assert shop.gate("--submit-only", *TRUST, "--base", "v1", key="other.pem") == ExitCode.NOT_RECORDED
    assert "is no record key of the trust file" in capsys.readouterr().err
    assert not Path("evidence/pending").exists()


def test_who_may_not(shop: GitShop, capsys: pytest.CaptureFixture[str]) -> None:
    assert shop.gate("--submit-only", "--base", "v1") == ExitCode.USAGE
    assert "Give --trust FILE" in capsys.readouterr().err
    assert run(["integrate", "file:evidence"]) == ExitCode.NOT_RECORDED
    assert "no log key" in capsys.readouterr().err
    assert run(["integrate", "file:evidence", "--log-key", "changegate-key.pem"]) == ExitCode.NOT_RECORDED
    assert "no log key of the trust file" in capsys.readouterr().err


def outcome(*words: str) -> int:
    place = ("--workspace", "shop", "--store", "file:evidence", "--signing-key", "changegate-key.pem", "--format", "json")
    return run(["outcome", *words, "--submit-only", *TRUST, *place])


def test_what_was_planted_in_an_outcomes_place_is_no_outcome(shop: GitShop, capsys: pytest.CaptureFixture[str]) -> None:
    assert submit(shop, "--base", "v1") == 0
    assert run(INTEGRATE) == 0
    assert outcome("success") == 0
    (card,) = waiting()
    card.chmod(0o644)
    card.write_bytes(card.read_bytes().replace(b"success", b"failure"))
    capsys.readouterr()
    assert outcome("success") == ExitCode.NOT_RECORDED
    assert "stands for no signed record waits already" in capsys.readouterr().err


def test_an_outcome_is_submitted_and_integrated_after_its_decision(shop: GitShop, capsys: pytest.CaptureFixture[str]) -> None:
    assert submit(shop, "--base", "v1") == 0
    capsys.readouterr()
    assert outcome("success") == ExitCode.USAGE
    assert "What `gate --submit-only` left waiting, `changegate integrate` has to append first." in capsys.readouterr().err
    assert run(INTEGRATE) == 0
    capsys.readouterr()
    assert outcome("success", "--dotenv", "outputs.env", "--receipt", "receipt") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["record"], len(said["submitted"])) == (None, 64)
    assert f"CHANGEGATE_OUTCOME_RECORD_DIGEST={said['submitted']}\n" in Path("outputs.env").read_text()
    assert "CHANGEGATE_OUTCOME_LOG_INDEX=\n" in Path("outputs.env").read_text()
    assert not Path("receipt").exists()
    assert outcome("success") == 0  # the same again, while it waits
    again = json.loads(capsys.readouterr().out)
    assert (again["submitted"], again["repeated"], said["repeated"]) == (said["submitted"], True, False)
    assert outcome("failure") == ExitCode.USAGE
    assert "is recorded as success" in capsys.readouterr().err
    assert len(waiting()) == 1
    assert run(INTEGRATE) == 0
    assert f"entry 1: success, shop to production, record {said['submitted'][:16]}" in capsys.readouterr().out
    assert outcome("success") == 0
    assert json.loads(capsys.readouterr().out)["repeated"] is True
    assert outcome("failure") == ExitCode.USAGE
    assert "it can't end in failure as well" in capsys.readouterr().err
    assert shop.entries() == 2


def test_an_outcome_without_the_logs_key_needs_the_trust_file(shop: GitShop, capsys: pytest.CaptureFixture[str]) -> None:
    assert submit(shop, "--base", "v1") == 0
    assert run(["outcome", "success", "--submit-only", "--workspace", "shop", "--store", "file:evidence", "--signing-key", "changegate-key.pem"]) == 2
    assert "Give --trust FILE" in capsys.readouterr().err
