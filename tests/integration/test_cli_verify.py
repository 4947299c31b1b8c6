"""`changegate verify`'s options: exit codes, what it says was checked and what wasn't, and its progress."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.evidence import KEY, ORIGIN, key_of
from support.records import TRUST
from support.tampering import honest_log, kinds, snapshots

from changegate.cli import progress, run
from changegate.errors import ExitCode
from changegate.evidence import checkpoint, layout
from changegate.trust import format_trust

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`changegate verify` in a directory with the honest log, its trust file and an earlier checkpoint."""
    monkeypatch.chdir(tmp_path)
    for key, data in honest_log().items():
        path = tmp_path / "log" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    Path("changegate-trust.yml").write_bytes(format_trust(TRUST))
    Path("earlier").write_bytes(snapshots()[3][layout.CHECKPOINT])

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["verify", *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def test_everything(verify: Run) -> None:
    code, out, err = verify("log", "--since", "earlier", "--jobs", "2")
    assert (code, err) == (ExitCode.ALLOWED, "")
    assert "WHOLE: 262 records, each signed, in the tree, and as it was written" in out
    assert "lost nothing" in out
    assert "  not " not in out


def test_new_only_says_what_it_left_out(verify: Run) -> None:
    code, out, _ = verify("log", "--since", "earlier", "--new-only")
    assert code == ExitCode.ALLOWED
    assert "WHOLE: 262 records in the tree; 4 looked at" in out
    assert "the records, facts, indices and commits of the first 258 entries" in out
    assert "objects lie in the store that no entry names" in out
    assert json.loads(verify("log", "--since", "earlier", "--new-only", "--format", "json")[1])["newOnly"] == 258


def test_a_share_says_its_seed_and_what_it_may_miss(verify: Run) -> None:
    code, out, _ = verify("log", "--share", "10%", "--seed", "spring")
    assert code == ExitCode.ALLOWED
    assert "drawn with --seed spring" in out
    assert "1: 90.0%, 10: 34.9%, 100: 0.0%" in out
    assert verify("log", "--share", "10", "--seed", "spring")[1] == out
    drawn = {json.loads(verify("log", "--share", "10", "--format", "json")[1])["share"]["seed"] for _ in range(2)}
    assert len(drawn) == 2


def test_a_finding_is_exit_code_five(verify: Run) -> None:
    (Path("log") / kinds()["envelope"].key).write_bytes(b"{}")
    code, out, _ = verify("log")
    assert code == ExitCode.NOT_VERIFIED
    assert "a record isn't the one that was logged" in out


def test_a_signed_checkpoint_that_the_log_does_not_continue_is_a_finding(verify: Run) -> None:
    Path("fork").write_bytes(checkpoint.sign(checkpoint.Checkpoint(ORIGIN, 100, bytes(32)), KEY))
    code, out, _ = verify("log", "--since", "fork")
    assert code == ExitCode.NOT_VERIFIED
    assert "the log doesn't continue the earlier checkpoint" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("log", "--trust", "earlier"), "--trust: earlier is no trust file"),
        (("log", "--trust", "absent"), "absent"),
        (("log", "--since", "changegate-trust.yml"), "--since: changegate-trust.yml is no checkpoint and no receipt"),
        (("log", "--since", "foreign"), "is of another log, or was changed"),
        (("log", "--new-only"), "newer than what?"),
        (("log", "--share", "0"), "is no share"),
        (("log", "--share", "half"), "is no share"),
        (("log", "--share", "101%"), "is no share"),
        (("log", "--share", "nan"), "is no share"),
        (("log", "--seed", "x"), "--seed goes with --share"),
        (("log", "--jobs", "0"), "--jobs"),
        (("--receipt", "earlier", "--new-only"), "without a store"),
    ],
)
def test_mistakes_of_input_are_exit_code_two(verify: Run, arguments: tuple[str, ...], message: str) -> None:
    Path("foreign").write_bytes(checkpoint.sign(checkpoint.Checkpoint("example.com/other", 1, bytes(32)), key_of(9)))
    code, _, err = verify(*arguments)
    assert (code, message in err) == (ExitCode.USAGE, True), err


def test_without_a_terminal_progress_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    times: Iterator[float] = iter((0.0, 10.0, 31.0, 40.0, 62.0))
    with progress.shown(lambda: next(times)) as tell:
        for done in (10, 310, 400, 620):
            tell(done, 1240)
    assert capsys.readouterr().err == "310 of 1240 records, 10/s, about 93 s left\n620 of 1240 records, 10/s, about 62 s left\n"


def test_on_a_terminal_progress_is_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with progress.shown() as tell:
        tell(5, 10)
        tell(10, 10)
    assert capsys.readouterr().out == ""


def test_problems_of_one_kind_are_explained_once_and_each_is_named(verify: Run) -> None:
    strangers = [f"envelope/00/{number:064x}.json" for number in range(5)]
    for name in strangers:
        Path("log", name).parent.mkdir(exist_ok=True)
        Path("log", name).write_bytes(b"{}")
    code, out, _ = verify("log")
    assert code == ExitCode.ALLOWED
    assert all(out.count(name) == 1 for name in strangers)
    assert out.count("expected   an entry that names it") == 1
