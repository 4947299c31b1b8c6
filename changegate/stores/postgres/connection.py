"""One connection, made when it is needed and made again when it is lost; every failure is a `StoreError`.

Works through a pooler in transaction mode: each statement is a transaction, nothing is prepared by name, no setting outlives its statement.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

import psycopg
from psycopg.conninfo import make_conninfo

from changegate.errors import StoreError
from changegate.stores.postgres import faults
from changegate.stores.postgres.address import Address

MAX_TRIES: Final = 5
_NO_OPTIONS: Final = "unsupported startup parameter"
Row: TypeAlias = tuple[Any, ...]
Values: TypeAlias = Mapping[str, Any]


class Connection:
    """See the module. Not for use by several threads, nor across a fork."""

    def __init__(self, address: Address, pause: Callable[[float], None]) -> None:
        """`pause` waits so many seconds before another try."""
        self._address, self._pause = address, pause
        self._open: psycopg.Connection[Row] | None = None
        self._options = True

    def close(self) -> None:
        """Let go of the connection; the next statement makes another."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def run(self, what: str, statement: str, values: Values, *, repeat: bool = True) -> Sequence[Row]:
        """One statement, which is one transaction: its rows. `what` names it for people: "read commit/001".

        It is tried again where the server says that nothing was done; with `repeat` (it does no harm twice) also where the answer was lost.
        Raises `StoreError`; without `repeat`, nobody knows then whether it was done.
        """
        for attempt in range(1, MAX_TRIES + 1):
            connection = self.connect()
            try:
                return connection.execute(statement, values, prepare=False, binary=True).fetchall()
            except psycopg.Error as error:
                again = error.sqlstate in faults.REPEATABLE or (repeat and faults.is_lost(error.sqlstate, closed=connection.closed))
                if not again or attempt == MAX_TRIES:
                    raise self._error(what, error) from error
            self._let_go_if_broken()
            self._pause(0.05 * attempt)
        raise AssertionError  # the last attempt returns or raises

    @contextmanager
    def transaction(self, what: str) -> Iterator[psycopg.Connection[Row]]:
        """Several statements in one transaction; never repeated. Raises as `run` does."""
        connection = self.connect()
        try:
            with connection.transaction():
                yield connection
        except psycopg.Error as error:
            raise self._error(what, error) from error

    def connect(self) -> psycopg.Connection[Row]:
        """The connection, open. Raises `StoreError` where there is none to be had, after a few tries if that may pass."""
        self._let_go_if_broken()
        attempt = 1
        while self._open is None:
            try:
                conninfo = make_conninfo(**self._address.to_connect(options=self._options))
                self._open = psycopg.connect(conninfo, autocommit=True, prepare_threshold=None)
            except psycopg.Error as error:
                said = str(error)
                if self._options and _NO_OPTIONS in said:
                    self._options = False  # a pooler: its own query_timeout holds
                    continue
                if attempt == MAX_TRIES or not faults.passes(said):
                    raise faults.connection_error(self._address.shown, said) from None  # the cause has the parameters in its traceback
                self._pause(0.2 * 2**attempt)
                attempt += 1
            except UnicodeError:
                raise faults.connection_error(self._address.shown, "a parameter isn't UTF-8") from None
        return self._open

    @property
    def role(self) -> str:
        """The user's name in the database, as far as it is known."""
        return self._open.info.user if self._open is not None and not self._open.closed else self._address.parameters.get("user", "of this job")

    def _error(self, what: str, error: psycopg.Error) -> StoreError:
        closed = self._open is None or self._open.closed
        if faults.is_lost(error.sqlstate, closed=closed):
            self._let_go_if_broken()
            return faults.lost_error(self._address.shown, what)
        return faults.statement_error(self._address.shown, what, error.sqlstate, str(error), role=self.role)

    def _let_go_if_broken(self) -> None:
        if self._open is not None and self._open.closed:
            self._open = None
