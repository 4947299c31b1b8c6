"""A gate that could not record, and one that would have recorded where nothing stays: neither looks like an allowed deploy."""

import json
import os
from pathlib import Path

import pytest
from support.gitshop import GitShop

from changegate.cli import run
from changegate.errors import ExitCode, StoreError

STALE = "CHANGEGATE_DECISION=allowed\n"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> GitShop:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name == "CI" or name.startswith(("CHANGEGATE_", "GITHUB_", "GITLAB_", "CI_"))]:
        monkeypatch.delenv(name)
    made = GitShop(tmp_path / "shop", capsys)
    made.commit("Round prices up")
    return made


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store with no space left."""

    def fail(*_: object, **__: object) -> None:
        raise StoreError("No space left on device", remedy="Free space, and run again.")

    monkeypatch.setattr("changegate.cli.gate.record_decision", fail)


def dotenv() -> dict[str, str]:
    return dict(line.split("=", 1) for line in Path("gate.env").read_text().splitlines())


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize(
    ("form", "first"),
    [
        ("terminal", "✗ NOT RECORDED for production: the deploy must not go on (judged: allowed)"),
        ("markdown", "## ❌ NOT RECORDED for production: the deploy must not go on (judged: allowed)"),
    ],
)
def test_the_report_begins_with_it(shop: GitShop, form: str, first: str) -> None:
    code = shop.gate("--base", "v1", "--format", form)
    out, err = shop.capsys.readouterr()
    assert (code, out.splitlines()[0]) == (ExitCode.NOT_RECORDED, first)
    assert "Free space, and run again." in out
    assert "ALLOWED" not in out
    assert err == "changegate: No space left on device\n  → Free space, and run again.\n"


@pytest.mark.usefixtures("full")
def test_machines_are_told_too(shop: GitShop, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("gate.env").write_text(STALE)
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.setenv(name, name)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert shop.gate("--base", "v1", "--forge", "git", "--dotenv", "gate.env") == ExitCode.NOT_RECORDED
    out = shop.capsys.readouterr().out
    shape = json.JSONDecoder().raw_decode(out)[0]
    assert (shape["verdict"], shape["judged"], shape["record"]) == ("not-recorded", "allowed", None)
    assert (dotenv()["CHANGEGATE_DECISION"], dotenv()["CHANGEGATE_RECORD_ID"]) == ("not-recorded", "")
    assert "decision<<END_OF_VALUE\nnot-recorded\n" in Path("GITHUB_OUTPUT").read_text()
    assert Path("GITHUB_STEP_SUMMARY").read_text().startswith("## ❌ NOT RECORDED")


@pytest.mark.parametrize("words", [("--signing-key", "absent.pem"), ("--head", "absent"), ("--store", "ftp:x")])
def test_whatever_fails_no_earlier_decision_is_left(shop: GitShop, words: tuple[str, str]) -> None:
    Path("gate.env").write_text(STALE)
    assert shop.gate("--base", "v1", "--dotenv", "gate.env", *words) != 0
    assert set(dotenv().values()) == {""}


def test_the_dotenv_is_of_this_run_alone(shop: GitShop) -> None:
    Path("gate.env").write_text("OTHER=x\n")
    assert shop.gate("--base", "v1", "--dotenv", "gate.env") == 0
    assert next(iter(dotenv())) == "CHANGEGATE_DECISION"
    assert dotenv()["CHANGEGATE_DECISION"] == "allowed"
    assert not list(Path().glob(".gate.env*"))


def test_a_dotenv_that_cannot_be_written_stops_before_anything_is_recorded(shop: GitShop) -> None:
    assert shop.gate("--base", "v1", "--dotenv", "absent/gate.env") == ExitCode.USAGE
    assert not Path("evidence").exists()


def test_by_default_nothing_is_recorded_on_a_pipelines_disk(shop: GitShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    words = ["gate", "--base", "v1", "--workspace", "shop", "--signing-key", "changegate-key.pem"]
    assert run(words) == ExitCode.USAGE
    assert "would vanish with the job" in shop.capsys.readouterr().err
    assert not Path(".changegate").exists()
    assert run([*words, "--store", "file:.changegate/evidence"]) == 0


def test_elsewhere_the_default_store_warns_and_git_leaves_it_alone(shop: GitShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop.path)
    assert run(["gate", "--base", "v1", "--signing-key", "../changegate-key.pem"]) == 0
    assert "warning  this store lies on this machine's disk" in shop.capsys.readouterr().out
    assert shop.git("status", "--porcelain") == ""
    assert run(["verify", "file:.changegate/evidence", "--trust", "../changegate-trust.yml"]) == 0
