"""changegate audit: the population of a period, and a sample of it that anybody can draw again."""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any, Final

import click

from changegate.audit import sampling, tables
from changegate.audit.population import Kind, Population, Wanted, collect
from changegate.cli import options
from changegate.errors import InputError
from changegate.evidence import log_policy
from changegate.render.text import visible
from changegate.stores import open_store

_PACKED: Final = ("changes", "deploys", "rollbacks", "blocked")
_STRATA: Final = ("environment", "repository", "month", "range", "mode")
_SHOWN: Final = ("decided", "environment", "change", "author", "approved_by", "tickets", "outcome")


@click.group(name="audit")
def command() -> None:
    """What an auditor asks: the population of a period, and a sample of it."""


@command.command()
@click.option("--from", "begin", required=True, metavar="DATE", help="The first day (2026-01-01) or moment (2026-01-01T00:00:00Z), UTC.")
@click.option("--to", "end", required=True, metavar="DATE", help="The last day, or the moment before which the period ends.")
@click.option("--kind", type=click.Choice([each.value for each in Kind]), default="changes", show_default=True, help="Which population.")
@click.option("--environment", "environments", multiple=True, metavar="NAME", help="Only this environment. May be given more than once.")
@click.option("--repository", "repositories", multiple=True, metavar="NAME", help="Only this repository. May be given more than once.")
@options.store_option
@options.trust_option
@click.option(
    "--format", "format_", type=click.Choice(["csv", "json", "table"]), help="Default: table on the screen, csv or json by the file's name."
)
@click.option("--out", metavar="FILE", help="Where to write it; a CSV gets its header beside it, as FILE.ipe.json.")
def population(**given: Any) -> None:
    """Every production change of a period, with what proves that the list is whole.

    Every entry of the log is looked at, under its signed checkpoint; the records of the period are read, and their signatures verified.
    """
    wanted = Wanted(
        Kind(given["kind"]),
        _moment("--from", given["begin"], last=False),
        _moment("--to", given["end"], last=True),
        frozenset(given["environments"]),
        frozenset(given["repositories"]),
    )
    if wanted.begin >= wanted.end:
        raise InputError("--from is not before --to", remedy="Give the first and the last day of the period.")
    trusted, source = options.find_trust(given["trust"])
    reader = options.open_reader(given["store"], trusted)
    store = open_store(given["store"])
    found = collect(reader, trusted, wanted, store)
    keys = ", ".join(each.name for each in log_policy.of(trusted).logs)
    ipe = tables.header(found, source=store.url, extracted=datetime.now(UTC).isoformat(timespec="seconds"), trust=f"{source}: {keys}")
    _write(found, ipe, given["format_"], given["out"])


def _moment(option: str, text: str, *, last: bool) -> datetime:
    """A day, or a moment with its offset. The last day's end is that of the day. Raises `InputError`."""
    try:
        if len(text) == len("2026-01-01"):
            day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
            return day.replace(hour=0) if not last else datetime.fromtimestamp(day.timestamp() + 86400, UTC)
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError(text)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{option} {visible(text, 60)!r} is no date", remedy="For example 2026-01-31, or 2026-01-31T12:00:00Z.") from error


def _write(found: Population, ipe: dict[str, Any], format_: str | None, out: str | None) -> None:
    kind = format_ or ("table" if out is None else "json" if out.endswith(".json") else "csv")
    text = tables.format_json(found, ipe) if kind == "json" else tables.format_csv(found) if kind == "csv" else _table(found)
    if out is None:
        click.echo(text, nl=False)
        if kind == "table":
            _summary(found, ipe)
        return
    options.write_file(out, text.encode("utf-8"))
    if kind != "json":
        options.write_file(f"{out}.ipe.json", tables.format_sidecar(ipe, text).encode("utf-8"))
    _summary(found, ipe)
    click.echo(f"  file       {out}, SHA-256 {tables.digest(text.encode('utf-8'))}")


def _table(found: Population) -> str:
    rows = [_SHOWN, *((*(visible(str(getattr(row, name)), 40) for name in _SHOWN),) for row in found.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_SHOWN))]
    return "".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows)


def _summary(found: Population, ipe: dict[str, Any]) -> None:
    click.echo()
    click.echo(f"  population {ipe['population']}: {len(found.rows)} from {ipe['from']} to {ipe['to']}")
    click.echo(f"  log        {visible(found.origin)}: all of its {found.examined} entries examined")
    click.echo(f"  period     entries {found.begin.size} to {found.end.size}; root {found.end.root}")
    click.echo("  means      a change that never went through the gate has no record and isn't in here: compare with the platform's deployments")


