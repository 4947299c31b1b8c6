"""changegate audit report: the period as a page for people, from an evidence pack or from the store, nothing of it unverified."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Final

import click

from changegate.audit.pack.export import REPORT, opened_facts
from changegate.audit.pack.members import ZipMembers
from changegate.audit.pack.verify import read_facts, verify_pack
from changegate.cli import auditpack, kept, options, periods
from changegate.cli.names import read_names, reading_option
from changegate.cli.pages import SectionedCommand, examples
from changegate.cli.verified_pack import open_members
from changegate.errors import InputError
from changegate.render import report
from changegate.render.text import count, visible

_OF_THE_STORE: Final = {"begin": "--from", "end": "--to", "environments": "--environment", "repositories": "--repository", "since": "--since"} | {
    "sample": "--sample", "seed": "--seed"
}  # fmt: skip


class _Page(SectionedCommand):
    sections: ClassVar = {
        "From the store, without a pack": ("--from", "--to", "--kind", "--environment", "--repository", "--sample", "--seed", "--store", "--since"),
        "Whom it believes": ("--trust", "--received"),
        "What comes out": ("--names", "--out", "--open"),
    }


@click.command(
    name="report",
    cls=_Page,
    epilog=examples("changegate audit report pack.zip -o report.html", "changegate audit report --from 2026-01-01 --to 2026-06-30 --open"),
)
@click.argument("pack", required=False, metavar="[PACK]")
@periods.option("--from", "begin")
@periods.option("--to", "end")
@click.option("--kind", type=click.Choice(auditpack.KINDS), default="changes", show_default=True, help="Which population.")
@click.option("--environment", "environments", multiple=True, metavar="NAME", help="Only this environment. May be given more than once.")
@click.option("--repository", "repositories", multiple=True, metavar="NAME", help="Only this repository. May be given more than once.")
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Draw a sample of so many, with --seed, and follow each of it through.")
@click.option("--seed", metavar="TEXT", help="Any text that neither side could choose to its liking, such as the root of a checkpoint.")
@options.store_option
@kept.since_option
@options.trust_option
@click.option("--received", metavar="DATE", help="With a PACK: when you had it, where the key of its newest checkpoint has ended since.")
@reading_option
@click.option("-o", "--out", default=REPORT, show_default=True, metavar="FILE", help="Where to write the page.")
@click.option("--open", "open_", is_flag=True, help="Also open it in the browser.")
def command(pack: str | None, out: str, *, open_: bool, **given: Any) -> None:
    """The period for people, as one HTML file: of an evidence pack, or of the log itself by --from and --to.

    A pack is verified first, and the page made again from its records, not copied; a pack that doesn't verify has no report.
    """
    now = datetime.now(UTC)
    page, said = _of_pack(pack, given, now) if pack else _of_store(given, now)
    options.write_file(out, page)
    click.echo(f"✓ {visible(out)}: {said}, verified before it was made")
    if open_:
        click.launch(Path(out).resolve().as_uri())


def _of_pack(pack: str, given: dict[str, Any], now: datetime) -> tuple[bytes, str]:
    """The page, and of what it is. Raises as `verify_pack` does, `InputError` for options that a pack has settled."""
    settled = [option for name, option in _OF_THE_STORE.items() if given[name]]
    if settled:
        raise InputError(f"{settled[0]} goes with the store: what a pack is of was settled by its export", remedy="Name the pack alone, or no pack.")
    trusted, _ = options.find_trust(given["trust"])
    received = periods.parse_past("--received", given["received"], now=now) if given["received"] else now
    with open_members(pack) as members:
        found = verify_pack(members, trusted, auditpack.verifier(), report.render, received=received)
        names = {**found.names, **read_names(given["names"])}
        page = report.render(found.contents.opened(names), opened_facts(found.contents, lambda digest: read_facts(members, digest), names))
        return page, count(len(found.contents.records), "record")


def _of_store(given: dict[str, Any], now: datetime) -> tuple[bytes, str]:
    """The page of the pack that an export would write now. Raises as `export` does, `InputError` without a period."""
    if not given["begin"] or not given["end"]:
        raise InputError("of what? Neither a pack nor a period is named", remedy="Name a PACK, or a period of the log: --from and --to.")
    order = auditpack.read_order(given, now=now)
    reader = auditpack.open_reader(given, order)
    with tempfile.TemporaryFile() as file:
        found = auditpack.write_pack(reader, given, order, file, now=now)
        return ZipMembers(file).read(REPORT), count(len(found.records), "record")
