"""Each kind of store, as whoever administers it can write to it: past `create`, its locks and its rules."""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from changegate.stores import Store
from changegate.stores.directory import DirectoryStore
from changegate.stores.git import BRANCH, GitStore
from support.tampering import RawStore


class RawDirectory:
    """See `support.tampering.RawStore`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def open(self) -> Store:
        """See `support.tampering.RawStore`."""
        return DirectoryStore(self._root)

    def write(self, objects: Mapping[str, bytes | None]) -> None:
        """See `support.tampering.RawStore`."""
        for key, data in objects.items():
            path = self._root / key
            if data is None:
                path.unlink(missing_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)


class RawGit:
    """See `support.tampering.RawStore`. What isn't on the branch's tip isn't in the store."""

    def __init__(self, repository: Path) -> None:
        self._repository = repository
        self._begun = False
        subprocess.run(["git", "init", "--quiet", "--bare", str(repository)], check=True)

    def open(self) -> Store:
        """See `support.tampering.RawStore`."""
        return GitStore(str(self._repository), whole=True)

    def write(self, objects: Mapping[str, bytes | None]) -> None:
        """See `support.tampering.RawStore`."""
        stream = [b"commit refs/heads/%b\ncommitter x <x@invalid> now\ndata 0\n" % BRANCH.encode()]
        if self._begun:
            stream.append(b"from refs/heads/%b^0\n" % BRANCH.encode())
        for key, data in objects.items():
            name = key.encode()
            stream.append(b"D %b\n" % name if data is None else b"M 100644 inline %b\ndata %d\n%b\n" % (name, len(data), data))
        command = ["git", "-C", str(self._repository), "fast-import", "--quiet", "--date-format=now"]
        subprocess.run(command, input=b"".join(stream), check=True)
        self._begun = True


@contextmanager
def directory(temporary: Path) -> Iterator[RawStore]:
    """A directory store."""
    yield RawDirectory(temporary / "store")


@contextmanager
def git(temporary: Path) -> Iterator[RawStore]:
    """A branch of a repository."""
    yield RawGit(temporary / "store.git")


RAW_STORES: Final[Mapping[str, Callable[[Path], AbstractContextManager[RawStore]]]] = {"directory": directory, "git": git}
"""Each is opened once a test module, with a directory of its own, and begins empty."""