@command.command(name="export")
@click.option("--from", "begin", required=True, metavar="DATE", help="The first day (2026-01-01) or moment (2026-01-01T00:00:00Z), UTC.")
@click.option("--to", "end", required=True, metavar="DATE", help="The last day, or the moment before which the period ends.")
@click.option("--kind", type=click.Choice(_PACKED), default="changes", show_default=True, help="Which population.")
@click.option("--environment", "environments", multiple=True, metavar="NAME", help="Only this environment. May be given more than once.")
@click.option("--repository", "repositories", multiple=True, metavar="NAME", help="Only this repository. May be given more than once.")
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Draw a sample of so many, with --seed.")
@click.option("--seed", metavar="TEXT", help="Any text that neither side could choose to its liking, such as the root of a checkpoint.")
@click.option("--reconciliation", metavar="FILE", help="What `changegate audit reconcile` wrote, to go into the pack.")
@click.option("--attach", multiple=True, metavar="FILE", help="Another file for the pack. May be given more than once.")
@click.option("--checkpoint", metavar="FILE", help="Export the log as it was at this checkpoint: with that of an earlier pack, the same bytes again.")
@options.store_option
@options.trust_option
@click.option("--out", required=True, metavar="FILE", help="Where to write the pack, such as pack.zip.")
def export(**given: Any) -> None:
    """Everything that an auditor needs of a period, in one file that he verifies without us.

    The records with their proofs, the log's checkpoints, the population, the sample, and a script that verifies it all. The same
    log and the same options give the same bytes.
    """
    from changegate.cli import auditpack  # the other commands need none of it

    begin, end = _moment("--from", given["begin"], last=False), _moment("--to", given["end"], last=True)
    auditpack.write_pack(auditpack.wanted(begin, end, given["kind"], given["environments"], given["repositories"]), given)


@command.command()
def verifier() -> None:
    """Print the script that verifies an evidence pack without changegate: for auditors who rather take it from here than from the pack."""
    from changegate.cli import auditpack

    click.echo(auditpack.verifier(), nl=False)


@command.command()
@click.argument("file", metavar="POPULATION")
@click.option("--size", type=click.IntRange(1), metavar="N", help="How many to draw.")
@click.option(
    "--confidence", type=click.FloatRange(0.5, 0.999), metavar="P", help="Instead of --size, with --tolerable: how sure to be, such as 0.95."
)
@click.option("--tolerable", type=click.FloatRange(0.001, 0.5), metavar="P", help="The rate of exceptions that would be too many, such as 0.1.")
@click.option(
    "--seed", required=True, metavar="TEXT", help="Any text that neither side could choose to its liking, such as the root of a checkpoint."
)
@click.option("--by", "stratum", type=click.Choice(_STRATA), help="Draw from each of these in proportion, at least one of each.")
@click.option("--format", "format_", type=click.Choice(["ids", "csv", "json"]), default="ids", show_default=True, help="What to print.")
def sample(file: str, size: int | None, confidence: float | None, tolerable: float | None, seed: str, stratum: str | None, format_: str) -> None:
    """Draw a sample from an exported population. The same file and seed give the same sample, here and by the line of shell in docs/audit.md."""
    data = options.read_file(file, "POPULATION")
    units = tables.parse(data)
    wanted = _size(size, confidence, tolerable, len(units))
    if stratum is None:
        drawn = sampling.draw((unit["id"] for unit in units), wanted, seed)
    else:
        drawn = sampling.draw_stratified([(unit["id"], _stratum(unit, stratum)) for unit in units], wanted, seed)
    by_id = {unit["id"]: unit for unit in units}
    if format_ == "ids":
        click.echo("".join(f"{unit}\n" for unit in drawn), nl=False)
    elif format_ == "csv":
        out = io.StringIO()
        writer = csv.DictWriter(out, list(units[0]) if units else ["id"])
        writer.writeheader()
        writer.writerows(by_id[unit] for unit in drawn)
        click.echo(out.getvalue(), nl=False)
    else:
        said = {"population": file, "sha256": tables.digest(data), "units": len(units), "seed": seed, "by": stratum, "size": len(drawn)}
        click.echo(json.dumps({**said, "algorithm": "sha256(seed LF id), ascending", "sample": [by_id[unit] for unit in drawn]}, indent=1))


def _size(size: int | None, confidence: float | None, tolerable: float | None, units: int) -> int:
    if size is not None and confidence is None and tolerable is None:
        return size
    if size is None and confidence is not None and tolerable is not None:
        return sampling.size_for(units, confidence=confidence, tolerable=tolerable)
    raise InputError("how many?", remedy="Give --size N; or --confidence and --tolerable, both, to have the size computed.")


def _stratum(unit: dict[str, str], name: str) -> str:
    return unit.get("decided", "")[:7] if name == "month" else unit.get(name, "")
