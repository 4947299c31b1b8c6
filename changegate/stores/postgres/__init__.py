"""A store in PostgreSQL. Needs psycopg 3 (the extra `postgres`), which is imported only where a URL asks for this store."""

from typing import TYPE_CHECKING

from changegate.errors import InputError

if TYPE_CHECKING:
    from changegate.stores.postgres.store import PostgresStore


def open_postgres(url: str) -> "PostgresStore":
    """The store at a `postgresql://` URL; nothing is connected yet. Raises `InputError` for a URL that can't be used, or without psycopg."""
    try:
        from changegate.stores.postgres.store import PostgresStore
    except ImportError as error:
        if (error.name or "psycopg").partition(".")[0] != "psycopg":
            raise
        raise InputError(
            f"a PostgreSQL store needs psycopg, which can't be imported ({error})",
            remedy="pip install 'changegate[postgres]'; in the action and the GitLab component set the input `extras: postgres`.",
        ) from error
    return PostgresStore(url)
