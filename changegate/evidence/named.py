"""Which objects the entries name, and which lie in the store: matched bucket by bucket, so that memory doesn't grow with the log.

Sixteen bytes of each name are kept, in 256 buckets for each kind of object, by the first byte. What is more than a few megabytes goes to a temporary
file. A million records take about 100 MB there, and none of memory.
"""

import re
import tempfile
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Final, Self

from changegate.evidence import layout
from changegate.evidence.card import Card

KEPT: Final = 16
_SPILL_BYTES: Final = 8 * 1024 * 1024
_OBJECT: Final = re.compile(
    r"(?P<kind>envelope|facts|index)/(?P<ab>[0-9a-f]{2})/(?P<name>(?P=ab)[0-9a-f]{62})(?P<ending>|\.json|\.json\.gz)", re.ASCII
)
_ENDINGS: Final = {"envelope": ".json", "facts": ".json.gz", "index": ""}
PREFIXES: Final[Mapping[str, str]] = {"envelope": layout.ENVELOPES, "facts": layout.FACTS, "index": layout.INDEX}


class Named:
    """Names of objects, a little of each, one after the other."""

    def __init__(self) -> None:
        self.names = {kind: bytearray() for kind in PREFIXES}

    def add(self, card: Card) -> None:
        """What this entry names."""
        for kind, name in (("envelope", card.envelope), ("facts", card.facts), ("index", card.key)):
            if name is not None:
                self.names[kind] += bytes.fromhex(name[: 2 * KEPT])


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
            for at in range(0, len(names), KEPT):
                self._add(kind, bytes(names[at : at + KEPT]))

    def add_key(self, key: str) -> bool:
        """The name in a store's key, where it is one of these kinds and well-formed; else False."""
        match = _OBJECT.fullmatch(key)
        if not match or match["ending"] != _ENDINGS[match["kind"]]:
            return False
        self._add(match["kind"], bytes.fromhex(match["name"][: 2 * KEPT]))
        return True

    def bucket(self, kind: str, first: int) -> list[bytes]:
        """The names in one bucket, sorted."""
        data = bytes(self._buffers.get((kind, first), b""))
        if self._folder is not None and (spilled := self._path(kind, first)).exists():
            data += spilled.read_bytes()
        return sorted(data[at : at + KEPT] for at in range(0, len(data), KEPT))

    def _add(self, kind: str, name: bytes) -> None:
        self._buffers.setdefault((kind, name[0]), bytearray()).extend(name)
        self._held += KEPT
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


def unmatched(named: Buckets, listed: Buckets) -> Iterator[tuple[str, bytes]]:
    """What is listed and not named, by kind and name."""
    for kind in PREFIXES:
        for first in range(256):
            known = set(named.bucket(kind, first))
            yield from ((kind, name) for name in listed.bucket(kind, first) if name not in known)


def repeated(named: Buckets, kind: str) -> Iterator[bytes]:
    """What is named more than once."""
    for first in range(256):
        names = named.bucket(kind, first)
        yield from (one for one, other in pairwise(names) if one == other)
