"""Every way to tamper with a store's files, against what verification says; and honest logs, against which it says nothing."""

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pytest
from support.evidence import BEGIN, ORIGIN, Killed, MemoryStore, append, believe, environment, log_in
from support.postgres import Server
from support.records import RECORD_KEY, TRUST, append_signed, signed_record

from changegate.errors import FormatError, VerificationError
from changegate.evidence import checkpoint, commit, layout, merkle
from changegate.evidence.card import format_card
from changegate.evidence.findings import Report
from changegate.evidence.log import Log
from changegate.evidence.proof import format_receipt
from changegate.evidence.verify import verify_receipt, verify_store
from changegate.signing.keys import PrivateKey, format_public
from changegate.stores import Batch, Store
from changegate.stores.directory import DirectoryStore
from changegate.stores.postgres.statements import table_of
from changegate.stores.postgres.store import PostgresStore
from changegate.trust import RecordKey, Trust

ENTRIES = 262


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with a full tile, a partial one, and commits of many and of one."""
    memory = MemoryStore()
    log_in(memory)._open()
    for number in range(255):
        card, envelope, facts = signed_record(number)
        memory.objects[layout.envelope_key(card.envelope)] = envelope
        memory.objects[layout.pending_key(card.key)] = format_card(card)
        log_in(memory)._submit(card, envelope, facts)
    for number in range(255, ENTRIES):
        append_signed(log_in(memory), number)
    root = tmp_path_factory.mktemp("honest")
    for key, data in memory.objects.items():
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


class Site(Protocol):
    """A store's objects as its administrator has them: everything can be done to them."""

    def read(self, key: str) -> bytes: ...
    def write(self, key: str, data: bytes) -> None: ...
    def remove(self, key: str) -> None: ...
    def open(self) -> Store: ...


@dataclass(frozen=True)
class Folder:
    """A directory store's files."""

    root: Path

    def read(self, key: str) -> bytes:
        return (self.root / key).read_bytes()

    def write(self, key: str, data: bytes) -> None:
        (self.root / key).parent.mkdir(parents=True, exist_ok=True)
        (self.root / key).write_bytes(data)

    def remove(self, key: str) -> None:
        (self.root / key).unlink()

    def open(self) -> Store:
        return DirectoryStore(self.root)


