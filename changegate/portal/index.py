"""The index of a log: an SQLite file made from verified records alone, which can be thrown away and made again.

It says where to look and never what is true: what the portal shows of a record it reads from the log, and verifies, at that moment. The index
remembers the log's size and root when it was written; a log that doesn't continue these is refused.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from changegate import outcome, record
from changegate.errors import FormatError, InputError, VerificationError
from changegate.evidence import merkle, revocations, tiles
from changegate.evidence.card import Card, format_time, parse_card
from changegate.evidence.checkpoint import Checkpoint
from changegate.evidence.reader import LogReader
from changegate.evidence.revocations import Revocations
from changegate.evidence.signed_record import VerifiedRecord, verify_record
from changegate.portal.terms import Asked, Field, Terms, terms_of, title_of
from changegate.stores import Store
from changegate.trust import Trust

VERSION: Final = "3"
PAGE: Final = 50
DECISION: Final = "gate-decision"
_AT_ONCE: Final = 2048
"""Entries in one transaction."""
_LISTED: Final = 50
_FEW: Final = 2000
_DISORDER: Final = timedelta(hours=25)
"""By how much more one record can be younger than another that stands after it in the log: it may wait for its commit (`signed_record.MAX_AGE`)."""
_FIELDS: Final = ", ".join(f'"{each}"' for each in Field)
_TABLES: Final = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entry (
  place INTEGER PRIMARY KEY, kind TEXT NOT NULL, envelope TEXT NOT NULL, decided TEXT NOT NULL, repository TEXT NOT NULL, environment TEXT NOT NULL,
  commit_id TEXT NOT NULL, verdict TEXT NOT NULL, mode TEXT NOT NULL, ending TEXT NOT NULL, title TEXT NOT NULL, fault TEXT NOT NULL
);
CREATE INDEX entry_envelope ON entry (envelope);
CREATE INDEX entry_decided ON entry (decided, place);
CREATE INDEX entry_verdict ON entry (verdict, place);
CREATE INDEX entry_ending ON entry (ending, place);
CREATE INDEX entry_environment ON entry (environment, place);
CREATE TABLE counted (what TEXT, value TEXT, number INTEGER NOT NULL, PRIMARY KEY (what, value)) WITHOUT ROWID;
CREATE TRIGGER count_decision AFTER INSERT ON entry WHEN new.kind = '{DECISION}' AND new.fault = '' BEGIN
  INSERT INTO counted VALUES ('environment', new.environment, 1), ('verdict', new.verdict, 1), ('ending', new.ending, 1)
    ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER count_fault AFTER INSERT ON entry WHEN new.fault <> '' BEGIN
  INSERT INTO counted VALUES ('fault', new.fault, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER count_ending AFTER UPDATE OF ending ON entry BEGIN
  UPDATE counted SET number = number - 1 WHERE what = 'ending' AND value = old.ending;
  INSERT INTO counted VALUES ('ending', new.ending, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TABLE ending (envelope TEXT PRIMARY KEY, place INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE revoking (place INTEGER PRIMARY KEY, leaf BLOB NOT NULL);
CREATE VIRTUAL TABLE term USING fts5 ({_FIELDS}, content = '', detail = column, tokenize = "ascii tokenchars '_'");
"""
_COLUMNS: Final = "place, kind, envelope, decided, repository, environment, commit_id, verdict, mode, ending, title, fault"
_PUT: Final = f"INSERT INTO entry ({_COLUMNS}) VALUES ({', '.join('?' * 12)})"
_PUT_TERMS: Final = f"INSERT INTO term (rowid, {_FIELDS}) VALUES (?, {', '.join('?' * len(Field))})"
_FIND: Final = """
SELECT place FROM (SELECT place FROM entry WHERE envelope = :envelope ORDER BY place LIMIT 1)
UNION ALL SELECT place FROM ending WHERE envelope = :envelope
"""
_GONE: Final = "Find out why first: hold the log against a checkpoint that you kept (`changegate verify --since`). Then delete the index file."


