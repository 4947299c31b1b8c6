"""A store in S3, or in a server that speaks its protocol and honours `If-None-Match: *` on PUT.

In one bucket, that condition decides who creates. Where a versioned bucket's server ignores the condition, two are used: the first, unversioned,
coordinates, `evidence=` keeps what lasts under Object Lock. What lasts is created in the first, which decides, then copied; all else (`checkpoint`,
`hint`, `pending/`, partial tiles) is in the first only. Reading prefers the copy that nobody can change. A crash between the two leaves an object
without its copy: whoever reads it, copies it before its own next write.
"""

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from threading import Lock
from typing import Final, TypeVar

from changegate.errors import StoreError
from changegate.stores import NOTHING, Batch, Condition, Version, check_key, is_lasting
from changegate.stores.s3bucket import CONNECTIONS, Bucket, Patience, connect
from changegate.stores.s3url import S3Place

_CACHED_BYTES: Final = 32 << 20
_CACHED_ONE: Final = 1 << 20

T = TypeVar("T")
U = TypeVar("U")


class S3Store:
    """See `changegate.stores.Store`, `changegate.stores.ManagedStore` and `changegate.stores.Versioned`."""

    def __init__(self, place: S3Place, patience: Patience | None = None) -> None:
        self.place, self._patience = place, patience or Patience()
        self._buckets: tuple[Bucket, Bucket | None] | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._cache = _Cache()
        self._uncopied: dict[str, bytes] = {}

    @property
    def url(self) -> str:
        """See `changegate.stores.Store`."""
        return self.place.url

    def read(self, key: str) -> bytes | None:
        """See `changegate.stores.Store`."""
        lasting = is_lasting(check_key(key))
        content = self._cache.get(key) if lasting else None
        if content is not None:
            return content
        found = self._keeping.get(key) if lasting else self._first.get(key)
        if found is None and lasting and self._second:
            found = self._first.get(key)
            if found is not None:
                self._uncopied[key] = found.content
        if found is None:
            return None
        if lasting:
            self._cache.put(key, found.content)
        return found.content

    def list(self, prefix: str) -> Iterator[str]:
        """See `changegate.stores.Store`."""
        if self._second is None:
            return self._first.list(prefix)
        both = heapq.merge(self._first.list(prefix), self._second.list(prefix))
        return (key for key, _ in groupby(both))

    def create(self, key: str, data: bytes, then: Batch = NOTHING) -> bool:
        """See `changegate.stores.Store`."""
        self.flush()
        # A crash in here leaves the object, or nothing; the next writer makes what follows from it.
        if not self._create(check_key(key), data):
            return False
        self.apply(then)
        return True

    def apply(self, batch: Batch) -> frozenset[str]:
        """See `changegate.stores.Store`. Nothing is kept back; writes of one kind go out at the same time."""
        for key in (*batch.create, *batch.publish, *batch.remove):
            check_key(key)
        self.flush()
        made = self._together(lambda each: self._create(*each), batch.create.items())
        self._together(lambda each: self._first.publish(*each), batch.publish.items())
        self._together(self._first.remove, batch.remove)
        return frozenset(key for key, new in zip(batch.create, made, strict=True) if not new)

    def flush(self) -> None:
        """See `changegate.stores.Store`. Copies what a stopped writer left uncopied; all else is durable already."""
        while self._uncopied:
            key, content = next(iter(self._uncopied.items()))
            if self._keeping.get(key) is None:
                self._keep(key, content)
            del self._uncopied[key]

    def history(self, prefix: str) -> Iterator[Version]:
        """See `changegate.stores.Versioned`."""
        return self._keeping.versions(prefix)

    def read_version(self, key: str, version: str) -> bytes:
        """See `changegate.stores.Versioned`."""
        found = self._keeping.get(key, version=version)
        if found is None:
            raise StoreError(f"the evidence store {self.url} lists version {version} of {key}, and can't give it", remedy="Run again.")
        return found.content

    def prepare(self) -> tuple[str, ...]:
        """See `changegate.stores.ManagedStore`."""
        from changegate.stores.s3setup import prepare

        return prepare(self._first, self._second, self.place)

    def examine(self) -> tuple[Condition, ...]:
        """See `changegate.stores.ManagedStore`."""
        from changegate.stores.s3setup import examine

        return examine(self._first, self._second, self.place)

    def _create(self, key: str, content: bytes) -> bool:
        lasting = is_lasting(key)
        days = self.place.retention_days if lasting and self._second is None else None
        if lasting and self._second is not None and self._second.get(key) is not None:
            return False  # the first bucket was emptied, or is another one: the evidence decides
        if not self._first.create(key, content, locked_days=days):
            return False
        if lasting:
            if self._second is not None:
                # A crash here leaves an object without its copy: see `flush`.
                self._keep(key, content)
            self._cache.put(key, content)
        return True

    def _keep(self, key: str, content: bytes) -> None:
        """Copy to the bucket of evidence. Raises `StoreError` where it holds something else."""
        if self._keeping.create(key, content, locked_days=self.place.retention_days):
            return
        found = self._keeping.get(key)
        if found is None or found.content != content:
            raise StoreError(
                f"the evidence store {self.url}: {key} isn't the same in both buckets",
                remedy="Keep both as proof; `changegate verify` judges the copy in the evidence bucket. Find out who changed the other.",
            )

    @property
    def _first(self) -> Bucket:
        return self._open()[0]

    @property
    def _second(self) -> Bucket | None:
        return self._open()[1]

    @property
    def _keeping(self) -> Bucket:
        """The bucket in which what lasts, is to last."""
        first, second = self._open()
        return second or first

    def _open(self) -> tuple[Bucket, Bucket | None]:
        if self._buckets is None:
            client, place = connect(self.place, self._patience), self.place
            second = Bucket(client, place.evidence, place, self._patience) if place.evidence else None
            self._buckets = Bucket(client, place.bucket, place, self._patience), second
        return self._buckets

    def _together(self, work: Callable[[T], U], each: Iterable[T]) -> Sequence[U]:
        several = tuple(each)
        if len(several) < 2:
            return [work(one) for one in several]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="changegate-s3")
        return tuple(self._pool.map(work, several))


class _Cache:
    """What was read or made and can't change, within bounds; the least lately used goes first."""

    def __init__(self) -> None:
        self._objects: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def get(self, key: str) -> bytes | None:
        with self._lock:
            if key in self._objects:
                self._objects.move_to_end(key)
            return self._objects.get(key)

    def put(self, key: str, content: bytes) -> None:
        if len(content) > _CACHED_ONE:
            return
        with self._lock:
            self._size += len(content) - len(self._objects.pop(key, b""))
            self._objects[key] = content
            while self._size > _CACHED_BYTES:
                self._size -= len(self._objects.popitem(last=False)[1])
