"""The gate from the command line, with a witness and a timestamp authority that really run: what it records, refuses, and what verification says."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.authority import Authority, serving
from support.gitshop import GitShop

from changegate import trust as trusts
from changegate.cli import run
from changegate.evidence import note
from changegate.evidence.proof import parse_receipt

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is the authority")
TRUST = Path("changegate-trust.yml")
NAME = "witness.example/w1"


@contextmanager
def witness(listen: str = "127.0.0.1:0") -> Iterator[str]:
    """`changegate witness serve`; its URL. It is killed in the end, without a chance to put anything in order."""
    command = [str(Path(sys.executable).parent / "changegate"), "witness", "serve", "--name", NAME, "--key", "w.pem", "--trust", str(TRUST)]
    with subprocess.Popen([*command, "--state", "state", "--listen", listen], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline().startswith(f"witness {NAME}+")
            yield child.stdout.readline().split()[-1]
        finally:
            child.kill()


def test_a_witnessed_and_timestamped_deploy_and_one_that_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shop = GitShop(tmp_path / "shop", capsys)
    assert run(["witness", "keys", "--name", NAME, "--out", "w.pem"]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    before, authority = trusts.parse(TRUST.read_bytes()), Authority(tmp_path / "authority")
    shop.commit("First change")
    with serving(authority.stamp) as tsa:
        gate = ("--trust", str(TRUST), "--timestamp-url", tsa, "--receipt", "receipt")
        with witness() as url:
            policy = before.log_policy.replace("quorum none", f"{line} {url}\nquorum {NAME}")
            changed = {"log_policy": policy, "timestamp_authorities": (authority.pem,), "timestamps": "required"}
            TRUST.write_bytes(trusts.format_trust(before.model_copy(update=changed)))
            assert shop.gate("--base", "v1", *gate) == 0, capsys.readouterr()
            receipt = parse_receipt(Path("receipt").read_bytes())
            assert [each.name for each in note.parse_note(receipt.checkpoint).signatures] == [shop.origin, NAME]
            assert run(["verify", "evidence"]) == 0
            assert run(["verify", "--receipt", "receipt"]) == 0
        # Down: the record is in the log, but nothing is deployed on it.
        assert shop.gate(*gate) == 4
        assert "the record is in the log as entry 1" in capsys.readouterr().err
        assert shop.entries() == 2
        assert run(["verify", "evidence"]) == 5
        # Up again, on the same port and memory: the next deploy puts all right.
        with witness(url.removeprefix("http://")):
            assert shop.gate(*gate) == 0, capsys.readouterr()
    assert run(["verify", "evidence"]) == 0
    assert sorted(path.name for path in Path("evidence/timestamp").iterdir()) == ["001", "002", "003"]
    assert run(["keys", "rotate", "--out", "new.pem"]) == 0
    after = trusts.parse(TRUST.read_bytes())
    assert (after.timestamps, after.timestamp_authorities) == ("required", (authority.pem,)), "a rotation keeps what else the trust file demands"


def test_what_was_submitted_is_witnessed_and_timestamped_when_it_is_integrated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shop = GitShop(tmp_path / "shop", capsys)
    for name in ("changegate-key.pem", "changegate-trust.yml"):
        Path(name).unlink()
    assert run(["keys", "generate", "--log-out", "log.pem"]) == 0
    assert run(["witness", "keys", "--name", NAME, "--out", "w.pem"]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    before, authority = trusts.parse(TRUST.read_bytes()), Authority(tmp_path / "authority")
    shop.commit("First change")
    integrate = ["integrate", "file:evidence", "--log-key", "log.pem"]
    with serving(authority.stamp) as tsa:
        with witness() as url:
            policy = before.log_policy.replace("quorum none", f"{line} {url}\nquorum {NAME}")
            changed = {"log_policy": policy, "timestamp_authorities": (authority.pem,), "timestamps": "required"}
            TRUST.write_bytes(trusts.format_trust(before.model_copy(update=changed)))
            assert shop.gate("--submit-only", "--trust", str(TRUST), "--base", "v1") == 0, "it asks nobody: that is the integrator's"
            assert run(integrate) == 2
            assert "the trust file requires timestamps, and no authority is named" in capsys.readouterr().err
            assert run([*integrate, "--timestamp-url", tsa]) == 0, capsys.readouterr()
            assert run(["verify", "evidence"]) == 0
        assert shop.gate("--submit-only", "--trust", str(TRUST)) == 0
        capsys.readouterr()
        assert run([*integrate, "--timestamp-url", tsa]) == 4, "the witness is down"
        said = capsys.readouterr()
        assert "✓ entry 1: allowed" in said.out
        assert "run it again when they answer" in said.err
        assert run(["verify", "evidence"]) == 5
        with witness(url.removeprefix("http://")):
            assert run([*integrate, "--timestamp-url", tsa]) == 0, "nothing waits, and yet it is asked again"
            assert "Nothing waits." in capsys.readouterr().out
        assert run(["verify", "evidence"]) == 0
    assert sorted(path.name for path in Path("evidence/timestamp").iterdir()) == ["001", "002"]
