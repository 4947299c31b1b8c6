"""A store in a PostgreSQL database: three tables, each write one statement, which is one transaction and one round trip.

Create-only is the primary key: `INSERT … ON CONFLICT DO NOTHING` waits until another's insert of that key commits or fails, then inserts or doesn't.

Order of durability: the server's write-ahead log is one sequence. So what `apply` creates isn't waited for (`synchronous_commit` off); the next
`create` or `flush` is, and with it all that came before. A server that crashed in between, or a standby that took over, may have lost what was
applied, even behind a pooler that keeps the connection: so that `create` or `flush` asks, in the same statement, whether it is still there.
(Not for what passes: others may have removed it.)
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from changegate.errors import StoreError
from changegate.stores import NOTHING, Batch, Condition, check_key
from changegate.stores.postgres import examination, migration
from changegate.stores.postgres.address import parse_address
from changegate.stores.postgres.connection import Connection
from changegate.stores.postgres.statements import PAGE, Statements, table_of

_MAX_REMADE: Final = 3
_LAST: Final = "\x7f"
"""Behind every key: keys are ASCII."""


class PostgresStore:
    """See `changegate.stores.ManagedStore`."""

    def __init__(self, url: str, pause: Callable[[float], None] = time.sleep) -> None:
        """Nothing is connected yet. Raises `InputError` for a URL that can't be used."""
        self._address = parse_address(url)
        self._connection = Connection(self._address, pause)
        self._statements = Statements(self._address.schema)
        self._applied: dict[str, bytes] = {}
        """What must be there when the next `create` or `flush` says that it is durable."""
        self._own: set[str] = set()
        """Those of them that this object made: no need to read them back."""
        self._carried: dict[str, bytes] = {}
        """What passes and came along with the last list, to be read once."""

    @property
    def url(self) -> str:
        """See `changegate.stores.Store`."""
        return self._address.shown

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def __del__(self) -> None:
        with suppress(AttributeError):  # the URL couldn't be used
            self.close()

    def read(self, key: str) -> bytes | None:
        """See `changegate.stores.Store`."""
        if check_key(key) in self._own:
            return self._applied[key]
        if key in self._carried:
            return self._carried.pop(key)
        rows = self._connection.run(f"read {key}", self._statements.read(key), {"key": key})
        return rows[0][0] if rows else None

    def list(self, prefix: str) -> Iterator[str]:
        """See `changegate.stores.Store`. Page by page: what is created meanwhile may be in it or not."""
        if prefix:
            check_key(prefix.removesuffix("/"))
        passing = table_of(prefix) == "passing"
        statement = self._statements.list(passing=passing)
        first, end = prefix, f"{prefix[:-1]}0" if prefix else _LAST  # 0 comes after /
        self._carried = {}
        while True:
            rows = self._connection.run(f"list {prefix or 'everything'}", statement, {"first": first, "end": end})
            self._carried = {key: data for key, data in rows if data is not None}
            for key, _ in rows:
                yield key
            if len(rows) < PAGE:
                return
            first = rows[-1][0]

    def create(self, key: str, data: bytes, then: Batch = NOTHING) -> bool:
        """See `changegate.stores.Store`. One transaction: `then` is there with `key`, or neither is."""
        check_key(key)
        _check_batch(then)
        statement = self._write_statement(key, then, durably=True)
        self._carried = {}
        for _ in range(_MAX_REMADE):
            before = list(self._applied)
            values = {"key": key, "data": data, "before": before, **_values_of(then)}
            # A crash before its commit leaves nothing, after it everything. A lost answer isn't asked for again: who made the key would be forgotten.
            (made, there, _), *_ = self._connection.run(f"write {key}", statement, values, repeat=False)
            if there == len(before):
                if made:
                    self._settled()
                return bool(made)
            self._make_again()
        raise self._unstable()

    def apply(self, batch: Batch) -> frozenset[str]:
        """See `changegate.stores.Store`. What only creates isn't waited for (see the module)."""
        _check_batch(batch)
        if set(batch.create) & set(batch.remove):  # one statement doesn't see its own new rows
            existed = self.apply(Batch(create=batch.create))
            return existed | self.apply(Batch(publish=batch.publish, remove=batch.remove))
        if not (batch.create or batch.publish or batch.remove):
            return frozenset()
        self._carried = {}
        statement = self._write_statement(None, batch, durably=bool(batch.publish or batch.remove))
        what = next(iter([*batch.create, *batch.publish, *batch.remove]))
        (made, *_), *_ = self._connection.run(f"write {what}", statement, _values_of(batch))
        lasting = {key: data for key, data in batch.create.items() if table_of(key) == "objects"}
        self._applied.update(lasting)
        self._own.update(lasting.keys() & set(made))
        return frozenset(batch.create) - frozenset(made)

    def flush(self) -> None:
        """See `changegate.stores.Store`."""
        for _ in range(_MAX_REMADE):
            before = list(self._applied)
            if not before:
                return
            ((*_, there), *_) = self._connection.run("make durable what was written", self._statements.flush, {"before": before})
            if there == len(before):
                self._settled()
                return
            self._make_again()
        raise self._unstable()

    def prepare(self) -> tuple[str, ...]:
        """See `changegate.stores.ManagedStore`: schema, tables, triggers, view, roles and grants."""
        return migration.prepare(self._connection, self._address)

    def examine(self) -> tuple[Condition, ...]:
        """See `changegate.stores.ManagedStore`."""
        return examination.examine(self._connection, self._address)

    def _write_statement(self, key: str | None, batch: Batch, *, durably: bool) -> str:
        tables = {table_of(each) for each in batch.create}
        return self._statements.write(
            key,
            objects="objects" in tables,
            passing="passing" in tables,
            publish=bool(batch.publish),
            remove=bool(batch.remove),
            durably=durably,
        )

    def _settled(self) -> None:
        self._applied.clear()
        self._own.clear()

    def _make_again(self) -> None:
        """The server lost what it hadn't been asked to keep: once more."""
        lost, self._own = dict(self._applied), set()
        self.apply(Batch(create=lost))

    def _unstable(self) -> StoreError:
        return StoreError(
            f"the evidence store {self.url} loses what is written to it", remedy="Look at the server: it crashes, or it fails over again and again."
        )


def _check_batch(batch: Batch) -> None:
    """Every key is one, and in a table where this may be done to it. Raises `StoreError`."""
    for keys, tables, what in (
        (batch.create, {"objects", "passing"}, "created"),
        (batch.publish, {"published"}, "published"),
        (batch.remove, {"passing"}, "removed"),
    ):
        for key in keys:
            if table_of(check_key(key)) not in tables:
                raise StoreError(f"{key} is never {what} in an evidence store", remedy="Report this: it is a mistake in changegate.")


def _values_of(batch: Batch) -> dict[str, Any]:
    """Sorted, so that writers of the same keys wait for each other instead of blocking each other."""
    values: dict[str, Any] = {"removed": list(batch.remove)}
    for table in ("objects", "passing"):
        values |= _columns(table, {key: data for key, data in batch.create.items() if table_of(key) == table})
    return values | _columns("published", batch.publish)


def _columns(table: str, objects: Mapping[str, bytes]) -> dict[str, Any]:
    ordered = sorted(objects)
    return {f"{table}_keys": ordered, f"{table}_data": [objects[key] for key in ordered]}
