"""The period that an auditor asks about: `--from` and `--to`."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeVar

import click

from changegate.errors import InputError
from changegate.render.text import visible

F = TypeVar("F", bound=Callable[..., Any])


class Period(NamedTuple):
    """A time with its begin and without its end, in UTC."""

    begin: datetime
    end: datetime


_HELP: Final = {
    "--from": "The first day (2026-01-01) or moment (2026-01-01T00:00:00Z), UTC.",
    "--to": "The last day, or the moment before which the period ends.",
}


def option(name: str, to: str, *, required: bool = False) -> Callable[[F], F]:
    """`--from` or `--to`."""
    return click.option(name, to, required=required, metavar="DATE", help=_HELP[name])


def begin_option(function: F) -> F:
    """`--from`, which must be given."""
    return option("--from", "begin", required=True)(function)


def end_option(function: F) -> F:
    """`--to`, which must be given."""
    return option("--to", "end", required=True)(function)


def parse(begin: str, end: str, *, now: datetime) -> Period:
    """The period. Raises `InputError` for one that is reversed, empty, or hasn't begun."""
    period = Period(_moment("--from", begin, last=False), _moment("--to", end, last=True))
    if period.begin >= period.end:
        raise InputError(
            f"the period ends before it begins: {visible(begin, 60)} to {visible(end, 60)}", remedy="Give its first day and its last, in this order."
        )
    if period.begin > now:
        raise InputError(f"the period begins in the future: {period.begin.isoformat()}", remedy="Give a period that has begun. Times are UTC.")
    return period


def parse_past(option: str, text: str, *, now: datetime) -> datetime:
    """A moment that has passed; a day counts to its end, today to now. Raises `InputError`."""
    if _moment(option, text, last=False) > now:
        raise InputError(f"{option} {visible(text, 60)} is in the future", remedy="Give a time that has passed. Times are UTC.")
    return min(_moment(option, text, last=True), now)


def _moment(option: str, text: str, *, last: bool) -> datetime:
    """A day, or a moment with its offset. The last day's end is that of the day. Raises `InputError`."""
    try:
        if len(text) == len("2026-01-01"):
            day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
            return day.replace(hour=0) if not last else datetime.fromtimestamp(day.timestamp() + 86400, UTC)
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError(text)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{option} {visible(text, 60)!r} is no date", remedy="For example 2026-01-31, or 2026-01-31T12:00:00Z.") from error
