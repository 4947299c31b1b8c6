"""Write an honest log and verify it in every way: what is found is a false alarm."""

import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Final, NamedTuple
from unittest import mock

from changegate.evidence import layout, log_policy
from changegate.evidence.card import Card
from changegate.evidence.proof import format_receipt
from changegate.evidence.reader import LogReader, read_log
from changegate.evidence.verify import Scope, verify_receipt, verify_store
from changegate.evidence.verify_commits import Share
from changegate.stores import Store
from changegate.stores.directory import DirectoryStore
from changegate.stores.filetree import FileTree
from changegate.stores.git import GitStore
from support.evidence import MemoryStore
from support.honest_logs import Author, Life

LOGS: Final = 10_000
_MEMORY: Final = Path("/dev/shm")


class Checked(NamedTuple):
    """One log that was verified."""

    seed: int
    kind: str
    entries: int
    notes: int
    refused: int


def check(seed: int, kind: str | None = None) -> Checked:
    """Live the life of this seed, and raise `AssertionError` for any false alarm."""
    chance = Random(f"store of {seed}")
    kind = kind or chance.choices(["directory", "memory", "git"], [700, 297, 3])[0]
    size = chance.choices([0, chance.randint(1, 7), chance.randint(8, 40), chance.randint(60, 600)], [20, 900, 75, 5])[0]
    with _STORES[kind]() as (open_store, open_whole):
        life = Author(seed, open_store, size if kind != "git" else min(size, 6)).live()
        return _verify(life, kind, open_whole, chance)


def _verify(life: Life, kind: str, open_store: Callable[[], Store], chance: Random) -> Checked:
    what = f"seed {life.seed} ({kind})"
    if open_store().read(layout.LOG) is None:
        assert not life.receipts, what
        return Checked(life.seed, kind, 0, 0, len(life.refused))
    since = chance.choice([None, *life.kept])
    report = verify_store(open_store(), life.trust, now=life.now, since=since)
    assert report.clean, f"{what}: {report.problems}"
    assert life.disturbed or not report.notes, f"{what}: {report.notes}"
    if chance.random() < 0.3:
        scope = Scope(share=Share(0.3, str(life.seed))) if since is None else Scope(new_only=True)
        some = verify_store(open_store(), life.trust, now=life.now, since=since, scope=scope)
        assert some.clean, f"{what}: {some.problems}"
    entries = _check_entries(life, what, read_log(open_store(), log_policy.of(life.trust)))
    assert len({card.key for card in entries}) == len(entries), f"{what}: an entry stands twice"
    return Checked(life.seed, kind, report.entries, len(report.notes), len(life.refused))


def _check_entries(life: Life, what: str, reader: LogReader | None) -> list[Card]:
    """All entries, as a reader of the published log sees them, after every receipt was held against it."""
    if reader is None:
        assert not life.receipts, f"{what}: nothing is published"
        return []
    for receipt, envelope in life.receipts:
        card = reader.card(receipt.index)
        assert reader.entry(receipt.index) == receipt.extra, f"{what}: entry {receipt.index} changed"
        assert reader.envelope(card) == envelope, f"{what}: the record of entry {receipt.index} changed"
        verify_receipt(format_receipt(reader.prove(receipt.index)), envelope, life.trust)
        reader.verify_extends(log_policy.of(life.trust).unwitnessed().verify(receipt.checkpoint))
    return [card for _, card in reader.cards()]


Stores = Iterator[tuple[Callable[[], Store], Callable[[], Store]]]


def _no_sync(_tree: FileTree, _descriptors: Sequence[int]) -> None:
    """No power fails here, and to sync takes a sixth of the time."""


@contextmanager
def _directory() -> Stores:
    unsynced = mock.patch.object(FileTree, "_sync", _no_sync)
    with unsynced, tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        path = Path(folder) / "store"
        yield lambda: DirectoryStore(path), lambda: DirectoryStore(path)


@contextmanager
def _memory() -> Stores:
    store = MemoryStore()
    yield store.sharing, store.sharing


@contextmanager
def _git() -> Stores:
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        path = f"{folder}/evidence.git"
        subprocess.run(["git", "init", "--quiet", "--bare", path], check=True)
        yield lambda: GitStore(path), lambda: GitStore(path, whole=True)


_STORES: Final = {"directory": _directory, "memory": _memory, "git": _git}
