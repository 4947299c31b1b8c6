"""changegate audit sample: a sample of an exported population that anybody can draw again."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple

import click

from changegate import canonical, sampledraw
from changegate.audit import sampling, tables
from changegate.cli import options, signers
from changegate.cli.pages import SectionedCommand
from changegate.errors import FormatError, InputError
from changegate.evidence import log_policy
from changegate.evidence.checkpoint import parse as parse_checkpoint
from changegate.evidence.log import AlreadyRecordedError

_STRATA: Final = ("environment", "repository", "type", "month", "range", "mode")


class _Page(SectionedCommand):
    sections: ClassVar = {
        "How many": ("--size", "--confidence", "--tolerable", "--propose"),
        "Which": ("--seed", "--seed-from-checkpoint", "--by"),
        "What comes out": ("--format",),
        "In the log": ("--record", "--store", "--signing-key", "--log-key", "--trust"),
    }


class _Units(NamedTuple):
    """The population that was read."""

    units: tuple[dict[str, str], ...]
    sha256: str
    size: int | None
    """How many entries the log had when it was exported, where the file or its header says it."""


def _rate(least: float, most: float) -> Callable[[click.Context, click.Parameter, float | None], float | None]:
    """A share, or percent from 1 on: 0.95 and 95 are the same."""

    def check(_context: click.Context, _parameter: click.Parameter, value: float | None) -> float | None:
        share = value / 100 if value is not None and value >= 1 else value
        if share is not None and not least <= share <= most:
            raise click.BadParameter(f"{value:g} is not between {least:g} and {most:g} ({least * 100:g} and {most * 100:g} percent)")
        return share

    return check


@click.command(name="sample", cls=_Page)
@click.argument("file", metavar="POPULATION")
@click.option("--size", type=click.IntRange(1), metavar="N", help="How many to draw.")
@click.option(
    "--confidence",
    type=float,
    callback=_rate(0.5, 0.999),
    metavar="P",
    help="Instead of --size, with --tolerable: how sure to be, such as 95 (percent).",
)
@click.option(
    "--tolerable", type=float, callback=_rate(0.001, 0.5), metavar="P", help="The rate of exceptions that would be too many, such as 10 (percent)."
)
@click.option("--propose", is_flag=True, help="Only say how many that makes.")
@click.option("--seed", metavar="TEXT", help="Any text that neither side could choose to its liking.")
@click.option(
    "--seed-from-checkpoint",
    "beacon",
    metavar="FILE",
    help="The seed is the root of this checkpoint, which is later than the population. Whoever appends has a hand in it: see docs/audit.md.",
)
@click.option("--by", "strata", multiple=True, type=click.Choice(_STRATA), help="Draw from each in proportion, one at least. Repeatable.")
@click.option("--format", "format_", type=click.Choice(["ids", "csv", "json"]), default="ids", show_default=True, help="What to print.")
@click.option("--record", is_flag=True, help="Record the draw in the log, signed.")
@options.store_option
@signers.signing_key_option
@signers.log_key_option
@options.trust_option
def command(**given: Any) -> None:
    """Draw a sample from an exported population. The same file and seed give the same sample, here and by the line of shell in docs/audit.md."""
    population = _read(given["file"])
    wanted = _size(given["size"], given["confidence"], given["tolerable"], len(population.units))
    if given["propose"]:
        click.echo(_proposal(wanted, given, len(population.units)))
        return
    seed, beacon = _seed(given, population)
    if population.size is None:
        click.echo(f"changegate: {given['file']} has no header beside it (.ipe.json): nothing says of which log and period it is", err=True)
    if not population.units:
        click.echo("changegate: the population is empty: there is nothing to draw", err=True)
    elif wanted > len(population.units):
        click.echo(f"changegate: the population has {len(population.units)} units, fewer than {wanted}: all of them are the sample", err=True)
    strata: tuple[str, ...] = given["strata"]
    if strata:
        drawn = sampling.draw_stratified([(unit["id"], _stratum(unit, strata)) for unit in population.units], wanted, seed)
    else:
        drawn = sampling.draw((unit["id"] for unit in population.units), wanted, seed)
    if given["record"]:
        _record(given, population, seed, beacon, drawn)
    _print(given, population, seed, drawn)


def _read(file: str) -> _Units:
    """The population, with its header where there is one. Raises `InputError`, too for a file that isn't the one that its header is of."""
    data = options.read_file(file, "POPULATION")
    units, sha256 = tables.parse(data), tables.digest(data)
    sidecar = Path(f"{file}.ipe.json")
    header: Any = None
    try:
        if data.lstrip()[:1] == b"{":
            header = json.loads(data)
        elif sidecar.is_file():
            header = json.loads(options.read_file(str(sidecar), "POPULATION"))
            if not isinstance(header, dict) or header.get("sha256") != sha256:
                raise InputError(f"{file} is not the file that {sidecar} is the header of", remedy="Give the population as it was exported.")
        checkpoint = header.get("checkpoint") if isinstance(header, dict) else None
        size = parse_checkpoint(checkpoint.encode("utf-8")).size if isinstance(checkpoint, str) else None
    except (ValueError, RecursionError, FormatError) as error:
        raise InputError(f"{sidecar} is no header of a population", remedy="Give both files as they were exported.") from error
    return _Units(units, sha256, size)


