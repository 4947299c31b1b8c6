"""`changegate verify PACK`: is an evidence pack what the log has?"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from changegate.audit.pack.manifest import MANIFEST
from changegate.audit.pack.members import FolderMembers, Members, ZipMembers
from changegate.audit.pack.verify import Verified, verify_pack
from changegate.cli.auditpack import verifier
from changegate.errors import InputError
from changegate.render import report
from changegate.render.text import count, visible
from changegate.trust import Trust, short

_ZIP: Final = b"PK"


def is_pack(where: str) -> bool:
    """Whether this names a pack, or the folder where one was unpacked, and no store. A file is never a store."""
    path = Path(where)
    try:
        return path.is_file() or (path / MANIFEST).is_file()
    except (OSError, ValueError):
        return False


@contextmanager
def open_members(where: str) -> Iterator[Members]:
    """A pack's file, or the folder where it was unpacked; nothing of it is verified yet. Raises `VerificationError`, `InputError`."""
    path = Path(where)
    if path.is_dir():
        yield FolderMembers(path)
        return
    try:
        with path.open("rb") as file:
            if file.read(len(_ZIP)) != _ZIP:
                raise InputError(f"{where} is no evidence pack and no store", remedy="Name what `changegate audit export` wrote, or a store.")
            yield ZipMembers(file)
    except OSError as error:
        raise InputError(f"{where}: {error.strerror}", remedy="Name a pack that can be read.") from error


def print_pack(where: str, trusted: Trust, source: str, *, received: datetime, as_json: bool) -> None:
    """Verify a pack and say what it holds. Raises `VerificationError`, `FormatError`, `InputError`."""
    with open_members(where) as members:
        found = verify_pack(members, trusted, verifier(), report.render, received=received)
    if as_json:
        click.echo(json.dumps(_as_json(found, source), indent=2))
    else:
        _print(found, trusted, source)


def _print(found: Verified, trusted: Trust, source: str) -> None:
    records, asked = found.contents.records, found.contents.claims.wanted
    signers = sorted({each.key_id for each in records})
    click.secho(f"✓ WHOLE: {count(len(records), 'record')}, each signed, in the log, and as it was written", fg="green", bold=True)
    click.echo()
    click.echo(f"  period     {asked.begin.isoformat()} to before {asked.end.isoformat()}")
    click.echo(f"  places     environments: {_places(asked.environments)}; repositories: {_places(asked.repositories)}")
    if found.until:
        click.echo(f"  until      {found.until.isoformat()}, the newest entry that this pack knows of: what was appended since isn't in it")
    click.echo(f"  log        {visible(found.checkpoint.origin)}")
    click.echo(f"  entries    {found.first} to before {found.last} of {found.checkpoint.size}, none of them left out")
    click.echo(f"  checkpoint {count(found.checkpoint.size, 'entry')}, root {found.checkpoint.root.hex()}")
    click.echo(f"  population {asked.kind.value}: {found.units}, exactly what the period's records make")
    if found.contents.drawing:
        click.echo(f"  sample     {found.sampled} units, as the seed draws them: {visible(found.contents.drawing.seed, 100)}")
    if found.names:
        click.echo(f"  names      {count(len(found.names), 'hidden name')} opened, each as the signed record commits to it")
    click.echo(f"  trusted    {source}: record keys {', '.join(key_id[:16] for key_id in trusted.public_keys)}")
    click.echo(f"  signed by  {visible(', '.join(short(each) for each in signers)) or 'nobody: there is no record'}")
    if found.not_compared:
        click.echo(f"  not        {', '.join(found.not_compared)}: another version wrote this pack, so they weren't compared with the records")
    click.echo("  means      a deploy that never went through the gate isn't in here: compare with the platform's own list of deployments")


def _places(names: frozenset[str]) -> str:
    return ", ".join(f"only {visible(each, 100)}" if at == 0 else visible(each, 100) for at, each in enumerate(sorted(names))) or "all"


def _as_json(found: Verified, source: str) -> dict[str, Any]:
    asked, checkpoint = found.contents.claims.wanted, found.checkpoint
    return {
        "whole": True,
        "from": asked.begin.isoformat(),
        "to": asked.end.isoformat(),
        "population": asked.kind.value,
        "environments": sorted(asked.environments) or "all",
        "repositories": sorted(asked.repositories) or "all",
        "until": found.until.isoformat() if found.until else None,
        "units": found.units,
        "sampled": found.sampled,
        "namesOpened": len(found.names),
        "records": len(found.contents.records),
        "entries": {"first": found.first, "before": found.last},
        "checkpoint": {"origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root.hex()},
        "signedBy": sorted({each.key_id for each in found.contents.records}),
        "notCompared": list(found.not_compared),
        "trust": source,
    }
