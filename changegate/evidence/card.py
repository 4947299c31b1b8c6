"""The index card: what the log's Merkle tree holds of a record. Pure.

An entry of a tlog-tiles log is at most 65,535 bytes and a record may be larger, so the leaf is a small canonical JSON object that names the
record's envelope by its digest and repeats what one searches by. The envelope and the facts lie beside it, named by their digests.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from changegate.errors import FormatError
from changegate.evidence.tiles import MAX_ENTRY_BYTES

KEY: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
"""What an idempotency key looks like, as every digest does."""
_TIME: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,6}))?Z", re.ASCII)
_TEXT: Final = r'[^"\\\x00-\x1f]*'
# The canonical form where no text needs an escape, as nearly always: to match it is to have checked it, without writing it anew.
_PLAIN: Final = re.compile(
    rf'\{{(?:"about":"(?P<about>{_TEXT})",)?"commit":"(?P<commit>{_TEXT})","decision":"(?P<decision>{_TEXT})","envelope":"(?P<envelope>{_TEXT})",'
    rf'"environment":"(?P<environment>{_TEXT})",(?:"facts":"(?P<facts>{_TEXT})",)?"key":"(?P<key>{_TEXT})",'
    rf'"predicateType":"(?P<predicate_type>{_TEXT})","repository":"(?P<repository>{_TEXT})","time":"(?P<time>{_TEXT})"\}}'
)
_CONTROL: Final = re.compile(r"[\x00-\x1f]")
_DAMAGED: Final = "The entry is damaged or was not written by changegate; `changegate verify` says where."


@dataclass(frozen=True)
class Card:
    """One entry. Constructing a card checks it; raises `FormatError`."""

    envelope: str
    """SHA-256 of the envelope's bytes, lower-case hex, as `key` and `facts` are."""
    predicate_type: str
    repository: str
    environment: str
    commit: str
    """The deployed commit; of a record about a key or a file, its digest."""
    decision: str
    time: str
    """When it was decided: RFC 3339, UTC, to the second or finer."""
    key: str
    """The idempotency key."""
    facts: str | None = None
    """SHA-256 of the facts' canonical JSON, where facts were kept; of an attestation, of the file that it attests."""
    about: str | None = None
    """SHA-256 of the envelope of an earlier record that this one adds to (an outcome to its gate decision), where there is one."""

    def __post_init__(self) -> None:
        for name in ("envelope", "key", *(name for name in ("facts", "about") if getattr(self, name) is not None)):
            if not KEY.fullmatch(getattr(self, name)):
                raise FormatError(f"index card: {name} is not a SHA-256 in lower-case hex", remedy=_DAMAGED)
        for name in ("predicate_type", "repository", "environment", "commit", "decision"):
            text = getattr(self, name)
            if not text or _CONTROL.search(text):
                raise FormatError(f"index card: {name} is empty or has a control character", remedy=_DAMAGED)
        parse_time(self.time)

    @property
    def at(self) -> datetime:
        """When it was decided."""
        return parse_time(self.time)


@lru_cache(maxsize=16384)
def parse_time(text: str) -> datetime:
    """RFC 3339 in UTC with a `Z`, to the microsecond at most. Raises `FormatError`."""
    match = _TIME.fullmatch(text)
    if match:
        try:
            whole = datetime.fromisoformat(match[1]).replace(tzinfo=UTC)
        except ValueError:
            pass
        else:
            return whole.replace(microsecond=int((match[2] or "0").ljust(6, "0")))
    raise FormatError(f"time: {text[:40]!r} is not RFC 3339 in UTC", remedy=_DAMAGED)


def format_time(at: datetime) -> str:
    """A moment in UTC, to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def format_card(card: Card) -> bytes:
    """The leaf: `parse_card` gives the same card back. Raises `FormatError` where it is too long for an entry."""
    fields = {
        "about": card.about,
        "commit": card.commit,
        "decision": card.decision,
        "envelope": card.envelope,
        "environment": card.environment,
        "facts": card.facts,
        "key": card.key,
        "predicateType": card.predicate_type,
        "repository": card.repository,
        "time": card.time,
    }
    if card.facts is None:
        del fields["facts"]
    if card.about is None:
        del fields["about"]
    try:
        # The sorted, ASCII-named text fields of one object: here json's form is RFC 8785's, at a tenth of the time. A test holds the two together.
        leaf = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    except UnicodeEncodeError as error:
        raise FormatError("index card: a lone surrogate", remedy=_DAMAGED) from error
    if len(leaf) > MAX_ENTRY_BYTES:
        raise FormatError(f"index card: {len(leaf)} bytes, more than an entry holds", remedy="Shorten the names of repository and environment.")
    return leaf


def parse_card(leaf: bytes) -> Card:
    """Read a leaf strictly: the canonical bytes of a card and nothing else. Raises `FormatError`."""
    if len(leaf) > MAX_ENTRY_BYTES:
        raise FormatError("index card: longer than an entry may be", remedy=_DAMAGED)
    try:
        plain = _PLAIN.fullmatch(leaf.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise FormatError("index card: not UTF-8", remedy=_DAMAGED) from error
    if plain:
        return Card(**plain.groupdict())
    try:
        # Not `canonical.loads`: what it refuses isn't the canonical form either, and a million cards are read in a query.
        value = json.loads(leaf)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"index card: not JSON ({error})", remedy=_DAMAGED) from error
    match value:
        case {
            "envelope": str(envelope),
            "predicateType": str(predicate_type),
            "repository": str(repository),
            "environment": str(environment),
            "commit": str(commit),
            "decision": str(decision),
            "time": str(time),
            "key": str(key),
        } as found if isinstance(facts := found.get("facts"), str | None) and isinstance(about := found.get("about"), str | None):
            card = Card(envelope, predicate_type, repository, environment, commit, decision, time, key, facts, about)
            if format_card(card) == leaf:
                return card
    raise FormatError("index card: not the canonical form of one", remedy=_DAMAGED)
