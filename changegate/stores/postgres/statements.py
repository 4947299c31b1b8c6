"""The SQL of a store. Pure: texts whose only variable part is the schema's checked name; keys and bytes are always parameters.

Each is one statement, so one transaction and one round trip.
"""

from typing import Final, Literal, TypeAlias

Table: TypeAlias = Literal["objects", "passing", "published"]

_PUBLISHED: Final = frozenset({"checkpoint", "hint"})
PAGE: Final = 1000
MAX_CARRIED: Final = 65536
"""Objects up to this size come along with a list of what passes."""


def table_of(key: str) -> Table:
    """In which table a key's object lies; the tables' own checks say the same."""
    if key in _PUBLISHED:
        return "published"
    return "passing" if key.startswith(("pending/", "probe/")) or (key.startswith("tile/") and ".p/" in key) else "objects"


class Statements:
    """The statements for one schema."""

    def __init__(self, schema: str) -> None:
        self._schema = schema
        self.flush: Final = (
            f"SELECT pg_logical_emit_message(true, 'changegate', ''), {_DURABLY}, "
            f"(SELECT count(*) FROM {schema}.objects WHERE key = ANY(%(before)s::text[]))"
        )

    def read(self, key: str) -> str:
        """The object `key`: its bytes."""
        return f"SELECT data FROM {self._schema}.{table_of(key)} WHERE key = %(key)s"

    def list(self, *, passing: bool) -> str:
        """A page of the keys from `first` (not itself) to `end` (not itself); where only what passes is asked for, with their bytes."""
        if passing:
            data = f"CASE WHEN octet_length(data) <= {MAX_CARRIED} THEN data END"
            return f"SELECT key, {data} FROM {self._schema}.passing WHERE key > %(first)s AND key < %(end)s ORDER BY key LIMIT {PAGE}"
        each = " UNION ALL ".join(
            f"(SELECT key FROM {self._schema}.{table} WHERE key > %(first)s AND key < %(end)s ORDER BY key LIMIT {PAGE})"
            for table in ("objects", "passing", "published")
        )
        return f"SELECT key, NULL FROM ({each}) AS found ORDER BY key LIMIT {PAGE}"

    def write(self, key: str | None, *, objects: bool, passing: bool, publish: bool, remove: bool, durably: bool) -> str:
        """A batch; with `key`, only if this statement makes that object, and what was applied before (`before`, of `count` keys) is there.

        Gives one row: the keys made (those of the batch, or `key`), and how many of `before` are there.
        """
        parts, made, only_if = [], [], ""
        if key is not None:
            parts.append(f"earlier AS MATERIALIZED (SELECT count(*) AS there FROM {self._schema}.objects WHERE key = ANY(%(before)s::text[]))")
            parts.append(
                f"won AS (INSERT INTO {self._schema}.{table_of(key)} (key, data) SELECT %(key)s, %(data)b::bytea FROM earlier "
                "WHERE there = cardinality(%(before)s::text[]) ON CONFLICT DO NOTHING RETURNING key)"
            )
            made, only_if = ["won"], " WHERE EXISTS (SELECT FROM won)"
        for table, wanted in (("objects", objects), ("passing", passing)):
            if wanted:
                parts.append(
                    f"new_{table} AS (INSERT INTO {self._schema}.{table} (key, data) "
                    f"SELECT * FROM unnest(%({table}_keys)s::text[], %({table}_data)b::bytea[]){only_if} ON CONFLICT DO NOTHING RETURNING key)"
                )
                made += [] if key else [f"new_{table}"]
        if publish:
            parts.append(
                f"new_published AS (INSERT INTO {self._schema}.published (key, data) "
                f"SELECT * FROM unnest(%(published_keys)s::text[], %(published_data)b::bytea[]){only_if} "
                "ON CONFLICT (key) DO UPDATE SET data = excluded.data)"
            )
        if remove:
            parts.append(f"removed AS (DELETE FROM {self._schema}.passing WHERE key = ANY(%(removed)s::text[]){only_if.replace('WHERE', 'AND')})")
        keys = " UNION ALL ".join(f"SELECT key FROM {each}" for each in made) or "SELECT NULL::text WHERE false"
        there = "(SELECT there FROM earlier)" if key else "0"
        return f"WITH {', '.join(parts)} SELECT ARRAY({keys}), {there}, {_DURABLY if durably else _LATER}"


# Settings of this transaction alone; they are read when it commits.
_DURABLY: Final = "CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END"
_LATER: Final = "set_config('synchronous_commit', 'off', true)"
