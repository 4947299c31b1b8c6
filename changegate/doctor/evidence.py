"""The evidence store and the signing key, as the command line found them. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from changegate.doctor.check import Check, State, good
from changegate.facts import Known, Maybe, Missing, Unavailable

_SOON: Final = timedelta(days=30)
_AHEAD: Final = timedelta(minutes=5)
_ROTATE: Final = "changegate keys rotate --trust changegate-trust.yml, then replace the secret CHANGEGATE_SIGNING_KEY of the environment."


@dataclass(frozen=True)
class StoreState:
    """An evidence store. `log`: its name, `Missing` where none has begun. `whole`: whether its head is what the trusted keys signed."""

    url: str
    is_directory: bool
    log: Known[Maybe[str]]
    whole: Known[bool]
    newest: datetime | None = None
    """When the newest record was made."""


@dataclass(frozen=True)
class KeyState:
    """A signing key. `window`: until when its trust file lets it sign; None: without end. `Missing`: the trust file doesn't name it."""

    key_id: str
    window: Maybe[tuple[datetime | None, datetime | None]]


def judge_store(found: Maybe[StoreState], at: datetime) -> Iterator[Check]:
    """Reachable, whole, and not from the future."""
    why = "a store that can't be read takes no record, and what isn't recorded isn't deployed"
    if isinstance(found, Missing):
        remedy = "Name it with --store (and --trust), as the pipeline has it, to have its head checked."
        yield Check("store-readable", "evidence", State.UNKNOWN, "no --store was given", why, remedy, important=False)
        return
    if isinstance(found, Unavailable):
        yield Check("store-readable", "evidence", State.BAD, found.why, why, found.remedy)
        return
    if isinstance(found.log, Unavailable):
        yield Check("store-readable", "evidence", State.BAD, f"{found.url}: {found.log.why}", why, found.log.remedy)
        return
    begun = f"holds the log {found.log}" if isinstance(found.log, str) else "is empty: the log begins with the first gate"
    yield good("store-readable", "evidence", f"{found.url} {begun}", why)
    if found.is_directory:
        remedy = "Name a store that outlives the job and that others can't rewrite: git:REPOSITORY#changegate-evidence."
        why_directory = "a directory is as immutable as its owner wants it to be, and a runner's is gone after the job"
        yield Check("store-kind", "evidence", State.WEAK, "a directory", why_directory, remedy)
    if isinstance(found.log, str):
        yield from _judge_log(found, at)


def _judge_log(found: StoreState, at: datetime) -> Iterator[Check]:
    why = "the head is what every receipt is compared with"
    if isinstance(found.whole, Unavailable):
        yield Check("store-whole", "evidence", State.UNKNOWN, found.whole.why, why, found.whole.remedy)
    elif found.whole:
        yield good("store-whole", "evidence", "its head is signed by a trusted key", why)
    else:
        remedy = "changegate verify STORE --trust FILE says what is wrong. Keep the store as it is."
        yield Check("store-whole", "evidence", State.BAD, "its head is not what the trusted keys signed", why, remedy)
    if found.newest is None:
        return
    why = "records are in order of time; a clock that runs ahead makes later records look old"
    if found.newest > at + _AHEAD:
        remedy = "Set the clock of this machine, or of the runner that signed it, by NTP."
        yield Check("store-clock", "evidence", State.BAD, f"its newest record is of {found.newest:%Y-%m-%d %H:%M} UTC, which is to come", why, remedy)
    else:
        yield good("store-clock", "evidence", f"its newest record is of {found.newest:%Y-%m-%d %H:%M} UTC", why)


def judge_key(found: Maybe[KeyState], at: datetime) -> Iterator[Check]:
    """Readable, named by the trust file, and in its time."""
    why = "without a key nothing is recorded, and nothing deployed"
    if isinstance(found, Missing):
        remedy = "It is a secret of the pipeline: run `changegate doctor` there, or give --signing-key, to have it checked."
        yield Check("key-readable", "key", State.UNKNOWN, "no signing key was given", why, remedy, important=False)
        return
    if isinstance(found, Unavailable):
        yield Check("key-readable", "key", State.BAD, found.why, why, found.remedy)
        return
    yield good("key-readable", "key", f"key {found.key_id[:16]}", why)
    yield _judge_window(found, at)


def _judge_window(found: KeyState, at: datetime) -> Check:
    why = "what another key signs, or this one outside its time, no auditor's copy of the trust file verifies"
    if isinstance(found.window, Unavailable):
        return Check("key-trusted", "key", State.UNKNOWN, found.window.why, why, found.window.remedy, important=False)
    if isinstance(found.window, Missing):
        remedy = "Give the pipeline the key that the trust file names, or a new one: " + _ROTATE
        return Check("key-trusted", "key", State.BAD, f"the trust file doesn't name key {found.key_id[:16]}", why, remedy)
    begin, end = found.window
    if begin is not None and at < begin:
        return Check("key-trusted", "key", State.BAD, f"it may sign from {begin:%Y-%m-%d %H:%M} UTC on", why, "Use the earlier key until then.")
    if end is not None and at >= end:
        return Check("key-trusted", "key", State.BAD, f"its time ended {end:%Y-%m-%d %H:%M} UTC", why, _ROTATE)
    if end is not None and end - at <= _SOON:
        return Check("key-trusted", "key", State.WEAK, f"its time ends {end:%Y-%m-%d %H:%M} UTC", why, _ROTATE)
    return good("key-trusted", "key", "the trust file names it, and it is in its time", why)
