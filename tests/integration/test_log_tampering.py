"""What verification says of strange objects, foreign keys and lying cards; and of honest logs, against which it says nothing.

Every manipulation of every kind of object is in test_tamper_matrix.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from support.evidence import BEGIN, ORIGIN, Killed, MemoryStore, append, believe, environment, log_in
from support.records import RECORD_KEY, TRUST, append_signed, signed_record
from support.tampering import flip, honest_log, kinds

from changegate.errors import FormatError, VerificationError
from changegate.evidence import checkpoint, commit, layout, merkle
from changegate.evidence.card import format_card
from changegate.evidence.findings import Report
from changegate.evidence.log import Log
from changegate.evidence.proof import format_receipt
from changegate.evidence.verify import verify_receipt, verify_store
from changegate.signing.keys import PrivateKey, format_public
from changegate.trust import RecordKey


def said(report: Report) -> str:
    return "\n".join(f"{each.what}: {each.where}: {each.expected} / {each.found}" for each in (*report.problems, *report.notes))


@pytest.mark.parametrize(
    ("key", "data"),
    [
        ("tile/0/001", b"x" * 8192),
        ("tile/0/002", b"x" * 8192),
        ("tile/0/001.p/5", b"x" * 160),
        ("tile/0/001.p/7", b"x" * 224),
        ("tile/entries/000.p/9", b"x"),
        ("tile/9/000", b"x"),
        ("tile/x", b"x"),
        ("commit/009", b"{}"),
        ("commit/x", b"{}"),
        ("index/ab/" + "ab" * 32, b"3\n"),
        ("index/ab/other", b"3\n"),
        ("notes.txt", b"hello"),
        ("hint", b"99"),
        ("hint", b"many"),
    ],
)
def test_an_object_that_nothing_accounts_for_is_found_and_named(key: str, data: bytes) -> None:
    report = verify_store(MemoryStore(honest_log() | {key: data}), TRUST)
    assert [each for each in report.problems if each.where == key], said(report)


def test_several_problems_are_all_reported() -> None:
    log, changed = honest_log(), [kinds()[name] for name in ("middle commit", "full tile", "last envelope", "facts", "last index")]
    for kind in changed:
        log |= {key: data for key, data in flip(kind, log).items() if data is not None}
    assert {each.key for each in changed} <= {each.where for each in verify_store(MemoryStore(log), TRUST).problems}


def test_a_rolled_back_log_shows_against_an_earlier_checkpoint_only() -> None:
    memory = MemoryStore()
    for number in range(5):
        append_signed(log_in(memory), number)
    older = dict(memory.objects)
    append_signed(log_in(memory), 5)
    kept = memory.objects[layout.CHECKPOINT]
    assert verify_store(MemoryStore(older), TRUST).clean
    report = verify_store(MemoryStore(older), TRUST, since=kept)
    assert "rolled back" in said(report)
    assert verify_store(memory, TRUST, since=older[layout.CHECKPOINT]).clean


def test_a_rewritten_log_does_not_continue_the_earlier_checkpoint() -> None:
    one, other = MemoryStore(), MemoryStore()
    for number in range(5):
        append_signed(log_in(one), number)
        append_signed(log_in(other), number + (number == 2) * 100)
    append_signed(log_in(other), 6)
    report = verify_store(other, TRUST, since=one.objects[layout.CHECKPOINT])
    assert "doesn't continue the earlier checkpoint" in said(report)


def test_an_earlier_checkpoint_must_be_signed_by_a_trusted_log() -> None:
    store = MemoryStore()
    append_signed(log_in(store), 1)
    forged = checkpoint.sign(checkpoint.Checkpoint(ORIGIN, 1, bytes(32)), PrivateKey.generate())
    with pytest.raises(VerificationError):
        verify_store(store, TRUST, since=forged)
    with pytest.raises(FormatError):
        verify_store(store, TRUST, since=b"nothing")


def test_a_log_of_another_key_is_not_trusted() -> None:
    store = MemoryStore()
    other = Log(store, PrivateKey.generate(), ORIGIN, environment(), vouch=believe)
    append_signed(other, 1)
    report = verify_store(store, TRUST)
    assert "signed by no trusted key" in said(report)


def test_a_record_of_an_unknown_key_or_outside_its_time_is_found() -> None:
    store = MemoryStore()
    card, envelope, facts = signed_record(1, PrivateKey.generate())
    log_in(store).append(card, envelope=envelope, facts=facts)
    assert "a record can't be trusted" in said(verify_store(store, TRUST))
    late = MemoryStore()
    append_signed(log_in(late), 1)
    window = RecordKey(key=format_public(RECORD_KEY.public_key), until=BEGIN - timedelta(days=1))
    report = verify_store(late, TRUST.model_copy(update={"record_keys": (window,)}))
    assert "outside the time" in said(report)


@pytest.mark.parametrize("field", ["repository", "environment", "commit", "decision", "predicate_type", "time", "facts"])
def test_a_card_that_says_other_than_its_record_is_found(field: str) -> None:
    store = MemoryStore()
    card, envelope, facts = signed_record(1)
    changes: dict[str, Any] = {field: {"time": "2026-03-01T12:00:30Z", "facts": None}.get(field, "other")}
    lying = replace(card, **changes)
    log_in(store).append(lying, envelope=envelope, facts=None if field == "facts" else facts)
    assert "isn't what the record says" in said(verify_store(store, TRUST))


def stop_at(left: Iterator[int], stopped_at: list[str], what: str) -> None:
    if next(left, None) is None:
        stopped_at.append(what)
        raise Killed


def test_what_a_stopped_writer_leaves_is_a_note() -> None:
    base = MemoryStore()
    for number in range(3):
        append_signed(log_in(base), number)
    kept = base.objects[layout.CHECKPOINT]
    stopped_at: list[str] = []
    for last in range(100):
        store = MemoryStore(dict(base.objects))
        victim = store.sharing()
        victim.step = partial(stop_at, iter(range(last + 1)), stopped_at)
        try:
            append_signed(log_in(victim), 3)
        except Killed:
            for since in (None, kept):
                report = verify_store(store, TRUST, since=since)
                assert report.clean, f"{stopped_at[-1]}: {said(report)}"
        else:
            break
    assert any(what.startswith("publish") for what in stopped_at)


@pytest.mark.parametrize("seed", range(8))
def test_no_false_alarm_on_honest_random_logs(seed: int) -> None:
    chance = random.Random(seed)
    store = MemoryStore()
    for number in range(chance.randint(1, 40)):
        append_signed(log_in(store, number), number)
        if chance.random() < 0.2:
            append_signed(log_in(store), chance.randint(0, number))
    report = verify_store(store, TRUST)
    assert report.clean, said(report)
    assert not report.notes, said(report)


def test_an_empty_store_says_that_the_log_is_missing() -> None:
    assert [each.where for each in verify_store(MemoryStore(), TRUST).problems] == [layout.LOG]


def test_a_receipt_verifies_offline_against_record_and_entry() -> None:
    store = MemoryStore()
    receipts = [append_signed(log_in(store), number) for number in range(9)]
    card, envelope, _ = signed_record(4)
    data = format_receipt(receipts[4])
    assert verify_receipt(data, envelope, TRUST).size == 5
    assert verify_receipt(data, format_card(card), TRUST).size == 5
    with pytest.raises(VerificationError, match="another record"):
        verify_receipt(data, signed_record(5)[1], TRUST)
    with pytest.raises(VerificationError):
        verify_receipt(format_receipt(replace(receipts[4], index=3)), envelope, TRUST)


def test_the_commit_of_every_kind_of_tampering_still_parses_or_is_refused_by_name() -> None:
    store = MemoryStore()
    append(log_in(store), 1)
    data = store.objects[layout.commit_key(1)]
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        try:
            parsed = commit.parse_commit(changed)
        except FormatError:
            continue
        assert commit.format_commit(parsed) == changed
        assert parsed.size == 1
        assert merkle.Frontier().extend(parsed.leaf_hashes) == parsed.after


@pytest.mark.parametrize("shared", [62, 32, 2])
def test_an_object_that_is_named_almost_as_an_entrys_is_not_taken_for_it(shared: int) -> None:
    store = MemoryStore()
    append_signed(log_in(store), 1)
    for key in [key for key in store.objects if key.startswith((layout.INDEX, layout.ENVELOPES, layout.FACTS))]:
        name, dot, ending = key.rpartition("/")[2].partition(".")
        store.objects[key.replace(name + dot + ending, f"{name[:shared]:0<64}{dot}{ending}")] = b"0"
    report = verify_store(store, TRUST)
    assert [each.what for each in report.notes] == ["an object belongs to no entry"] * 2
    assert [each.what for each in report.problems] == ["an object belongs to no commit"]
