"""A log with witnesses on loopback: receipts with their quorum, forks and rollbacks that no quorum cosigns, witnesses that fail."""

import http.client
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.evidence import KEY, ORIGIN, MemoryStore, believe, environment, log_in
from support.records import RECORD_KEY, append_signed, signed_record
from support.witnesses import LOG_LINE, Running, running, witness_line

from changegate.cli import run
from changegate.errors import VerificationError
from changegate.evidence import layout, log_policy, note
from changegate.evidence.log import Log
from changegate.evidence.proof import Receipt, format_receipt
from changegate.evidence.reader import read_log
from changegate.evidence.verify import Scope, verify_receipt, verify_store
from changegate.stores.directory import DirectoryStore
from changegate.trust import Trust, format_trust
from changegate.witness.obtain import NotWitnessedError, obtain, publish


def append_witnessed(store: MemoryStore, number: int, trust: Trust, seconds: float = 10) -> Receipt:
    """As the gate does: append, have it cosigned, publish."""
    policy, log = log_policy.of(trust), log_in(store)
    reader_of = log_in(store).reader
    receipt = append_signed(log, number)
    reader = log.reader()
    assert reader is not None
    witnessed = obtain(receipt, policy, reader, reader_of, seconds=seconds)
    publish(store, witnessed.receipt.checkpoint, policy)
    return witnessed.receipt


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, 2) as witnesses:
        yield witnesses


def test_receipts_readers_and_verification_demand_the_quorum(two: Running) -> None:
    store, trust = MemoryStore(), two.trust("all")
    for number in range(5):
        receipt = append_witnessed(store, number, trust)
    assert verify_receipt(format_receipt(receipt), signed_record(4)[1], trust).size == 5
    report = verify_store(store, trust)
    assert report.clean, report.problems
    assert not report.notes
    assert read_log(store, log_policy.of(trust)) is not None
    plain = replace(
        receipt, checkpoint=store.objects[layout.commit_key(5)] and receipt.checkpoint.partition(b"\n\n")[0] + b"\n\n" + _log_line(receipt)
    )
    with pytest.raises(VerificationError, match="quorum"):
        verify_receipt(format_receipt(plain), signed_record(4)[1], trust)
    store.objects[layout.CHECKPOINT] = plain.checkpoint
    assert [each.where for each in verify_store(store, trust).problems] == [layout.CHECKPOINT]
    with pytest.raises(VerificationError, match="quorum"):
        read_log(store, log_policy.of(trust))


def _log_line(receipt: Receipt) -> bytes:
    """The log's own signature line of a receipt's checkpoint."""
    first = note.parse_note(receipt.checkpoint).signatures[0]
    assert first.name == ORIGIN
    return note.format_note(note.Note("", (first,)))[1:]


def test_of_two_histories_one_is_cosigned(two: Running) -> None:
    trust = two.trust("all")
    honest = MemoryStore()
    append_witnessed(honest, 0, trust)
    fork = MemoryStore(dict(honest.objects))
    append_witnessed(honest, 1, trust)
    with pytest.raises(NotWitnessedError, match="stands at other 2 entries"):
        append_witnessed(fork, 2, trust)
    assert verify_store(honest, trust).clean
    assert "quorum" in verify_store(fork, trust).problems[0].found
    assert any("FORK" in line for line in two.log)
    # Longer than the honest one, it isn't cosigned either.
    with pytest.raises(NotWitnessedError, match="doesn't continue"):
        append_witnessed(fork, 3, trust)


