"""Whether a store does what the log rests on, tried with throw-away keys below `probe/`. Works on every store.

Servers exist that ignore the condition of a conditional write, all of them or in versioned buckets only: there, two writers would both win a commit,
and the log would fork in silence. Nothing but a try tells.
"""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from changegate.errors import StoreError
from changegate.stores import Batch, Condition, Store

PREFIX: Final = "probe/"
WRITERS: Final = 8
_IGNORED: Final = (
    "This place can't keep a log: writers would overwrite each other. "
    "An S3 server that ignores If-None-Match (rclone serve s3, s3rver) can't be used. "
    "One that ignores it in versioned buckets only (Ceph RGW) can, with two: an unversioned bucket in the URL, and evidence=LOCKED-BUCKET."
)
_ILL: Final = "This place can't keep a log; use another, and report which it was."


def probe(open_again: Callable[[], Store]) -> tuple[Condition, ...]:
    """Each demand of the contract, and whether the store meets it. `open_again` makes a connection of its own each time.

    What it writes it removes, also where a try fails. Raises `StoreError` where the store can't be read or written at all.
    """
    name = f"{PREFIX}{secrets.token_hex(8)}"
    keys = {each: f"{name}/{each}" for each in ("once", "race", "many", "published", "removed")}
    store = open_again()
    try:
        return tuple(_try_all(store, open_again, name, keys))
    finally:
        with suppress(StoreError):  # what it was about is known by now; a later probe isn't disturbed by what is left
            cleaner = open_again()
            cleaner.apply(Batch(remove=tuple(keys.values())))
            cleaner.flush()


def _try_all(store: Store, open_again: Callable[[], Store], name: str, keys: dict[str, str]) -> Iterator[Condition]:
    first, second = store.create(keys["once"], b"one"), store.create(keys["once"], b"two")
    kept = open_again().read(keys["once"])
    found = "made, then refused" if (first, second, kept) == (True, False, b"one") else f"made {first + second} times, holds {kept!r}"
    yield Condition("what exists isn't made again", holds=(first, second, kept) == (True, False, b"one"), found=found, remedy=_IGNORED)

    one, other = open_again(), open_again()
    other.read(keys["race"])  # it has seen that the key isn't there
    won = (one.create(keys["race"], b"one"), other.create(keys["race"], b"other"))
    yield Condition("of two connections, the first wins", holds=won == (True, False), found=f"{sum(won)} won", remedy=_IGNORED)

    winners = _race(open_again, keys["many"])
    held = open_again().read(keys["many"])
    alone = len(winners) == 1 and held == winners[0]
    yield Condition(f"of {WRITERS} at once, one wins", holds=alone, found=f"{len(winners)} won", remedy=_IGNORED)

    store.apply(Batch(create={keys["removed"]: b"x"}))
    try:
        store.apply(Batch(publish={keys["published"]: b"old"}))
        store.apply(Batch(publish={keys["published"]: b"new"}))
        store.flush()
        replaced = open_again().read(keys["published"]) == b"new"
        yield Condition("what is published is replaced", holds=replaced, found="replaced" if replaced else "not replaced", remedy=_ILL)
    except StoreError:  # PostgreSQL's tables let nothing be replaced but the log's own two objects
        del keys["published"]
        yield Condition("what is published is replaced", holds=True, found="the log's own checkpoint and hint alone, which aren't tried")

    listed = set(open_again().list(f"{name}/"))
    missing = set(keys.values()) - listed
    yield Condition("listing shows what was written", holds=not missing, found=f"{len(listed)} of {len(keys)} keys", remedy=_ILL)

    store.apply(Batch(remove=(keys["removed"],)))
    store.flush()
    gone = open_again().read(keys["removed"]) is None
    yield Condition("what is removed is gone", holds=gone, found="gone" if gone else "still there", remedy=_ILL)


def _race(open_again: Callable[[], Store], key: str) -> list[bytes]:
    """What those wrote that were told they made the key."""
    stores = [open_again() for _ in range(WRITERS)]
    for each in stores:
        each.read(key)

    def attempt(number: int) -> bool:
        return stores[number].create(key, b"writer %d" % number)

    with ThreadPoolExecutor(WRITERS) as pool:
        return [b"writer %d" % number for number, won in enumerate(pool.map(attempt, range(WRITERS))) if won]
