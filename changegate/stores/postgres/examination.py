"""How a PostgreSQL store is set up: durability, triggers, grants, the connection and the role in use. Reads only."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from changegate.stores import Condition
from changegate.stores.postgres.address import Address
from changegate.stores.postgres.connection import Connection, Row
from changegate.stores.postgres.migration import TRIGGERS, inventory, inventory_wanted

OLDEST: Final = 14
_INIT: Final = "Run `changegate store init URL` as the schema's owner."
_SETTINGS: Final = (
    "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'server_encoding', 'data_checksums')"
)
_TRIGGERS: Final = """
SELECT relname, tgname, tgenabled::text FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid JOIN pg_namespace n ON n.oid = relnamespace
WHERE nspname = %(schema)s AND NOT tgisinternal
"""
# Every right that somebody has: on a table, or on columns of it. No ACL at all means: the owner alone.
_RIGHTS: Final = """
SELECT relname, COALESCE(rolname, 'PUBLIC'), privilege_type
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
CROSS JOIN LATERAL (
  SELECT * FROM aclexplode(c.relacl) UNION SELECT * FROM aclexplode(a.attacl)
) AS acl
LEFT JOIN pg_roles r ON r.oid = grantee
WHERE nspname = %(schema)s AND relkind IN ('r', 'v') AND grantee <> relowner
GROUP BY 1, 2, 3
"""
_ROLE: Final = """
SELECT rolname, rolsuper, pg_has_role(current_user, nspowner, 'USAGE')
FROM pg_roles, pg_namespace
WHERE rolname = current_user AND nspname = %(schema)s
"""
_READ: Final = frozenset((table, "SELECT") for table in ("versions", "objects", "passing", "published", "change_records"))
_WRITE: Final = frozenset(
    {("objects", "INSERT"), ("passing", "INSERT"), ("passing", "DELETE"), ("published", "INSERT"), ("published", "UPDATE")} | _READ
)


def examine(connection: Connection, address: Address) -> tuple[Condition, ...]:
    """One condition a line of `changegate store status`. Raises `StoreError` where the server can't be reached."""
    values = {"schema": address.schema}
    missing = sorted(inventory_wanted(address) - inventory(connection, address))
    initialised = Condition(
        "the tables are set up", not missing, f"missing: {', '.join(missing)}" if missing else "schema, tables, view, roles", _INIT
    )
    settings: dict[str, str] = dict(connection.run("read the server's settings", _SETTINGS, {}))
    conditions = [initialised, *_durability(settings), _version(connection), _tls(connection)]
    if any(line.startswith(("schema", "table")) for line in missing):
        return tuple(conditions)
    triggers = {(table, name): state for table, name, state in connection.run("look at the triggers", _TRIGGERS, values)}
    rights = connection.run("look at the grants", _RIGHTS, values)
    return (*conditions, _enabled(triggers), *_granted(rights, address), *_role(connection.run("look at the role", _ROLE, values)))


def _durability(settings: Mapping[str, str]) -> Iterator[Condition]:
    for name, why in (("fsync", "what is committed is on the disk"), ("full_page_writes", "a power failure tears no page")):
        remedy = f"Set {name} = on in postgresql.conf and restart: a power failure may lose or damage evidence."
        yield Condition(f"{name} is on: {why}", settings.get(name) == "on", settings.get(name, "unknown"), remedy)
    asynchronous = settings.get("synchronous_commit") == "off"
    found = f"{settings.get('synchronous_commit')}{'; changegate turns it on for each of its commits' if asynchronous else ''}"
    yield Condition("commits are waited for (synchronous_commit)", holds=True, found=found)
    encoding = settings.get("server_encoding", "unknown")
    yield Condition("the database is UTF-8, which the view needs", encoding == "UTF8", encoding, "Make the database with ENCODING 'UTF8'.")


def _version(connection: Connection) -> Condition:
    number = connection.connect().info.server_version
    return Condition(f"PostgreSQL {OLDEST} or newer", number >= OLDEST * 10000, f"{number // 10000}.{number % 10000}", "Upgrade the server.")


def _tls(connection: Connection) -> Condition:
    open_ = connection.connect()
    what = "the connection is private, and the server is who it should be"
    host = open_.info.host
    if host.startswith("/") or open_.info.hostaddr in {"127.0.0.1", "::1"}:
        return Condition(what, holds=True, found="on this machine")
    mode = {option.keyword: option.val for option in open_.pgconn.info}[b"sslmode"] or b""
    found = f"{'TLS' if open_.pgconn.ssl_in_use else 'no TLS'}, sslmode={mode.decode('ascii', 'replace')}"
    holds = bool(open_.pgconn.ssl_in_use) and mode == b"verify-full"
    remedy = "Add sslmode=verify-full&sslrootcert=FILE (or sslrootcert=system) to the URL: others could read it, or stand in for the server."
    return Condition(what, holds, found, remedy)


def _enabled(triggers: Mapping[tuple[str, str], str]) -> Condition:
    off = [f"{name} on {table}" for table, name in TRIGGERS if triggers.get((table, name)) != "A"]
    remedy = "Find out who did that, run `changegate verify`, then ALTER TABLE … ENABLE ALWAYS TRIGGER …."
    return Condition("the triggers that refuse changes are on", not off, f"off: {', '.join(off)}" if off else "all on, always", remedy)


def _granted(rights: Sequence[Row], address: Address) -> Iterator[Condition]:
    for role, wanted, what in ((address.writer, _WRITE, "adds, and changes nothing"), (address.auditor, _READ, "reads, and nothing else")):
        found = frozenset((table, right) for table, grantee, right in rights if grantee == role)
        yield Condition(f"{role} {what}", found == wanted, _difference(found, wanted), _INIT + " REVOKE what is too much.")
    others = sorted({f"{grantee}: {right} on {table}" for table, grantee, right in rights if grantee not in {address.writer, address.auditor}})
    yield Condition("nobody else has rights on the tables", not others, ", ".join(others) or "nobody", "REVOKE them, and GRANT one of the two roles.")


def _difference(found: frozenset[tuple[str, str]], wanted: frozenset[tuple[str, str]]) -> str:
    too_much = [f"too much: {right} on {table}" for table, right in sorted(found - wanted)]
    missing = [f"missing: {right} on {table}" for table, right in sorted(wanted - found)]
    return ", ".join([*too_much, *missing]) or "as it should be"


def _role(rows: Sequence[Row]) -> Iterator[Condition]:
    for name, is_superuser, is_owner in rows:
        what = "the role in use can't switch the triggers off"
        found = f"{name}, {'a superuser' if is_superuser else 'the owner of the schema' if is_owner else 'neither a superuser nor the owner'}"
        yield Condition(what, not (is_superuser or is_owner), found, "Let pipelines use a role that is a member of the writers only.")
