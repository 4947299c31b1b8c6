"""Setting up the tables, triggers, view, roles and grants of a PostgreSQL store."""

from collections.abc import Sequence
from importlib import resources
from typing import Final

import psycopg

from changegate.errors import StoreError
from changegate.stores.postgres.address import DEFAULT_SCHEMA, Address, parse_address
from changegate.stores.postgres.connection import Connection, Row

VERSION: Final = 1
_LOCK: Final = 7166188119
"""The advisory lock that two set-ups of one database take turns by; any number, always the same."""
TRIGGERS: Final = (
    ("objects", "no_change"),
    ("objects", "no_truncate"),
    ("passing", "no_change"),
    ("passing", "no_truncate"),
    ("published", "no_delete"),
    ("published", "no_truncate"),
)
# What there is, a line each.
_INVENTORY: Final = """
SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname = %(schema)s
UNION ALL
SELECT CASE relkind WHEN 'v' THEN 'view ' ELSE 'table ' END || nspname || '.' || relname
FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
WHERE nspname = %(schema)s AND relname IN ('versions', 'objects', 'passing', 'published', 'change_records') AND relkind IN ('r', 'v')
UNION ALL
SELECT 'trigger ' || tgname || ' on ' || nspname || '.' || relname
FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid JOIN pg_namespace n ON n.oid = relnamespace
WHERE nspname = %(schema)s AND NOT tgisinternal
UNION ALL
SELECT 'role ' || rolname FROM pg_roles WHERE rolname IN (%(writer)s, %(auditor)s)
UNION ALL
SELECT 'grants to ' || rolname
FROM pg_roles, (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = %(schema)s AND relname = 'objects') AS t
WHERE rolname IN (%(writer)s, %(auditor)s) AND has_schema_privilege(rolname, %(schema)s, 'USAGE') AND has_table_privilege(rolname, t.oid, 'SELECT')
  AND (rolname = %(auditor)s OR has_column_privilege(rolname, t.oid, 'data', 'INSERT'))
ORDER BY 1
"""


def migration_sql(schema: str = DEFAULT_SCHEMA) -> str:
    """All of it as one script for psql, for an administrator to read and run: roles, tables, grants. May be run again.

    Raises `InputError` for a name that can't be a schema's.
    """
    address = parse_address(f"postgresql:schema={schema}")
    return "\n".join(["BEGIN;", _lock_sql(), *(_sql(name, address) for name in ("roles.sql", "schema.sql", "grants.sql")), "COMMIT;", ""])


def prepare(connection: Connection, address: Address) -> tuple[str, ...]:
    """Make what is missing, in one transaction: what was made, a line each; and what an administrator has to do where the user may not.

    Raises `StoreError`.
    """
    wanted = inventory_wanted(address)
    before = inventory(connection, address)
    _check_version(connection, address, before)
    if wanted <= before:
        return ()
    with connection.transaction(f"set up the schema {address.schema}") as open_:
        open_.execute(_lock_sql())
        _run(open_, "schema.sql", address)
        roles = _roles(open_, address)
        may = open_.execute("SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
        if len(roles) < 2 and may and may[0]:
            _run(open_, "roles.sql", address)
            roles = _roles(open_, address)
        if len(roles) == 2:
            _run(open_, "grants.sql", address)
    made = [f"made the {line}" for line in sorted(inventory(connection, address) - before)]
    if len(roles) < 2:
        missing = [name for name in (address.writer, address.auditor) if name not in roles]
        commands = " ".join(f"CREATE ROLE {name} NOLOGIN;" for name in missing)
        made.append(f"not made, {connection.role} may not make roles: let an administrator run {commands} and set it up once more")
    return tuple(made)


def inventory(connection: Connection, address: Address) -> frozenset[str]:
    """What there is of a store's tables, triggers, roles and grants, a line each. Raises `StoreError`."""
    values = {"schema": address.schema, "writer": address.writer, "auditor": address.auditor}
    return frozenset(row[0] for row in connection.run("look at the schema", _INVENTORY, values))


def inventory_wanted(address: Address) -> frozenset[str]:
    """What there should be."""
    schema, roles = address.schema, (address.writer, address.auditor)
    return frozenset(
        [
            f"schema {schema}",
            f"view {schema}.change_records",
            *(f"table {schema}.{table}" for table in ("versions", "objects", "passing", "published")),
            *(f"trigger {name} on {schema}.{table}" for table, name in TRIGGERS),
            *(f"role {role}" for role in roles),
            *(f"grants to {role}" for role in roles),
        ]
    )


def _check_version(connection: Connection, address: Address, there: frozenset[str]) -> None:
    if f"table {address.schema}.versions" not in there:
        return
    rows: Sequence[Row] = connection.run("read the tables' version", f"SELECT max(version) FROM {address.schema}.versions", {})
    if rows[0][0] is not None and rows[0][0] > VERSION:
        raise StoreError(
            f"the evidence store {address.shown} was set up by a newer changegate (version {rows[0][0]} of its tables)",
            remedy="Use that version of changegate, or a newer one.",
        )


def _roles(open_: "psycopg.Connection[Row]", address: Address) -> set[str]:
    rows = open_.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [[address.writer, address.auditor]])
    return {row[0] for row in rows}


def _run(open_: "psycopg.Connection[Row]", name: str, address: Address) -> None:
    open_.execute(_sql(name, address))


def _sql(name: str, address: Address) -> str:
    text = resources.files("changegate.stores.postgres").joinpath(name).read_text(encoding="utf-8")
    return text.replace("@schema@", address.schema).replace("@writer@", address.writer).replace("@auditor@", address.auditor)


def _lock_sql() -> str:
    return f"SELECT pg_advisory_xact_lock({_LOCK});"
