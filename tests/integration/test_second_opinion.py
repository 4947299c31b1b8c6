"""Others read our logs: a naive reader that knows only the published texts, and OpenSSL by the very commands of the documentation."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from support import naive
from support.evidence import KEY, MemoryStore, log_in
from support.records import RECORD_KEY, TRUST, append_signed, signed_record
from support.tampering import honest_log
from support.vectors import vectors

from changegate.evidence import layout
from changegate.evidence.card import format_card
from changegate.evidence.proof import format_receipt
from changegate.signing.keys import format_public

PAGE = Path(__file__).parents[2] / "docs" / "evidence-log.md"
VKEY = TRUST.log_policy.split()[1]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The honest log as files."""
    root = tmp_path_factory.mktemp("log")
    for key, data in honest_log().items():
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def test_a_naive_reader_reads_our_log(log: Path) -> None:
    entries = naive.read_log(log, VKEY)
    assert len(entries) == 262
    assert {format_card(signed_record(number)[0]) for number in range(262)} == set(entries)


@pytest.mark.parametrize("name", ["tile/0/000", "tile/1/000.p/1", "tile/entries/001.p/6", "checkpoint"])
def test_the_naive_reader_refuses_what_was_changed(log: Path, name: str) -> None:
    path = log / name
    honest = path.read_bytes()
    path.write_bytes(honest[:40] + bytes([honest[40] ^ 1]) + honest[41:] if len(honest) > 40 else bytes(len(honest)))
    try:
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever a naive reader trips over
            naive.read_log(log, VKEY)
    finally:
        path.write_bytes(honest)


def test_the_naive_reader_reads_a_published_log_too() -> None:
    key = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
    assert naive.read_log(vectors() / "tessera" / "log", key) == [b"one", b"two", b"three", b"four", b"five", b"six", b"seven"]


def test_a_naive_reader_verifies_our_receipts() -> None:
    store = MemoryStore()
    receipts = [append_signed(log_in(store), number) for number in range(9)]
    for number, receipt in enumerate(receipts):
        entry = format_card(signed_record(number)[0])
        assert naive.read_proof(format_receipt(receipt), entry, VKEY) == number
        with pytest.raises(naive.RefusedError):
            naive.read_proof(format_receipt(receipt), entry + b" ", VKEY)


def commands() -> str:
    """The documented commands."""
    (found,) = re.findall(r"```sh[^\n]*\n(.*?openssl pkeyutl.*?)```", PAGE.read_text(), re.DOTALL)
    return str(found)


def run(folder: Path, record: Path) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "RECORD": str(record), "KEY": str(folder / "key.pem")}
    return subprocess.run(["bash", "-euo", "pipefail", "-c", commands()], cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_openssl_verifies_a_record_by_the_documented_commands(log: Path, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(format_public(RECORD_KEY.public_key))
    card, envelope, _ = signed_record(7)
    done = run(tmp_path, log / layout.envelope_key(card.envelope))
    assert done.returncode == 0, done.stderr
    assert "Signature Verified Successfully" in done.stdout
    assert card.envelope in done.stdout
    assert (tmp_path / "payload").read_bytes().startswith(b'{"_type":"https://in-toto.io/Statement/v1"')
    other = tmp_path / "other.json"
    other.write_bytes(envelope.replace(b'"payload":"eyJ', b'"payload":"eyK', 1))
    assert run(tmp_path, other).returncode != 0
    (tmp_path / "key.pem").write_text(format_public(KEY.public_key))
    assert run(tmp_path, log / layout.envelope_key(card.envelope)).returncode != 0
