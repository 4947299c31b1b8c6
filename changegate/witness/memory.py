"""What a witness remembers: for each log the newest checkpoint that it cosigned. A directory, on a disk that it doesn't lose.

    <SHA-256 of the origin>.checkpoint     the signed checkpoint, verbatim
    <SHA-256 of the origin>.lock           held while one is checked and written, so that of two forks one at most is cosigned

A checkpoint is written beside, synced and renamed over the old one, the directory synced: after a crash there is the old one or the new one.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from changegate.errors import FormatError, StoreError
from changegate.evidence import checkpoint
from changegate.evidence.checkpoint import Checkpoint

_DISK: Final = "Check the witness's --state directory, its disk and its rights. What it cosigned is never begun anew by itself."


class Slot:
    """One log's memory, while its lock is held."""

    def __init__(self, path: Path, origin: str) -> None:
        self._path, self._origin = path, origin

    def read(self) -> Checkpoint | None:
        """The newest checkpoint that was cosigned; None before the first. Raises `StoreError` where it can't be read: then nothing is cosigned."""
        try:
            found = checkpoint.parse(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{self._path}: {error.strerror}", remedy=_DISK) from error
        except FormatError as error:
            raise StoreError(f"{self._path} is damaged: {error.message}", remedy="Restore it from a copy that isn't older.") from error
        if found.origin != self._origin:
            raise StoreError(f"{self._path} is of another log, {found.origin!r}", remedy="Restore it from a copy that isn't older.")
        return found

    def write(self, signed: bytes) -> None:
        """Remember this one, durably, in place of the one before. Raises `StoreError`."""
        beside = self._path.with_suffix(".new")
        try:
            with beside.open("wb") as out:
                out.write(signed)
                out.flush()
                os.fsync(out.fileno())
            beside.replace(self._path)  # a crash before this line leaves the old one
            _sync(self._path.parent)
        except OSError as error:
            raise StoreError(f"{self._path}: {error.strerror}", remedy=_DISK) from error


class Memory:
    """A witness's directory. Several threads and processes may use it at once."""

    def __init__(self, directory: Path) -> None:
        """Raises `StoreError` where it can neither be found nor made."""
        self._directory = directory
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{directory}: {error.strerror}", remedy=_DISK) from error

    @contextmanager
    def locked(self, origin: str) -> Iterator[Slot]:
        """One log's memory, to nobody else meanwhile. Raises `StoreError`."""
        path = self._directory / f"{hashlib.sha256(origin.encode('utf-8')).hexdigest()}.checkpoint"
        try:
            lock = path.with_suffix(".lock").open("wb")
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}", remedy=_DISK) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield Slot(path, origin)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
