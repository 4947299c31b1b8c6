"""What PostgreSQL's errors mean for a store, and what to do about each. Pure.

By SQLSTATE (PostgreSQL's manual, appendix A) where there is one; libpq gives none when a connection fails, so there by the words of its message.
"""

import re
from typing import Final

from changegate.errors import StoreError

REPEATABLE: Final = frozenset({"40001", "40P01"})
"""Serialization failure, deadlock: the server says that nothing was done."""
_LOST: Final = re.compile(r"08...|57P0[1235]|40003|25P0[34]")
_INIT: Final = "Set it up with `changegate store init URL`, as a user who may create a schema in that database."
_AGAIN: Final = "Run again: nothing is written twice."
# SQLSTATE, or the beginning of one: what it means, what to do. The longest that fits counts.
_KNOWN: Final = {
    "23001": ("evidence is never changed or deleted: the server refused it", "Nothing to do; find out what tried to."),
    "23514": ("the server refuses this key in that table", "Report this: changegate makes no such key."),
    "25006": (
        "the server takes no writes: it is a standby, or read-only is its default",
        "Name the primary in the URL (target_session_attrs=read-write).",
    ),
    "28": (
        "the server refuses this user or password",
        "Check user and password (PGPASSWORD, ~/.pgpass, PGSERVICEFILE), and the server's pg_hba.conf.",
    ),
    "3D000": ("the database doesn't exist", "Create it (createdb), or correct the URL."),
    "3F000": ("the database isn't initialised: it has no such schema", _INIT),
    "42P01": ("the database isn't initialised: a table is missing", _INIT),
    "42883": ("the database isn't initialised: a function is missing", _INIT),
    "42703": ("the tables are of another version of changegate", "Run `changegate store init URL` with the newest version that uses this store."),
    "53100": ("the server's disk is full", "Free some space there and run again; nothing half-written is left."),
    "53200": ("the server is out of memory", "Look at the server; then run again."),
    "53300": ("the server has no connection left", "Run again when fewer jobs run; or raise max_connections, or put a pooler in front."),
    "54": ("the server's limit for such an object is reached", "Deploy fewer changes at once."),
    "55P03": ("a lock on the table was held too long", "Find out who locks it (pg_locks); then run again."),
    "57014": (
        "the server took longer than the statement timeout",
        "Find out who locks the table (pg_locks); or allow more time in the URL: ?options=-c%20statement_timeout%3D5min.",
    ),
    "58": ("the server reports an error of its disk or system", "Look at the server's log. Keep a copy of what can be read."),
    "XX": ("the server reports damaged data or a bug of its own", "Keep a copy of what can be read; look at the server's log."),
}
_WORDS: Final = (
    (r"authentication failed|no password supplied|no pg_hba\.conf entry|role \".*\" does not exist|is not permitted to log in", "28"),
    (r"database \".*\" does not exist|no such database", "3D000"),
    (r"too many clients|too many connections|remaining connection slots|no more connections allowed", "53300"),
)
_TLS: Final = re.compile(r"certificate|SSL|sslmode|TLS", re.ASCII)
_BRIEF: Final = re.compile(
    r"the database system is (starting up|shutting down|in recovery|not yet accepting)|"
    r"[Cc]onnection refused|timeout expired|timed out|closed the connection|Connection reset"
)


def is_lost(sqlstate: str | None, *, closed: bool) -> bool:
    """The connection is gone, or the server's answer says as much: nobody knows what was done."""
    return closed or bool(sqlstate and _LOST.fullmatch(sqlstate))


def passes(said: str) -> bool:
    """A failure to connect that may be over in a moment: a server that starts, a network that stumbles, no free connection."""
    return _BRIEF.search(said) is not None or _sqlstate_of(said) == "53300"


def statement_error(shown: str, what: str, sqlstate: str | None, said: str, *, role: str) -> StoreError:
    """The error for a statement that failed while doing `what`. `role` is the user's name in the database."""
    if sqlstate == "42501":
        remedy = (
            f"Let an administrator run: GRANT …_writer TO {role} (for pipelines), or …_auditor (to read); `changegate store init` makes both roles."
        )
        return StoreError(f"the evidence store {shown}: the role {role!r} may not {what} ({_brief(said)})", remedy=remedy)
    meaning, remedy = _meaning(sqlstate)
    return StoreError(f"the evidence store {shown}: can't {what}: {meaning} ({_brief(said)})", remedy=remedy)


def connection_error(shown: str, said: str) -> StoreError:
    """The error for a connection that wasn't made."""
    sqlstate = _sqlstate_of(said)
    if sqlstate:
        meaning, remedy = _meaning(sqlstate)
    elif _TLS.search(said):
        meaning, remedy = "no TLS connection as the URL demands", "Check sslmode and sslrootcert in the URL, and the server's certificate."
    else:
        meaning, remedy = "the server can't be reached", "Check host and port, and that the server runs; then run again."
    return StoreError(f"the evidence store {shown}: {meaning} ({_brief(said)})", remedy=remedy)


def lost_error(shown: str, what: str) -> StoreError:
    """The connection broke while doing `what`: it may have been done or not."""
    return StoreError(f"the evidence store {shown}: lost the connection (could not {what}, or lost the answer)", remedy=_AGAIN)


def _meaning(sqlstate: str | None) -> tuple[str, str]:
    for length in (5, 2):
        if sqlstate and sqlstate[:length] in _KNOWN:
            return _KNOWN[sqlstate[:length]]
    return f"the server refuses (SQLSTATE {sqlstate or 'unknown'})", "Look at the server's message, and at its log."


def _sqlstate_of(said: str) -> str | None:
    return next((sqlstate for pattern, sqlstate in _WORDS if re.search(pattern, said)), None)


def _brief(said: str) -> str:
    """The telling line: with several hosts libpq says one for each, so the last."""
    lines = [
        line.strip() for line in said.splitlines() if line.strip() and not line.strip().startswith(("Is the server", "Multiple connection", "- "))
    ]
    return (lines or ["no message"])[-1 if "Multiple connection" in said else 0][:200]
