"""C2SP tlog-tiles: where a tree's hashes and entries lie, and how they are written (https://c2sp.org/tlog-tiles).

Pure. A tile is a row of up to 256 hashes, one level in eight of the tree; an entry bundle holds the entries under a tile of level 0.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from changegate.errors import FormatError
from changegate.evidence import merkle

WIDTH: Final = 256
HEIGHT: Final = 8
MAX_LEVEL: Final = 7  # 256**8 leaves are more than a signed 64-bit size can count
MAX_ENTRY_BYTES: Final = 0xFFFF

_PATH: Final = re.compile(r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?")
_DAMAGED: Final = "The log's tiles are damaged: `changegate verify` names what, and an append rebuilds what is missing."


@dataclass(frozen=True, order=True)
class Tile:
    """The row of `width` hashes at a tile level; an entry bundle where `bundle` is set (its level is 0)."""

    level: int
    index: int
    width: int = WIDTH
    bundle: bool = False

    @property
    def path(self) -> str:
        """Where it lies below the log's prefix ("Merkle Tree", "Log entries")."""
        suffix = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{'entries' if self.bundle else self.level}/{format_index(self.index)}{suffix}"

    @property
    def full(self) -> "Tile":
        """The same tile once it is full."""
        return Tile(self.level, self.index, WIDTH, self.bundle)


def format_index(number: int) -> str:
    """1234067 → `x001/x234/067`."""
    groups = [f"{number % 1000:03d}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03d}")
    return "/".join(reversed(groups))


def parse_index(text: str) -> int:
    """The number that `format_index` wrote. Raises `FormatError`."""
    if re.fullmatch(r"(?:x[0-9]{3}/)*[0-9]{3}", text, re.ASCII):
        number = int(text.replace("x", "").replace("/", "")[-18:])
        if format_index(number) == text:
            return number
    raise FormatError(f"tile: {text[:80]!r} is no tile index", remedy=_DAMAGED)


def parse_path(path: str) -> Tile:
    """The tile that lies there. Raises `FormatError`."""
    match = _PATH.fullmatch(path)
    if match:
        bundle = match["level"] == "entries"
        tile = Tile(0 if bundle else int(match["level"]), parse_index(match["index"]), int(match["width"] or WIDTH), bundle)
        if tile.path == path and tile.width <= WIDTH and tile.level < 64:
            return tile
    raise FormatError(f"tile: {path[:80]!r} is no tile's path", remedy=_DAMAGED)


def tile_at(level: int, index: int, size: int) -> Tile:
    """Tile `index` of a level as it is in a tree of `size` leaves: full, or as wide as the tree makes it. The width may be 0."""
    count = (size >> HEIGHT * level) - index * WIDTH
    return Tile(level, index, max(0, min(WIDTH, count)))


def tiles_between(old: int, new: int) -> Iterator[Tile]:
    """The tiles and bundles that a tree of `new` leaves has and that of `old` hasn't; with `old` = 0 all of them."""
    for level in range(MAX_LEVEL + 1):
        before, after = old >> HEIGHT * level, new >> HEIGHT * level
        if before == after:
            return
        for index in range(before // WIDTH, -(-after // WIDTH)):
            tile = tile_at(level, index, new)
            yield tile
            if level == 0:
                yield Tile(0, index, tile.width, bundle=True)


def edge(size: int) -> Iterator[Tile]:
    """The tile at the right of each level, level 0 first; its width may be 0. Together their hashes are the tree's frontier."""
    level = 0
    while size >> HEIGHT * level:
        yield tile_at(level, (size >> HEIGHT * level) // WIDTH, size)
        level += 1


def parse_tile(data: bytes, width: int) -> tuple[bytes, ...]:
    """The hashes of a tile of `width`. Raises `FormatError`."""
    if len(data) != width * merkle.HASH_BYTES:
        raise FormatError(f"tile: {len(data)} bytes where {width} hashes should be", remedy=_DAMAGED)
    return tuple(data[i : i + merkle.HASH_BYTES] for i in range(0, len(data), merkle.HASH_BYTES))


def format_tile(hashes: Sequence[bytes]) -> bytes:
    """A tile's bytes."""
    return b"".join(hashes)


def parse_bundle(data: bytes, width: int) -> tuple[bytes, ...]:
    """The entries of a bundle: each after its length, a big-endian uint16. Raises `FormatError`."""
    entries: list[bytes] = []
    at, size = 0, len(data)
    while at < size:
        begin = at + 2
        if begin > size:
            raise FormatError("entry bundle: ends within a length", remedy=_DAMAGED)
        at = begin + (data[at] << 8 | data[at + 1])
        if at > size:
            raise FormatError("entry bundle: ends within an entry", remedy=_DAMAGED)
        entries.append(data[begin:at])
    if len(entries) != width:
        raise FormatError(f"entry bundle: {len(entries)} entries where {width} should be", remedy=_DAMAGED)
    return tuple(entries)


def format_bundle(entries: Sequence[bytes]) -> bytes:
    """A bundle's bytes. Raises `FormatError` for an entry past 65,535 bytes."""
    if any(len(each) > MAX_ENTRY_BYTES for each in entries):
        raise FormatError(f"entry bundle: an entry is longer than {MAX_ENTRY_BYTES} bytes", remedy="Shorten the names in this record.")
    return b"".join(len(each).to_bytes(2, "big") + each for each in entries)


def hash_reader(size: int, read_tile: Callable[[Tile], Sequence[bytes]]) -> merkle.HashReader:
    """Read a tree of `size` leaves through its tiles. `read_tile` gives the hashes of a tile that `tile_at` names, at least that many."""

    def read(level: int, index: int) -> bytes:
        row, height = divmod(level, HEIGHT)
        first = index << height
        hashes = read_tile(tile_at(row, first // WIDTH, size))
        return merkle.perfect_root(hashes[first % WIDTH : first % WIDTH + (1 << height)])

    return read
