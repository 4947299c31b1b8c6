"""changegate audit export, audit verifier: the evidence pack, and what verifies it without changegate."""

import hashlib
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Final

import click

from changegate import __version__
from changegate.audit.pack import archive
from changegate.audit.pack.contents import Claims, Contents, Drawing
from changegate.audit.pack.export import Order, Reveal, export
from changegate.audit.population import Kind, Wanted
from changegate.cli import kept, options, periods, places
from changegate.cli.names import read_names, reading_option
from changegate.cli.pages import SectionedCommand, examples
from changegate.errors import FormatError, InputError
from changegate.evidence import log_policy
from changegate.evidence.reader import LogReader
from changegate.render import report
from changegate.render.text import count, visible
from changegate.stores import open_store
from changegate.trust import Trust, parse

KINDS: Final = ("changes", "deploys", "rollbacks", "blocked", "emergencies", "waivers")
"""The populations that verify.py makes again."""
_ENDED: Final = (
    "The newest checkpoint is signed by a key that has ended since: whoever verifies this pack must say when he had it (--received).\n"
    "  Better run `changegate gate` once with the new key, and export then."
)


class _Page(SectionedCommand):
    sections: ClassVar = {
        "What": ("--from", "--to", "--kind", "--environment", "--repository", "--sample", "--seed", "--reconciliation", "--attach"),
        "Names that records hide": ("--names", "--reveal"),
        "The records": ("--store", "--trust", "--checkpoint"),
        "What comes out": ("--out",),
    }


@click.command(name="export", cls=_Page, epilog=examples("changegate audit export --from 2026-01-01 --to 2026-06-30 --out pack.zip"))
@periods.begin_option
@periods.end_option
@click.option("--kind", type=click.Choice(KINDS), default="changes", show_default=True, help="Which population.")
@click.option("--environment", "environments", multiple=True, metavar="NAME", help="Only this environment. May be given more than once.")
@click.option("--repository", "repositories", multiple=True, metavar="NAME", help="Only this repository. May be given more than once.")
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Draw a sample of so many, with --seed.")
@click.option("--seed", metavar="TEXT", help="Any text that neither side could choose to its liking, such as the root of a checkpoint.")
@click.option("--reconciliation", metavar="FILE", help="What `changegate audit reconcile` wrote, to go into the pack.")
@click.option("--attach", multiple=True, metavar="FILE", help="Another file for the pack. May be given more than once.")
@reading_option
@click.option(
    "--reveal", type=click.Choice([each.value for each in Reveal]), default=Reveal.NONE.value, show_default=True, help="Which of --names go along."
)
@click.option("--checkpoint", metavar="FILE", help="Export the log as it was at this checkpoint: with that of an earlier pack, the same bytes again.")
@options.store_option
@options.trust_option
@kept.since_option
@click.option("--out", required=True, metavar="FILE", help="Where to write the pack, such as pack.zip.")
def export_command(**given: Any) -> None:
    """Everything that an auditor needs of a period, in one file that he verifies without us.

    The records with their proofs, the log's checkpoints, the population, the sample, and a script that verifies it all. The same
    log and the same options give the same bytes.
    """
    now = datetime.now(UTC)
    order = read_order(given, now=now)
    reader = open_reader(given, order)
    out = Path(given["out"])
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".changegate-") as folder:
            unfinished = Path(folder, out.name)
            with unfinished.open("w+b") as file:
                found = write_pack(reader, given, order, file, now=now)
                file.seek(0)
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            unfinished.replace(out)
    except OSError as error:
        raise InputError(f"{out}: {error.strerror}", remedy="Name a file that can be written.") from error
    _summary(found, out, digest, order)
    if log_policy.of(parse(order.trust)).ended(reader.signed, now):
        click.echo(f"! {_ENDED}", err=True)


