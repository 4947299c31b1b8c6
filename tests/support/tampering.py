"""Tampering, as whoever administers a store can do it: a table of object kinds and manipulations, for any store.

A store joins by one entry in `support.raw_stores.RAW_STORES`. The honest log here has everything that a log can have: a full tile and partial ones, a
commit of many entries and commits of one, a waiting record, a hint.
"""

import gzip
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Final, NamedTuple, Protocol

from changegate.evidence import checkpoint, layout
from changegate.evidence.card import format_card
from changegate.stores import Store
from support.evidence import MemoryStore, key_of, log_in
from support.records import append_signed, signed_record

ENTRIES: Final = 262
WAITING: Final = 900
"""The number of the record that waits for its commit."""


class RawStore(Protocol):
    """A store's objects, past the store's own rules. It begins empty."""

    def open(self) -> Store:
        """The store as a verifier opens it, anew each time."""

    def write(self, objects: Mapping[str, bytes | None]) -> None:
        """Put these bytes there, whatever was there; None deletes."""


class Kind(NamedTuple):
    """One object of the honest log, and what its manipulations need."""

    key: str
    partner: str
    """What it is swapped with."""
    copy: str
    """Where a second copy of it goes."""
    replacement: bytes
    """A well-formed object of its kind that isn't the one which belongs there."""


def honest_log() -> dict[str, bytes]:
    """Every object of the honest log, by key."""
    return dict(snapshots()[-1])


@cache
def snapshots() -> tuple[dict[str, bytes], ...]:
    """The log as it grew: empty, after its first commit of 256 entries, after each of the others, and with what waits."""
    memory = MemoryStore()
    taken: list[dict[str, bytes]] = [{}]
    for number in range(255):
        card, envelope, facts = signed_record(number)
        _put(memory, card.envelope, envelope, card.facts or "", facts)
        memory.objects[layout.pending_key(card.key)] = format_card(card)
    for number in range(255, ENTRIES):
        append_signed(log_in(memory), number)
        taken.append(dict(memory.objects))
    card, envelope, facts = signed_record(WAITING)
    _put(memory, card.envelope, envelope, card.facts or "", facts)
    memory.objects[layout.pending_key(card.key)] = format_card(card)
    memory.objects[layout.HINT] = b"4"
    return (*taken, dict(memory.objects))


def _put(memory: MemoryStore, digest: str, envelope: bytes, facts_digest: str, facts: bytes) -> None:
    memory.objects[layout.envelope_key(digest)] = envelope
    memory.objects[layout.facts_key(facts_digest)] = gzip.compress(facts, mtime=0)


@cache
def kinds() -> Mapping[str, Kind]:
    """One object of each kind; where position matters, several."""
    log = honest_log()
    card, last, waiting = (signed_record(number)[0] for number in (10, ENTRIES - 1, WAITING))
    other = "ab" * 32
    commits = {number: layout.commit_key(number) for number in (1, 2, 3, 6, 7, 8)}
    facts, last_facts = layout.facts_key(card.facts or ""), layout.facts_key(last.facts or "")

    def kind(key: str, partner: str, copy: str, replacement: bytes | None = None) -> Kind:
        return Kind(key, partner, copy, log[partner] if replacement is None else replacement)

    return {
        "log": kind(layout.LOG, layout.CHECKPOINT, "log.2.json", log[layout.LOG].replace(b"evidence", b"evidencf")),
        "checkpoint": kind(layout.CHECKPOINT, layout.LOG, "checkpoint.2", forked_checkpoint()),
        "hint": kind(layout.HINT, layout.CHECKPOINT, "hint.2", b"99"),
        "pending": kind(layout.pending_key(waiting.key), layout.index_key(card.key), layout.pending_key(other), format_card(card)),
        "first commit": kind(commits[1], commits[3], commits[8]),
        "middle commit": kind(commits[3], commits[2], commits[8]),
        "last commit": kind(commits[7], commits[6], commits[8]),
        "full tile": kind("tile/0/000", "tile/0/001.p/6", "tile/0/001", b"x" * 8192),
        "partial tile": kind("tile/0/001.p/6", "tile/1/000.p/1", "tile/0/001.p/7"),
        "upper tile": kind("tile/1/000.p/1", "tile/0/001.p/6", "tile/2/000.p/1", bytes(32)),
        "full bundle": kind("tile/entries/000", "tile/entries/001.p/6", "tile/entries/001"),
        "partial bundle": kind("tile/entries/001.p/6", "tile/0/000", "tile/entries/001.p/5"),
        "envelope": kind(layout.envelope_key(card.envelope), layout.envelope_key(last.envelope), layout.envelope_key(other)),
        "last envelope": kind(layout.envelope_key(last.envelope), layout.envelope_key(card.envelope), layout.envelope_key(other)),
        "facts": kind(facts, last_facts, layout.facts_key(other)),
        "index": kind(layout.index_key(card.key), layout.index_key(last.key), layout.index_key(other)),
        "last index": kind(layout.index_key(last.key), layout.index_key(card.key), layout.index_key(other)),
    }


