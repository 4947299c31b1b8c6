"""changegate verify: is a store whole, signed and consistent; is a receipt good."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import click

from changegate.cli import options
from changegate.errors import ExitCode, InputError
from changegate.evidence.card import parse_card
from changegate.evidence.findings import Problem, Report
from changegate.evidence.proof import parse_receipt
from changegate.evidence.verify import verify_receipt, verify_store
from changegate.render.text import visible
from changegate.stores import open_store
from changegate.trust import Trust

_RECEIPT: Final = b"c2sp.org/tlog-proof@v1\n"
_PROGRESS_EVERY: Final = 1000


@click.command(name="verify")
@click.argument("store", required=False)
@options.trust_option
@click.option("--since", metavar="FILE", help="A checkpoint or receipt kept from earlier: the log must have grown from it, and lost nothing.")
@click.option("--receipt", metavar="FILE", help="Check this receipt (a tlog-proof), without the store.")
@click.option("--record", metavar="FILE", help="With --receipt: the signed record (its envelope) that the receipt is for.")
@click.option("--format", "format_", type=click.Choice(["terminal", "json"]), default="terminal", show_default=True, help="What to print.")
def command(store: str | None, trust: str | None, since: str | None, receipt: str | None, record: str | None, format_: str) -> int:
    """Check every signature, every hash, the tree and its checkpoints in STORE (a directory, file:DIR or git:REPOSITORY[#BRANCH]).

    Exit code 5 says that something is not as it was signed; each problem is named, with where it is.
    """
    trusted, source = options.find_trust(trust)
    if receipt is not None:
        if store is not None or since is not None:
            raise InputError("--receipt is checked without a store", remedy="Leave STORE and --since out, or check the store by itself.")
        return _check_receipt(receipt, record, trusted, source)
    if store is None:
        raise InputError("which store?", remedy="Name it: changegate verify file:DIR, or changegate verify --receipt FILE.")
    if record is not None:
        raise InputError("--record goes with --receipt", remedy="Give the receipt, too.")
    opened = open_store(store)
    if next(iter(opened.list("")), None) is None:
        raise InputError(f"{opened.url} is empty or isn't there", remedy="Check STORE; a log begins with the first `changegate gate`.")
    report = verify_store(opened, trusted, since=_read_checkpoint(since) if since else None, now=datetime.now(UTC), progress=_progress())
    if report.entries == 0 and not report.problems:
        raise InputError(f"{opened.url} holds no log, or an empty one", remedy="Check STORE; a log begins with the first `changegate gate`.")
    if format_ == "json":
        click.echo(json.dumps(_as_json(report, source), indent=2))
    else:
        _print(report, trusted, source, since)
    return ExitCode.ALLOWED if report.clean else ExitCode.NOT_VERIFIED


def _check_receipt(receipt: str, record: str | None, trusted: Trust, source: str) -> int:
    data = options.read_file(receipt, "--receipt")
    entry = parse_receipt(data).extra
    subject = options.read_file(record, "--record") if record else entry
    if subject is None:
        raise InputError("this receipt doesn't carry the entry that it is for", remedy="Give the record: --record FILE.")
    checkpoint = verify_receipt(data, subject, trusted)
    card = parse_card(entry if entry is not None else subject)
    click.echo(f"✓ in the log {visible(checkpoint.origin)}, within its first {checkpoint.size} entries")
    click.echo(f"  record    {card.envelope}")
    click.echo(
        f"  says      {visible(card.decision)}: {visible(card.repository)} at {visible(card.commit)} to {visible(card.environment)}, {card.time}"
    )
    click.echo(f"  signature {'of the record holds' if record else 'of the record not checked: give the record with --record'}")
    click.echo(f"  trusted   the keys of {source}")
    return ExitCode.ALLOWED


def _read_checkpoint(file: str) -> bytes:
    """A kept checkpoint, by itself or in a receipt."""
    data = options.read_file(file, "--since")
    return parse_receipt(data).checkpoint if data.startswith(_RECEIPT) else data


def _print(report: Report, trusted: Trust, source: str, since: str | None) -> None:
    keys = ", ".join(key_id[:16] for key_id in trusted.public_keys)
    if report.clean:
        click.secho(f"✓ WHOLE: {_count(report.entries, 'record')}, each signed, in the tree, and as it was written", fg="green", bold=True)
    else:
        click.secho(f"✗ NOT WHOLE: {_count(len(report.problems), 'problem')} in {_count(report.entries, 'record')}", fg="red", bold=True)
    for problem in report.problems:
        click.echo()
        _print_finding("✗", problem)
    if report.unlisted:
        click.echo(f"\n… and {report.unlisted} more that are not listed")
    for note in report.notes:
        _print_finding("·", note)
    click.echo()
    if report.checkpoint is not None:
        click.echo(f"  log        {visible(report.checkpoint.origin)}")
        click.echo(f"  checkpoint {report.checkpoint.size} entries, root {report.checkpoint.root.hex()}")
    click.echo(f"  trusted    {source}: record keys {keys}")
    for revoked in report.revoked:
        click.echo(f"  revoked    {visible(revoked)}")
    if since is None:
        click.echo("  since      no earlier checkpoint was given: a log rewritten from its start by its key's holder would look like this, too")
    elif report.clean:
        click.echo(f"  since      it grew from the checkpoint in {since}, and lost nothing")


def _print_finding(mark: str, problem: Problem) -> None:
    click.echo(f"{mark} {visible(problem.what)}: {visible(problem.where)}")
    for label, text in (("expected", problem.expected), ("found", problem.found), ("means", problem.meaning)):
        click.echo(f"  {label:<10} {visible(text)}")


def _as_json(report: Report, source: str) -> dict[str, Any]:
    checkpoint = report.checkpoint
    return {
        "whole": report.clean,
        "entries": report.entries,
        "problems": [vars(each) for each in report.problems],
        "unlisted": report.unlisted,
        "notes": [vars(each) for each in report.notes],
        "revoked": list(report.revoked),
        "checkpoint": {"origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root.hex()} if checkpoint else None,
        "trust": source,
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _progress() -> Callable[[int], None]:
    """On a terminal, a line that counts; else nothing."""
    if not sys.stderr.isatty():
        return lambda _entries: None
    shown = 0

    def tell(entries: int) -> None:
        nonlocal shown
        if entries - shown >= _PROGRESS_EVERY:
            shown = entries
            click.echo(f"\r{entries} records checked", nl=False, err=True)

    return tell
