"""changegate serve: the auditor's portal, a read-only web page over a log."""

import hashlib
import os
import re
import socket
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, Any, ClassVar, Final

import click

from changegate.cli import auditpack, kept, options, progress
from changegate.cli.pages import SectionedCommand, examples
from changegate.cli.verified import Checked, describe
from changegate.errors import InputError
from changegate.evidence.verify import Scope, verify_store
from changegate.evidence.verify_commits import Share
from changegate.portal.access import Role, make_token, parse_tokens
from changegate.portal.app import Portal, Works
from changegate.portal.index import Index
from changegate.portal.source import Opened, Source
from changegate.stores import open_store
from changegate.trust import Trust

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_WHOLE: Final = 5000
"""Up to so many entries a verification from the portal looks at every record; of more, at a share of about so many."""
_THREADS: Final = 4
_MAX_HEADERS: Final = 16 * 1024
_MAX_BODY: Final = 1024


class _Page(SectionedCommand):
    sections: ClassVar = {
        "The records": ("--store", "--trust", "--since", "--index"),
        "Who sees them": ("--listen", "--port", "--host-name", "--tokens", "--new-token"),
    }


@click.command(name="serve", cls=_Page, epilog=examples("changegate serve --store git:evidence.git", "changegate serve --new-token reader"))
@options.store_option
@options.trust_option
@kept.since_option
@click.option(
    "--index", "index_file", metavar="FILE", help="Where to keep the index, which can be deleted. Default: one for each store in the cache."
)
@click.option("--listen", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Another address than this machine's own needs --tokens.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, metavar="N", help="0 takes a free one.")
@click.option("--host-name", "host_names", multiple=True, metavar="NAME", help="The name by which browsers reach it, as behind a proxy. Repeatable.")
@click.option("--tokens", "tokens_file", metavar="FILE", help="Let in only who has a token: lines of ROLE SHA256 NAME.")
@click.option(
    "--new-token", "role", type=click.Choice([each.value for each in Role]), help="Print a new token with its line for that file, and nothing else."
)
def command(**given: Any) -> None:
    """Show the log in the browser: search, records from ticket to outcome, verification, packs. Nothing can be written there.

    Every record is read from the log and verified when it is shown; the index only says where to look. Needs the extra `serve`.
    """
    if given["role"]:
        token, line = make_token(Role(given["role"]))
        click.echo(f"{line} WHOSE-IT-IS")
        click.echo(f"# the token, for them alone: {token}\n# the line is for the file of --tokens, with their name at its end", err=True)
        return
    try:
        from waitress.server import create_server  # an extra
    except ImportError as error:
        raise InputError("the portal needs a web server that isn't installed", remedy="pip install 'changegate[serve]'") from error
    if given["tokens_file"] is None and given["listen"] not in _LOOPBACK:
        raise InputError(
            f"--listen {given['listen']} lets others than this machine in, and there are no tokens",
            remedy="Give --tokens FILE, or leave --listen out. TLS is for the proxy before it.",
        )
    tokens = parse_tokens(_read_text(given["tokens_file"])) if given["tokens_file"] else None
    source, trust, trust_name = _open_source(given)
    with progress.shown() as tell:
        source.tell = tell
        warning = source.refresh()
    if warning:
        click.echo(f"! {warning}", err=True)
    works = Works(partial(_make_pack, given), partial(_verify, given, trust, trust_name))
    portal = Portal(source, works, hosts=frozenset(), tokens=tokens)
    with _listen(given["listen"], given["port"]) as listening:
        port = listening.getsockname()[1]
        portal.hosts = _hosts(given, port)
        server = create_server(
            portal, sockets=[listening], threads=_THREADS, ident="", max_request_header_size=_MAX_HEADERS, max_request_body_size=_MAX_BODY
        )
        shown = f"[{given['listen']}]" if ":" in given["listen"] else given["listen"]
        click.echo(f"http://{shown}:{port}/  read-only; stop it with Ctrl-C")
        server.run()


def _listen(address: str, port: int) -> socket.socket:
    try:
        return socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
    except OSError as error:
        raise InputError(
            f"{address}:{port} can't be listened on: {error.strerror}", remedy="Give another --listen or --port; 0 takes a free one."
        ) from error


def _read_text(file: str) -> str:
    return options.read_file(file, "--tokens").decode("utf-8", "replace")


def _open_source(given: Mapping[str, Any]) -> tuple[Source, Trust, str]:
    trust, name = options.find_trust(given["trust"])
    believed = hashlib.sha256(options.read_file(name, "--trust")).hexdigest()
    index = Index(Path(given["index_file"]) if given["index_file"] else _default_index(given["store"]))

    def open_log() -> Opened:
        return Opened(kept.open_reader(given["store"], trust, since=given["since"]), open_store(given["store"]))

    return Source(index, trust, believed=believed, open_log=open_log, now=lambda: datetime.now(UTC)), trust, name


def _default_index(store: str) -> Path:
    """One for each store, below the user's cache (XDG Base Directory Specification)."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = store if "://" in store else os.path.abspath(store.partition(":")[2] or store)  # noqa: PTH100 - of a name, which may be no path
    return cache / "changegate" / f"portal-{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}.sqlite"


def _hosts(given: Mapping[str, Any], port: int) -> frozenset[str]:
    """What `Host` may say: the address and, on this machine's own, each of its names; a port where it isn't the scheme's."""
    own = _LOOPBACK if given["listen"] in _LOOPBACK else {given["listen"]}
    named = {f"[{each}]" if ":" in each else each for each in own}
    return frozenset({f"{each}:{port}" for each in named} | (named if port in {80, 443} else set()) | set(given["host_names"]))


def _make_pack(given: Mapping[str, Any], query: Mapping[str, str]) -> IO[bytes]:
    sample = query.get("sample", "")
    if sample and not re.fullmatch("0{0,9}(?:[1-9][0-9]{0,3}|10000)", sample, re.ASCII):
        raise InputError(f"a sample of {sample[:20]!r}", remedy="Give a number from 1 to 10000, or none.")
    asked = {
        "begin": query.get("from", ""),
        "end": query.get("to", ""),
        "kind": "changes",
        "environments": (query["environment"],) if query.get("environment") else (),
        "repositories": (),
        "sample": int(sample) if sample else None,
        "seed": query.get("seed") or None,
        "names": None,
        **{name: given[name] for name in ("store", "trust", "since")},
    }
    now = datetime.now(UTC)
    order = auditpack.read_order(asked, now=now)
    reader = auditpack.open_reader(asked, order)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
    try:
        auditpack.write_pack(reader, asked, order, file, now=now)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def _verify(given: Mapping[str, Any], trust: Trust, trust_name: str) -> tuple[str, bool]:
    store = open_store(given["store"], whole=True)
    earlier = kept.read_since(given["since"], trust) if given["since"] else None
    size = kept.open_reader(given["store"], trust).size
    share = Share(_WHOLE / size, os.urandom(8).hex()) if size > _WHOLE else None
    scope = Scope(share)
    report = verify_store(store, trust, since=earlier, now=datetime.now(UTC), scope=scope)
    lines = describe(Checked(report, scope, given["since"], 0), trust, trust_name)
    return "\n".join(lines), report.clean
