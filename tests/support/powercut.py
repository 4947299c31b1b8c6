"""A disk whose power may fail at any time: what is done to a directory is written down, and from that, what may be left of it is made.

POSIX promises little: a file's bytes are there for certain only after they were synced, a name (or that it is gone) only after its folder was. Until
then each name may be there or not, whatever came later, and a file may be whole, cut, empty or full of zeros.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from threading import Lock
from typing import Any
from unittest import mock


@dataclass
class _File:
    content: bytes = b""
    synced_at: int = -1
    """After which step its bytes, as they are, were synced."""


@dataclass
class _Naming:
    step: int
    name: str
    node: int | None
    """None where the name was taken away."""
    synced_at: int | None = None


@dataclass
class _Folder:
    names: list[_Naming] = field(default_factory=list)


class Disk:
    """Follows what this process does below `root`, through `os`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._nodes: dict[int, _File | _Folder] = {0: _Folder()}
        self._of_inode = {root.stat().st_ino: 0}
        self._lock = Lock()
        self.steps = 0
        self.every: Callable[[], None] = lambda: None
        """Called before each step; may raise."""

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Everything in this context is written down."""
        with mock.patch.multiple(
            os,
            open=self._open(os.open),
            write=self._write(os.write),
            fsync=self._fsync(os.fsync),
            mkdir=self._mkdir(os.mkdir),
            link=self._link(os.link),
            rename=self._rename(os.rename),
            unlink=self._unlink(os.unlink),
        ):
            yield

    def left_after(self, step: int, chance: Random, folder: Path) -> None:
        """Make, in an empty folder, what may be left where the power failed after so many steps."""
        self._restore(0, step, chance, folder)

    def ever(self) -> dict[str, set[bytes]]:
        """All that was ever to be under each name, whole."""
        found: dict[str, set[bytes]] = {}
        self._collect(0, "", found)
        return found

    def _collect(self, node: int, path: str, found: dict[str, set[bytes]]) -> None:
        here = self._nodes[node]
        if isinstance(here, _File):
            found.setdefault(path, set()).add(here.content)
            return
        for naming in here.names:
            if naming.node is not None:
                self._collect(naming.node, f"{path}/{naming.name}" if path else naming.name, found)

    def _restore(self, node: int, step: int, chance: Random, path: Path) -> None:
        found = self._nodes[node]
        if isinstance(found, _File):
            kept = found.content if found.synced_at in range(step + 1) else self._torn(found.content, chance)
            path.write_bytes(kept)
            return
        path.mkdir(exist_ok=True)
        names: dict[str, int | None] = {}
        likely = chance.choice([0.1, 0.5, 0.9])
        for naming in found.names:
            if naming.step > step:
                break
            if (naming.synced_at is not None and naming.synced_at <= step) or chance.random() < likely:
                names[naming.name] = naming.node
        for name, child in names.items():
            if child is not None:
                self._restore(child, step, chance, path / name)

    @staticmethod
    def _torn(content: bytes, chance: Random) -> bytes:
        return chance.choice([content, content[: chance.randrange(len(content) + 1)], b"", bytes(len(content))])

    def _at(self, descriptor: int) -> int | None:
        return self._of_inode.get(os.fstat(descriptor).st_ino)

    def _step(self) -> int:
        self.every()
        with self._lock:  # syncs run at the same time
            self.steps += 1
            return self.steps

    def _named(self, folder: int | None, name: str, node: int | None, step: int) -> None:
        if folder is not None:
            found = self._nodes[folder]
            assert isinstance(found, _Folder)
            found.names.append(_Naming(step, name, node))

    def _find(self, folder: int, name: str) -> int:
        found = self._nodes[folder]
        assert isinstance(found, _Folder)
        (*_, last) = (each.node for each in found.names if each.name == name)
        assert last is not None
        return last

    def _open(self, real: Callable[..., int]) -> Callable[..., int]:
        def call(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
            if not flags & os.O_CREAT or dir_fd is None or self._at(dir_fd) is None:
                return real(path, flags, mode, dir_fd=dir_fd)
            step = self._step()
            descriptor = real(path, flags, mode, dir_fd=dir_fd)
            node = len(self._nodes)
            self._nodes[node] = _File()
            self._of_inode[os.fstat(descriptor).st_ino] = node
            self._named(self._at(dir_fd), path, node, step)
            return descriptor

        return call

    def _write(self, real: Callable[..., int]) -> Callable[..., int]:
        def call(descriptor: int, data: Any) -> int:
            node = self._at(descriptor)
            if node is None:
                return real(descriptor, data)
            self._step()
            done = real(descriptor, data)
            file = self._nodes[node]
            assert isinstance(file, _File)
            file.content += bytes(data[:done])
            file.synced_at = -1
            return done

        return call

    def _fsync(self, real: Callable[..., None]) -> Callable[..., None]:
        del real  # the power doesn't fail

        def call(descriptor: int) -> None:
            node = self._at(descriptor)
            if node is None:
                return
            step = self._step()
            found = self._nodes[node]
            if isinstance(found, _File):
                found.synced_at = step
                return
            for naming in found.names:
                naming.synced_at = naming.synced_at or step

        return call

    def _mkdir(self, real: Callable[..., None]) -> Callable[..., None]:
        def call(path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
            if dir_fd is None or self._at(dir_fd) is None:
                real(path, mode, dir_fd=dir_fd)
                return
            step = self._step()
            real(path, mode, dir_fd=dir_fd)
            node = len(self._nodes)
            self._nodes[node] = _Folder()
            self._of_inode[os.stat(path, dir_fd=dir_fd).st_ino] = node
            self._named(self._at(dir_fd), path, node, step)

        return call

    def _link(self, real: Callable[..., None]) -> Callable[..., None]:
        def call(old: str, new: str, *, src_dir_fd: int, dst_dir_fd: int, follow_symlinks: bool) -> None:
            step = self._step()
            real(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd, follow_symlinks=follow_symlinks)
            source = self._at(src_dir_fd)
            assert source is not None
            self._named(self._at(dst_dir_fd), new, self._find(source, old), step)

        return call

    def _rename(self, real: Callable[..., None]) -> Callable[..., None]:
        def call(old: str, new: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
            step = self._step()
            source = self._at(src_dir_fd)
            assert source is not None
            node = self._find(source, old)
            real(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
            self._named(self._at(dst_dir_fd), new, node, step)
            self._named(source, old, None, step)

        return call

    def _unlink(self, real: Callable[..., None]) -> Callable[..., None]:
        def call(path: str, *, dir_fd: int) -> None:
            step = self._step()
            real(path, dir_fd=dir_fd)
            self._named(self._at(dir_fd), path, None, step)

        return call
