"""Where each object of a log lies in its store. Pure.

Next to the paths of tlog-tiles (`checkpoint`, `tile/…`):

    log.json                     format version, origin, when it was begun
    envelope/<ab>/<sha256>.json  a signed record, by the digest of its bytes
    facts/<ab>/<sha256>.json.gz  the facts it was decided on, by the digest of their canonical JSON; or the file that it attests, by its own
    pending/<key>                a card that waits for a commit, by its idempotency key
    index/<ab>/<key>             the index of the entry that has this idempotency key
    commit/<k>                   batch k, and all that the rest of the log can be rebuilt from
    hint                         the number of a recent commit
    timestamp/<k>                an authority's timestamp of commit k's checkpoint, where one was asked for (RFC 3161)
"""

from typing import Final

from changegate.evidence.tiles import format_index

LOG: Final = "log.json"
CHECKPOINT: Final = "checkpoint"
HINT: Final = "hint"
PENDING: Final = "pending/"
COMMITS: Final = "commit/"
ENVELOPES: Final = "envelope/"
FACTS: Final = "facts/"
INDEX: Final = "index/"
TILES: Final = "tile/"
TIMESTAMPS: Final = "timestamp/"


def is_part(key: str) -> bool:
    """Whether an object of this name can be a part of a log."""
    return key in {LOG, CHECKPOINT, HINT} or key.startswith((PENDING, COMMITS, ENVELOPES, FACTS, INDEX, TILES, TIMESTAMPS))


def envelope_key(digest: str) -> str:
    """Where the envelope with this SHA-256 lies."""
    return f"{ENVELOPES}{digest[:2]}/{digest}.json"


def facts_key(digest: str) -> str:
    """Where the facts with this SHA-256 lie, compressed."""
    return f"{FACTS}{digest[:2]}/{digest}.json.gz"


def pending_key(key: str) -> str:
    """Where the card with this idempotency key waits."""
    return f"{PENDING}{key}"


def index_key(key: str) -> str:
    """Where the index of the entry with this idempotency key lies."""
    return f"{INDEX}{key[:2]}/{key}"


def commit_key(number: int) -> str:
    """Where commit `number` lies; the first is 1."""
    return f"{COMMITS}{format_index(number)}"


def timestamp_key(number: int) -> str:
    """Where the timestamp of commit `number` lies."""
    return f"{TIMESTAMPS}{format_index(number)}"