class Row(NamedTuple):
    """What a list shows of a record."""

    place: int
    """Its entry in the log."""
    kind: str
    """The predicate's type: `gate-decision`, `attestation`, …"""
    envelope: str
    decided: str
    repository: str
    environment: str
    commit: str
    verdict: str
    mode: str
    """`enforced` or `audit`; empty for what is no decision."""
    ending: str
    """How the deploy ended; empty where nobody recorded it."""
    title: str
    fault: str
    """Why the record can't be trusted; empty for one that can."""


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed to besides the words. Empty: all."""

    environment: str = ""
    verdict: str = ""
    ending: str = ""
    begin: str = ""
    """Days, as 2026-01-31; both are in it."""
    end: str = ""


class State(NamedTuple):
    """Up to where the log is indexed."""

    origin: str
    size: int
    root: str
    """In hexadecimal."""


class Index:
    """The index in a file. Reading is for any number of threads, `update` for one at a time."""

    def __init__(self, path: Path) -> None:
        """Opens it, or makes an empty one. Raises `InputError` for a file that is none, is another version's, or can't be written."""
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
            with self._open() as database:
                if not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    database.executescript(f"PRAGMA journal_mode = WAL; {_TABLES}")
                    database.execute("INSERT INTO meta VALUES ('version', ?)", [VERSION])
                found = database.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
        except OSError as error:
            raise InputError(f"the index {path}: {error.strerror}", remedy="Name a file that can be written: --index FILE.") from error
        except sqlite3.Error as error:
            raise InputError(f"{path} is no index of a log ({error})", remedy="Delete it, or name another file: --index FILE.") from error
        if found != (VERSION,):
            raise InputError(f"{path} is an index of another version", remedy="Delete it: it is made anew from the log.")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection, and what is done with it one transaction."""
        database = sqlite3.connect(self._path, timeout=30)
        try:
            with database:
                yield database
        finally:
            database.close()

    def state(self) -> State | None:
        """Up to where it goes; None where nothing is indexed yet."""
        found = self._meta()
        return State(found["origin"], int(found["size"]), found["root"]) if "size" in found else None

    def update(self, reader: LogReader, store: Store, trust: Trust, *, believed: str, tell: Callable[[int, int], None]) -> None:
        """Index what is new in the log. A record that can't be trusted is listed with the reason.

        `believed` stands for the trust file: under another one all is read anew. `tell` hears how many of how many entries are read.
        Raises `VerificationError` where the log doesn't continue what was indexed, or an entry isn't what was signed; `StoreError`.
        """
        if self._meta().get("believed", believed) != believed:
            self._empty()
        before = self.state()
        if before is not None:
            _check_continues(reader, before)
        begin = before.size if before is not None else 0
        for first in range(begin, reader.size, _AT_ONCE):
            last = min(first + _AT_ONCE, reader.size)
            with self._open() as database:
                _add_all(database, range(first, last), reader, store, trust)
                root = merkle.root_of(last, reader.hashes).hex()
                said = {"origin": reader.checkpoint.origin, "size": str(last), "root": root, "believed": believed}
                database.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", said.items())
            tell(last - begin, reader.size - begin)

    def search(self, asked: Sequence[Asked], filters: Filters, *, before: int | None = None, limit: int = PAGE) -> list[Row]:
        """Records that have every word asked for, the newest entry first; with `before`, those before this place."""
        conditions, values = ["term MATCH ?"] if asked else [], list[str | int]()
        if asked:
            values.append(" AND ".join(map(_match, asked)))
        place = "place" if self._is_rare(filters) or not asked else "term.rowid"
        for condition, value in (
            (f"{place} < ?", before),
            (f"{place} > ?", self._place_before(filters.begin)),
            (f"{place} < ?", self._place_after(filters.end)),
            ("environment = ?", filters.environment),
            ("verdict = ?", filters.verdict),
            ("ending = ?", filters.ending),
            ("decided >= ?", filters.begin),
            ("decided < ?", filters.end and f"{filters.end}~"),  # `~` sorts after every time of that day
        ):
            if value not in (None, ""):
                conditions.append(condition)
                values.append(value)
        source = "entry"
        if asked:  # CROSS JOIN: the first table is gone through; the one that has less
            source = f"{'entry CROSS JOIN term' if self._is_rare(filters) else 'term CROSS JOIN entry'} ON entry.place = term.rowid"
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        with self._open() as database:
            query = f"SELECT {_COLUMNS} FROM {source} {where} ORDER BY {place} DESC LIMIT ?"
            return [Row(*each) for each in database.execute(query, [*values, limit])]

    def _is_rare(self, filters: Filters) -> bool:
        """Whether a filter alone leaves few records."""
        wanted = [(what, value) for what, value in vars(filters).items() if what in {"environment", "verdict", "ending"} and value]
        with self._open() as database:
            counts = [database.execute("SELECT number FROM counted WHERE what = ? AND value = ?", each).fetchone() for each in wanted]
        return any(each is None or each[0] < _FEW for each in counts)

    def _place_before(self, day: str) -> int | None:
        """A place that all records of this day and of later ones stand after; None where none is known. A list needn't go further back."""
        at = _moment(day, -_DISORDER)
        if not at:
            return None
        return self._first("SELECT place FROM entry WHERE decided < ? ORDER BY decided DESC, place DESC LIMIT 1", at)

    def _place_after(self, day: str) -> int | None:
        """A place that all records of this day and of earlier ones stand before; None where none is known."""
        at = _moment(day, timedelta(days=1) + _DISORDER)
        if not at:
            return None
        return self._first("SELECT place FROM entry WHERE decided > ? ORDER BY decided, place LIMIT 1", at)

    def _first(self, query: str, value: str) -> int | None:
        with self._open() as database:
            found = database.execute(query, [value]).fetchone()
        return int(found[0]) if found else None

    def find(self, envelope: str) -> int | None:
        """The entry of the record with this digest is: one that is listed, or one that says how a deploy ended."""
        with self._open() as database:
            found = database.execute(_FIND, {"envelope": envelope}).fetchone()
        return int(found[0]) if found else None

    def revocations(self, store: Store, trust: Trust) -> Revocations:
        """The keys that the indexed log revokes."""
        with self._open() as database:
            return revocations.collect(database.execute("SELECT place, leaf FROM revoking ORDER BY place").fetchall(), store, trust)

    def counts(self) -> dict[str, dict[str, int]]:
        """How many gate decisions there are by `environment`, by `verdict` and by `ending`; and entries that can't be trusted, by `fault`."""
        query = "SELECT value, number FROM counted WHERE what = ? AND number > 0 ORDER BY number DESC LIMIT ?"
        with self._open() as database:
            return {what: dict(database.execute(query, [what, _LISTED]).fetchall()) for what in ("environment", "verdict", "ending", "fault")}

    def _meta(self) -> dict[str, str]:
        with self._open() as database:
            return dict(database.execute("SELECT name, value FROM meta").fetchall())

    def _empty(self) -> None:
        with self._open() as database:
            database.execute("DELETE FROM entry")
            database.execute("DELETE FROM ending")
            database.execute("DELETE FROM revoking")
            database.execute("DELETE FROM counted")
            database.execute("INSERT INTO term (term) VALUES ('delete-all')")
            database.execute("DELETE FROM meta WHERE name <> 'version'")


