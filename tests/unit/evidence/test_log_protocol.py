"""The append protocol under an adversary: writers stopped at any step, replies lost, any interleaving."""

from collections.abc import Callable
from functools import partial
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.evidence import KEY, ORIGIN, Killed, MemoryStore, Turns, append, believe, environment, log_in, record

from changegate.errors import StoreError, VerificationError
from changegate.evidence import layout, log_policy, merkle, note
from changegate.evidence.card import Card, format_card
from changegate.evidence.commit import Commit, digest_of, format_commit, grow, parse_commit
from changegate.evidence.history import Head
from changegate.evidence.log import Log
from changegate.evidence.proof import Receipt
from changegate.evidence.reader import LogReader
from changegate.stores import Batch

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


class Fault:
    """Something that happens at the n-th step, once; never, where n is None."""

    def __init__(self, at: int | None) -> None:
        self._at = at
        self._steps = 0

    def reached(self, _what: str) -> bool:
        self._steps += 1
        return self._steps - 1 == self._at

    def step(self, what: str) -> None:
        if self.reached(what):
            raise Killed


def append_all(access: MemoryStore, writer: int, mine: list[int], receipts: dict[int, Receipt], protocol: type[Log] = Log) -> None:
    """A pipeline's writer: it appends, and where the store fails it runs again."""
    for number in mine:
        for attempt in range(4):
            try:
                log = protocol(access, KEY, ORIGIN, environment(writer + 100 * attempt), vouch=believe)
                receipts[number] = append(log, number)
                break
            except StoreError:
                continue


def nothing(_store: MemoryStore) -> None:
    """A store that isn't begun."""


def some(store: MemoryStore) -> None:
    for number in range(100, 105):
        append(log_in(store), number)


def nearly_full(store: MemoryStore) -> None:
    """The next entry fills the first tile."""
    submit_only(store, range(100, 354))
    append(log_in(store), 354)


def submit_only(store: MemoryStore, numbers: range) -> None:
    """Writers that die before their commit."""
    waiting = store.sharing()

    def step(what: str) -> None:
        if what == "read hint":  # the card waits by then
            raise Killed

    waiting.step = step
    for number in numbers:
        with pytest.raises(Killed):
            append(log_in(waiting, number), number)


@pytest.mark.parametrize("prepare", [nothing, some, nearly_full])
@pytest.mark.parametrize("persisted", [False, True])
def test_a_writer_may_die_before_or_after_any_step(prepare: Callable[[MemoryStore], None], persisted: bool) -> None:
    base = MemoryStore()
    prepare(base)
    appended = {number for number in range(100, 355) if layout.index_key(record(number)[0].key) in base.objects}
    steps = count_steps(prepare, 1)
    for last in [*range(min(steps, 60)), *range(60, steps, 29)]:
        store = MemoryStore(dict(base.objects))
        victim = store.sharing()
        victim.step = Fault(last).step
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
    for lost in [*range(min(writes, 40)), *range(40, writes, 29)]:
        store = MemoryStore(dict(base.objects))
        writer = store.sharing()
        writer.lose_reply = Fault(lost).reached
        try:
            receipt = append(log_in(writer, 1), 1)
        except StoreError:
            receipt = append(log_in(writer.sharing(), 2), 1)
        assert append(log_in(store, 3), 1).index == receipt.index
        check_whole(store, {1: receipt}, appended | {1})


def run_adversary(seed: int, protocol: type[Log] = Log) -> None:
    """Two to four writers in any order, some killed, some cut off from a reply; then what they left is checked by the real protocol."""
    chance = Random(seed)
    store = MemoryStore()
    turns = Turns()
    receipts: dict[int, Receipt] = {}
    tried: set[int] = set()
    for writer in range(chance.randint(2, 4)):
        mine = [writer * 10 + each for each in range(chance.randint(1, 3))] + ([7] if chance.random() < 0.5 else [])
        tried |= set(mine)
        access = store.sharing()
        access.step = Fault(chance.randrange(60) if chance.random() < 0.4 else None).step
        access.lose_reply = Fault(chance.randrange(40) if chance.random() < 0.5 else None).reached
        turns.add(access, partial(append_all, access, writer, mine, receipts, protocol))
    turns.run(chance.choice)
    check_whole(store, receipts, tried)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_writers_interleaved_killed_and_cut_off_never_fork_or_lose(seed: int) -> None:
    run_adversary(seed)


class TilesBeforeWinning(Log):
    """Publishes what would follow from its commit before it knows that it won."""

    def _commit(self, own: Card, head: Head) -> Receipt | None:
        edge = self._publisher.roll_forward(head)
        entries = [format_card(own)]
        at = head.commit.at if head.commit else self._environment.clock()
        commit = grow(head.commit, head.digest, entries, at=at, nonce=self._environment.nonce(), origin=self._origin, signer=self._signer)
        _, then = self._publisher.sequel(commit, edge)
        self._store.apply(Batch(create=then.create))
        return super()._commit(own, head)


class LoserBelievesItWon(Log):
    """Takes a commit that it made for one that is in the store, without asking the store's answer."""

    def _commit(self, own: Card, head: Head) -> Receipt | None:
        at = head.commit.at if head.commit else self._environment.clock()
        entries = [format_card(own)]
        commit = grow(head.commit, head.digest, entries, at=at, nonce=self._environment.nonce(), origin=self._origin, signer=self._signer)
        self._store.create(layout.commit_key(commit.number), format_commit(commit))
        return commit.receipt(commit.places[own.key])


class NeverLooksForItself(Log):
    """Commits its card without looking whether it is in already."""

    def _find_own(self, key: str, head: Head, absent_below: int) -> Receipt | None:
        del key, head, absent_below
        return None


@pytest.mark.parametrize("planted", [TilesBeforeWinning, LoserBelievesItWon, NeverLooksForItself])
def test_the_adversary_finds_a_planted_mistake(planted: type[Log]) -> None:
    """Else the test above would prove nothing. The same seeds find nothing in the real protocol."""
    for seed in range(60):
        try:
            run_adversary(seed, planted)
        except (AssertionError, VerificationError):
            run_adversary(seed)
            return
    pytest.fail("60 schedules didn't find it")


def test_whoever_wins_takes_the_others_along() -> None:
    store = MemoryStore()
    append(log_in(store), 1)
    submit_only(store, range(2, 300))
    receipt = append(log_in(store, 7), 500)
    assert receipt.index == 1
    assert [len(commit.entries) for commit in commits(store)] == [1, 256]
    check_whole(store, {500: receipt}, {1, 500, *range(2, 300)})
