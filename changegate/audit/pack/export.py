"""Make an evidence pack of a log's period: every record of it with its proof, and what follows from them.

The same log, checkpoint, trust file and question give the same bytes. Memory grows with the period's records, time also with the log: each entry is
looked at once, and no signature but those of the records in the pack is verified.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Final, TypeAlias

from changegate import openings
from changegate.audit.pack import archive, manifest, stretch
from changegate.audit.pack.contents import KEYS, TRUST, Claims, Contents, Drawing, Kept, format_keys
from changegate.audit.scan import scan
from changegate.errors import VerificationError
from changegate.evidence import layout, log_policy, merkle, revocations
from changegate.evidence.card import Card, format_card, parse_card
from changegate.evidence.proof import Receipt, format_receipt
from changegate.evidence.reader import LogReader
from changegate.evidence.signed_record import verify_record
from changegate.openings import Opening
from changegate.stores import Store
from changegate.trust import Trust, parse

README: Final = "README.txt"
VERIFIER: Final = "verify.py"
REPORT: Final = "report.html"
RECONCILIATION: Final = "reconciliation.json"
NAMES: Final = "names.jsonl"
_AT_ONCE: Final = 256


class Reveal(StrEnum):
    """Whose names go into a pack."""

    NONE = "none"
    SAMPLE = "sample"
    """Those in the records, and in the facts, behind what was drawn."""
    ALL = "all"


Report: TypeAlias = Callable[[Contents, Callable[[str], bytes | None]], bytes]
"""Makes report.html of the contents, and of the facts in the pack by their SHA-256."""


@dataclass(frozen=True)
class Order:
    """What is to go into a pack, beside what the log has."""

    claims: Claims
    trust: bytes
    """The trust file's bytes."""
    verifier: bytes
    """verify.py."""
    drawing: Drawing | None = None
    report: Report | None = None
    """Makes the report; without it, the pack has none."""
    names: tuple[Opening, ...] = ()
    """What opens names. Only those that are asked for go into the pack."""
    reveal: Reveal = Reveal.NONE
    reconciliation: bytes | None = None
    attachments: Mapping[str, bytes] = field(default_factory=dict)


def export(reader: LogReader, store: Store, trust: Trust, order: Order, out: archive.Writer, *, now: datetime) -> Contents:
    """Write the pack. Raises `VerificationError` or `FormatError` where anything of the period isn't what was signed; `StoreError`, `InputError`."""
    listed: list[manifest.Member] = []

    def add(path: str, content: bytes) -> None:
        listed.append(manifest.member(path, content))
        out.add(path, content)

    wanted = order.claims.wanted
    found = scan(reader, wanted.begin, wanted.end)
    first, last = found.before or 0, reader.size if found.after is None else found.after + 1
    part = stretch.cut(reader, store, log_policy.of(trust), first, last, now=now)
    if part.begin:
        add(stretch.BEGIN, part.begin)
    for path, content in ((stretch.END, part.end), (stretch.NEWEST, part.newest), (stretch.RANGE, stretch.format_range(part, reader.size))):
        add(path, content)
    add(stretch.ENTRIES, stretch.format_entries(part))

    chosen = {index: card for index, card in (*found.dated, *found.about) if wanted.holds_place(card)}
    chosen |= {index: parse_card(entry) for index, entry in found.revocations}
    revoked = revocations.collect(found.revocations, store, trust)
    contents = Contents(order.claims, reader.checkpoint.origin, reader.size, drawing=order.drawing)
    for kept in _records(reader, store, trust, revoked, sorted(chosen.items()), add):
        contents.add(kept)

    rows = contents.rows()
    drawn = set(contents.sampled(rows))
    decisions, facts = contents.decisions, dict[str, bytes]()
    for digest in dict.fromkeys(row.record for row in rows if not order.drawing or row.id in drawn):
        if digest in decisions:
            facts |= _add_facts(reader, decisions[digest].card, add, "facts/{}.json")
    for card in {each.facts: each for each in contents.attested}.values():
        _add_facts(reader, card, add, "attested/{}")
    if order.names:
        known = _tokens_of(contents, facts, {row.record for row in rows if row.id in drawn}, order.reveal)
        order = replace(order, names=openings.choose(order.names, known))
    for path, content in finish(contents, order, facts.get):
        add(path, content)
    written = manifest.format_manifest(listed)
    out.add(manifest.MANIFEST, written)
    out.add(manifest.DIGEST, manifest.format_digest(written))
    out.close()
    return contents


