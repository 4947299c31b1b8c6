"""One contract, every store: what `changegate.stores` promises, and a log on top of it."""

import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from support.evidence import MemoryStore, append, log_in
from support.githttp import GitServer
from support.records import TRUST, append_signed

from changegate.errors import InputError, StoreError
from changegate.evidence import merkle
from changegate.evidence.verify import verify_store
from changegate.stores import Batch, Store, open_store
from changegate.stores.git import GitStore
from changegate.stores.probing import probe


@dataclass
class Place:
    """A store's place, at which several writers can open it."""

    open: Callable[[], Store]


def bare(folder: Path) -> Path:
    subprocess.run(["git", "init", "--quiet", "--bare", str(folder)], check=True)
    for setting in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant", "http.receivepack"):
        subprocess.run(["git", "-C", str(folder), "config", setting, "true"], check=True)
    return folder


S3 = {"s3": "s3://{0}", "s3-locked": "s3://{0}/logs/shop?retention-days=1", "s3-two-buckets": "s3://{0}?evidence={0}-locked&retention-days=1"}


LONG = [pytest.param(each, marks=pytest.mark.exhaustive) for each in ("git-without-filter", "s3-locked")]


@pytest.fixture(params=["memory", "directory", "git", "git-http", "postgres", "s3", "s3-two-buckets", *LONG])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param in S3:
        url = request.getfixturevalue("s3_url")(S3[request.param])
        yield Place(lambda: open_store(url))
    elif request.param == "memory":
        objects: dict[str, bytes] = {}
        yield Place(lambda: MemoryStore(objects))
    elif request.param == "directory":
        yield Place(lambda: open_store(f"file:{tmp_path / 'store'}"))
    elif request.param == "postgres":
        url = request.getfixturevalue("database")
        yield Place(lambda: open_store(url))
    elif request.param == "git-http":
        bare(tmp_path / "evidence.git")
        with GitServer(tmp_path) as url:
            yield Place(lambda: open_store(f"git:{url}/evidence.git#logs/evidence"))
    else:
        repository = bare(tmp_path / "evidence.git")
        if request.param == "git-without-filter":
            subprocess.run(["git", "-C", str(repository), "config", "uploadpack.allowFilter", "false"], check=True)
        yield Place(lambda: open_store(f"git:{repository}"))


def test_create_makes_a_key_once(place: Place) -> None:
    store = place.open()
    assert store.read("a/b") is None
    assert store.create("a/b", b"one")
    assert not store.create("a/b", b"two")
    assert store.read("a/b") == b"one"
    assert place.open().read("a/b") == b"one"


def test_many_are_read_as_one_is(place: Place) -> None:
    store = place.open()
    store.apply(Batch(create={"envelope/a": b"1", "pending/b": b"2"}, publish={"checkpoint": b"3"}))
    wanted = {"envelope/a": b"1", "pending/b": b"2", "checkpoint": b"3", "commit/001": None, "pending/none": None}
    assert dict(store.read_many(list(wanted))) == wanted
    store.flush()
    seen = place.open()
    assert dict(seen.read_many(list(wanted))) == wanted
    assert list(seen.list("pending/")) == ["pending/b"]
    assert dict(seen.read_many(list(wanted))) == wanted
    assert dict(seen.read_many([])) == {}
    with pytest.raises(StoreError):
        store.read_many(["a", "../a"])


def test_of_two_creators_one_wins_and_the_other_sees_it(place: Place) -> None:
    one, other = place.open(), place.open()
    assert other.read("race") is None
    assert one.create("race", b"one", Batch(create={"then": b"one"}))
    assert not other.create("race", b"other", Batch(create={"then": b"other"}))
    assert other.read("race") == b"one"
    assert other.read("then") == b"one"


def test_creators_of_different_keys_both_win(place: Place) -> None:
    one, other = place.open(), place.open()
    other.apply(Batch(create={"waiting/other": b"w", "shared": b"same"}))
    one.apply(Batch(create={"shared": b"same"}))
    assert one.create("key/one", b"1")
    assert other.create("key/other", b"2")
    seen = place.open()
    assert list(seen.list("")) == ["key/one", "key/other", "shared", "waiting/other"]


def test_apply_creates_publishes_removes_and_says_what_existed(place: Place) -> None:
    store = place.open()
    assert store.apply(Batch(create={"x": b"1", "pending/y": b"2"}, publish={"checkpoint": b"a"})) == frozenset()
    assert store.apply(Batch(create={"x": b"other", "z": b"3"}, publish={"checkpoint": b"b"}, remove=("pending/y", "pending/gone"))) == {"x"}
    store.flush()
    seen = place.open()
    assert {key: seen.read(key) for key in seen.list("")} == {"x": b"1", "z": b"3", "checkpoint": b"b"}
    assert store.read("pending/y") is None


