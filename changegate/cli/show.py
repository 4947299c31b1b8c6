"""changegate show: one change record for a person, or as JSON, with the proof that it is in the log."""

import json
import os
from typing import Any

import click

from changegate import canonical
from changegate.cli import options
from changegate.errors import InputError
from changegate.evidence.card import Card
from changegate.evidence.proof import Receipt, format_receipt
from changegate.evidence.reader import LogReader
from changegate.render import record as record_page
from changegate.signing import dsse

_SHORTEST = 4
_LISTED = 20


@click.command(name="show")
@click.argument("wanted", metavar="ID|COMMIT")
@options.option(
    "--store", default=options.DEFAULT_STORE, metavar="URL", show_default=True, help="The evidence store: file:DIR or git:REPOSITORY[#BRANCH]."
)
@options.trust_option
@click.option("--json", "as_json", is_flag=True, help="Print the statement, the envelope and the proof as JSON.")
@click.option("--receipt", metavar="FILE", help="Also write the receipt (a tlog-proof) to this file.")
@click.option("--facts", metavar="FILE", help="Also write the facts as fetched (canonical JSON) to this file.")
def command(wanted: str, store: str, trust: str | None, receipt: str | None, facts: str | None, *, as_json: bool) -> None:
    """Print one change record, by the beginning of its id or of the deployed commit. Of several deploys of a commit it is the newest."""
    if len(wanted) < _SHORTEST:
        raise InputError(f"{wanted!r} is too short", remedy=f"Give at least {_SHORTEST} digits of the record's id or of the commit.")
    trusted, _ = options.find_trust(trust)
    reader = options.open_reader(store, trusted)
    index, card = _find(reader, wanted.lower())
    envelope = reader.envelope(card)
    key_id, payload = dsse.verify(dsse.parse_envelope(envelope), trusted.public_keys)
    trusted.check_window(key_id, card.at)
    proof = reader.prove(index)
    for file, data in ((receipt, format_receipt(proof)), (facts, reader.facts(card) or b"")):
        if file:
            options.write_file(file, data)
    statement = canonical.loads(payload, what="statement")
    if as_json:
        click.echo(json.dumps(_as_json(card, proof, reader, key_id, envelope, statement), indent=2))
        return
    place = record_page.LogPlace(
        digest=card.envelope,
        index=index,
        size=reader.size,
        proof=f"signed by key {key_id[:16]}; in the log {reader.checkpoint.origin}, by {len(proof.hashes)} hashes up to its signed checkpoint",
    )
    click.echo(record_page.render(statement, place, width=_width()), nl=False)


def _find(reader: LogReader, wanted: str) -> tuple[int, Card]:
    found = []
    for index, card in reader.find(wanted):
        found.append((index, card))
        if len(found) == _LISTED:
            break
    if not found:
        raise InputError(
            f"the log has no record {wanted}, and none of a commit {wanted}",
            remedy="Ids are in the gate's report; `changegate verify` lists no records.",
        )
    if len({card.commit for _, card in found}) > 1:
        several = ", ".join(f"{card.envelope[:16]} (commit {card.commit[:10]})" for _, card in found)
        raise InputError(f"{wanted} is not enough to tell apart: {several}", remedy="Give more digits.")
    return found[0]


def _as_json(card: Card, proof: Receipt, reader: LogReader, key_id: str, envelope: bytes, statement: Any) -> dict[str, Any]:
    return {
        "id": card.envelope[:16],
        "digest": card.envelope,
        "signedBy": key_id,
        "log": {
            "origin": reader.checkpoint.origin,
            "index": proof.index,
            "size": reader.size,
            "inclusionProof": [each.hex() for each in proof.hashes],
            "checkpoint": proof.checkpoint.decode("utf-8"),
        },
        "statement": statement,
        "envelope": json.loads(envelope),
    }


def _width() -> int:
    return min(os.get_terminal_size().columns, 120) if os.isatty(1) else 100
