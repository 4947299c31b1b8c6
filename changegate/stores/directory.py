"""A store in a directory of a local or network file system that has hard links.

Create-only is `link(2)`: a whole, synced temporary file gets its name, or the name is taken. Any number of processes may write, and any of them
may be killed at any time: a reader sees whole objects only, and what a killed process leaves is a file in `.tmp/`, which later writers remove.

Order of durability (a power failure may cut anywhere, and of names that weren't synced lose any): an object's bytes are synced before it gets its
name. What `apply` only creates is kept back, and written with the next `create` in four rounds, each of which is synced before the next begins: the
bytes of everything; the names of what was kept back; the name that decides; the names of what it creates besides. Then come the published
objects, so that a `checkpoint` is never there before what it stands for, and what is removed.
"""

import errno
import fcntl
import heapq
import os
import stat
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from changegate.errors import StoreError
from changegate.stores import NOTHING, Batch, Condition, check_key, is_lasting, read_each
from changegate.stores.filetree import DIRECTORY, TEMPORARY, FileTree, Written
from changegate.stores.ondisk import look_at_rights

_NO_OBJECTS: Final = frozenset({TEMPORARY + "/", ".git/"})
"""At the top: a killed writer's files, and the repository of a `git:` store's checkout. All else is listed, so that verification names it."""
_WAITS: Final = 12
_WAIT_SECONDS: Final = 0.001
_READ_BYTES: Final = 1024 * 1024
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_REMEDIES: Final = {
    errno.EACCES: "Give this user the right to write there, or name another directory in --store.",
    errno.EPERM: "Give this user the right to write there; the file system must know hard links.",
    errno.EROFS: "The file system is read-only: mount it writable, or name another directory in --store.",
    errno.ENOSPC: "The disk is full: free some space and run again; nothing half-written is left.",
    errno.EDQUOT: "The disk quota is used up: raise it and run again; nothing half-written is left.",
    errno.EFBIG: "The limit for the size of files is too low (ulimit -f): raise it and run again; nothing half-written is left.",
    errno.ELOOP: "A symbolic link lies in the store; nothing in a store is one. Find out who made it.",
    errno.ENOTDIR: "A file, or a symbolic link, lies where a directory of the store should be. Find out who made it.",
    errno.EIO: "The disk reports an error. Keep a copy of what can be read, and replace it.",
    errno.EOPNOTSUPP: "The file system has no hard links; name a directory on one that has.",
}


