"""changegate audit: what an auditor asks. The population is here; the other commands have modules of their own."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from changegate.audit import tables
from changegate.audit.population import COLUMNS, Kind, Population, Wanted, collect
from changegate.cli import auditpack, auditreport, kept, matrix, options, periods, places, readiness, reconcile, sample
from changegate.errors import InputError
from changegate.evidence import log_policy
from changegate.render.text import visible
from changegate.stores import open_store

_ENDINGS: Final = {".csv": "csv", ".json": "json", ".xlsx": "xlsx"}
_SHOWN: Final = ("decided", "environment", "change", "author", "approved_by", "tickets", "outcome")


@click.group(name="audit")
def command() -> None:
    """What an auditor asks: the population of a period and whether it is complete, and a sample of it."""


command.add_command(reconcile.command)
command.add_command(sample.command)
command.add_command(readiness.command)
command.add_command(matrix.command)
command.add_command(auditpack.export_command)
command.add_command(auditpack.verifier_command)
command.add_command(auditreport.command)


@command.command()
@periods.begin_option
@periods.end_option
@click.option("--kind", type=click.Choice([each.value for each in Kind]), default="changes", show_default=True, help="Which population.")
@click.option("--environment", "environments", multiple=True, metavar="NAME", help="Only this environment. May be given more than once.")
@click.option("--repository", "repositories", multiple=True, metavar="NAME", help="Only this repository. May be given more than once.")
@options.store_option
@options.trust_option
@kept.since_option
@click.option(
    "--format",
    "format_",
    type=click.Choice(["csv", "json", "xlsx", "table"]),
    help="Default: table on the screen, csv, json or xlsx by the file's name.",
)
@click.option("--out", metavar="FILE", help="Where to write it; CSV and XLSX get their header beside it, as FILE.ipe.json.")
def population(**given: Any) -> None:
    """Every production change of a period, with what proves that the list is whole.

    Every entry of the log is looked at, under its signed checkpoint; the records of the period are read, and their signatures verified.
    """
    period = periods.parse(given["begin"], given["end"], now=datetime.now(UTC))
    wanted = Wanted(Kind(given["kind"]), *period, frozenset(given["environments"]), frozenset(given["repositories"]))
    trusted, source = options.find_trust(given["trust"])
    reader = kept.open_reader(given["store"], trusted, since=given["since"])
    places.check_known(reader, given["environments"], given["repositories"])
    store = open_store(given["store"])
    found = collect(reader, trusted, wanted, store)
    keys = ", ".join(each.name for each in log_policy.of(trusted).logs)
    ipe = tables.header(
        found, source=store.url, extracted=datetime.now(UTC).isoformat(timespec="seconds"), trust=f"{source}: {keys}", since=given["since"]
    )
    _write(found, ipe, given["format_"], given["out"])


def _write(found: Population, ipe: dict[str, Any], format_: str | None, out: str | None) -> None:
    kind = format_ or ("table" if out is None else _kind_of(out))
    data = _format(found, ipe, kind)
    if out is None:
        if kind == "xlsx":
            raise InputError("XLSX is no text for the screen", remedy="Give --out FILE.xlsx.")
        click.echo(data, nl=False)
        if kind == "table":
            _summary(found, ipe)
        return
    options.write_file(out, data)
    if kind != "json":
        options.write_file(f"{out}.ipe.json", tables.format_sidecar(ipe, data).encode("utf-8"))
    _summary(found, ipe)
    click.echo(f"  file       {out}, SHA-256 {tables.digest(data)}")


def _kind_of(out: str) -> str:
    ending = Path(out).suffix.lower()
    if ending and ending not in _ENDINGS:
        raise InputError(
            f"--out {visible(out, 200)}: nothing is written as {visible(ending, 20)}", remedy="Name a .csv, .json or .xlsx; or --format."
        )
    return _ENDINGS.get(ending, "csv")


def _format(found: Population, ipe: dict[str, Any], kind: str) -> bytes:
    match kind:
        case "json":
            return tables.format_json(found, ipe).encode("utf-8")
        case "csv":
            return tables.format_csv(found).encode("utf-8")
        case "xlsx":
            from changegate.audit import workbook  # the library is an extra

            return workbook.format_xlsx(COLUMNS, found.rows, ipe)
        case _:
            return _table(found).encode("utf-8")


def _table(found: Population) -> str:
    rows = [_SHOWN, *((*(visible(str(getattr(row, name)), 40) for name in _SHOWN),) for row in found.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_SHOWN))]
    return "".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows)


def _summary(found: Population, ipe: dict[str, Any]) -> None:
    click.echo()
    click.echo(f"  population {ipe['population']}: {len(found.rows)} from {ipe['from']} to {ipe['to']}")
    click.echo(f"  log        {visible(found.origin)}: all of its {found.examined} entries examined")
    click.echo(f"  period     entries {found.begin.size} to before {found.end.size}; root {found.end.root}")
    if ipe["growsFrom"]:
        click.echo(f"  since      the log grew from the checkpoint {visible(ipe['growsFrom'])}, and lost nothing")
    else:
        click.echo("  since      no earlier checkpoint was given (--since): an older copy of the whole store would look like this, too")
    for note in ipe["notes"]:
        click.echo(f"  note       {note}")
    click.echo("  means      a change that never went through the gate has no record and isn't in here: compare with the platform's deployments")