class Tables:
    """A PostgreSQL store's rows, for a superuser who has switched the triggers and the checks off. `restore` puts back what was changed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection = psycopg.connect(url, autocommit=True)
        self._before: dict[str, bytes | None] = {}
        for table in ("objects", "passing", "published"):
            self._connection.execute(f"ALTER TABLE changegate.{table} DISABLE TRIGGER ALL, DROP CONSTRAINT {table}_key".encode())

    def close(self) -> None:
        self._connection.close()

    def restore(self) -> None:
        for key, data in list(self._before.items()):
            self.remove(key) if data is None else self.write(key, data)
        self._before = {}

    def read(self, key: str) -> bytes:
        data = self._find(key)
        assert data is not None
        return data

    def write(self, key: str, data: bytes) -> None:
        self._before.setdefault(key, self._find(key))
        statement = f"INSERT INTO changegate.{table_of(key)} (key, data) VALUES (%s, %s) ON CONFLICT (key) DO UPDATE SET data = excluded.data"
        self._connection.execute(statement.encode(), [key, data])

    def remove(self, key: str) -> None:
        self._before.setdefault(key, self._find(key))
        self._connection.execute(f"DELETE FROM changegate.{table_of(key)} WHERE key = %s".encode(), [key])

    def open(self) -> Store:
        return PostgresStore(self._url)

    def _find(self, key: str) -> bytes | None:
        row = self._connection.execute(f"SELECT data FROM changegate.{table_of(key)} WHERE key = %s".encode(), [key]).fetchone()
        return row[0] if row else None


@pytest.fixture(scope="module")
def tables(honest: Path, postgres: Server, initialised: str) -> Iterator[Tables]:
    """A database with the honest log."""
    url = postgres.url(postgres.new_database(initialised))
    store = PostgresStore(url)
    objects = {str(path.relative_to(honest)): path.read_bytes() for path in honest.rglob("*") if path.is_file()}
    published = {key: data for key, data in objects.items() if table_of(key) == "published"}
    store.apply(Batch(create={key: data for key, data in objects.items() if key not in published}, publish=published))
    store.close()
    tables = Tables(url)
    yield tables
    tables.close()


@pytest.fixture(params=["directory", "postgres"])
def store(request: pytest.FixtureRequest, honest: Path, tmp_path: Path) -> Iterator[Site]:
    if request.param == "directory":
        yield Folder(Path(shutil.copytree(honest, tmp_path / "store")))
        return
    tables: Tables = request.getfixturevalue("tables")
    yield tables
    tables.restore()


def verify(site: Site, trust: Trust = TRUST, since: bytes | None = None) -> Report:
    return verify_store(site.open(), trust, since=since)


def said(report: Report) -> str:
    return "\n".join(f"{each.what}: {each.where}: {each.expected} / {each.found}" for each in (*report.problems, *report.notes))


def test_an_honest_log_is_clean(store: Site) -> None:
    report = verify(store)
    assert report.clean, said(report)
    assert not report.notes, said(report)
    assert report.entries == ENTRIES


def kinds() -> dict[str, str]:
    """One object of each kind; where position matters, several."""
    card = signed_record(10)[0]
    last = signed_record(ENTRIES - 1)[0]
    return {
        "log": layout.LOG,
        "checkpoint": layout.CHECKPOINT,
        "first commit": layout.commit_key(1),
        "middle commit": layout.commit_key(3),
        "last commit": layout.commit_key(7),
        "full tile": "tile/0/000",
        "partial tile": "tile/0/001.p/6",
        "upper tile": "tile/1/000.p/1",
        "full bundle": "tile/entries/000",
        "partial bundle": "tile/entries/001.p/6",
        "envelope": layout.envelope_key(card.envelope),
        "last envelope": layout.envelope_key(last.envelope),
        "facts": layout.facts_key(card.facts or ""),
        "index": layout.index_key(card.key),
        "last index": layout.index_key(last.key),
    }


def flip(site: Site, key: str) -> None:
    data = bytearray(site.read(key))
    data[len(data) // 2] ^= 1
    site.write(key, bytes(data))


def truncate(site: Site, key: str) -> None:
    site.write(key, site.read(key)[:-1])


def empty(site: Site, key: str) -> None:
    site.write(key, b"")


def lengthen(site: Site, key: str) -> None:
    site.write(key, site.read(key) + b"\n")


def remove(site: Site, key: str) -> None:
    site.remove(key)


KINDS = kinds()


@pytest.mark.parametrize(
    ("store", "kind", "tamper"),
    [
        *product(["directory"], KINDS, [flip, truncate, empty, lengthen, remove]),
        *product(["postgres"], KINDS, [flip, truncate, remove]),  # other bytes are other bytes, and each costs a whole verification
    ],
    indirect=["store"],
)
def test_one_tampered_object_is_found_and_named(store: Site, kind: str, tamper: Callable[[Site, str], None]) -> None:
    key = KINDS[kind]
    tamper(store, key)
    report = verify(store)
    if (kind, tamper) == ("checkpoint", remove):
        assert report.clean
        assert [each.where for each in report.notes] == [key], said(report)
        return
    assert not report.clean
    if (kind, tamper) == ("last commit", remove):
        # What it committed is then more than the log has: the checkpoint, its tiles, its index.
        assert "the checkpoint is newer than the commits" in said(report)
        return
    assert key in [each.where for each in report.problems], said(report)
    assert all(each.expected and each.found and each.meaning for each in report.problems)


@pytest.mark.parametrize(
    ("one", "other"), [("first commit", "middle commit"), ("full tile", "full bundle"), ("envelope", "last envelope"), ("index", "last index")]
)
def test_swapped_objects_are_found_and_named(store: Site, one: str, other: str) -> None:
    first, second = KINDS[one], KINDS[other]
    kept = store.read(first)
    store.write(first, store.read(second))
    store.write(second, kept)
    where = [each.where for each in verify(store).problems]
    assert first in where
    assert second in where


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
def test_an_object_that_nothing_accounts_for_is_found_and_named(store: Site, key: str, data: bytes) -> None:
    store.write(key, data)
    report = verify(store)
    assert [each for each in report.problems if each.where == key], said(report)


def test_several_problems_are_all_reported(store: Site) -> None:
    for kind in ("middle commit", "full tile", "last envelope", "facts", "last index"):
        flip(store, KINDS[kind])
    where = {each.where for each in verify(store).problems}
    for kind in ("middle commit", "full tile", "last envelope", "facts", "last index"):
        assert KINDS[kind] in where


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
