"""changegate verify: is a store whole, signed and consistent; is a receipt good."""

import json
import os
import secrets
from datetime import UTC, datetime
from itertools import islice
from typing import Final

import click

from changegate.cli import kept, options, periods, progress
from changegate.cli.verified import Checked, as_json, print_report
from changegate.cli.verified_pack import is_pack, print_pack
from changegate.errors import ExitCode, InputError
from changegate.evidence import layout
from changegate.evidence.card import parse_card
from changegate.evidence.checkpoint import parse
from changegate.evidence.proof import parse_receipt
from changegate.evidence.verify import Scope, verify_receipt, verify_store
from changegate.evidence.verify_commits import Share
from changegate.evidence.workers import Workers
from changegate.render.text import visible
from changegate.stores import Store, open_store, opener
from changegate.trust import Trust

_LOOKED_AT: Final = 1000


@click.command(name="verify")
@click.argument("store", required=False)
@options.trust_option
@kept.since_option
@click.option("--new-only", is_flag=True, help="With --since: check only what is newer, and that the tree still holds what is older.")
@click.option("--share", metavar="PERCENT", help="Check the records of a random share (such as 1%), and all of the tree and its checkpoints.")
@click.option("--seed", metavar="TEXT", help="With --share: draw the same share again. By default a new one, which is printed.")
@click.option("--jobs", type=click.IntRange(1, 256), metavar="N", help="How many processes. Default: one for each core; small logs take one.")
@click.option("--receipt", metavar="FILE", help="Check this receipt (a tlog-proof), without the store.")
@click.option("--record", metavar="FILE", help="With --receipt: the signed record (its envelope) that the receipt is for.")
@click.option("--received", metavar="DATE", help="Of a pack: when you had it, as it is. A key that ended later may sign its newest checkpoint.")
@click.option("--format", "format_", type=click.Choice(["terminal", "json"]), default="terminal", show_default=True, help="What to print.")
def command(
    *, store: str | None, trust: str | None, since: str | None, new_only: bool, share: str | None, seed: str | None, jobs: int | None,
    receipt: str | None, record: str | None, received: str | None, format_: str,
) -> int:  # fmt: skip
    """Check every signature, every hash, the tree and its checkpoints in STORE (a directory, file:DIR or git:REPOSITORY[#BRANCH]).

    STORE may also be an evidence pack, or the folder where one was unpacked.

    Exit code 5 says that something is not as it was signed; each problem is named, with where it is.
    """
    trusted, source = options.find_trust(trust)
    if receipt is not None:
        if store is not None or since is not None or new_only or share is not None:
            raise InputError("--receipt is checked without a store", remedy="Leave STORE and its options out, or check the store by itself.")
        return _check_receipt(receipt, record, trusted, source)
    if store is None:
        raise InputError("which store?", remedy="Name it: changegate verify file:DIR, or changegate verify --receipt FILE.")
    now = datetime.now(UTC)
    _check_options(since=since, new_only=new_only, share=share, seed=seed, record=record)
    if is_pack(store):
        if since is not None or share is not None or jobs is not None:
            raise InputError("a pack is checked as a whole, by itself", remedy="Leave the other options out, or name the store.")
        at = periods.parse_past("--received", received, now=now) if received else now
        print_pack(store, trusted, source, received=at, as_json=format_ == "json")
        return ExitCode.ALLOWED
    if received is not None:
        raise InputError("--received is of a pack; a store is checked as it is now", remedy="Leave it out, or name the pack.")
    drawn = Share(_parse_share(share), seed or secrets.token_hex(8)) if share is not None else None
    earlier = kept.read_since(since, trusted) if since else None
    opened = _open(store)
    scope = Scope(drawn, new_only, Workers(jobs or os.cpu_count() or 1, opener(opened, store)))
    with progress.shown() as tell:
        report = verify_store(opened, trusted, since=earlier, now=now, scope=scope, progress=tell)
    if report.entries == 0 and not report.problems:
        raise InputError(f"{opened.url} holds no log, or an empty one", remedy="Check STORE; a log begins with the first `changegate gate`.")
    checked = Checked(report, scope, since, (parse(earlier) if isinstance(earlier, bytes) else earlier).size if earlier else 0)
    if format_ == "json":
        click.echo(json.dumps(as_json(checked, source), indent=2))
    else:
        print_report(checked, trusted, source)
    return ExitCode.ALLOWED if report.clean else ExitCode.NOT_VERIFIED


def _open(url: str) -> Store:
    """A store that holds a log, or what is left of one. Raises `InputError`: a mistyped name is no tampering."""
    store = open_store(url, whole=True)
    keys = list(islice(store.list(""), _LOOKED_AT))
    if not keys:
        named_pack = store.url.endswith(".zip")
        step = "Name the pack's file." if named_pack else "Check STORE; a log begins with the first `changegate gate`."
        raise InputError(f"{store.url} is empty or isn't there", remedy=step)
    if store.read(layout.LOG) is None and not any(map(layout.is_part, keys)):
        raise InputError(f"{store.url} holds no log, but other objects", remedy="Check STORE: name the directory, branch or bucket of the evidence.")
    return store


def _check_options(*, since: str | None, new_only: bool, share: str | None, seed: str | None, record: str | None) -> None:
    if record is not None:
        raise InputError("--record goes with --receipt", remedy="Give the receipt, too.")
    if new_only and since is None:
        raise InputError("--new-only: newer than what?", remedy="Give the checkpoint that you verified earlier: --since FILE.")
    if seed is not None and share is None:
        raise InputError("--seed goes with --share", remedy="Give the share, too: --share 1%.")


def _parse_share(text: str) -> float:
    """From 0 to 1."""
    try:
        part = float(text.strip().removesuffix("%")) / 100
    except ValueError:
        part = 0.0
    if not 0 < part <= 1:
        raise InputError(f"--share: {text[:20]!r} is no share", remedy="Give a percentage above 0 and up to 100, such as --share 1%.")
    return part


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
    click.echo("  not       whether the log revoked that key: `changegate verify STORE` and `changegate show` look")
    return ExitCode.ALLOWED
