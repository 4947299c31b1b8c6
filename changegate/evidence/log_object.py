"""The log's own object, `log.json`: which log lies in a store. Pure."""

from datetime import datetime

from changegate import canonical
from changegate.errors import FormatError
from changegate.evidence.card import format_time


def format_log_object(origin: str, created: datetime) -> bytes:
    """The object that begins a log of this name."""
    return canonical.dumps({"version": 1, "origin": origin, "created": format_time(created)})


def parse_log_object(data: bytes) -> str:
    """The origin that `log.json` names. Raises `FormatError`."""
    match canonical.loads(data, what="log.json"):
        case {"version": 1, "origin": str(origin), "created": str(_)} as found if len(found) == 3 and canonical.dumps(found) == data:
            return origin
    raise FormatError("log.json: damaged, or not of a version that this changegate knows", remedy="Use the changegate that wrote it, or a newer one.")