def _tokens_of(contents: Contents, facts: Mapping[str, bytes], drawn: Collection[str], reveal: Reveal) -> frozenset[str]:
    """The tokens in the records, and in the facts, whose names are to be known."""
    if reveal is Reveal.NONE:
        return frozenset()
    some = [each for each in contents.records if reveal is Reveal.ALL or each.card.envelope in drawn]
    texts = [json.dumps(each.predicate) for each in some]
    texts += [facts[digest].decode("utf-8") for each in some if (digest := each.card.facts) in facts and digest is not None]
    return frozenset[str]().union(*map(openings.find_tokens, texts))


def finish(contents: Contents, order: Order, facts: Callable[[str], bytes | None]) -> Iterator[tuple[str, bytes]]:
    """The members that are no records: those that follow from them, and those that were given."""
    yield from contents.members()
    if order.reconciliation is not None:
        yield RECONCILIATION, order.reconciliation
    for name, content in sorted(order.attachments.items()):
        yield f"attachments/{name}", content
    yield TRUST, order.trust
    yield KEYS, format_keys(parse(order.trust))
    if order.report is not None:
        names = {each.token: each for each in order.names}
        yield REPORT, order.report(contents.opened(names), opened_facts(contents, facts, names))
    if order.names:
        yield NAMES, openings.format_openings(order.names)
    yield README, _README.encode("utf-8")
    yield VERIFIER, order.verifier


def opened_facts(contents: Contents, facts: Callable[[str], bytes | None], names: Mapping[str, Opening]) -> Callable[[str], bytes | None]:
    """What reads facts with these names opened, to be read by people."""
    hidden = {each.card.facts for each in contents.records if each.hides_people}

    def read(digest: str) -> bytes | None:
        found = facts(digest)
        return openings.open_json(found, names) if found and names and digest in hidden else found

    return read


def _records(
    reader: LogReader,
    store: Store,
    trust: Trust,
    revoked: revocations.Revocations,
    chosen: Sequence[tuple[int, Card]],
    add: Callable[[str, bytes], None],
) -> Iterator[Kept]:
    """Add each record with its receipt, in the log's order, verified."""
    hashes = cache(reader.hashes)
    for begin in range(0, len(chosen), _AT_ONCE):
        some = chosen[begin : begin + _AT_ONCE]
        envelopes = store.read_many([layout.envelope_key(card.envelope) for _, card in some])
        for index, card in some:
            envelope = envelopes[layout.envelope_key(card.envelope)]
            if envelope is None:
                raise VerificationError(
                    f"the record {card.envelope[:16]} of entry {index} is missing", remedy="`changegate verify STORE` says what else is."
                )
            signed = verify_record(card, envelope, trust)
            revoked.check(index, signed.key_id)
            entry, path = format_card(card), merkle.inclusion_proof(index, reader.size, hashes)
            merkle.verify_inclusion(merkle.leaf_hash(entry), index, reader.size, path, reader.root)
            add(f"records/{card.envelope}.json", envelope)
            add(f"receipts/{card.envelope}.tlog-proof", format_receipt(Receipt(index, path, reader.signed, entry)))
            yield Kept(index, card, signed.key_id, signed.statement["predicate"])


def _add_facts(reader: LogReader, card: Card, add: Callable[[str, bytes], None], path: str) -> dict[str, bytes]:
    """Add what one record rests on: a decision's facts, an attestation's file. What was added, by its SHA-256."""
    facts = reader.facts(card)
    if facts is None or card.facts is None:
        return {}
    add(path.format(card.facts), facts)
    return {card.facts: facts}


_README: Final = """\
This is an evidence pack of changegate: the records of every deploy of a period, signed, with what proves that none is missing or was edited.

  report.html       the period for people: open it in a browser; it loads nothing
  population.csv    the population; beside it, where it comes from
  sample.json       the sample and its seed, where one was drawn: the units with the lowest SHA-256 of seed, line feed and id
  records/          the signed records;  receipts/  the proof that each is in the log;  facts/  what was fetched before a decision
  names.jsonl       where records hide names and you may know them: what opens them
  checkpoints/      the log's signed state before the period, after it, and at the export
  log/              every entry of the log between the first two, so that you can see that none was left out
  manifest.json     every file with its SHA-256

How to verify it, with keys that you got from their owner and not from here (their fingerprints, or the trust file):

  changegate verify PACK.zip --trust YOUR-TRUST-FILE
  python verify.py PACK.zip --fingerprint SHA256-OF-THE-KEY        (without changegate; needs Python 3.11 and `pip install cryptography`)

verify.py came with this pack. Whoever doubts the pack reads it first (a few screens), or takes it from the changegate that he installed himself:
changegate audit verifier > verify.py

What no pack shows: a deploy that never went through the gate. Compare with the platform's own list of deployments.
"""
