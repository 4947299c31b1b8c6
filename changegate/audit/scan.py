"""One look at every entry of a log, cheap enough for a million: which are of a period, and which say how its deploys ended.

All entries are read under the signed root, and none is left out for its place or its commit's time. Only those that are dated in the period are
parsed, and those that speak of one of them: the time stands last in a card's canonical form, and what it is about first.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from changegate.evidence import statement, tiles
from changegate.evidence.card import Card, format_time, parse_card
from changegate.evidence.reader import LogReader
from changegate.evidence.signed_record import MAX_AGE

MARGIN: Final = MAX_AGE + timedelta(hours=1)
"""Where an entry is dated so long before another, that one was appended later: a record waits for its commit no longer than `MAX_AGE` and is dated
minutes ahead of it at most, and the times of commits never decrease."""

_TIME: Final = re.compile(rb',"time":"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]{1,6})?Z"\}\Z')
_ABOUT: Final = b'{"about":"'
_REVOCATION: Final = statement.KEY_REVOCATION.encode("ascii")
_DIGITS: Final = 64
_SECONDS: Final = 19


@dataclass
class Scan:
    """What one look found, each with its index, in the log's order."""

    dated: list[tuple[int, Card]] = field(default_factory=list)
    """Every entry of the period, whatever it is and wherever it was deployed."""
    about: list[tuple[int, Card]] = field(default_factory=list)
    """Entries about one of the period, of whatever time: how a deploy ended."""
    revocations: list[tuple[int, bytes]] = field(default_factory=list)
    """Entries of the whole log that may revoke a key: for `changegate.evidence.revocations.collect`."""
    before: int | None = None
    """An entry dated so long before the period that none of the period stands before it; None where there is none."""
    after: int | None = None
    """As `before`: one behind which none of the period stands."""


def scan(reader: LogReader, begin: datetime, end: datetime) -> Scan:
    """Look at all of the log's entries. Raises as `LogReader.cards` does, for an entry of the period or one that doesn't end as a card does."""
    found, known = Scan(), set[bytes]()
    low = format_time(begin)[:_SECONDS].encode("ascii")
    high = format_time(end + timedelta(seconds=1))[:_SECONDS].encode("ascii")
    long_before, long_after = (format_time(each)[:_SECONDS].encode("ascii") for each in (_earlier(begin), _later(end)))
    for bundle in range(-(-reader.size // tiles.WIDTH)):
        entries = reader.entries(bundle)
        may_revoke = _REVOCATION in b"".join(entries)  # one search for all of them
        for index, entry in enumerate(entries, bundle * tiles.WIDTH):
            time = _TIME.search(entry, len(entry) - 40)
            if time is None or low <= time[1] <= high:
                card = parse_card(entry)
                if begin <= card.at < end:
                    found.dated.append((index, card))
                    found.after = None
                    known.add(card.envelope.encode("ascii"))
            elif time[1] < long_before and not found.dated:
                found.before = index
            elif time[1] > long_after and found.after is None:
                found.after = index
            if known and entry.startswith(_ABOUT) and entry[len(_ABOUT) : len(_ABOUT) + _DIGITS] in known:
                found.about.append((index, parse_card(entry)))
            if may_revoke and _REVOCATION in entry:
                found.revocations.append((index, entry))
    return found


def _earlier(at: datetime) -> datetime:
    return at - MARGIN if at - datetime.min.replace(tzinfo=UTC) > MARGIN else at


def _later(at: datetime) -> datetime:
    return at + MARGIN if datetime.max.replace(tzinfo=UTC) - at > MARGIN else at
