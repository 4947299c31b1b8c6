"""A pack to be read: the zip file, or the folder where somebody unpacked it."""

import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from changegate.audit.pack import archive, manifest
from changegate.errors import InputError, VerificationError

_REMEDY: Final = "Ask for the pack again, and for its SHA-256 by another way; keep this one."


class Members(Protocol):
    """Named bytes."""

    @property
    def names(self) -> Collection[str]:
        """All of them."""

    def read(self, name: str) -> bytes:
        """One of them."""


class ZipMembers:
    """The members of a pack's file, of whose form every byte was checked."""

    def __init__(self, file: BinaryIO) -> None:
        """Raises `VerificationError`."""
        self._file = file
        file.seek(0)
        self._places = archive.read(file)

    @property
    def names(self) -> Collection[str]:
        """See `Members`."""
        return self._places.keys()

    def read(self, name: str) -> bytes:
        """See `Members`."""
        place = self._places[name]
        self._file.seek(place.offset)
        return self._file.read(place.size)


class FolderMembers:
    """The files below a folder, none of which is a link."""

    def __init__(self, root: Path) -> None:
        """Raises `VerificationError`, `InputError`."""
        self._root = root
        try:
            self.names: Collection[str] = frozenset(self._walk(root))
        except OSError as error:
            raise InputError(f"{error.filename}: {error.strerror}", remedy="Name a pack that can be read.") from error

    def read(self, name: str) -> bytes:
        """See `Members`. Raises `InputError`."""
        try:
            return (self._root / name).read_bytes()
        except OSError as error:
            raise InputError(f"{error.filename}: {error.strerror}", remedy="Name a pack that can be read.") from error

    def _walk(self, folder: Path) -> Iterator[str]:
        for path in sorted(folder.iterdir()):
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode):
                yield from self._walk(path)
            elif stat.S_ISREG(mode):
                yield path.relative_to(self._root).as_posix()
            else:
                raise VerificationError(f"{path} is a link or no file: no pack has such a member", remedy=_REMEDY)


def check_members(members: Members) -> None:
    """Raise `VerificationError` or `FormatError` unless the manifest lists exactly these members, each with its digest."""
    own = {name: members.read(name) for name in (manifest.MANIFEST, manifest.DIGEST) if name in members.names}
    listed = manifest.parse_manifest(own)
    paths = [each.path for each in listed] + [manifest.MANIFEST, manifest.DIGEST]
    different = sorted(set(paths) ^ set(members.names))
    if different or len(paths) != len(members.names):
        raise VerificationError(f"the pack and its manifest differ in {', '.join(each[:80] for each in different[:5])}", remedy=_REMEDY)
    if isinstance(members, ZipMembers) and list(members.names) != paths:
        raise VerificationError("the pack's members aren't in the manifest's order", remedy=_REMEDY)
    for each in listed:
        if manifest.member(each.path, members.read(each.path)) != each:
            raise VerificationError(f"{each.path} was changed: its SHA-256 isn't the manifest's", remedy=_REMEDY)