def _moment(day: str, later: timedelta) -> str:
    """So much later than a day's begin; empty without one, and where the calendar ends before."""
    try:
        return format_time(datetime.fromisoformat(day).replace(tzinfo=UTC) + later) if day else ""
    except OverflowError:
        return ""


def _check_continues(reader: LogReader, before: State) -> None:
    try:
        reader.verify_extends(Checkpoint(before.origin, before.size, bytes.fromhex(before.root)))
    except VerificationError as error:
        raise VerificationError(f"the log isn't the one that was indexed at {before.size} entries: {error.message}", remedy=_GONE) from error


def _add_all(database: sqlite3.Connection, places: range, reader: LogReader, store: Store, trust: Trust) -> None:
    bundles = range(places.start // tiles.WIDTH, -(-places.stop // tiles.WIDTH))
    leaves = [(place, leaf) for bundle in bundles for place, leaf in enumerate(reader.entries(bundle), bundle * tiles.WIDTH) if place in places]
    database.executemany("INSERT INTO revoking VALUES (?, ?)", [each for each in leaves if revocations.may_revoke(each[1])])
    revoked = revocations.collect(database.execute("SELECT place, leaf FROM revoking ORDER BY place").fetchall(), store, trust)
    for place, leaf in leaves:
        card = parse_card(leaf)
        try:
            signed = verify_record(card, reader.envelope(card), trust)
            revoked.check(place, signed.key_id)
        except (VerificationError, FormatError) as error:
            put_row(database, _row(place, card, fault=error.message))
        else:
            _put_record(database, place, card, signed)


def _put_record(database: sqlite3.Connection, place: int, card: Card, signed: VerifiedRecord) -> None:
    if card.predicate_type == outcome.PREDICATE_TYPE:
        database.execute("UPDATE entry SET ending = ? WHERE envelope = ?", [card.decision, card.about])
        database.execute("INSERT OR IGNORE INTO ending VALUES (?, ?)", [card.envelope, place])
        return
    predicate = signed.statement["predicate"]
    decided = card.predicate_type == record.PREDICATE_TYPE
    mode = ("enforced" if predicate["policy"]["enforced"] else "audit") if decided else ""
    put_row(database, _row(place, card, title=title_of(card, predicate), mode=mode), terms_of(card, predicate))


def _row(place: int, card: Card, *, title: str = "", mode: str = "", fault: str = "") -> Row:
    kind = card.predicate_type.rstrip("/").rsplit("/", 2)[-2]
    at = format_time(card.at)
    return Row(place, kind, card.envelope, at, card.repository, card.environment, card.commit, card.decision, mode, "", title[:300], fault[:1000])


def put_row(database: sqlite3.Connection, row: Row, terms: Terms | None = None) -> None:
    """Write one record."""
    database.execute(_PUT, row)
    if terms is not None:
        database.execute(_PUT_TERMS, [row.place, *(terms.text(each) for each in Field)])


def _match(asked: Asked) -> str:
    """As FTS5 reads it (sqlite.org/fts5.html, "Full-text Query Syntax"). A term holds letters, digits and `_` alone."""
    return f'{{{" ".join(asked.fields)}}} : "{asked.term}"{" *" if asked.begins else ""}'
