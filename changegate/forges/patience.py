"""How long a forge is waited for: passing faults are tried again, within a number of attempts and a total time. Each forge says what a fault is."""

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple

from changegate.errors import ForgeError

_ATTEMPTS: Final = 5
ONE_ANSWER: Final = 30
"""Seconds without a byte, after which an answer isn't waited for any more."""


class Reply(NamedTuple):
    """An answer's status, its headers (names in lower case) and its parsed JSON, or None where it holds none."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Retry(NamedTuple):
    """A passing fault: what it was, and the seconds that the forge asks to wait (None: it doesn't say)."""

    why: str
    after: float | None = None
    heavy: bool = False
    """Whether the request itself may be the cause, by what it asks of the forge."""


class OverloadError(ForgeError):
    """The forge kept failing on this very request: a smaller one may pass."""


class Patience:
    """`timeout` bounds the seconds of all requests and waits together, counted by `now` from the first request."""

    def __init__(self, *, timeout: float, now: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self.timeout = timeout
        self._now = now
        self._sleep = sleep
        self._deadline: float | None = None
        self._told: tuple[datetime, float] | None = None
        """What the newest answer's `Date` said, and when, by `now`, it came."""

    def clock(self) -> datetime | None:
        """What the forge's clock shows now, as its newest answer's `Date` lets one reckon; None where no answer had one."""
        if self._told is None:
            return None
        date, came = self._told
        return date + timedelta(seconds=self._now() - came)

    @property
    def time_left(self) -> float:
        """Seconds."""
        if self._deadline is None:
            self._deadline = self._now() + self.timeout
        return self._deadline - self._now()

    def wait(self, seconds: float) -> bool:
        """Sleep, if that leaves time for another request; else say False."""
        if seconds >= self.time_left:
            return False
        self._sleep(seconds)
        return True

    def ask(
        self, exchange: Callable[[], Reply | Retry], judge: Callable[[Reply], Retry | ForgeError | None], *, forge: str, status_page: str
    ) -> Reply:
        """The first answer that `judge` takes (None). Raises the `ForgeError` that it makes of one, or one of our own when patience ends."""
        fault = Retry("the time was up before the first request")
        for attempt in range(_ATTEMPTS):
            if self.time_left <= 0:
                break
            reply = exchange()
            if isinstance(reply, Reply):
                verdict = judge(reply)
                if isinstance(verdict, ForgeError):
                    raise verdict
                if verdict is None:
                    self._told = _told(reply.headers, self._now()) or self._told
                    return reply
                fault = verdict
            else:
                fault = reply
            if attempt == _ATTEMPTS - 1 or not self.wait(_pause(attempt) if fault.after is None else fault.after):
                break
        asked = f", and asks to wait {fault.after:.0f} s" if fault.after else ""
        raise (OverloadError if fault.heavy else ForgeError)(
            f"{forge} gave no usable answer within {_ATTEMPTS} attempts or {self.timeout:.0f} s: {fault.why}{asked}",
            remedy=f"Run the job again later; look at {status_page}. A token with a higher rate limit, or --timeout, gives more room.",
        )


def read_seconds(value: str | None) -> float | None:
    """A header's whole seconds; None where it isn't there, or holds something else."""
    return float(value) if value is not None and value.isascii() and value.isdigit() and len(value) < 16 else None


def _told(headers: Mapping[str, str], came: float) -> tuple[datetime, float] | None:
    """RFC 9110, section 6.6.1. An answer out of a cache (section 5.1 of RFC 9111: it has an `Age`) says when it was made, not what time it is."""
    if headers.get("age", "0").strip() != "0":
        return None
    try:
        date = parsedate_to_datetime(headers.get("date", ""))
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC), came
    except (ValueError, OverflowError):
        return None


def _pause(attempt: int) -> float:
    """Seconds before the next attempt: 1, 2, 4…, up to a half more at random, so that many jobs don't return at once."""
    return 2.0**attempt * (1 + secrets.randbelow(500) / 1000)
