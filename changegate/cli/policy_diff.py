"""changegate policy diff: which recorded deploys another policy would have decided otherwise."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import click

from changegate import policy, record, replaying
from changegate.cli import kept, options, periods, places
from changegate.comparing import Comparison, compare
from changegate.errors import InputError
from changegate.evidence import revocations
from changegate.evidence.card import Card
from changegate.evidence.reader import LogReader
from changegate.evidence.signed_record import verify_record
from changegate.render.text import inert, visible
from changegate.stores import open_store
from changegate.trust import Trust


class _Compared(NamedTuple):
    place: int
    card: Card
    both: Comparison


@click.command(name="diff")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@options.store_option
@options.trust_option
@periods.option("--from", "begin")
@periods.option("--to", "end")
@click.option("--environment", "environments", multiple=True, metavar="NAME", help="Only this environment. May be given more than once.")
@click.option("--repository", "repositories", multiple=True, metavar="NAME", help="Only this repository. May be given more than once.")
@click.option("--format", "format_", type=click.Choice(["terminal", "json"]), default="terminal", show_default=True, help="What to print.")
def command(**given: Any) -> None:
    """Which recorded deploys the policy file NEW would have decided otherwise than OLD, and why.

    Both decide anew from the facts that were recorded, as `changegate replay` does. Where NEW asks for what wasn't fetched then, it can't be told.
    """
    old, new = (policy.parse(options.read_file(given[name], name.upper()), source=given[name]) for name in ("old", "new"))
    trusted, _ = options.find_trust(given["trust"])
    reader = kept.open_reader(given["store"], trusted)
    places.check_known(reader, given["environments"], given["repositories"])
    looked, found, sorts = 0, 0, Counter[str]()
    for each in _compare_all(reader, trusted, old, new, given):
        looked += 1
        if each.both.differs:
            found += 1
            sorts[each.both.how] += 1
            click.echo(_as_json(each) if given["format_"] == "json" else _as_text(each))
    if given["format_"] == "json":
        click.echo(json.dumps({"deploys": looked, "differ": found, "how": dict(sorted(sorts.items()))}))
        return
    names = f"{visible(given['new'], 60)} than by {visible(given['old'], 60)}"
    click.echo(f"{found} of {looked} recorded deploy{'' if looked == 1 else 's'} would be decided otherwise by {names}")
    for sort, times in sorts.most_common():
        click.echo(f"  {times:5} {sort}")


def _compare_all(reader: LogReader, trust: Trust, old: policy.Policy, new: policy.Policy, given: dict[str, Any]) -> Iterator[_Compared]:
    """Every gate decision that was asked for, one after the other. Raises `VerificationError` for one that isn't what was signed."""
    period, store = _period(given), open_store(given["store"])
    revoked = revocations.read(reader, store, trust)
    for index, card in reader.cards():
        if (
            card.predicate_type != record.PREDICATE_TYPE
            or not period.begin <= card.at < period.end
            or (given["environments"] and card.environment not in given["environments"])
            or (given["repositories"] and card.repository not in given["repositories"])
        ):
            continue
        signed = verify_record(card, reader.envelope(card), trust)
        revoked.check(index, signed.key_id)
        facts, _ = replaying.read_decision(signed.statement, reader.facts(card))
        yield _Compared(index, card, compare(facts, old, new))


def _period(given: dict[str, Any]) -> periods.Period:
    now = datetime.now(UTC)
    if given["begin"] and given["end"]:
        return periods.parse(given["begin"], given["end"], now=now)
    if given["begin"] or given["end"]:
        raise InputError("--from and --to belong together", remedy="Give both, or none for the whole log.")
    return periods.Period(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def _as_text(found: _Compared) -> str:
    card, both = found.card, found.both
    reasons = " ".join([*(f"+{each}" for each in both.appeared), *(f"-{each}" for each in both.vanished)])
    place = f"{visible(card.repository, 60)} {visible(card.environment, 60)} {card.commit[:10]}"
    return inert(f"{card.at:%Y-%m-%d %H:%M}  {card.envelope[:16]}  {place}\n    {both.how}: {reasons}")


def _as_json(found: _Compared) -> str:
    card, both = found.card, found.both
    line = {
        "record": card.envelope,
        "logIndex": found.place,
        "decided": card.time,
        "repository": card.repository,
        "environment": card.environment,
        "commit": card.commit,
        "old": both.old.verdict.value,
        "new": both.new.verdict.value,
        "untold": both.untold,
        "appeared": both.appeared,
        "vanished": both.vanished,
    }
    return json.dumps(line)
