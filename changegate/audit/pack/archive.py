"""The zip form of a pack: one set of members, one sequence of bytes. Any unzip reads it; nothing else than exactly this form is read here.

Members are stored, not deflated: what zlib makes of the same bytes differs from version to version, and a file that can't expand is no bomb. Time,
permissions and versions are fixed, there are no comments and no extra fields, and every byte follows from the members. So a reader makes the whole of
the directory anew and compares it: names that come twice, that lead out of the folder or are links, encrypted or hidden parts can't be written in it.
Zip64's end record (APPNOTE 4.3.14) is there where there are too many members for the plain one. A pack is less than 4 GiB.
"""

import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final, NamedTuple

from changegate.errors import InputError, VerificationError

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*", re.ASCII)
MAX_NAME: Final = 200
MAX_BYTES: Final = 2**32 - 1
MAX_MEMBERS: Final = 5_000_000
_LOCAL: Final = struct.Struct("<IHHHHHIIIHH")
_CENTRAL: Final = struct.Struct("<IHHHHHHIIIHHHHHII")
_END: Final = struct.Struct("<IHHHHIIH")
_END64: Final = struct.Struct("<IQHHIIQQQQIIQI")  # the zip64 end record and its locator
_LOCAL_SIGNATURE: Final = 0x04034B50
_DATE: Final = 0x0021  # 1980-01-01, the first that the format knows
_FILE: Final = 0o100644 << 16
_CHUNK: Final = 1024 * 1024
_REMEDY: Final = "Ask for the pack again, and for its SHA-256 by another way; keep this one."


class Place(NamedTuple):
    """Where a member's bytes lie in the file."""

    offset: int
    size: int
    crc: int


class Writer:
    """Writes members one after the other. `close` writes the directory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._at = file, 0
        self._members: dict[str, tuple[int, Place]] = {}

    def add(self, name: str, content: bytes) -> None:
        """One more member. Raises `InputError` for a name that can't be one, or comes twice, and where the pack grows too large."""
        if not NAME.fullmatch(name) or len(name) > MAX_NAME or name in self._members:
            raise InputError(
                f"a pack can't hold a member {name[:80]!r}", remedy="Name files with letters, digits, dots, dashes and underscores, each once."
            )
        header = _local(name, place := Place(self._at + _LOCAL.size + len(name), len(content), zlib.crc32(content)))
        if place.offset + place.size + 2**28 > MAX_BYTES:
            raise InputError("the pack would be larger than 4 GiB", remedy="Export a shorter period, such as each month by itself.")
        self._members[name] = self._at, place
        self._file.write(header)
        self._file.write(content)
        self._at = place.offset + place.size

    def close(self) -> None:
        """The directory; the file itself stays open."""
        for part in _directory(self._members, self._at):
            self._file.write(part)


def read(file: BinaryIO) -> Mapping[str, Place]:
    """The members of a pack, in their order. The file is read once, from where it stands; its every byte is accounted for.

    Raises `VerificationError` for anything but the one form.
    """
    members: dict[str, tuple[int, Place]] = {}
    seen: set[str] = set()
    at = 0
    while (header := file.read(_LOCAL.size))[:4] == _LOCAL_SIGNATURE.to_bytes(4, "little"):
        if len(header) < _LOCAL.size:
            raise _refused("it ends within a member's header")
        fields = _LOCAL.unpack(header)
        size, length = fields[8], fields[9]
        name = file.read(min(length, MAX_NAME)).decode("ascii", "replace")
        if not NAME.fullmatch(name) or name.lower() in seen or len(seen) == MAX_MEMBERS:
            raise _refused(f"the member {name[:80]!r} has a name that no pack has, or that it has already")
        place = Place(at + _LOCAL.size + len(name), size, _crc(file, size))
        if _local(name, place) != header + name.encode("ascii"):
            raise _refused(f"the member {name} isn't stored as a pack's members are, or its checksum is another")
        seen.add(name.lower())
        members[name] = at, place
        at = place.offset + size
    expected = b"".join(_directory(members, at))
    if header + file.read(len(expected)) != expected:
        raise _refused(f"the directory after byte {at} isn't that of its members")
    return {name: place for name, (_, place) in members.items()}


def _crc(file: BinaryIO, size: int) -> int:
    crc = 0
    while size:
        data = file.read(min(size, _CHUNK))
        if not data:
            raise _refused("it ends within a member")
        crc, size = zlib.crc32(data, crc), size - len(data)
    return crc


def _local(name: str, place: Place) -> bytes:
    return _LOCAL.pack(_LOCAL_SIGNATURE, 10, 0, 0, 0, _DATE, place.crc, place.size, place.size, len(name), 0) + name.encode("ascii")


def _directory(members: Mapping[str, tuple[int, Place]], start: int) -> Iterator[bytes]:
    size = 0
    for name, (at, place) in members.items():
        entry = _CENTRAL.pack(
            0x02014B50, 0x0314, 10, 0, 0, 0, _DATE, place.crc, place.size, place.size, len(name), 0, 0, 0, 0, _FILE, at
        ) + name.encode("ascii")  # fmt: skip
        size += len(entry)
        yield entry
    count = len(members)
    if count >= 0xFFFF:
        yield _END64.pack(0x06064B50, 44, 0x032D, 45, 0, 0, count, count, size, start, 0x07064B50, 0, start + size, 1)
    yield _END.pack(0x06054B50, 0, 0, min(count, 0xFFFF), min(count, 0xFFFF), size, start, 0)


def _refused(why: str) -> VerificationError:
    return VerificationError(f"this is no evidence pack as changegate writes it: {why}", remedy=_REMEDY)
