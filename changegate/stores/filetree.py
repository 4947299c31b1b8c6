"""Files below one folder, written so that a power failure leaves whole files only, named in the order that the writer asks for.

A file's bytes are synced before it gets a name; a name is durable once its folder, and the folders above, were synced (`FileTree.sync`). Syncs of one
round run at the same time: most of a sync is waiting for the disk to empty its cache, and it does that once for all that wait.
"""

import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

TEMPORARY: Final = ".tmp"
_STRAY_SECONDS: Final = 3600
_SYNCS: Final = 8
_WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class FileTree:
    """A folder and what lies below it. Every method raises `OSError`. Not for use by several threads at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._root: int | None = None
        self._unsynced: dict[str, None] = {}
        """Folders in which names were given, or found that somebody else may not have synced."""
        self._named: set[str] = set()
        """Folders whose own name will be durable when those are synced."""
        self._lasting: set[str] = set()
        """Folders whose own name is known to be durable."""
        self._pool: tuple[int, ThreadPoolExecutor] | None = None
        self._cleaned = False

    def close(self) -> None:
        """Let go of the folder."""
        if self._root is not None:
            os.close(self._root)
            self._root = None

    def open_root(self) -> int:
        """A descriptor of the folder, which stays open."""
        if self._root is None:
            self._root = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return self._root

    def make_root(self) -> None:
        """Make the folder and those above it, durably."""
        missing = [each for each in (self.path.absolute(), *self.path.absolute().parents) if not each.is_dir()]
        self.path.mkdir(parents=True, exist_ok=True)
        for each in missing:
            descriptor = os.open(each.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    @contextmanager
    def folder(self, folder: str, *, make: bool = False) -> Iterator[int]:
        """A descriptor of a folder, opened part by part, so that no symbolic link leads out of the tree. Raises `FileNotFoundError`."""
        if self._root is None and make:
            self.make_root()
        root = self.open_root()
        current, done = root, ""
        try:
            for part in folder.split("/") if folder else ():
                opened = _open_part(part, current, make=make)
                if current != root:
                    os.close(current)
                current, above, done = opened, done, f"{done}/{part}" if done else part
                if make and done not in self._lasting and done != TEMPORARY:
                    self._unsynced[above] = None  # whoever made it may not have synced its name
                    self._named.add(done)
            yield current
        finally:
            if current != root:
                os.close(current)

    def has(self, key: str) -> bool:
        """Whether something has this name."""
        folder, _, name = key.rpartition("/")
        try:
            with self.folder(folder) as parent:
                os.stat(name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def touch(self, key: str) -> None:
        """The name of a file that exists is to be durable with the next `sync`."""
        folder = key.rpartition("/")[0]
        with self.folder(folder, make=True):
            self._unsynced[folder] = None

    def remove(self, key: str) -> None:
        """Take a file's name away, if it has one; nothing waits until that is durable."""
        folder, _, name = key.rpartition("/")
        with suppress(FileNotFoundError), self.folder(folder) as parent:
            os.unlink(name, dir_fd=parent)

    def sync(self) -> None:
        """Make every name durable that was given, or touched, until now."""
        folders, named = list(self._unsynced), set(self._named)
        with ExitStack() as opened:
            self._sync([opened.enter_context(self.folder(folder)) for folder in folders])
        for folder in folders:
            del self._unsynced[folder]
        self._named -= named
        self._lasting |= named

    @contextmanager
    def written(self, objects: Mapping[str, bytes]) -> Iterator["Written"]:
        """Files with these bytes, durable and still without their names. What gets no name is gone afterwards."""
        with self.folder(TEMPORARY, make=True) as temporary:
            self._clean(temporary)
            descriptors: list[int] = []
            names: dict[str, str] = {}
            try:
                for key, data in objects.items():
                    name = f"{os.getpid()}-{secrets.token_hex(8)}"
                    descriptors.append(os.open(name, _WRITE, 0o444, dir_fd=temporary))
                    names[key] = name
                    _write_all(descriptors[-1], data)
                self._sync(descriptors)
                yield Written(self._give, temporary, names)
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)
                for name in names.values():
                    with suppress(FileNotFoundError):
                        os.unlink(name, dir_fd=temporary)

    def _give(self, temporary: int, name: str, key: str, *, replace: bool) -> bool:
        """Whether the file got this name; where it doesn't replace, another file may have it already."""
        folder, _, final = key.rpartition("/")
        with self.folder(folder, make=True) as parent:
            self._unsynced[folder] = None
            if replace:
                os.rename(name, final, src_dir_fd=temporary, dst_dir_fd=parent)
                return True
            try:
                os.link(name, final, src_dir_fd=temporary, dst_dir_fd=parent, follow_symlinks=False)
            except FileExistsError:
                return False
            return True

    def _sync(self, descriptors: Sequence[int]) -> None:
        first, others = descriptors[:1], descriptors[1:]
        running = [self._threads().submit(os.fsync, each) for each in others]
        try:
            for each in first:
                os.fsync(each)
        finally:
            wait(running)  # they need their descriptors
        for done in running:
            done.result()

    def _threads(self) -> ThreadPoolExecutor:
        if self._pool is None or self._pool[0] != os.getpid():  # after a fork the threads are the parent's
            self._pool = os.getpid(), ThreadPoolExecutor(_SYNCS, thread_name_prefix="changegate-sync")
        return self._pool[1]

    def _clean(self, temporary: int) -> None:
        """Remove, once, what killed processes left. An hour old is no process's any more."""
        if self._cleaned:
            return
        self._cleaned = True
        for entry in os.scandir(temporary):
            with suppress(FileNotFoundError):
                if time.time() - entry.stat(follow_symlinks=False).st_mtime > _STRAY_SECONDS:
                    os.unlink(entry.name, dir_fd=temporary)


class Written:
    """Files whose bytes are durable, to be named one by one."""

    def __init__(self, give: Callable[..., bool], temporary: int, names: Mapping[str, str]) -> None:
        self._give, self._temporary, self._names = give, temporary, names

    def name(self, key: str) -> bool:
        """Give the file its name; False, and nothing changed, where that is taken."""
        return self._give(self._temporary, self._names[key], key, replace=False)

    def replace(self, key: str) -> None:
        """Give the file its name, which another may have had."""
        self._give(self._temporary, self._names[key], key, replace=True)


def _open_part(part: str, parent: int, *, make: bool) -> int:
    try:
        return os.open(part, DIRECTORY, dir_fd=parent)
    except FileNotFoundError:
        if not make:
            raise
    with suppress(FileExistsError):
        os.mkdir(part, 0o777, dir_fd=parent)
    return os.open(part, DIRECTORY, dir_fd=parent)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
