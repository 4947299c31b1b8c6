"""The append protocol under an adversary: writers stopped at any step, replies lost, any interleaving."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.evidence import KEY, ORIGIN, Killed, MemoryStore, Turns, append, log_in, record

from changegate.errors import StoreError
from changegate.evidence import layout, log_policy, merkle, note
from changegate.evidence.commit import Commit, digest_of, parse_commit
from changegate.evidence.proof import Receipt
from changegate.evidence.reader import LogReader

POLICY = log_policy.single(note.verifier_key(ORIGIN, KEY.public_key))


def commits(store: MemoryStore) -> list[Commit]:
    found: list[Commit] = []
    while (data := store.objects.get(layout.commit_key(len(found) + 1))) is not None:
        found.append(parse_commit(data))
    return found


def check_whole(store: MemoryStore, receipts: dict[int, Receipt], numbers: set[int]) -> LogReader:
    """One history, every entry once, every receipt still true; and after one more append everything is published."""
    append(log_in(store, 99), 1_000_000)
    numbers = numbers | {1_000_000}
    previous = None
    for commit in commits(store):
        commit.verify(POLICY)
        if previous:
            commit.verify_follows(previous, digest_of(store.objects[layout.commit_key(previous.number)]))
        previous = commit
    reader = log_in(store, 98).reader()
    assert reader is not None
    keys = [card.key for _, card in reader.cards()]
    assert len(keys) == len(set(keys))
    recorded = {number for number in numbers if record(number)[0].key in keys}
    assert len(recorded) == len(keys), "an entry that nobody appended"
    assert set(receipts) <= recorded, "a receipt was given for an entry that is lost"
    for number, receipt in receipts.items():
        card, envelope, facts = record(number)
        earlier = receipt.verify(merkle.leaf_hash(receipt.extra or b""), POLICY)
        reader.verify_extends(earlier)
        assert reader.card(receipt.index) == card
        assert reader.envelope(card) == envelope
        assert reader.facts(card) == facts
        assert store.objects[layout.index_key(card.key)] == b"%d\n" % receipt.index
    for commit in commits(store):
        reader.verify_extends(commit.verify(POLICY))
    assert not [key for key in store.objects if key.startswith(layout.PENDING)]
    return reader


def count_steps(prepare: Callable[[MemoryStore], None], number: int) -> int:
    store = MemoryStore()
    prepare(store)
    steps: list[str] = []
    writer = store.sharing()
    writer.step = steps.append
    append(log_in(writer), number)
    return len(steps)


def nothing(_store: MemoryStore) -> None:
    """A store that isn't begun."""


def some(store: MemoryStore) -> None:
    for number in range(100, 105):
        append(log_in(store), number)


def nearly_full(store: MemoryStore) -> None:
    """The next entry fills the first tile."""
    log = log_in(store)
    for number in range(100, 355):
        append(log, number)


@pytest.mark.parametrize("prepare", [nothing, some, nearly_full])
@pytest.mark.parametrize("persisted", [False, True])
def test_a_writer_may_die_before_or_after_any_step(prepare: Callable[[MemoryStore], None], persisted: bool) -> None:
    base = MemoryStore()
    prepare(base)
    appended = {number for number in range(100, 355) if layout.index_key(record(number)[0].key) in base.objects}
    for last in range(count_steps(prepare, 1)):
        store = MemoryStore(dict(base.objects))
        victim = store.sharing()
        left = iter(range(last, -1, -1))

        def step(_what: str, left: "iter[int]" = left) -> None:  # type: ignore[valid-type]
            if next(left, 0) == 0:
                raise Killed

        victim.step = step
        with pytest.raises(Killed):
            append(log_in(victim, 1), 1)
        receipts = {1: append(log_in(store, 2), 1)} if persisted else {}
        check_whole(store, receipts, appended | {1})


@pytest.mark.parametrize("prepare", [nothing, some, nearly_full])
def test_any_reply_may_be_lost_after_the_write(prepare: Callable[[MemoryStore], None]) -> None:
    base = MemoryStore()
    prepare(base)
    appended = {number for number in range(100, 355) if layout.index_key(record(number)[0].key) in base.objects}
    writes = count_steps(prepare, 1)
    for lost in range(writes):
        store = MemoryStore(dict(base.objects))
        writer = store.sharing()
        count = iter(range(writes))
        writer.lose_reply = lambda _what, count=count, lost=lost: next(count, -1) == lost  # type: ignore[misc]
        try:
            receipt = append(log_in(writer, 1), 1)
        except StoreError:
            receipt = append(log_in(writer.sharing(), 2), 1)
        assert append(log_in(store, 3), 1).index == receipt.index
        check_whole(store, {1: receipt}, appended | {1})


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_writers_interleaved_killed_and_cut_off_never_fork_or_lose(data: st.DataObject) -> None:
    store = MemoryStore()
    turns = Turns()
    receipts: dict[int, Receipt] = {}
    writers = data.draw(st.integers(2, 4))
    tried: set[int] = set()
    for writer in range(writers):
        access = store.sharing()
        mine = [writer * 10 + each for each in range(data.draw(st.integers(1, 3)))] + ([7] if data.draw(st.booleans()) else [])
        tried |= set(mine)
        dies_at = data.draw(st.one_of(st.none(), st.integers(0, 60)))
        loses = set(data.draw(st.lists(st.integers(0, 40), max_size=2)))
        steps, writes = iter(range(1_000_000)), iter(range(1_000_000))

        def step(_what: str, steps: object = steps, dies_at: int | None = dies_at) -> None:
            if next(steps) == dies_at:  # type: ignore[call-overload]
                raise Killed

        access.step = step
        access.lose_reply = lambda _what, writes=writes, loses=loses: next(writes) in loses  # type: ignore[misc]

        def work(access: MemoryStore = access, writer: int = writer, mine: list[int] = mine) -> None:
            log = log_in(access, writer)
            for number in mine:
                for _ in range(4):
                    try:
                        receipts[number] = append(log, number)
                        break
                    except StoreError:
                        log = log_in(access, writer + 50)

        turns.add(access, work)
    turns.run(lambda alive: data.draw(st.sampled_from(alive)))
    check_whole(store, receipts, tried)


def test_whoever_wins_takes_the_others_along() -> None:
    store = MemoryStore()
    append(log_in(store), 1)
    waiting = store.sharing()

    def step(what: str) -> None:
        if what.startswith("create commit/"):
            raise Killed

    waiting.step = step
    for number in range(2, 300):
        with pytest.raises(Killed):
            append(log_in(waiting, number), number)
    receipt = append(log_in(store, 7), 500)
    assert receipt.index == 1
    assert [len(commit.entries) for commit in commits(store)] == [1, 256]
    check_whole(store, {500: receipt}, {1, 500, *range(2, 300)})
