"""Verification of large logs: by several processes, of a share, of what is new; and proofs that read next to nothing."""

import dataclasses
import hashlib
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.dying import die
from support.evidence import KEY, ORIGIN, MemoryStore
from support.raw_stores import RawGit
from support.records import TRUST
from support.tampering import MANIPULATIONS, honest_log, kinds, snapshots

from changegate.errors import StoreError
from changegate.evidence import checkpoint, layout, log_policy, merkle, tiles, verify, workers
from changegate.evidence.checkpoint import Checkpoint
from changegate.evidence.findings import Report
from changegate.evidence.named import Buckets, Named, key_of, repeated, unmatched
from changegate.evidence.reader import LogReader
from changegate.evidence.tiles import Tile
from changegate.evidence.verify import Scope, verify_store
from changegate.evidence.verify_commits import Share
from changegate.evidence.workers import Workers
from changegate.stores import Store, open_store, opener
from changegate.stores.directory import DirectoryStore
from changegate.trust import format_trust


def put(root: Path, objects: dict[str, bytes]) -> Path:
    for key, data in objects.items():
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


@pytest.fixture
def two_by_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two commits at a time, however small the log is."""
    monkeypatch.setattr(verify, "RUN", 2)
    monkeypatch.setattr(verify, "ALONE", 0)


@pytest.mark.usefixtures("two_by_two")
def test_several_processes_find_the_same_in_the_same_order(tmp_path: Path) -> None:
    objects: dict[str, bytes | None] = dict(honest_log())
    for kind in ("middle commit", "full tile", "partial bundle", "envelope", "last index", "facts"):
        objects.update(MANIPULATIONS["flip"](kinds()[kind], honest_log()))
    objects[layout.commit_key(5)] = None
    put(tmp_path, {key: data for key, data in objects.items() if data is not None})
    alone = verify_store(DirectoryStore(tmp_path), TRUST)
    together = verify_store(DirectoryStore(tmp_path), TRUST, scope=Scope(workers=Workers(2, partial(DirectoryStore, tmp_path))))
    assert len(alone.problems) > 6
    assert vars(alone) == vars(together)


@pytest.mark.usefixtures("two_by_two")
def test_how_the_commits_are_cut_changes_nothing_in_an_honest_log() -> None:
    report = verify_store(MemoryStore(honest_log()), TRUST)
    assert report.clean, report.problems
    assert (report.entries, report.records) == (262, 262)


@pytest.mark.usefixtures("two_by_two")
def test_several_processes_read_one_fetched_repository(tmp_path: Path) -> None:
    raw = RawGit(tmp_path / "store.git")
    raw.write(dict(honest_log()))
    url = f"git:{tmp_path / 'store.git'}"
    store = open_store(url, whole=True)
    report = verify_store(store, TRUST, scope=Scope(workers=Workers(2, opener(store, url))))
    assert report.clean, report.problems
    assert report.records == 262


@pytest.mark.usefixtures("two_by_two")
def test_a_process_that_dies_is_an_error_and_never_whole(tmp_path: Path) -> None:
    put(tmp_path, honest_log())
    with pytest.raises(StoreError, match="one of its processes died"):
        verify_store(DirectoryStore(tmp_path), TRUST, scope=Scope(workers=Workers(2, die)))


@pytest.mark.usefixtures("two_by_two")
def test_an_error_of_another_process_stays_what_it_is(tmp_path: Path) -> None:
    put(tmp_path / "store", honest_log())
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="Not a directory"):
        verify_store(DirectoryStore(tmp_path / "store"), TRUST, scope=Scope(workers=Workers(2, partial(DirectoryStore, tmp_path / "file"))))


SCRIPT = """
import sys
from functools import partial
from changegate.evidence import verify
from changegate.evidence.workers import Workers
from changegate.stores.directory import DirectoryStore
from changegate.trust import format_trust
from changegate.trust import parse

if __name__ == "__main__":
    verify.ALONE = 0
    trust = parse(open(sys.argv[2], "rb").read())
    scope = verify.Scope(workers=Workers(2, partial(DirectoryStore, sys.argv[1])))
    print(verify.verify_store(DirectoryStore(sys.argv[1]), trust, scope=scope).clean)
