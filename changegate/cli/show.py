"""changegate show: one change record for a person, or as JSON, with the proof that it is in the log."""

import json
from typing import Any, Final

import click

from changegate import outcome
from changegate.cli import kept, options
from changegate.cli.names import read_names, reading_option
from changegate.cli.records import Record, find_record
from changegate.errors import InputError
from changegate.evidence.proof import format_receipt
from changegate.evidence.reader import LogReader
from changegate.evidence.statement import ATTESTATION, KEY_REVOCATION, KEY_ROTATION, SAMPLE_DRAW, WAIVER
from changegate.openings import find_tokens, hides_people, open_value
from changegate.render import attestation as attestation_page
from changegate.render import keychange as key_page
from changegate.render import outcome as outcome_page
from changegate.render import record as record_page
from changegate.render import sampledraw as sample_page
from changegate.render import waiver as waiver_page
from changegate.render.page import LogPlace
from changegate.stores import open_store
from changegate.trust import short

_PAGES: Final = {
    outcome.PREDICATE_TYPE: outcome_page.render,
    KEY_ROTATION: key_page.render,
    KEY_REVOCATION: key_page.render,
    ATTESTATION: attestation_page.render,
    SAMPLE_DRAW: sample_page.render,
    WAIVER: waiver_page.render,
}


@click.command(name="show")
@click.argument("wanted", metavar="ID|COMMIT")
@options.store_option
@options.trust_option
@reading_option
@click.option("--json", "as_json", is_flag=True, help="Print the statement, the envelope and the proof as JSON.")
@click.option("--receipt", metavar="FILE", help="Also write the receipt (a tlog-proof) to this file.")
@click.option("--facts", metavar="FILE", help="Also write the facts as fetched (canonical JSON) to this file.")
@click.option("--attachment", metavar="FILE", help="Also write the file that was attested to this file.")
def command(
    wanted: str, store: str, trust: str | None, receipt: str | None, facts: str | None, attachment: str | None, names: str | None, *, as_json: bool
) -> None:
    """Print one record, by the beginning of its id or of the deployed commit. Of several records of a commit it is the newest gate decision."""
    known = read_names(names)
    trusted, _ = options.find_trust(trust)
    reader = kept.open_reader(store, trusted)
    record = find_record(reader, open_store(store), trusted, wanted)
    if receipt:
        options.write_file(receipt, format_receipt(record.receipt))
    if facts:
        options.write_file(facts, reader.facts(record.card) or b"")
    if attachment:
        _write_attachment(attachment, record, reader)
    if as_json:
        held = find_tokens(json.dumps(record.statement)) if hides_people(record.statement["predicate"]) else frozenset()
        opened = {token: known[token].value for token in sorted(held & known.keys())}
        click.echo(json.dumps(_as_json(record, reader) | ({"names": opened} if names else {}), indent=2))
        return
    hashes = len(record.receipt.hashes)
    place = LogPlace(
        digest=record.card.envelope,
        index=record.receipt.index,
        size=reader.size,
        proof=f"signed by {short(record.key_id)}; in the log {reader.checkpoint.origin}, by {hashes} hashes up to its signed checkpoint",
    )
    page = _PAGES.get(record.card.predicate_type, record_page.render)
    statement = open_value(record.statement, known) if hides_people(record.statement["predicate"]) else record.statement
    click.echo(page(statement, place, width=options.width()), nl=False)


def _write_attachment(file: str, record: Record, reader: LogReader) -> None:
    """The attested file, its digest held against the signed record. Never under the name in the record: that is text from outside."""
    content = reader.facts(record.card) if record.card.predicate_type == ATTESTATION else None
    if content is None:
        raise InputError("this record has no attached file", remedy="Name a record that `changegate attest` made; a gate decision has --facts.")
    options.write_file(file, content)


def _as_json(record: Record, reader: LogReader) -> dict[str, Any]:
    return {
        "id": record.card.envelope[:16],
        "digest": record.card.envelope,
        "signedBy": record.key_id,
        "log": {
            "origin": reader.checkpoint.origin,
            "index": record.receipt.index,
            "size": reader.size,
            "inclusionProof": [each.hex() for each in record.receipt.hashes],
            "checkpoint": record.receipt.checkpoint.decode("utf-8"),
        },
        "statement": record.statement,
        "envelope": json.loads(record.envelope),
    }
