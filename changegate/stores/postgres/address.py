"""Where a PostgreSQL store is: libpq's URL, or its keywords after `postgresql:`, and the parameter `schema` of our own.

What libpq takes is taken: hosts, ports, `service`, `sslmode`, `passfile`, its environment and its password file. What is shown is put together from
parts that can't be secret, never cut out of the URL.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from changegate.errors import InputError

DEFAULT_SCHEMA: Final = "changegate"
STATEMENT_TIMEOUT: Final = "60s"
_SCHEMA: Final = re.compile(r"[a-z_][a-z0-9_]{0,39}", re.ASCII)
_OWN: Final = re.compile(r"(?:^|(?<=\s))schema=(\S*)(?:\s|$)")
_HOST: Final = re.compile(r"[^\s/@?#]*|/[^\s@?#]*")
_REMEDY: Final = (
    "Write postgresql://USER@HOST:PORT/DATABASE?schema=NAME, with libpq's parameters if you like; percent-encode what isn't a letter or a digit "
    "(@ is %40, / is %2F). The password comes from PGPASSWORD, ~/.pgpass or a service file."
)
# A network that swallows packets is noticed within a minute: libpq waits for ever by default.
_DEFAULTS: Final = {
    "connect_timeout": "10",
    "fallback_application_name": "changegate",
    "keepalives_idle": "20",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "50000",
}


@dataclass(frozen=True)
class Address:
    """A parsed URL."""

    parameters: Mapping[str, str]
    """For libpq; the password may be among them."""
    schema: str
    shown: str
    """For people: no password, nor anything that could hold one."""

    @property
    def writer(self) -> str:
        """The role of pipelines."""
        return f"{self.schema}_writer"

    @property
    def auditor(self) -> str:
        """The role of those who only read."""
        return f"{self.schema}_auditor"

    def to_connect(self, *, options: bool) -> dict[str, str]:
        """What to connect with. With `options`, the server limits statements, unless the URL or PGOPTIONS says otherwise: poolers refuse those."""
        parameters = {**_DEFAULTS, **self.parameters}
        if options:
            given = self.parameters.get("options", os.environ.get("PGOPTIONS", ""))
            parameters["options"] = f"-c statement_timeout={STATEMENT_TIMEOUT} {given}".strip()
        return parameters


def parse_address(url: str) -> Address:
    """Read a URL. Raises `InputError`, which never repeats what could be a password."""
    conninfo, schema = _take_schema(url)
    try:
        found = conninfo_to_dict(conninfo)
    except (ProgrammingError, UnicodeError) as error:
        # Without libpq's words and without the cause: either may repeat a piece of the password.
        raise InputError(f"the PostgreSQL URL can't be read ({type(error).__name__})", remedy=_REMEDY) from None
    parameters = {name: str(value) for name, value in found.items() if value is not None}
    if not _SCHEMA.fullmatch(schema) or schema.startswith("pg_"):
        raise InputError(
            "the PostgreSQL URL's schema can't be one", remedy="Lower-case letters, digits and _, at most 40, none of PostgreSQL's own (pg_…)."
        )
    if not all(_HOST.fullmatch(host) for host in parameters.get("host", "").split(",")) or not re.fullmatch(r"[0-9,]*", parameters.get("port", "")):
        # Most often a password with an @ or / in it, of which libpq took the end for the host.
        raise InputError("the PostgreSQL URL's host or port can't be one", remedy=_REMEDY)
    return Address(parameters, schema, _show(parameters, schema))


def _take_schema(url: str) -> tuple[str, str]:
    """The URL without our own parameter, which libpq would refuse, and that parameter."""
    scheme, _, rest = url.partition(":")
    if not rest.startswith("//"):
        found = _OWN.search(rest)
        return _OWN.sub(" ", rest), found[1] if found else DEFAULT_SCHEMA
    address, mark, query = rest.partition("?")
    pairs = query.split("&") if mark else []
    own = [pair for pair in pairs if pair.startswith("schema=")]
    kept = "&".join(pair for pair in pairs if pair not in own)
    return f"{scheme}:{address}{'?' if kept else ''}{kept}", unquote(own[-1].removeprefix("schema=")) if own else DEFAULT_SCHEMA


def _show(parameters: Mapping[str, str], schema: str) -> str:
    hosts = [host if not host.startswith("/") else quote(host, safe="") for host in parameters.get("host", "").split(",")]
    ports = parameters.get("port", "").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    places = ",".join(f"{f'[{host}]' if ':' in host else host}{':' if port else ''}{port}" for host, port in zip(hosts, ports, strict=False))
    user = f"{quote(parameters['user'], safe='')}@" if "user" in parameters else ""
    extra = {"service": parameters.get("service", ""), "schema": schema if schema != DEFAULT_SCHEMA else ""}
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in extra.items() if value)
    return f"postgresql://{user}{places}/{quote(parameters.get('dbname', ''), safe='')}{'?' if query else ''}{query}"
