"""Stores: where evidence lies. One port, one adapter a file.

The contract, on which the log's append protocol rests (`changegate.evidence.log`):

1. `create` makes a key that isn't there, whole and durable, or returns False and changes nothing. Of two creators exactly one gets True.
   Everything that the same `Store` object was asked to `apply` before is durable when `create` returns True.
2. What was created is never changed. A reader sees all of an object or nothing of it.
3. `publish` replaces an object, atomically. Only the log's `checkpoint` and its `hint` are ever published.
4. `remove` exists for objects that others repeat: those below `pending/`, and partial tiles once the full tile exists.
5. A key is slash-separated, `[a-z0-9._-]` within a part, no part begins with a dot.
6. A store sees its own writes. It may answer from a snapshot as old as its last `create` that returned False, or as its opening.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol, runtime_checkable

from changegate.errors import InputError, StoreError

_KEY: Final = re.compile(r"[a-z0-9_-][a-z0-9._-]*(?:/[a-z0-9_-][a-z0-9._-]*)*", re.ASCII)
MAX_KEY: Final = 200


@dataclass(frozen=True)
class Batch:
    """Writes that belong together, to be done in this order: create, publish, remove."""

    create: Mapping[str, bytes] = field(default_factory=dict)
    publish: Mapping[str, bytes] = field(default_factory=dict)
    remove: tuple[str, ...] = ()


NOTHING: Final = Batch()


class Store(Protocol):
    """A keyed store of bytes. Every method raises `StoreError` where the store can't do what it is asked."""

    @property
    def url(self) -> str:
        """Where it lies, for people; never with a credential in it."""

    def read(self, key: str) -> bytes | None:
        """The object, or None where there is none."""

    def list(self, prefix: str) -> Iterator[str]:
        """The keys below `prefix`, which ends in a slash or is empty, sorted."""

    def create(self, key: str, data: bytes, then: Batch = NOTHING) -> bool:
        """Make `key` unless it exists; True if this call made it, and then `then` is applied, in the same round trip where the store can.

        `then` follows from `key`: a power failure may lose the end of it, which the next writer makes again.
        Where it raises, nobody knows whether `key` was made: read it back.
        """

    def apply(self, batch: Batch) -> frozenset[str]:
        """Make those of `batch.create` that don't exist, publish, remove. The keys that existed before.

        Whether the bytes under those will do, the caller decides.

        All of it may be kept back until the next `create` that returns True or the next `flush`.
        """

    def flush(self) -> None:
        """Make everything applied durable and visible to others, the objects that existed before included."""


@dataclass(frozen=True)
class Condition:
    """One thing that a store has to be or to do, and whether it is and does: what `changegate store status` prints."""

    what: str
    """In few words: "objects are locked for 400 days"."""
    holds: bool | None
    """None where it couldn't be seen; `found` says why."""
    found: str
    remedy: str = ""


@runtime_checkable
class ManagedStore(Store, Protocol):
    """A store that can be set up, and can say how it is set up."""

    def prepare(self) -> tuple[str, ...]:
        """Make what is missing (a directory, a bucket's settings, tables and roles): what was made, a line each. What is there already stays.

        Raises `StoreError`.
        """

    def examine(self) -> tuple[Condition, ...]:
        """How it is set up: durability, retention, encryption, who may do what. Writes nothing. Raises `StoreError` where it can't be reached."""


@dataclass(frozen=True)
class Version:
    """One version of an object, in a store that keeps what was overwritten or deleted."""

    key: str
    version: str
    """The store's name for it, for `Versioned.read_version`."""
    deleted: bool
    """Whether it is a delete marker: the object is hidden, not gone."""


@runtime_checkable
class Versioned(Protocol):
    """A store that may keep older versions: there, what was created can be hidden and made again, and only its history tells."""

    def history(self, prefix: str) -> Iterator[Version]:
        """All versions of the objects below `prefix`, sorted by key; nothing where the store keeps none. Raises `StoreError`."""

    def read_version(self, key: str, version: str) -> bytes:
        """The bytes of one version that isn't a delete marker. Raises `StoreError`."""


def is_lasting(key: str) -> bool:
    """Whether an object stays as it was created (rule 2): neither published nor removed by the log (rules 3 and 4), nor a probe's."""
    return key not in {"checkpoint", "hint"} and not key.startswith(("pending/", "probe/")) and ".p/" not in key


def check_key(key: str) -> str:
    """The key itself. Raises `StoreError` for one that breaks rule 5: it never comes from changegate."""
    if len(key) > MAX_KEY or not _KEY.fullmatch(key):
        raise StoreError(f"{key[:80]!r} is no key of an evidence store", remedy="Report this: changegate makes no such key.")
    return key


def open_store(url: str, *, whole: bool = False) -> Store:
    """The store at a URL: `file:PATH` or a plain path, `git:URL-or-path[#branch]`, `s3://BUCKET[/PREFIX][?…]`, `postgresql://…`.

    Nothing is read or written yet.

    `whole` says that all of it will be read. An adapter is imported when it is needed. Raises `InputError` for another scheme.
    """
    scheme, separator, rest = url.partition(":")
    if not separator or "/" in scheme or scheme == "file":
        from changegate.stores.directory import DirectoryStore

        path = (rest.removeprefix("//") if rest.startswith("///") else rest) if separator and scheme == "file" else url
        if not path:
            raise InputError("the evidence store has no path", remedy="Give it as file:PATH.")
        return DirectoryStore(path)
    if scheme == "git":
        from changegate.stores.git import GitStore

        where, _, branch = rest.partition("#")
        if not where:
            raise InputError("the evidence store has no repository", remedy="Give it as git:URL or git:PATH, with #branch if you like.")
        return GitStore(where, branch, whole=whole) if branch else GitStore(where, whole=whole)
    if scheme in {"postgresql", "postgres"}:
        from changegate.stores.postgres import open_postgres

        return open_postgres(url)
    if scheme == "s3":
        from changegate.stores.s3 import S3Store
        from changegate.stores.s3url import parse_url

        return S3Store(parse_url(url))
    raise InputError(
        f"no store for {scheme[:20]!r} URLs",
        remedy="Known are file:PATH (or a plain path), git:URL-or-path[#branch], s3://BUCKET[/PREFIX] and postgresql://HOST/DATABASE.",
    )


def opener(store: Store, url: str) -> Callable[[], Store]:
    """How another process opens, for reading, the store that was opened at `url`: a git store as it was fetched, any other anew. To be pickled."""
    return partial(_itself, store) if url.partition(":")[0] == "git" else partial(open_store, url)


def _itself(store: Store) -> Store:
    return store
