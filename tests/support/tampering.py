"""Tampering, as whoever administers a store can do it: a table of object kinds and manipulations, for any store.

A store joins by one entry in `support.raw_stores.RAW_STORES`. The honest log here has everything that a log can have: a full tile and partial ones, a
commit of many entries and commits of one, a waiting record, a hint.
"""

import dataclasses
import gzip
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Final, NamedTuple, Protocol

from changegate.evidence import checkpoint, layout
from changegate.evidence.beginning import begin
from changegate.evidence.card import format_card
from changegate.evidence.log import Log
from changegate.evidence.log_object import format_log_object
from changegate.signing.keys import PrivateKey
from changegate.stores import Store
from support.evidence import KEY, ORIGIN, MemoryStore, believe, environment, key_of
from support.records import RECORD_KEY, signed_record

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
    taken = grow(tuple(range(ENTRIES)))
    memory = MemoryStore(dict(taken[-1]))
    _wait(memory, WAITING)
    memory.objects[layout.HINT] = b"4"
    return ({}, *taken, memory.objects)


def grow(numbers: tuple[int, ...], *, log_key: PrivateKey = KEY, record_key: PrivateKey = RECORD_KEY) -> tuple[dict[str, bytes], ...]:
    """A log of these records after its first commit, of 256, and after each of the others."""
    memory, taken = MemoryStore(), list[dict[str, bytes]]()
    begin(memory, format_log_object(ORIGIN, environment().clock()))
    for number in numbers[:255]:
        _wait(memory, number, record_key)
    for number in numbers[255:]:
        card, envelope, facts = signed_record(number, record_key)
        Log(memory, log_key, ORIGIN, environment(), vouch=believe).append(card, envelope=envelope, facts=facts)
        taken.append(dict(memory.objects))
    return tuple(taken)


def _wait(memory: MemoryStore, number: int, signer: PrivateKey = RECORD_KEY) -> None:
    card, envelope, facts = signed_record(number, signer)
    memory.objects[layout.envelope_key(card.envelope)] = envelope
    memory.objects[layout.facts_key(card.facts or "")] = gzip.compress(facts, mtime=0)
    memory.objects[layout.pending_key(card.key)] = format_card(card)


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
    return checkpoint.sign(checkpoint.Checkpoint(honest.origin, honest.size, bytes(32)), KEY)


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
SOME: Final = [(list(LAYOUT)[2 * number], manipulation) for number, manipulation in enumerate(MANIPULATIONS)]
"""Every manipulation once, of as many kinds: for stores that differ only in how bytes get there, as other bytes are other bytes."""


class Scheme(NamedTuple):
    """Tampering with a whole log, as it is afterwards."""

    log: Callable[[], Mapping[str, bytes]]
    alone: str
    """What verification says without an earlier checkpoint; empty where it can see nothing."""
    since: str
    """What it says with the honest log's checkpoint."""


def twice() -> dict[str, bytes]:
    """An old record under another idempotency key, by one whose writer vouches for anything."""
    memory = MemoryStore(dict(snapshots()[-2]))
    card, envelope, facts = signed_record(10)
    again = dataclasses.replace(card, key="cd" * 32)
    Log(memory, KEY, ORIGIN, environment(), vouch=believe).append(again, envelope=envelope, facts=facts)
    return memory.objects


_NUMBERS: Final = tuple(range(ENTRIES))
_OTHER: Final = key_of(9)
_CONTINUES: Final = "the log doesn't continue the earlier checkpoint"
SCHEMES: Final[Mapping[str, Scheme]] = {
    "its end cut off": Scheme(lambda: snapshots()[-4], "", _CONTINUES),
    "its end cut off, the checkpoint kept": Scheme(
        lambda: {**snapshots()[-4], layout.CHECKPOINT: honest_log()[layout.CHECKPOINT]}, "the checkpoint is newer than the commits", _CONTINUES
    ),
    "its end written anew": Scheme(lambda: grow((*_NUMBERS[:-1], 700))[-1], "", _CONTINUES),
    "a record exchanged, all signed anew": Scheme(lambda: grow((*_NUMBERS[:9], 700, *_NUMBERS[10:]))[-1], "", _CONTINUES),
    "a record left out, all signed anew": Scheme(lambda: grow((*_NUMBERS[:9], *_NUMBERS[10:], 700))[-1], "", _CONTINUES),
    "records in another order, all signed anew": Scheme(lambda: grow((*_NUMBERS[:-2], ENTRIES - 1, ENTRIES - 2))[-1], "", _CONTINUES),
    "another log key": Scheme(lambda: grow(_NUMBERS, log_key=_OTHER)[-1], "a commit's checkpoint can't be trusted", _CONTINUES),
    "another record key": Scheme(lambda: grow(_NUMBERS, record_key=_OTHER)[-1], "a record can't be trusted", _CONTINUES),
    "a record entered twice": Scheme(twice, "a record is entered twice", "a record is entered twice"),
    "everything deleted but log.json": Scheme(lambda: {layout.LOG: honest_log()[layout.LOG]}, "", _CONTINUES),
}
"""By those who hold the log's key, or the store's."""


def difference(log: Mapping[str, bytes]) -> Change:
    """What makes the honest log this one."""
    honest = honest_log()
    return {key: log.get(key) for key in {**honest, **log} if log.get(key) != honest.get(key)}


SOME_SCHEMES: Final = ("its end cut off", "its end written anew", "another log key")
"""As `SOME`."""
