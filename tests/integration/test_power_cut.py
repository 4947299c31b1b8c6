"""The power fails at any moment of several writers' appends to a directory; of what wasn't synced, any part may be lost or torn."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from support.evidence import Killed, log_in
from support.exhaustive import thin
from support.powercut import Disk
from support.records import TRUST, append_signed, signed_record

from changegate.errors import StoreError, VerificationError
from changegate.evidence.card import Card
from changegate.evidence.proof import Receipt
from changegate.evidence.verify import verify_store
from changegate.stores import NOTHING, Batch
from changegate.stores.directory import DirectoryStore
from changegate.stores.filetree import FileTree, Written

STATES = 40
"""How many moments, and remains, of each run are looked at."""


@dataclass(frozen=True)
class Given:
    """A receipt, and the step after which its writer had it."""

    step: int
    card: Card
    receipt: Receipt


def write(disk: Disk, root: Path, chance: Random) -> list[Given]:
    """Three writers by turns; some submit only, some die on the way and are started again."""
    given: list[Given] = []
    logs = [log_in(DirectoryStore(root), writer) for writer in range(3)]
    with disk.followed():
        for number in range(9):
            writer = chance.randrange(3)
            dies_at = disk.steps + chance.randrange(40) if chance.random() < 0.3 else None

            def every(dies_at: int | None = dies_at) -> None:
                if disk.steps == dies_at:
                    raise Killed

            disk.every = every
            card, envelope, facts = signed_record(number)
            try:
                if chance.random() < 0.3:
                    logs[writer].submit(card, envelope=envelope, facts=facts)
                else:
                    receipt = logs[writer].append(card, envelope=envelope, facts=facts)
                    given.append(Given(disk.steps, card, receipt))
            except Killed:
                logs[writer] = log_in(DirectoryStore(root), 10 + number)
    return given


def check(disk: Disk, given: list[Given], step: int, chance: Random, left: Path) -> None:
    """What may be left after that step holds nothing torn and every record that had its receipt; the log goes on, and verifies."""
    left.mkdir()
    disk.left_after(step, chance, left)
    ever = disk.ever()
    store = DirectoryStore(left)
    for key in store.list(""):
        assert store.read(key) in ever[key], f"{key} is torn"
    log = log_in(store, 99)
    append_signed(log, 900)
    reader = log.reader()
    assert reader is not None
    for each in given:
        if each.step <= step:
            assert reader.card(each.receipt.index) == each.card, "a receipt was given for an entry that is lost"
    report = verify_store(DirectoryStore(left), TRUST)
    assert report.clean, report.problems


def cut(tmp_path: Path, seed: int) -> None:
    """One run, its power cut at many moments."""
    chance = Random(seed)
    root = tmp_path / f"run{seed}"
    root.mkdir()
    disk = Disk(root)
    given = write(disk, root, chance)
    assert given
    for state in range(STATES):
        check(disk, given, chance.randrange(disk.steps + 1), chance, tmp_path / f"left{seed}-{state}")


@pytest.mark.parametrize("seed", thin(range(8), every=3))
def test_nothing_is_lost_or_torn(tmp_path: Path, seed: int) -> None:
    cut(tmp_path, seed)


def files_unsynced(patch: pytest.MonkeyPatch) -> None:
    """Bytes get their names before they are on the disk."""
    patch.setattr(FileTree, "_sync", lambda _self, _descriptors: None)


def names_unsynced(patch: pytest.MonkeyPatch) -> None:
    """Nobody waits for names."""
    patch.setattr(FileTree, "sync", lambda _self: None)


def record_and_commit_at_once(patch: pytest.MonkeyPatch) -> None:
    """A commit, or a waiting card, gets its name while its record's name isn't durable."""

    def name_kept(self: DirectoryStore, files: Written) -> None:
        for key in self._kept:
            files.name(key)
        self._kept = {}

    patch.setattr(DirectoryStore, "_name_kept", name_kept)


def tiles_and_commit_at_once(patch: pytest.MonkeyPatch) -> None:
    """What follows from a commit gets its name while the commit's isn't durable."""

    def create(self: DirectoryStore, key: str, data: bytes, then: Batch = NOTHING) -> bool:
        if self._has(key):
            return False
        with self._tree.written({**then.create, **then.publish, **self._kept, key: data}) as files:
            self._name_kept(files)
            won = files.name(key)
            if won:
                self._name_rest(files, then)
        self._tree.sync()
        return won

    patch.setattr(DirectoryStore, "create", create)


def checkpoint_and_tiles_at_once(patch: pytest.MonkeyPatch) -> None:
    """The checkpoint says that everything is there while the names of that aren't durable."""

    def name_rest(_self: DirectoryStore, files: Written, batch: Batch) -> set[str]:
        existed = {key for key in batch.create if not files.name(key)}
        for key in batch.publish:
            files.replace(key)
        return existed

    patch.setattr(DirectoryStore, "_name_rest", name_rest)


@pytest.mark.parametrize(
    "planted", [files_unsynced, names_unsynced, record_and_commit_at_once, tiles_and_commit_at_once, checkpoint_and_tiles_at_once]
)
def test_a_planted_mistake_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, planted: Callable[[pytest.MonkeyPatch], None]) -> None:
    """Else the test above would prove nothing."""
    planted(monkeypatch)
    for seed in range(10):
        try:
            cut(tmp_path, seed)
        except (AssertionError, VerificationError, StoreError):
            return
    pytest.fail("ten runs didn't find it")