def _size(size: int | None, confidence: float | None, tolerable: float | None, units: int) -> int:
    if size is not None and confidence is None and tolerable is None:
        return size
    if size is None and confidence is not None and tolerable is not None:
        return sampling.size_for(units, confidence=confidence, tolerable=tolerable)
    raise InputError("how many?", remedy="Give --size N; or --confidence and --tolerable, both, to have the size computed.")


def _proposal(size: int, given: Mapping[str, Any], units: int) -> str:
    if given["confidence"] is None:
        raise InputError("--propose needs to know how sure to be", remedy="Give --confidence 95 --tolerable 10.")
    return (
        f"{size} of {units}: where none of them is an exception, fewer than {given['tolerable']:.1%} of the population are, "
        f"with a confidence of {given['confidence']:.1%}"
    )


def _seed(given: Mapping[str, Any], population: _Units) -> tuple[str, str]:
    """The seed, and the checkpoint that it is from. Raises `InputError`, `VerificationError`."""
    if (given["seed"] is None) == (given["beacon"] is None) or given["seed"] == "":
        raise InputError("which seed?", remedy="Give --seed TEXT, or --seed-from-checkpoint FILE.")
    if given["beacon"] is None:
        return given["seed"], ""
    signed = options.read_file(given["beacon"], "--seed-from-checkpoint")
    trusted, _ = options.find_trust(given["trust"])
    found = log_policy.of(trusted).verify(signed)
    if population.size is not None and found.size <= population.size:
        raise InputError(
            f"the checkpoint has {found.size} entries, and the population was exported when there were {population.size}: its seed was known before",
            remedy="Take a checkpoint that the log published after the population was exported, best one that a witness cosigned.",
        )
    return signed.decode("utf-8").split("\n")[2], signed.decode("utf-8")


def _record(given: Mapping[str, Any], population: _Units, seed: str, beacon: str, drawn: tuple[str, ...]) -> None:
    signing = signers.read_signing(given["signing_key"], given["log_key"])
    trust = options.read_optional_trust(given["trust"])
    log = options.open_log(given["store"], signing, trust=trust, origin=None, now=lambda: datetime.now(UTC))
    statement = sampledraw.make_statement(
        sha256=population.sha256,
        units=len(population.units),
        seed=seed,
        beacon=beacon,
        by=given["strata"],
        sample=drawn,
        log=log.verifier_key.name,
        decided=datetime.now(UTC),
    )
    envelope = signing.record.sign_record(canonical.dumps(statement))
    try:
        card = sampledraw.index_card(statement, envelope)
        where = f"record {card.envelope[:16]}, log index {log.append(card, envelope=envelope).index}"
    except AlreadyRecordedError as earlier:
        where = f"record {earlier.card.envelope[:16]}, log index {earlier.receipt.index}: it was there already"
    click.echo(f"changegate: the draw is on record: {where}", err=True)


def _print(given: Mapping[str, Any], population: _Units, seed: str, drawn: Sequence[str]) -> None:
    by_id = {unit["id"]: unit for unit in population.units}
    if given["format_"] == "ids":
        click.echo("".join(f"{unit}\n" for unit in drawn), nl=False)
    elif given["format_"] == "csv":
        out = io.StringIO()
        writer = csv.DictWriter(out, list(population.units[0]) if population.units else ["id"])
        writer.writeheader()
        writer.writerows({name: tables.cell(value) for name, value in by_id[unit].items()} for unit in drawn)
        click.echo(out.getvalue(), nl=False)
    else:
        said = {"population": given["file"], "sha256": population.sha256, "units": len(population.units), "seed": seed, "by": list(given["strata"])}
        said |= {"size": len(drawn), "algorithm": "sha256(seed LF id), ascending", "sample": [by_id[unit] for unit in drawn]}
        click.echo(json.dumps(said, indent=1))


def _stratum(unit: Mapping[str, str], names: Sequence[str]) -> str:
    return "\n".join(unit.get("decided", "")[:7] if name == "month" else unit.get(name, "") for name in names)
