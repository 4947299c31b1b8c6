"""The command line itself: help, keys, policy files, and what is said when something is wrong."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from changegate import __version__
from changegate.cli import COMMANDS, run
from changegate.errors import ExitCode

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line in an empty directory and gives exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("CHANGEGATE_", "GITHUB_", "GITLAB_", "CI_"))]:
        monkeypatch.delenv(name)

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(list(arguments))
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def test_version_and_help(cli: Run) -> None:
    assert cli("--version") == (0, f"changegate, version {__version__}\n", "")
    code, out, _ = cli("--help")
    assert code == 0
    for name in COMMANDS:
        assert f"  {name} " in out
    for exit_code in ExitCode:
        assert f"  {exit_code.value} " in out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(cli: Run, name: str) -> None:
    code, out, _ = cli(name, "--help")
    assert code == 0
    assert out.startswith(f"Usage: changegate {name}")


@pytest.mark.parametrize(("words", "found"), [("changegate ga", "gate"), ("changegate gate --sto", "--store"), ("changegate policy ch", "check")])
def test_a_shell_can_complete(words: str, found: str) -> None:
    asked = {"_CHANGEGATE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    ended = subprocess.run([str(Path(sys.executable).parent / "changegate")], env=os.environ | asked, capture_output=True, text=True, check=False)
    assert ended.stdout == f"plain,{found}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gat",), "Did you mean 'gate'?"),
        (("gate", "--enviroment", "x"), "--environment"),
        (("gate", "--forge", "svn"), "'svn' is not one of"),
        (("verify",), "no trust file"),
        (("policy", "check", "absent.yml"), "absent.yml: No such file or directory"),
        (("keys", "show", "--signing-key", "absent.pem"), "absent.pem can't be read: No such file"),
    ],
)
def test_wrong_words_are_a_usage_error(cli: Run, arguments: tuple[str, ...], message: str) -> None:
    code, out, err = cli(*arguments)
    assert code in {ExitCode.USAGE, ExitCode.NOT_RECORDED}
    assert message in err
    assert not out
    assert "Traceback" not in err


def test_a_key_is_private_and_never_overwritten(cli: Run, tmp_path: Path) -> None:
    assert cli("keys", "generate")[0] == 0
    before = (tmp_path / "changegate-key.pem").read_bytes()
    assert stat.S_IMODE((tmp_path / "changegate-key.pem").stat().st_mode) == 0o600
    assert cli("keys", "generate")[0] == ExitCode.USAGE
    assert cli("keys", "generate", "--trust", "other.yml")[0] == ExitCode.USAGE
    assert (tmp_path / "changegate-key.pem").read_bytes() == before
    assert not (tmp_path / "other.yml").exists(), "a trust file without its key would be trusted for nothing"


@pytest.mark.parametrize("spelling", ["as it is", "on one line", "a path"])
def test_the_key_may_come_by_the_environment(cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelling: str) -> None:
    cli("keys", "generate")
    pem = (tmp_path / "changegate-key.pem").read_text()
    given = {"as it is": pem, "on one line": pem.replace("\n", "\\n"), "a path": "changegate-key.pem"}[spelling]
    monkeypatch.setenv("CHANGEGATE_SIGNING_KEY", given)
    code, out, _ = cli("keys", "show", "--trust")
    assert (code, out) == (0, (tmp_path / "changegate-trust.yml").read_text())


@pytest.mark.parametrize("given", ["MC4CAQAwBQYDK2VwBCIEIS3CRET", "LS0tLS1CRUdJTiBQS3CRET\\nmore", "S3CRET" * 100])
def test_a_key_in_a_wrong_form_is_never_repeated(cli: Run, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("CHANGEGATE_SIGNING_KEY", given)
    code, out, err = cli("keys", "show")
    assert code == ExitCode.NOT_RECORDED
    assert "CRET" not in out + err


def test_an_encrypted_key(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANGEGATE_KEY_PASSPHRASE", "correct horse")
    assert cli("keys", "generate")[0] == 0
    assert cli("keys", "show", "--signing-key", "changegate-key.pem")[0] == 0
    monkeypatch.setenv("CHANGEGATE_KEY_PASSPHRASE", "wrong")
    code, _, err = cli("keys", "show", "--signing-key", "changegate-key.pem")
    assert code == ExitCode.NOT_RECORDED
    assert "wrong passphrase" in err
    monkeypatch.delenv("CHANGEGATE_KEY_PASSPHRASE")
    assert "is encrypted" in cli("keys", "show", "--signing-key", "changegate-key.pem")[2]


def test_rotation_keeps_the_log_and_ends_the_old_key(cli: Run, tmp_path: Path) -> None:
    cli("keys", "generate", "--origin", "example.com/log")
    code, out, _ = cli("keys", "rotate", "--out", "new.pem", "--overlap", "0")
    assert (code, "may sign from now on" in out) == (0, True)
    text = (tmp_path / "changegate-trust.yml").read_text()
    assert (text.count("log example.com/log+"), text.count("until:"), text.count("from:")) == (2, 1, 1)
    assert cli("keys", "rotate", "--out", "newer.pem", "--trust", "absent.yml")[0] == ExitCode.USAGE


def test_a_policy_from_start_to_check(cli: Run, tmp_path: Path) -> None:
    assert cli("policy", "init")[0] == 0
    assert cli("policy", "init")[0] == ExitCode.USAGE
    assert cli("policy", "init", "--force")[0] == 0
    assert "good" in cli("policy", "check")[1]
    (tmp_path / ".changegate.yml").write_text("environments: {staging: {enforce: false}}\n")
    code, out, _ = cli("policy", "check", "--environment", "staging")
    assert (code, '"enforce": false' in out) == (0, True)
    (tmp_path / ".changegate.yml").write_text("environments: {staging: {controls: {policy-owner-approved: {owners: [alice], approvals: 3}}}}\n")
    code, _, err = cli("policy", "check")
    assert (code, err) == (0, "  warning: in staging, 3 owners must approve, and there are 1: nobody can change the policy any more\n")
    (tmp_path / ".changegate.yml").write_text("trackers: [{kind: jira, url: 'https://alice:hunter2@acme.example', projects: [SHOP]}]\n")
    code, _, err = cli("policy", "check")
    assert (code, "hunter2" in err, "'https://…@acme.example'" in err) == (ExitCode.USAGE, False, True)
    (tmp_path / ".changegate.yml").write_text("controls:\n  peer-aproved: {}\n")
    code, _, err = cli("policy", "check")
    assert code == ExitCode.USAGE
    assert err.startswith(".changegate.yml:2: controls.peer-aproved: unknown key\n  → Did you mean 'peer-approved'?\n")
    (tmp_path / ".changegate.yml").write_text("controls:\n  peer-aproved: {}\nenforce: maybe\nversion: 3\n")
    code, _, err = cli("policy", "check")
    assert (code, err.count("→")) == (ExitCode.USAGE, 4)
    assert ".changegate.yml:3: enforce: must be true or false, not 'maybe'" in err
    assert "3 mistakes" in err


def test_the_policys_schema_lies_where_its_first_line_says(cli: Run, tmp_path: Path) -> None:
    _, out, _ = cli("policy", "init")
    (tmp_path / ".changegate.schema.json").write_text(cli("policy", "schema")[1])
    assert "changegate policy schema > .changegate.schema.json" in out
    first = (tmp_path / ".changegate.yml").read_text().splitlines()[0]
    schema = json.loads((tmp_path / first.removeprefix("# yaml-language-server: $schema=")).read_text())
    assert schema["title"] == "changegate policy"


def test_the_schema_is_printed(cli: Run) -> None:
    assert json.loads(cli("policy", "schema")[1])["title"] == "changegate policy"
    assert json.loads(cli("policy", "schema", "--of", "gate-decision")[1])["$id"].endswith("gate-decision.v1.json")


def test_a_bug_looks_like_nothing_else(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("changegate.policy.examine", broken)
    cli("policy", "init")
    code, _, err = cli("policy", "check")
    assert code == ExitCode.BUG
    assert "a bug in changegate" in err
    assert "Traceback" not in err


def test_an_error_is_an_annotation_in_github_actions(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    out = cli("policy", "check", "a\n::set-output name=x::y")[1]
    assert out.startswith("::error title=changegate::")
    assert len(out.splitlines()) == 1


def test_a_json_py_in_the_directory_is_not_imported(tmp_path: Path) -> None:
    """The workspace is the repository that is judged: its files must not run."""
    (tmp_path / "json.py").write_text("raise SystemExit('imported from the workspace')\n")
    for command in ([str(Path(sys.executable).parent / "changegate")], [sys.executable, "-P", "-m", "changegate"]):
        ended = subprocess.run([*command, "policy", "schema"], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")


def test_the_demo_in_under_seventy_lines() -> None:
    environment = os.environ | {"COLUMNS": "100"}
    ended = subprocess.run([sys.executable, "-P", "-m", "changegate", "demo"], env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(ended.stdout.splitlines()) < 70
    for word in ("BLOCKED", "ALLOWED", "WHOLE", "NOT WHOLE"):
        assert word in ended.stdout


@pytest.mark.parametrize("store", ["absent", "empty"])
def test_a_mistyped_store_is_no_tampering(cli: Run, tmp_path: Path, store: str) -> None:
    cli("keys", "generate")
    (tmp_path / "empty").mkdir()
    code, _, err = cli("verify", store)
    assert (code, "empty or isn't there" in err) == (ExitCode.USAGE, True)


def test_a_directory_of_other_files_is_no_log_that_was_tampered_with(cli: Run, tmp_path: Path) -> None:
    assert cli("keys", "generate")[0] == 0
    (tmp_path / "code").mkdir()
    (tmp_path / "code/main.py").write_text("print()")
    code, _, err = cli("verify", "code")
    assert (code, "holds no log, but other objects" in err) == (ExitCode.USAGE, True)