LAYOUT: Final[Mapping[str, str]] = {
    "log": layout.LOG, "checkpoint": layout.CHECKPOINT, "hint": layout.HINT, "pending": layout.PENDING, "first commit": layout.COMMITS,
    "middle commit": layout.COMMITS, "last commit": layout.COMMITS, "full tile": layout.TILES, "partial tile": layout.TILES,
    "upper tile": layout.TILES, "full bundle": layout.TILES, "partial bundle": layout.TILES, "envelope": layout.ENVELOPES,
    "last envelope": layout.ENVELOPES, "facts": layout.FACTS, "index": layout.INDEX, "last index": layout.INDEX,
}  # fmt: skip
"""Which of `changegate.evidence.layout` each kind is of. Plain names, so that collecting the tests makes no log."""


def forked_checkpoint() -> bytes:
    """Signed by the log's own key, of another tree of the same size."""
    honest = checkpoint.parse(honest_log()[layout.CHECKPOINT])
    return checkpoint.sign(checkpoint.Checkpoint(honest.origin, honest.size, bytes(32)), key_of(1))


Change = Mapping[str, bytes | None]


def flip(kind: Kind, log: Mapping[str, bytes]) -> Change:
    """One bit in its middle."""
    data = bytearray(log[kind.key])
    data[len(data) // 2] ^= 1
    return {kind.key: bytes(data)}


def truncate(kind: Kind, log: Mapping[str, bytes]) -> Change:
    """Without its last byte."""
    return {kind.key: log[kind.key][:-1]}


def empty(kind: Kind, _log: Mapping[str, bytes]) -> Change:
    """Nothing in it."""
    return {kind.key: b""}


def lengthen(kind: Kind, log: Mapping[str, bytes]) -> Change:
    """A byte more."""
    return {kind.key: log[kind.key] + b"\n"}


def remove(kind: Kind, _log: Mapping[str, bytes]) -> Change:
    """Gone."""
    return {kind.key: None}


def duplicate(kind: Kind, log: Mapping[str, bytes]) -> Change:
    """A second copy, where the next one of its kind would be."""
    return {kind.copy: log[kind.key]}


def swap(kind: Kind, log: Mapping[str, bytes]) -> Change:
    """In each other's place."""
    return {kind.key: log[kind.partner], kind.partner: log[kind.key]}


def replace(kind: Kind, _log: Mapping[str, bytes]) -> Change:
    """Another, well-formed one instead."""
    return {kind.key: kind.replacement}


def roll_back(kind: Kind, log: Mapping[str, bytes]) -> Change:
    """As it was before it last changed: mostly, not there."""
    earlier = (each.get(kind.key) for each in reversed(snapshots()))
    return {kind.key: next(data for data in earlier if data != log[kind.key])}


MANIPULATIONS: Final[Mapping[str, Callable[[Kind, Mapping[str, bytes]], Change]]] = {
    each.__name__: each for each in (flip, truncate, empty, lengthen, remove, duplicate, swap, replace, roll_back)
}


class Expected(NamedTuple):
    """What verification says. By default: a problem that names the object."""

    problem: bool = True
    says: str = ""
    """Where the finding doesn't name the object itself: what it says."""
    silent: bool = False
    """Nothing is said, because nothing is lost; `why` tells."""
    why: str = ""


_GONE: Final = Expected(says="the checkpoint is newer than the commits", why="what it committed is then more than the log has")
_HINT: Final = Expected(problem=False, silent=True, why="any commit that there is will do as a hint; without one the search begins at the first")
_WAITING: Final = Expected(problem=False, why="nobody believes a waiting card before its signed record")
_UNNAMED: Final = Expected(problem=False, why="no entry names it, so nobody takes it for evidence; a stopped writer leaves such, too")

EXPECTED: Final[Mapping[tuple[str, str], Expected]] = {
    **{("pending", name): _WAITING for name in MANIPULATIONS},
    ("pending", "remove"): Expected(problem=False, says="an object belongs to no entry", why="its record lies there still, and names it"),
    ("pending", "roll_back"): Expected(problem=False, says="an object belongs to no entry", why="its record lies there still, and names it"),
    ("pending", "swap"): Expected(why="an index is no card, nor a card an index"),
    ("checkpoint", "remove"): Expected(problem=False, why="the newest commit has its own; the next append publishes it again"),
    ("checkpoint", "roll_back"): Expected(problem=False, why="a slow writer may do that; the newest commit has the newer one"),
    ("last commit", "remove"): _GONE,
    ("last commit", "roll_back"): _GONE,
    ("hint", "flip"): _HINT,
    ("hint", "remove"): _HINT,
    ("hint", "roll_back"): _HINT,
    ("envelope", "duplicate"): _UNNAMED,
    ("last envelope", "duplicate"): _UNNAMED,
    ("facts", "duplicate"): _UNNAMED,
    ("partial bundle", "duplicate"): Expected(why="it has one entry more than its name says"),
}


@contextmanager
def tampered(raw: RawStore, changes: Change) -> Iterator[Store]:
    """The store with these changes, and as it was afterwards."""
    honest = honest_log()
    raw.write(changes)
    try:
        yield raw.open()
    finally:
        raw.write({key: honest.get(key) for key in changes})


ROWS: Final = [(kind, manipulation) for kind in LAYOUT for manipulation in MANIPULATIONS]
"""Every kind and every manipulation."""