class DirectoryStore:
    """See `changegate.stores.Store`."""

    def __init__(self, path: str | Path, pause: Callable[[float], None] = time.sleep) -> None:
        self._path = Path(path)
        self._tree = FileTree(self._path)
        self._pause = pause
        self._kept: dict[str, bytes] = {}
        """Created, and not written yet."""

    @property
    def path(self) -> Path:
        """The directory, which needn't be there yet."""
        return self._path

    @property
    def url(self) -> str:
        """See `changegate.stores.Store`."""
        return f"file:{self._path}"

    def close(self) -> None:
        """Let go of the directory. What wasn't flushed is lost."""
        self._tree.close()

    def __del__(self) -> None:
        self.close()

    def read(self, key: str) -> bytes | None:
        """See `changegate.stores.Store`."""
        return self._kept[key] if check_key(key) in self._kept else self._read(key)

    def _read(self, key: str) -> bytes | None:
        *folders, name = key.split("/")
        opened: list[int] = []
        try:  # not with `FileTree.folder`, whose generators would take longer than the reading: verification does this three times a record
            parent = self._tree.open_root()
            for part in folders:
                parent = os.open(part, DIRECTORY, dir_fd=parent)
                opened.append(parent)
            return _read_regular(name, parent)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._error(f"read {key}", error) from error
        finally:
            for descriptor in opened:
                os.close(descriptor)

    def read_many(self, keys: Collection[str]) -> Mapping[str, bytes | None]:
        """See `changegate.stores.Store`."""
        return read_each(self, keys)

    def list(self, prefix: str) -> Iterator[str]:
        """See `changegate.stores.Store`."""
        return heapq.merge(self._list(prefix), sorted(key for key in self._kept if key.startswith(prefix)))

    def _list(self, prefix: str) -> Iterator[str]:
        with self._errors(f"list {prefix}"):
            try:
                with self._tree.folder(prefix.rstrip("/")) as folder:
                    entries = sorted(
                        (entry.name + ("/" if entry.is_dir(follow_symlinks=False) else ""), entry.is_symlink()) for entry in os.scandir(folder)
                    )
            except FileNotFoundError:
                return
        for name, link in entries:
            if link:
                raise StoreError(f"the evidence store {self.url} holds a symbolic link: {prefix}{name}", remedy=_REMEDIES[errno.ELOOP])
            if prefix or name not in _NO_OBJECTS:
                yield from self._list(prefix + name) if name.endswith("/") else (prefix + name,)

    def create(self, key: str, data: bytes, then: Batch = NOTHING) -> bool:
        """See `changegate.stores.Store`."""
        if self._has(key):
            return False
        with self._errors(f"write {key}"), self._tree.written({**then.create, **then.publish, **self._kept, key: data}) as files:
            # A crash in here leaves objects that nothing names; from the name on, one that is whole, and what it stands on.
            self._name_kept(files)
            if not files.name(key):
                return False
            self._tree.sync()
            self._name_rest(files, then)
        self._remove(then.remove)
        return True

    def apply(self, batch: Batch) -> frozenset[str]:
        """See `changegate.stores.Store`. What waits for others (`pending/`) is written at once, after what was created before."""
        existed = {key for key in batch.create if self._has(key)}
        with self._errors("read"):
            for key in existed - self._kept.keys():
                self._tree.touch(key)  # another writer may have named it, and not synced the name yet
        fresh = {key: data for key, data in batch.create.items() if key not in existed}
        self._kept |= {key: data for key, data in fresh.items() if is_lasting(key)}
        passing = Batch({key: data for key, data in fresh.items() if not is_lasting(key)}, batch.publish, batch.remove)
        if passing != NOTHING:
            with self._errors(f"write {next(iter(fresh), next(iter(batch.publish), 'nothing'))}"):
                existed |= self._write(passing)
            self._remove(batch.remove)
        return frozenset(existed)

    def flush(self) -> None:
        """See `changegate.stores.Store`."""
        with self._errors("sync"):
            self._write(NOTHING)
            self._tree.sync()

    @contextmanager
    def turn(self, *, wait: bool) -> Iterator[bool]:
        """See `changegate.stores.TakesTurns`. A lock that ends with the process; where the file system has none, it is always one's turn."""
        with self._errors("lock"), self._tree.folder(TEMPORARY, make=True) as folder:
            ours = _lock(folder)
            for _ in range(_WAITS if wait else 0):
                if ours:
                    break
                self._pause(_WAIT_SECONDS)
                ours = _lock(folder)
            try:
                yield ours
            finally:
                if ours:
                    with suppress(OSError):
                        fcntl.flock(folder, fcntl.LOCK_UN)

    def _write(self, batch: Batch) -> set[str]:
        """Write what was kept back, then this: which of its keys existed. Nothing is waited for at the end."""
        if not self._kept and not batch.create and not batch.publish:
            self._tree.sync()
            return set()
        with self._tree.written({**batch.create, **batch.publish, **self._kept}) as files:
            self._name_kept(files)
            return self._name_rest(files, batch)

    def _name_kept(self, files: Written) -> None:
        """Name what was kept back, durably. Raises `StoreError` where something else was put there meanwhile."""
        for key, data in self._kept.items():
            if not files.name(key) and self._read(key) != data:
                raise StoreError(
                    f"the evidence store {self.url}: {key} was made by another, and differs",
                    remedy="Run again. If it fails again, `changegate verify` says what that object is.",
                )
        self._tree.sync()
        self._kept = {}

    def _name_rest(self, files: Written, batch: Batch) -> set[str]:
        existed = {key for key in batch.create if not files.name(key)}
        if batch.publish or batch.remove:
            self._tree.sync()
        for key in batch.publish:
            files.replace(key)
        return existed

    def _remove(self, keys: tuple[str, ...]) -> None:
        for key in keys:
            with self._errors(f"remove {check_key(key)}"):
                self._tree.remove(key)

    def prepare(self) -> tuple[str, ...]:
        """See `changegate.stores.ManagedStore`."""
        if self._path.is_dir():
            return ()
        with self._errors("make the directory"):
            self._tree.make_root()
        return (f"directory {self._path}",)

    def examine(self) -> tuple[Condition, ...]:
        """See `changegate.stores.ManagedStore`."""
        there = self._path.is_dir()
        writable = there and os.access(self._path, os.W_OK | os.X_OK)
        lock = "No file system keeps its owner from deleting: keep a checkpoint elsewhere for `verify --since`, or use s3:// with retention-days=."
        return (
            Condition("the directory is there", holds=there, found=str(self._path), remedy="`changegate store init` makes it."),
            Condition("this user may write there", holds=writable, found="yes" if writable else "no", remedy=_REMEDIES[errno.EACCES]),
            *((look_at_rights(self._path),) if there else ()),
            Condition("what was written can't be deleted", holds=False, found="whoever may write may delete", remedy=lock),
        )

    def _has(self, key: str) -> bool:
        if check_key(key) in self._kept:
            return True
        with self._errors(f"read {key}"):
            return self._tree.has(key)

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._error(what, error) from error

    def _error(self, what: str, error: OSError) -> StoreError:
        remedy = _REMEDIES.get(error.errno or 0, "Look at the directory and its disk; nothing half-written is left.")
        return StoreError(f"the evidence store {self.url} can't {what}: {error.strerror or error}", remedy=remedy)


def _lock(folder: int) -> bool:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # there are no locks here; a turn is only a courtesy, `create` decides
    return True


def _read_regular(name: str, parent: int) -> bytes:
    descriptor = os.open(name, _READ, dir_fd=parent)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.ENOTSUP, "not a regular file")
        data = os.read(descriptor, found.st_size + 1)
        if len(data) == found.st_size:
            return data
        parts = [data]
        while part := os.read(descriptor, _READ_BYTES):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(descriptor)