def read_order(given: Mapping[str, Any], *, now: datetime) -> Order:
    """What the options ask for. Raises `InputError`."""
    period = periods.parse(given["begin"], given["end"], now=now)
    asked = Wanted(Kind(given["kind"]), *period, frozenset(given["environments"]), frozenset(given["repositories"]))
    if (given["sample"] is None) != (given["seed"] is None):
        raise InputError(
            "--sample and --seed go together", remedy="Give the size and a seed that neither side chose: the root of a checkpoint, for example."
        )
    # Who makes a page from the store, for people, gives the names that it is to show.
    reveal = Reveal(given.get("reveal", Reveal.ALL))
    if reveal is not Reveal.NONE and "reveal" in given and not given["names"]:
        raise InputError(f"--reveal {reveal.value}, and no names", remedy="Give --names FILE, or leave --reveal out.")
    if reveal is Reveal.SAMPLE and given["sample"] is None:
        raise InputError("--reveal sample, and no sample", remedy="Draw one: --sample and --seed.")
    trusted, name = options.find_trust(given["trust"])
    trust = options.read_file(name, "--trust")
    if parse(trust) != trusted:
        raise InputError(f"{name} changed while it was read", remedy="Run again.")
    order = Order(
        claims=Claims(asked, open_store(given["store"]).url, f"changegate {__version__}"),
        trust=trust,
        verifier=verifier(),
        drawing=Drawing(given["sample"], given["seed"]) if given["sample"] is not None else None,
        report=report.render,
        names=tuple(read_names(given["names"]).values()),
        reveal=reveal,
        reconciliation=options.read_file(given["reconciliation"], "--reconciliation") if given.get("reconciliation") else None,
        attachments={Path(each).name: options.read_file(each, "--attach") for each in given.get("attach", ())},
    )
    if len(order.attachments) < len(given.get("attach", ())):
        raise InputError("two files to attach have the same name", remedy="Rename one of them.")
    return order


def open_reader(given: Mapping[str, Any], order: Order) -> LogReader:
    """The log that the options name, of which the order's places are known. Raises `InputError`, `VerificationError`."""
    reader = _reader(given, parse(order.trust))
    places.check_known(reader, given["environments"], given["repositories"])
    return reader


def write_pack(reader: LogReader, given: Mapping[str, Any], order: Order, file: BinaryIO, *, now: datetime) -> Contents:
    """Write the pack that is ordered. Raises as `export` does."""
    return export(reader, open_store(given["store"]), parse(order.trust), order, archive.Writer(file), now=now)


def _reader(given: Mapping[str, Any], trusted: Trust) -> LogReader:
    """The log as published, or as it was at an earlier checkpoint."""
    if given.get("checkpoint") is None:
        return kept.open_reader(given["store"], trusted, since=given["since"])
    signed = options.read_file(given["checkpoint"], "--checkpoint")
    try:
        reader = LogReader(open_store(given["store"]), log_policy.of(trusted), signed)
    except FormatError as error:
        raise InputError(f"--checkpoint: {error.message}", remedy="Give `checkpoints/newest` of a pack, or a checkpoint that you kept.") from error
    kept.open_reader(given["store"], trusted, since=given["since"]).verify_extends(reader.checkpoint)
    return reader


def _summary(found: Contents, out: Path, digest: str, order: Order) -> None:
    rows = found.rows()
    asked = found.claims.wanted
    click.echo(f"✓ {visible(str(out))}: {count(len(found.records), 'record')} of {asked.begin:%Y-%m-%d %H:%M} to {asked.end:%Y-%m-%d %H:%M} UTC")
    click.echo(f"  log        {visible(found.origin)}: all of its {found.size} entries looked at")
    drawn = f", {len(found.sampled(rows))} drawn by the seed" if order.drawing else ""
    fewer = f", fewer than {order.drawing.size}: all of them" if order.drawing and len(rows) < order.drawing.size else ""
    click.echo(f"  population {asked.kind.value}: {len(rows)}{drawn}{fewer if rows else ': nothing of the kind in this period'}")
    click.echo(f"  sha256     {digest}")
    click.echo("  next       hand it over with this SHA-256, and the trust file by another way; `changegate verify PACK`, or verify.py in it")


@click.command(name="verifier")
def verifier_command() -> None:
    """Print the script that verifies an evidence pack without changegate: for auditors who rather take it from here than from the pack."""
    click.echo(verifier(), nl=False)


def verifier() -> bytes:
    """The script that verifies a pack without changegate."""
    return resources.files("changegate.audit.pack").joinpath("standalone.py").read_bytes()