def test_list_gives_the_keys_below_a_prefix_sorted(place: Place) -> None:
    store = place.open()
    assert list(store.list("pending/")) == []
    store.apply(Batch(create={"b/2": b"", "b/1/x": b"", "b.p/1": b"", "a": b"", "b/10": b""}))
    store.flush()
    assert list(store.list("b/")) == ["b/1/x", "b/10", "b/2"]
    assert list(store.list("")) == ["a", "b.p/1", "b/1/x", "b/10", "b/2"]


def test_any_bytes_come_back(place: Place) -> None:
    store = place.open()
    data = bytes(range(256)) * 300 + b"\r\n\n"
    assert store.create("bytes", data)
    assert store.create("empty", b"")
    assert place.open().read("bytes") == data
    assert place.open().read("empty") == b""


def test_a_key_that_is_none_is_refused(place: Place) -> None:
    store = place.open()
    for key in ("", "/a", "a/", "a//b", "../a", "a/../b", ".git/config", "a/.b", "A", "a b", "a\n", "ä", "a\0", "x" * 300):
        for use in (partial(store.read, key), partial(store.create, key, b""), partial(store.apply, Batch(create={key: b""}))):
            with pytest.raises(StoreError):
                use()


def test_a_log_grows_and_verifies(place: Place) -> None:
    receipts = [append_signed(log_in(place.open(), writer), writer) for writer in range(3)]
    one, other = log_in(place.open(), 10), log_in(place.open(), 11)
    receipts += [append_signed(one, 3), append_signed(other, 4), append_signed(one, 5), append_signed(other, 3)]
    assert [receipt.index for receipt in receipts] == [0, 1, 2, 3, 4, 5, 3]
    assert append_signed(log_in(place.open()), 2).index == 2
    reader = log_in(place.open()).reader()
    assert reader is not None
    for receipt in receipts:
        merkle.verify_inclusion(merkle.leaf_hash(receipt.extra or b""), receipt.index, 6, reader.prove(receipt.index).hashes, reader.root)
    report = verify_store(place.open(), TRUST)
    assert report.clean, report.problems
    assert not report.notes, report.notes


def test_one_append_is_one_push(tmp_path: Path) -> None:
    repository = bare(tmp_path / "evidence.git")
    for number in range(4):
        append(log_in(GitStore(str(repository)), number), number)
    subjects = subprocess.run(
        ["git", "-C", str(repository), "log", "--reverse", "--format=%s", "changegate-evidence"], check=True, capture_output=True, text=True
    ).stdout.split("\n")
    assert subjects == ["log.json", "commit/001", "commit/002", "commit/003", "commit/004", ""]


def test_pushes_that_race_lose_nothing(tmp_path: Path) -> None:
    repository = bare(tmp_path / "evidence.git")
    append_signed(log_in(GitStore(str(repository))), 100)

    def work(writer: int) -> list[int]:
        log = log_in(GitStore(str(repository)), writer)
        return [append_signed(log, writer * 10 + each).index for each in range(3)]

    with ThreadPoolExecutor(4) as pool:
        indices = [index for found in pool.map(work, range(4)) for index in found]
    assert sorted(indices) == list(range(1, 13))
    report = verify_store(GitStore(str(repository), whole=True), TRUST)
    assert report.clean, report.problems
    assert report.entries == 13


def test_a_checkout_of_the_branch_is_a_directory_store(tmp_path: Path) -> None:
    repository = bare(tmp_path / "evidence.git")
    for number in range(3):
        append_signed(log_in(GitStore(str(repository))), number)
    subprocess.run(["git", "clone", "--quiet", "-b", "changegate-evidence", str(repository), str(tmp_path / "checkout")], check=True)
    report = verify_store(open_store(str(tmp_path / "checkout")), TRUST)
    assert report.clean, report.problems


@pytest.mark.parametrize(
    ("url", "said"),
    [("s4:bucket", "no store for 's4'"), ("file:", "no path"), ("git:", "no repository"), ("git:-x", "not one"), ("git:ext::sh", "not one")],
)
def test_a_url_that_names_no_store_is_refused_by_name(url: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        open_store(url)


def test_a_log_begins_in_no_place_that_holds_something_else(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "README.md").write_text("code", encoding="utf-8")
    repository = bare(tmp_path / "code.git")
    code = GitStore(str(repository), "main")
    assert code.create("main.py", b"code")
    for url in (f"file:{tmp_path / 'code'}", f"git:{repository}#main"):
        before = list(open_store(url).list(""))
        with pytest.raises(StoreError, match="holds no log, but other objects"):
            append(log_in(open_store(url)), 0)
        assert list(open_store(url).list("")) == before, "nothing was written"


def test_a_probe_passes_and_leaves_nothing(place: Place) -> None:
    assert all(each.holds for each in probe(place.open))
    assert not list(place.open().list(""))
