"""Which objects the entries name, and which lie in the store: matched bucket by bucket, so that memory doesn't grow with the log.

Each name is kept whole (who may write to the store can choose names that share any part), in 256 buckets for each kind of object, by the first byte.
What is more than a few megabytes goes to a temporary file. A million records take about 250 MB there, and none of memory.

What was signed is kept in the same way, by its digest and the entry's index: so one finds what was entered twice.
"""

import re
import tempfile
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Final, Self

from changegate.evidence import layout
from changegate.evidence.card import Card

STATEMENT: Final = "statement"
"""The kind of what was signed: each digest is followed by the entry's index, so that the first entry comes first."""
_NAME: Final = 32
_INDEX: Final = 8
_SPILL_BYTES: Final = 8 * 1024 * 1024
_OBJECT: Final = re.compile(
    r"(?P<kind>envelope|facts|index)/(?P<ab>[0-9a-f]{2})/(?P<name>(?P=ab)[0-9a-f]{62})(?P<ending>|\.json|\.json\.gz)", re.ASCII
)
_ENDINGS: Final = {"envelope": ".json", "facts": ".json.gz", "index": ""}
PREFIXES: Final[Mapping[str, str]] = {"envelope": layout.ENVELOPES, "facts": layout.FACTS, "index": layout.INDEX}


class Named:
    """Names of objects, a little of each, one after the other."""

    def __init__(self) -> None:
        self.names = {kind: bytearray() for kind in (*PREFIXES, STATEMENT)}

    def add(self, card: Card) -> None:
        """What this entry names."""
        for kind, name in (("envelope", card.envelope), ("facts", card.facts), ("index", card.key)):
            if name is not None:
                self.names[kind] += bytes.fromhex(name)

    def add_statement(self, index: int, digest: str) -> None:
        """What entry `index` stands for, by its SHA-256."""
        self.names[STATEMENT] += bytes.fromhex(digest) + index.to_bytes(_INDEX, "big")


class Buckets:
    """Many names, by kind and first byte, on disk where they are many. To be used in a `with`."""

    def __init__(self) -> None:
        self._buffers: dict[tuple[str, int], bytearray] = {}
        self._held = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def add_named(self, named: Named) -> None:
        """All of these."""
        for kind, names in named.names.items():
            width = _width(kind)
            for at in range(0, len(names), width):
                self._add(kind, bytes(names[at : at + width]))

    def add_key(self, key: str) -> bool:
        """The name in a store's key, where it is one of these kinds and well-formed; else False."""
        match = _OBJECT.fullmatch(key)
        if not match or match["ending"] != _ENDINGS[match["kind"]]:
            return False
        self._add(match["kind"], bytes.fromhex(match["name"]))
        return True

    def bucket(self, kind: str, first: int) -> list[bytes]:
        """The names in one bucket, sorted."""
        data = bytes(self._buffers.get((kind, first), b""))
        if self._folder is not None and (spilled := self._path(kind, first)).exists():
            data += spilled.read_bytes()
        width = _width(kind)
        return sorted(data[at : at + width] for at in range(0, len(data), width))

    def _add(self, kind: str, name: bytes) -> None:
        self._buffers.setdefault((kind, name[0]), bytearray()).extend(name)
        self._held += len(name)
        if self._held > _SPILL_BYTES:
            self._spill()

    def _spill(self) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="changegate-verify-")
        for (kind, first), names in self._buffers.items():
            with self._path(kind, first).open("ab") as file:
                file.write(names)
        self._buffers, self._held = {}, 0

    def _path(self, kind: str, first: int) -> Path:
        return Path(self._folder.name if self._folder else "", f"{kind}-{first:02x}")


def key_of(kind: str, name: bytes) -> str:
    """The store's key of an object."""
    return f"{PREFIXES[kind]}{name[:1].hex()}/{name.hex()}{_ENDINGS[kind]}"


def unmatched(named: Buckets, listed: Buckets) -> Iterator[tuple[str, bytes]]:
    """What is listed and not named, by kind and name."""
    for kind in PREFIXES:
        for first in range(256):
            known = set(named.bucket(kind, first))
            yield from ((kind, name) for name in listed.bucket(kind, first) if name not in known)


def repeated(named: Buckets) -> Iterator[tuple[int, int]]:
    """The entries that stand for the same as the entry before them that does: (the earlier one's index, the later one's)."""
    for first in range(256):
        for one, other in pairwise(named.bucket(STATEMENT, first)):
            if one[:_NAME] == other[:_NAME]:
                yield int.from_bytes(one[_NAME:], "big"), int.from_bytes(other[_NAME:], "big")


def _width(kind: str) -> int:
    return _NAME + _INDEX if kind == STATEMENT else _NAME
