"""Reading a tracker's answers: every value is of the kind that is asked for, or it can't be read, and the finding says which. Pure."""

from datetime import UTC, datetime
from typing import Any, Final

from changegate.facts import Known, Lookup, Unavailable
from changegate.trackers.http import TrackerError

MAX_TEXT: Final = 16 * 1024
_LINE: Final = 300


def unreadable(what: str) -> TrackerError:
    """The answer hasn't the shape that the vendor documents, or the account may not see a part of it."""
    return TrackerError(f"{what} can't be read", Lookup.UNREADABLE, remedy="")


def part(value: Any, *path: str) -> Any:
    """What lies at this path of objects; None where the way ends."""
    for step in path:
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def text(value: Any, *path: str) -> str:
    """A text, on one line; empty where there is none."""
    found = part(value, *path)
    return " ".join(found.split())[:_LINE] if isinstance(found, str) else ""


def body(value: Any, *path: str) -> str:
    """A text of several lines; empty where there is none."""
    found = part(value, *path)
    return found[:MAX_TEXT] if isinstance(found, str) else ""


def plan(value: Any, field: str, *path: str, always_there: bool) -> Known[str]:
    """The rollback plan in a field of this ticket, empty where there is none.

    `always_there` says that the tracker gives the field of every ticket: one that is left out is one that the account may not read. Elsewhere some
    types of tickets don't have it.
    """
    if not field:
        return ""
    if always_there and part(value, field) is None:
        return Unavailable(why=f"its field {field} isn't in the answer: there is none, or the account may not read it")
    found = part(value, field, *path)
    if found is not None and not isinstance(found, str):
        return Unavailable(why=f"its field {field} holds no text")
    return body(value, field, *path)


def address(value: Any, *path: str) -> str:
    """A web address that a report may link to; empty where it is none."""
    found = text(value, *path)
    return found if found.startswith("https://") else ""


def needed(value: Any, *path: str) -> str:
    """A text that must be there. Raises `TrackerError`."""
    found = text(value, *path)
    if not found:
        raise unreadable(f"its field {'.'.join(path)}")
    return found


def moment(value: Any, *path: str) -> datetime:
    """A time, by ISO 8601 with a zone. Raises `TrackerError`."""
    return at(needed(value, *path), f"its field {'.'.join(path)}")


def at(written: str, what: str, *, zone: Any = None) -> datetime:
    """A time as it is written; `zone` is whose it is where it names none. Raises `TrackerError`."""
    try:
        found = datetime.fromisoformat(written)
        found = found if found.tzinfo or zone is None else found.replace(tzinfo=zone)
        if found.tzinfo is None:
            raise ValueError("no time zone")
        return found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise unreadable(f"{what}, {written[:40]!r},") from error
