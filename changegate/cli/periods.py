"""Days and moments, as the auditor's commands take them."""

from datetime import UTC, datetime

from changegate.errors import InputError
from changegate.render.text import visible


def moment(option: str, text: str, *, last: bool) -> datetime:
    """A day, or a moment with its offset. The last day's end is that of the day. Raises `InputError`."""
    try:
        if len(text) == len("2026-01-01"):
            day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
            return day.replace(hour=0) if not last else datetime.fromtimestamp(day.timestamp() + 86400, UTC)
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ValueError(text)
        return found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{option} {visible(text, 60)!r} is no date", remedy="For example 2026-01-31, or 2026-01-31T12:00:00Z.") from error
