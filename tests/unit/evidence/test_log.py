"""The log's other promises: what it refuses, what it repairs, what it finds."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from support.evidence import BEGIN, KEY, ORIGIN, MemoryStore, append, believe, environment, key_of, log_in, nonces, record

from changegate.errors import InputError, StoreError, VerificationError
from changegate.evidence import layout, log_policy, note
from changegate.evidence import log as log_module
from changegate.evidence.card import Card, format_card, format_time
from changegate.evidence.log import AlreadyRecordedError, Environment, Log
from changegate.evidence.reader import LogReader, read_log
from changegate.stores import Batch

POLICY = log_policy.single(note.verifier_key(ORIGIN, KEY.public_key))


def grown(count: int) -> MemoryStore:
    store = MemoryStore()
    log = log_in(store)
    for number in range(count):
        append(log, number)
    return store


def at(now: datetime, reference: datetime | None = None) -> Environment:
    return Environment(lambda: now, lambda _attempt: None, nonces(), lambda: reference)


def test_the_same_log_object_gives_an_old_entrys_receipt_again() -> None:
    store = MemoryStore()
    log = log_in(store)
    first = append(log, 1)
    append(log, 2)
    append(log, 3)
    assert append(log, 1).index == first.index
    reader = log.reader()
    assert reader is not None
    assert reader.size == 3


def test_another_record_under_the_same_key_is_refused_with_the_first_ones_receipt() -> None:
    store = grown(3)
    with pytest.raises(AlreadyRecordedError) as caught:
        append(log_in(store), 1, payload="other")
    assert caught.value.receipt.index == 1
    assert caught.value.card == record(1)[0]
    assert not list(store.list(layout.PENDING))


def test_another_record_that_waits_under_the_same_key_is_committed_first() -> None:
    store = MemoryStore()
    card, envelope, facts = record(1)
    log_in(store).submit(card, envelope=envelope, facts=facts)
    with pytest.raises(AlreadyRecordedError) as caught:
        append(log_in(store), 1, payload="other")
    assert caught.value.receipt.index == 0
    assert caught.value.card == record(1)[0]
    reader = read_log(store, POLICY)
    assert reader is not None
    assert [card.envelope for _, card in reader.cards()] == [record(1)[0].envelope]


def test_objects_that_the_card_does_not_name_are_refused() -> None:
    card, envelope, facts = record(1)
    for wrong in ({"envelope": b"x", "facts": facts}, {"envelope": envelope, "facts": None}, {"envelope": envelope, "facts": b"x"}):
        with pytest.raises(InputError):
            log_in(MemoryStore()).append(card, envelope=wrong["envelope"] or b"", facts=wrong["facts"])


def test_another_logs_store_is_refused_by_name() -> None:
    other = Log(grown(1), KEY, "example.com/other", environment(), vouch=believe)
    with pytest.raises(StoreError, match=r"holds the log 'example\.com/acme/evidence', not 'example\.com/other'"):
        append(other, 2)


def test_another_keys_log_is_refused_by_name() -> None:
    with pytest.raises(VerificationError, match="signed by no trusted key"):
        append(Log(grown(1), key_of(9), ORIGIN, environment(), vouch=believe), 2)


def test_a_rotated_key_continues_the_log() -> None:
    store = grown(3)
    rotated = Log(store, key_of(9), ORIGIN, environment(), also_trusted=[note.verifier_key(ORIGIN, KEY.public_key)], vouch=believe)
    assert append(rotated, 3).index == 3
    both = log_policy.LogPolicy((note.verifier_key(ORIGIN, KEY.public_key), rotated.verifier_key), {}, {}, "none")
    reader = read_log(store, both)
    assert reader is not None
    assert reader.size == 4


@pytest.mark.parametrize(
    ("now", "reference", "said"),
    [
        (BEGIN - timedelta(minutes=9), None, "behind the record's own time"),
        (BEGIN + timedelta(hours=1), BEGIN, "ahead of the forge's clock"),
        (BEGIN, BEGIN + timedelta(hours=1), "behind the forge's clock"),
    ],
)
def test_a_clock_that_is_off_is_refused_by_name(now: datetime, reference: datetime | None, said: str) -> None:
    with pytest.raises(StoreError, match=said):
        append(Log(MemoryStore(), KEY, ORIGIN, at(now, reference), vouch=believe), 1)


def test_a_clock_behind_the_log_is_refused_and_times_never_decrease() -> None:
    store = MemoryStore()
    append(Log(store, KEY, ORIGIN, at(BEGIN + timedelta(hours=1)), vouch=believe), 1)
    with pytest.raises(StoreError, match="behind the log's last commit"):
        append(Log(store, KEY, ORIGIN, at(BEGIN + timedelta(minutes=50)), vouch=believe), 2)
    append(Log(store, KEY, ORIGIN, at(BEGIN + timedelta(minutes=57)), vouch=believe), 3)
    head = log_in(store)._find_head()
    assert head.commit is not None
    assert head.commit.time == format_time(BEGIN + timedelta(hours=1))


def test_a_card_dated_ahead_stays_waiting() -> None:
    store = grown(1)
    card, envelope, facts = record(2)
    ahead = replace(card, time=format_time(BEGIN + timedelta(days=1)))
    victim = Log(store, KEY, ORIGIN, at(BEGIN + timedelta(days=1)), vouch=believe)
    victim._submit(ahead, envelope, facts)
    append(log_in(store), 3)
    assert list(store.list(layout.PENDING)) == [layout.pending_key(card.key)]


def test_a_waiting_card_without_its_record_or_that_is_none_is_left_alone() -> None:
    store = grown(1)
    store.objects[layout.pending_key("ab" * 32)] = b"garbage"
    card, envelope, facts = record(2)
    log_in(store)._submit(card, envelope, facts)
    del store.objects[layout.envelope_key(card.envelope)]
    append(log_in(store), 3)
    assert len(list(store.list(layout.PENDING))) == 2
    reader = read_log(store, POLICY)
    assert reader is not None
    assert reader.size == 2


@pytest.mark.parametrize("rolled_back", [lambda key: key >= "commit/004", lambda key: key in {"commit/004", "commit/005"}])
def test_a_log_behind_its_own_checkpoint_is_refused(rolled_back: Callable[[str], bool]) -> None:
    store = grown(5)
    for key in [key for key in store.objects if key.startswith("commit/") and rolled_back(key)]:
        del store.objects[key]
    with pytest.raises(VerificationError, match="rolled back"):
        append(log_in(store), 9)


def test_a_log_behind_or_beside_a_known_checkpoint_is_refused() -> None:
    store = grown(5)
    known = store.objects[layout.CHECKPOINT]
    assert append(log_in(store, known=known), 6).index == 5
    with pytest.raises(VerificationError, match="rolled back"):
        append(log_in(grown(4), known=known), 9)
    with pytest.raises(VerificationError, match="rolled back"):
        append(log_in(MemoryStore(), known=known), 9)
    other = MemoryStore()
    for number in (7, 8, 9, 10, 11, 12):
        append(log_in(other), number)
    with pytest.raises(VerificationError):
        append(log_in(other, known=known), 13)


def test_a_hint_past_the_head_means_rolled_back_and_garbage_means_nothing() -> None:
    store = grown(17)
    assert store.objects[layout.HINT] == b"16"
    store.objects[layout.HINT] = b"\xff"
    assert append(log_in(store), 20).index == 17
    store.objects[layout.HINT] = b"99"
    with pytest.raises(VerificationError, match="rolled back"):
        append(log_in(store), 21)


@pytest.mark.parametrize("lost", ["tile/", "tile/entries/", "index/", "tile/0/000.p/4", "checkpoint", "hint"])
def test_what_follows_from_the_commits_is_made_again(lost: str) -> None:
    store = grown(4)
    before = dict(store.objects)
    for key in [key for key in store.objects if key.startswith(lost)]:
        del store.objects[key]
    append(log_in(store), 4)
    reader = read_log(store, POLICY)
    assert reader is not None
    assert len(list(reader.cards())) == 5
    if lost.startswith("tile"):
        assert store.objects["tile/0/000.p/4"] == before["tile/0/000.p/4"]


@pytest.mark.parametrize("kind", [layout.ENVELOPES, layout.FACTS])
def test_a_store_that_refuses_to_create_what_is_not_there_is_named(kind: str) -> None:
    """As a proxy does that answers 412 to a conditional write that reached nobody."""

    class Refusing(MemoryStore):
        def apply(self, batch: Batch) -> frozenset[str]:
            refused = {key for key in batch.create if key.startswith(kind)}
            rest = {key: data for key, data in batch.create.items() if key not in refused}
            return super().apply(Batch(rest, batch.publish, batch.remove)) | refused

    store = Refusing()
    with pytest.raises(StoreError, match=rf"memory: refused to create {kind}.*though nothing is there") as raised:
        append(log_in(store), 1)
    assert "Nothing was recorded" in raised.value.remedy
    assert not any(key.startswith(layout.COMMITS) for key in store.objects)


def test_a_poisoned_tile_is_named_and_never_built_upon() -> None:
    store = grown(4)
    store.objects["tile/0/000.p/4"] = bytes(128)
    with pytest.raises(VerificationError, match=r"tile/0/000\.p/4 exists and holds something else"):
        append(log_in(store), 4)
    with pytest.raises(VerificationError):
        list(reader_of(store).cards())


def reader_of(store: MemoryStore) -> LogReader:
    found = read_log(store, POLICY)
    assert found is not None
    return found


def test_an_empty_store_has_no_reader_and_reading_begins_nothing() -> None:
    store = MemoryStore()
    assert log_in(store).reader() is None
    assert read_log(store, POLICY) is None
    assert store.objects == {}


def test_entries_are_found_by_record_and_by_commit_newest_first() -> None:
    store = grown(300)
    reader = read_log(store, POLICY)
    assert reader is not None
    card = record(7)[0]
    assert [index for index, _ in reader.find(card.envelope[:12])] == [7]
    assert [index for index, _ in reader.find(card.commit)] == [7]
    assert list(reader.find("")) == []
    assert list(reader.find("zz")) == []
    assert [index for index, _ in reader.cards()] == list(range(299, -1, -1))
    assert [index for index, _ in reader.cards(newest_first=False)] == list(range(300))
    assert not [key for key in store.objects if key.startswith("tile/0/000.p/")]


def test_a_reader_on_an_older_checkpoint_still_reads_after_its_partial_tiles_are_gone() -> None:
    store = grown(200)
    older = read_log(store, POLICY)
    for number in range(200, 260):
        append(log_in(store), number)
    assert older is not None
    assert older.card(199) == record(199)[0]
    newer = read_log(store, POLICY)
    assert newer is not None
    newer.verify_extends(older.checkpoint)


@pytest.mark.parametrize(("limit", "what"), [("MAX_RECORD_BYTES", "record"), ("MAX_FACTS_BYTES", "facts")])
def test_what_no_reader_takes_is_not_written(monkeypatch: pytest.MonkeyPatch, limit: str, what: str) -> None:
    store = grown(1)
    before = dict(store.objects)
    monkeypatch.setattr(log_module, limit, 4)
    with pytest.raises(StoreError, match=rf"the {what} would take \d+ bytes; nobody reads more than 4"):
        append(log_in(store), 2)
    assert store.objects == before


def test_an_index_that_names_anothers_entry_is_refused() -> None:
    store = grown(3)
    store.objects[layout.index_key(record(7)[0].key)] = b"1\n"
    with pytest.raises(VerificationError, match="which is another's"):
        append(log_in(store), 7)


def test_a_card_that_nobody_vouches_for_is_not_committed_nor_in_the_way() -> None:
    store = grown(1)
    planted, honest = record(2, payload="planted"), record(2)
    log_in(store)._submit(*planted)
    log_in(store)._submit(*record(3))

    def vouch(card: Card, _envelope: bytes, _at: datetime) -> None:
        if card == planted[0] or card == record(3)[0]:
            raise VerificationError("signed by no trusted key", remedy="-")

    log = Log(store, KEY, ORIGIN, environment(), vouch=vouch)
    receipt = log.append(honest[0], envelope=honest[1], facts=honest[2])
    assert receipt.extra == format_card(honest[0]), "the planted card under our own key gave way"
    reader = log.reader()
    assert reader is not None
    assert reader.size == 2
    assert list(store.list(layout.PENDING)) == [layout.pending_key(record(3)[0].key)]