"""


def test_workers_import_nothing_from_the_working_directory(tmp_path: Path) -> None:
    put(tmp_path / "store", honest_log())
    put(tmp_path, {"trust": format_trust(TRUST), "script/script.py": SCRIPT.encode()})
    for name in ("pickle.py", "json.py", "changegate.py", "multiprocessing.py"):
        put(tmp_path / "work", {name: b"open('ran', 'w')\nraise SystemExit('imported from the workspace')\n"})
    command = [sys.executable, str(tmp_path / "script/script.py"), str(tmp_path / "store"), str(tmp_path / "trust")]
    done = subprocess.run(command, cwd=tmp_path / "work", capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True\n", "")
    assert not (tmp_path / "work" / "ran").exists()


def test_a_worker_without_a_store_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_verifier", None)
    with pytest.raises(StoreError, match="has no store"):
        workers._verify(1, 1)


def share(part: float, seed: str, objects: dict[str, bytes]) -> Report:
    return verify_store(MemoryStore(objects), TRUST, scope=Scope(share=Share(part, seed)))


def test_a_share_is_drawn_by_its_seed_and_holds_the_tree_and_those_records() -> None:
    honest = share(0.2, "one", honest_log())
    assert honest.clean
    assert 20 < honest.records < 90
    damaged = honest_log() | {kinds()["envelope"].key: b"{}"}  # of entry 10
    seeds = [str(number) for number in range(30)]
    found = [seed for seed in seeds if not share(0.2, seed, dict(damaged)).clean]
    assert found == [seed for seed in seeds if Share(0.2, seed).takes(kinds_index())]
    assert 0 < len(found) < 30
    assert not share(0.0001, "one", honest_log() | {kinds()["full tile"].key: b"x" * 8192}).clean


def kinds_index() -> int:
    """Where record 10 stands in the log."""
    return int(honest_log()[kinds()["index"].key])


def test_a_share_takes_about_its_part() -> None:
    taken = sum(Share(0.05, "seed").takes(index) for index in range(20_000))
    assert 850 < taken < 1150


def new_only(objects: dict[str, bytes], since: bytes) -> Report:
    return verify_store(MemoryStore(objects), TRUST, since=since, scope=Scope(new_only=True))


@pytest.mark.parametrize("earlier", range(1, len(snapshots()) - 1))
def test_new_only_looks_at_what_is_newer_and_at_the_tree(earlier: int) -> None:
    since = snapshots()[earlier][layout.CHECKPOINT]
    size = checkpoint.parse(since).size
    report = new_only(honest_log(), since)
    assert report.clean, report.problems
    assert (report.entries, report.records) == (262, 262 - size)
    old = honest_log() | {kinds()["envelope"].key: b"{}"}
    assert new_only(dict(old), since).clean  # said so in what it prints
    new = honest_log() | {kinds()["last envelope"].key: b"{}"}
    assert new_only(dict(new), since).clean is (size == 262)
    assert not new_only(dict(snapshots()[1]), snapshots()[3][layout.CHECKPOINT]).clean


class Counting:
    """A store of which every read is counted."""

    url = "counting:"

    def __init__(self, inner: "MemoryStore | SyntheticStore") -> None:
        self.inner, self.reads = inner, Counter[str]()

    def read(self, key: str) -> bytes | None:
        self.reads[key] += 1
        return self.inner.read(key)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class SyntheticStore:
    """A tree of a million leaves, of which all that are alike are made once: each tile when it is read."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._full = [merkle.leaf_hash(b"entry")]
        for _ in range(tiles.MAX_LEVEL):
            self._full.append(merkle.perfect_root([self._full[-1]] * tiles.WIDTH))
        self.signed = checkpoint.sign(Checkpoint(ORIGIN, size, self._root(size)), KEY)

    def read(self, key: str) -> bytes | None:
        tile = tiles.parse_path(key)
        if tile.width != tiles.tile_at(tile.level, tile.index, self.size).width:
            return None
        return tiles.format_bundle([b"entry"] * tile.width) if tile.bundle else self._full[tile.level] * tile.width

    def _root(self, size: int) -> bytes:
        hashes, perfect = list[bytes](), merkle.leaf_hash(b"entry")
        for level in range(size.bit_length()):
            if size >> level & 1:
                hashes.append(perfect)
            perfect = merkle.node_hash(perfect, perfect)
        return merkle.Frontier(size, tuple(reversed(hashes))).root()


@pytest.mark.parametrize("size", [1_000_000, 1_048_576, 16_777_217])
@pytest.mark.parametrize("at", [0, 0.5, 1])
def test_one_of_a_million_records_is_proven_from_less_than_twenty_objects(size: int, at: float) -> None:
    inner = SyntheticStore(size)
    store = Counting(inner)
    policy = log_policy.of(TRUST)
    reader = LogReader(_as_store(store), policy, inner.signed)
    index = int(at * (size - 1))
    receipt = reader.prove(index)
    assert receipt.verify(hashlib.sha256(b"\x00entry").digest(), policy).size == size
    assert store.reads.total() < 20
    assert Tile(0, index // 256, bundle=True, width=min(256, size - index // 256 * 256)).path in store.reads


def _as_store(store: Any) -> Store:
    typed: Store = store
    return typed


def test_names_are_matched_the_same_in_memory_and_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def run() -> Iterator[object]:
        with Buckets() as named, Buckets() as listed:
            for number in range(600):
                name = hashlib.sha256(b"%d" % number).hexdigest()
                assert listed.add_key(layout.envelope_key(name))
                assert listed.add_key(layout.index_key(name))
                if number % 100:
                    assert named.add_key(layout.envelope_key(name))
            entered = Named()
            for index, number in enumerate([*range(600), 5, 599, 5]):
                entered.add_statement(index, hashlib.sha256(b"%d" % number).hexdigest())
            named.add_named(entered)
            yield [key_of(*each) for each in unmatched(named, listed)]
            yield sorted(repeated(named))

    in_memory = list(run())
    monkeypatch.setattr("changegate.evidence.named._SPILL_BYTES", 1000)
    assert list(run()) == in_memory
    assert len(in_memory[0]) == 606  # type: ignore[arg-type]
    assert in_memory[1] == [(5, 600), (599, 601), (600, 602)]


@pytest.mark.parametrize("key", ["envelope/aa/" + "ab" * 32 + ".json", "facts/ab/" + "ab" * 32 + ".json", "index/ab/" + "AB" * 32, "index/ab/x"])
def test_a_name_that_no_writer_gives_is_no_name(key: str) -> None:
    with Buckets() as buckets:
        assert not buckets.add_key(key)


def test_a_log_that_grows_meanwhile_is_no_false_alarm() -> None:
    store = MemoryStore(dict(snapshots()[3]))

    def grown(what: str) -> None:
        if what == "list commit/":
            store.objects.update(snapshots()[5])

    store.step = grown
    report = verify_store(store, TRUST)
    assert report.clean, report.problems
    assert report.entries == checkpoint.parse(snapshots()[5][layout.CHECKPOINT]).size


def test_every_field_of_a_report_is_compared() -> None:
    assert {each.name for each in dataclasses.fields(Report)} == {"checkpoint", "entries", "records", "problems", "notes", "revoked", "unlisted"}