@pytest.mark.parametrize("published", ["the last cosigned one", "none"])
def test_a_fork_that_no_witness_saw_is_found(two: Running, published: str) -> None:
    """The holder of the log's key forks it, and puts back the checkpoint that the witnesses had cosigned, or takes it away."""
    trust = two.trust("all")
    fork = MemoryStore()
    append_witnessed(fork, 0, trust)
    cosigned = fork.objects[layout.CHECKPOINT]
    log = log_in(fork)
    append_signed(log, 7)
    append_signed(log, 8)
    if published == "none":
        del fork.objects[layout.CHECKPOINT]
    else:
        fork.objects[layout.CHECKPOINT] = cosigned
    committed = environment().clock()
    for since in (None, cosigned):
        for scope in (Scope(), Scope(new_only=since is not None)):
            late = verify_store(fork, trust, since=since, now=committed + timedelta(minutes=11), scope=scope)
            assert [each.what for each in late.problems] == ["no quorum of witnesses stands behind the newest entries"]
    assert verify_store(fork, trust, now=committed + timedelta(minutes=9)).clean, "their writer may still be asking the witnesses"
    assert verify_store(fork, trust.model_copy(update={"log_policy": log_policy_without_quorum(trust)})).clean, "nothing else tells"


def log_policy_without_quorum(trust: Trust) -> str:
    """The same witnesses, none of them needed."""
    return re.sub("(?m)^quorum .*$", "quorum none", trust.log_policy)


def test_a_rolled_back_store_is_not_cosigned(two: Running) -> None:
    store, trust = MemoryStore(), two.trust("all")
    append_witnessed(store, 0, trust)
    older = MemoryStore(dict(store.objects))
    for number in (1, 2):
        append_witnessed(store, number, trust)
    with pytest.raises(NotWitnessedError, match="has cosigned 3 entries"):
        append_witnessed(older, 5, trust)


@pytest.mark.parametrize(("quorum", "enough"), [("all", False), ("any", True), ("none", True)])
def test_a_witness_that_is_down_counts_as_the_quorum_says(tmp_path: Path, quorum: str, enough: bool) -> None:
    with running(tmp_path, 1) as up, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        both = Running([*up.urls, f"http://127.0.0.1:{closed.getsockname()[1]}"])
        store, trust = MemoryStore(), both.trust(quorum)
        if not enough:
            with pytest.raises(NotWitnessedError, match="doesn't answer"):
                append_witnessed(store, 0, trust)
            assert log_in(store).reader() is not None, "the record is in the log"
            return
        receipt = append_witnessed(store, 0, trust)
        assert len(note.parse_note(receipt.checkpoint).signatures) == 2
        assert verify_store(store, trust).clean


def test_a_silent_witness_takes_no_longer_than_all_may() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        trust = Running([f"http://127.0.0.1:{silent.getsockname()[1]}"]).trust("all")
        with pytest.raises(NotWitnessedError):
            append_witnessed(MemoryStore(), 0, trust, seconds=0.2)


def test_a_late_witness_catches_up_over_many_entries(tmp_path: Path) -> None:
    store = MemoryStore()
    for number in range(9):
        append_signed(log_in(store), number)
    with running(tmp_path, 1) as one:
        append_witnessed(store, 9, one.trust())
        for number in range(10, 15):
            append_signed(log_in(store), number)
        assert verify_receipt(format_receipt(append_witnessed(store, 15, one.trust())), signed_record(15)[1], one.trust()).size == 16


def test_where_another_writer_was_faster_the_receipt_is_for_the_newer_checkpoint(two: Running) -> None:
    store, trust = MemoryStore(), two.trust("all")
    log = log_in(store)
    receipt = append_signed(log, 0)
    reader = log.reader()
    assert reader is not None
    append_witnessed(store, 1, trust)
    witnessed = obtain(receipt, log_policy.of(trust), reader, log_in(store).reader)
    assert verify_receipt(format_receipt(witnessed.receipt), signed_record(0)[1], trust).size == 2
    publish(store, witnessed.receipt.checkpoint, log_policy.of(trust))
    assert verify_store(store, trust).clean


def test_an_older_checkpoint_is_never_published_over_a_newer_one(two: Running) -> None:
    store, trust = MemoryStore(), two.trust("all")
    older = append_witnessed(store, 0, trust).checkpoint
    append_witnessed(store, 1, trust)
    newest = store.objects[layout.CHECKPOINT]
    publish(store, older, log_policy.of(trust))
    assert store.objects[layout.CHECKPOINT] == newest


