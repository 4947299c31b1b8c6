"""A store in a directory of a local or network file system that has hard links.

Create-only is `link(2)`: a whole, synced temporary file gets its name, or the name is taken. Any number of processes may write, and any of them
may be killed at any time: a reader sees whole objects only, and what a killed process leaves is a file in `.tmp/`, which later writers remove.

Order of durability (a power failure may cut anywhere): an object's bytes are synced before it gets its name; names given by `apply` are synced
before the next `create` gives its own; the name that `create` gave is synced before it returns. What follows from it (`then`) may be lost.
"""

import errno
import os
import secrets
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final

from changegate.errors import StoreError
from changegate.stores import NOTHING, Batch, Condition, check_key

_TEMPORARY: Final = ".tmp"
_NO_OBJECTS: Final = frozenset({_TEMPORARY + "/", ".git/"})
"""At the top: a killed writer's files, and the repository of a `git:` store's checkout. All else is listed, so that verification names it."""
_STRAY_SECONDS: Final = 3600
_READ_BYTES: Final = 1024 * 1024
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

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

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._root: int | None = None
        self._unsynced: dict[str, None] = {}
        self._lasting = True
        self._cleaned = False

    @property
    def url(self) -> str:
        """See `changegate.stores.Store`."""
        return f"file:{self._path}"

    def close(self) -> None:
        """Let go of the directory."""
        if self._root is not None:
            os.close(self._root)
            self._root = None

    def __del__(self) -> None:
        self.close()

    def read(self, key: str) -> bytes | None:
        """See `changegate.stores.Store`."""
        *folders, name = check_key(key).split("/")
        opened: list[int] = []
        try:  # not with `_folder`, whose generators would take longer than the reading: verification does this three times a record
            parent = self._open_root()
            for part in folders:
                parent = os.open(part, _DIRECTORY, dir_fd=parent)
                opened.append(parent)
            return _read_regular(name, parent)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._error(f"read {key}", error) from error
        finally:
            for descriptor in opened:
                os.close(descriptor)

    def list(self, prefix: str) -> Iterator[str]:
        """See `changegate.stores.Store`."""
        with self._errors(f"list {prefix}"):
            try:
                with self._folder(prefix.rstrip("/")) as folder:
                    entries = sorted(
                        (entry.name + ("/" if entry.is_dir(follow_symlinks=False) else ""), entry.is_symlink()) for entry in os.scandir(folder)
                    )
            except FileNotFoundError:
                return
        for name, link in entries:
            if link:
                raise StoreError(f"the evidence store {self.url} holds a symbolic link: {prefix}{name}", remedy=_REMEDIES[errno.ELOOP])
            if prefix or name not in _NO_OBJECTS:
                yield from self.list(prefix + name) if name.endswith("/") else (prefix + name,)

    def create(self, key: str, data: bytes, then: Batch = NOTHING) -> bool:
        """See `changegate.stores.Store`."""
        if self._exists(key):
            return False
        with self._errors(f"write {key}"):
            # A crash before the link leaves nothing but a temporary file; after it, an object that is whole.
            self._lasting = True
            if self._link_all({key: data}):
                return False
        self._apply(then, lasting=False)
        self.flush()
        return True

    def apply(self, batch: Batch) -> frozenset[str]:
        """See `changegate.stores.Store`."""
        return self._apply(batch, lasting=True)

    def _apply(self, batch: Batch, *, lasting: bool) -> frozenset[str]:
        """Apply; where it needn't be lasting, no name is synced: the file system writes names down in order, and may lose the latest."""
        self._lasting = lasting
        existed = {key for key in batch.create if self._exists(key)}
        if lasting:  # another writer may have named them and not synced the name yet
            self._unsynced.update({key.rpartition("/")[0]: None for key in existed})
        fresh = {key: data for key, data in batch.create.items() if key not in existed}
        with self._errors(f"write {next(iter(fresh), next(iter(batch.publish), 'nothing'))}"):
            existed |= self._link_all(fresh, batch.publish)
        for key in batch.remove:
            self._remove(key)
        return frozenset(existed)

    def flush(self) -> None:
        """See `changegate.stores.Store`."""
        with self._errors("sync"):
            self._sync([])

    def prepare(self) -> tuple[str, ...]:
        """See `changegate.stores.ManagedStore`."""
        if self._path.is_dir():
            return ()
        with self._errors("make the directory"):
            self._path.mkdir(parents=True, exist_ok=True)
        return (f"directory {self._path}",)

    def examine(self) -> tuple[Condition, ...]:
        """See `changegate.stores.ManagedStore`."""
        there = self._path.is_dir()
        writable = there and os.access(self._path, os.W_OK | os.X_OK)
        lock = "No file system keeps its owner from deleting: keep a checkpoint elsewhere for `verify --since`, or use s3:// with retention-days=."
        return (
            Condition("the directory is there", holds=there, found=str(self._path), remedy="`changegate store init` makes it."),
            Condition("this user may write there", holds=writable, found="yes" if writable else "no", remedy=_REMEDIES[errno.EACCES]),
            Condition("what was written can't be deleted", holds=False, found="whoever may write may delete", remedy=lock),
        )

    def _exists(self, key: str) -> bool:
        folder, _, name = check_key(key).rpartition("/")
        with self._errors(f"read {key}"):
            try:
                with self._folder(folder) as parent:
                    os.stat(name, dir_fd=parent, follow_symlinks=False)
            except FileNotFoundError:
                return False
        return True

    def _link_all(self, create: Mapping[str, bytes], publish: Mapping[str, bytes] = MappingProxyType({})) -> set[str]:
        """Write, sync, then name: the keys that another process named first."""
        if not create and not publish:
            return set()
        existed: set[str] = set()
        with self._folder(_TEMPORARY, make=True) as temporary:
            self._clean(temporary)
            written: list[tuple[str, str, bool, int]] = []
            try:
                for objects, replace in ((create, False), (publish, True)):
                    for key, data in objects.items():
                        name = f"{os.getpid()}-{secrets.token_hex(8)}"
                        descriptor = os.open(name, _WRITE, 0o444, dir_fd=temporary)
                        written.append((check_key(key), name, replace, descriptor))
                        _write_all(descriptor, data)
                self._sync([descriptor for *_, descriptor in written])
                for key, name, replace, _ in written:
                    if not self._name(temporary, name, key, replace=replace):
                        existed.add(key)
            finally:
                for _, name, _, descriptor in written:
                    os.close(descriptor)
                    with suppress(FileNotFoundError):
                        os.unlink(name, dir_fd=temporary)
        return existed

    def _name(self, temporary: int, name: str, key: str, *, replace: bool) -> bool:
        folder, _, final = key.rpartition("/")
        with self._folder(folder, make=True) as parent:
            self._unsynced.update({folder: None} if self._lasting else {})
            if replace:
                os.rename(name, final, src_dir_fd=temporary, dst_dir_fd=parent)
                return True
            try:
                os.link(name, final, src_dir_fd=temporary, dst_dir_fd=parent, follow_symlinks=False)
            except FileExistsError:
                return False
            return True

    def _sync(self, descriptors: Sequence[int]) -> None:
        """Sync files, then the folders in which names were given, in that order."""
        for descriptor in descriptors:
            # Starts writing out all of them, so that one journal commit, that of the first fsync, serves the others too.
            if hasattr(os, "posix_fadvise") and len(descriptors) > 1:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        for descriptor in descriptors:
            os.fsync(descriptor)
        while self._unsynced:
            folder = next(iter(self._unsynced))
            with self._folder(folder) as opened:
                os.fsync(opened)
            del self._unsynced[folder]

    def _remove(self, key: str) -> None:
        folder, _, name = check_key(key).rpartition("/")
        with self._errors(f"remove {key}"), suppress(FileNotFoundError), self._folder(folder) as parent:
            os.unlink(name, dir_fd=parent)

    def _clean(self, temporary: int) -> None:
        """Remove, once, what killed processes left. An hour old is no process's any more."""
        if self._cleaned:
            return
        self._cleaned = True
        for entry in os.scandir(temporary):
            with suppress(FileNotFoundError):
                if time.time() - entry.stat(follow_symlinks=False).st_mtime > _STRAY_SECONDS:
                    os.unlink(entry.name, dir_fd=temporary)

    @contextmanager
    def _folder(self, folder: str, *, make: bool = False) -> Iterator[int]:
        """A folder of the store, opened part by part, so that no symbolic link leads out of it. Raises `FileNotFoundError`."""
        if self._root is None and make:
            self._path.mkdir(parents=True, exist_ok=True)
        self._root = self._open_root()
        current, done = self._root, ""
        try:
            for part in folder.split("/") if folder else ():
                opened = self._open_part(part, current, done, make=make)
                if current != self._root:
                    os.close(current)
                current, done = opened, f"{done}/{part}" if done else part
            yield current
        finally:
            if current != self._root:
                os.close(current)

    def _open_root(self) -> int:
        if self._root is None:
            self._root = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return self._root

    def _open_part(self, part: str, parent: int, done: str, *, make: bool) -> int:
        try:
            return os.open(part, _DIRECTORY, dir_fd=parent)
        except FileNotFoundError:
            if not make:
                raise
        with suppress(FileExistsError):
            os.mkdir(part, 0o777, dir_fd=parent)
        self._unsynced.update({done: None} if self._lasting else {})
        return os.open(part, _DIRECTORY, dir_fd=parent)

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._error(what, error) from error

    def _error(self, what: str, error: OSError) -> StoreError:
        remedy = _REMEDIES.get(error.errno or 0, "Look at the directory and its disk; nothing half-written is left.")
        return StoreError(f"the evidence store {self.url} can't {what}: {error.strerror or error}", remedy=remedy)


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


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