def test_the_next_append_takes_a_cosigned_checkpoint_for_published(two: Running) -> None:
    store = MemoryStore()
    append_witnessed(store, 0, two.trust())
    steps: list[str] = []
    again = store.sharing()
    again.step = steps.append
    Log(again, KEY, ORIGIN, environment(), vouch=believe).reader()
    assert not [step for step in steps if step.startswith(("create", "publish"))]


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        ("GET", "/add-checkpoint", {}, b"", 405),
        ("GET", "/", {}, b"", 404),
        ("POST", "/other", {}, b"x", 404),
        ("POST", "/add-checkpoint", {}, b"x", 400),
        ("POST", "/add-checkpoint", {"Content-Length": "70000"}, b"", 413),
        ("POST", "/add-checkpoint", {"Content-Length": "-1"}, b"", 411),
        ("POST", "/add-checkpoint", {"Content-Length": "x"}, b"", 411),
    ],
)
def test_the_server_answers_what_it_does_not_take(two: Running, method: str, path: str, headers: dict[str, str], body: bytes, status: int) -> None:
    parts = urlsplit(two.urls[0])
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    connection.request(method, path, body or None, headers)
    response = connection.getresponse()
    assert response.status == status
    assert b"Traceback" not in response.read()
    connection.close()


def test_a_conflict_says_the_size_in_its_own_type(two: Running) -> None:
    store = MemoryStore()
    receipt = append_witnessed(store, 0, two.trust())
    parts = urlsplit(two.urls[0])
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    connection.request("POST", "/add-checkpoint", b"old 0\n\n" + receipt.checkpoint)
    response = connection.getresponse()
    assert (response.status, response.headers["Content-Type"], response.read()) == (409, "text/x.tlog.size", b"1\n")
    connection.close()


def test_a_scheduled_witness_cosigns_growth_and_refuses_a_rollback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, trust_file, key = tmp_path / "store", tmp_path / "trust.yml", tmp_path / "key.pem"
    assert run(["witness", "keys", "--name", "witness.example/w9", "--out", str(key)]) == 0
    line = capsys.readouterr().out
    assert line.startswith("witness witness.example/w9 witness.example/w9+")
    store, memory = DirectoryStore(root), MemoryStore()
    log = Log(store, KEY, ORIGIN, environment(), vouch=believe)
    append_signed(log, 0)
    append_signed(log_in(memory), 0)
    policy = f"{LOG_LINE}{line}quorum witness.example/w9\n"
    trust = Running([]).trust("none").model_copy(update={"log_policy": policy})
    trust_file.write_bytes(format_trust(trust))
    common = ["--name", "witness.example/w9", "--key", str(key), "--trust", str(trust_file), "--state", str(tmp_path / "state")]
    assert verify_store(store, trust).problems
    assert run(["witness", "cosign", str(root), *common]) == 0
    assert verify_store(store, trust).clean
    append_signed(log, 1)
    assert run(["witness", "cosign", str(root), *common, "--out", str(tmp_path / "cosigned")]) == 0
    assert verify_store(store, trust).problems, "with --out the store stays as it was"
    assert verify_store(store, trust, since=(tmp_path / "cosigned").read_bytes()).entries == 2
    older = tmp_path / "older"
    for name, data in memory.objects.items():
        (older / name).parent.mkdir(parents=True, exist_ok=True)
        (older / name).write_bytes(data)
    assert run(["witness", "cosign", str(older), *common]) == 5
    assert "rolled back: 2 entries were cosigned" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["ftp://x", "http://", "https://a:b@c/", "http://x:99999/", "x"])
def test_a_url_that_is_none_is_refused_before_anything_is_recorded(tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert log_policy.parse(f"{LOG_LINE}{witness_line(0, url)}quorum w0\n").urls == {"w0": url}
    trust = Running([url]).trust()
    file = tmp_path / "trust.yml"
    file.write_bytes(format_trust(trust))
    key = tmp_path / "key.pem"
    key.write_bytes(RECORD_KEY.to_pem())
    store = tmp_path / "store"
    assert run(["gate", "--forge", "git", "--workspace", str(tmp_path), "--store", str(store), "--signing-key", str(key), "--trust", str(file)]) != 0
    assert "witness w0: not an http(s) URL" in capsys.readouterr().err
    assert not store.exists()
