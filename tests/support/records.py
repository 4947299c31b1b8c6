"""Signed records that a verifier accepts, with the trust file that says so."""

from dataclasses import replace

from changegate import canonical
from changegate.evidence import log_policy, note
from changegate.evidence.card import Card
from changegate.evidence.log import Log
from changegate.evidence.proof import Receipt
from changegate.signing import dsse
from changegate.signing.keys import PrivateKey, format_public
from changegate.trust import RecordKey, Trust
from support.evidence import KEY, ORIGIN, digest, key_of, record

RECORD_KEY = key_of(2)
TRUST = Trust(
    log_policy=log_policy.format_single(note.verifier_key(ORIGIN, KEY.public_key)), record_keys=(RecordKey(key=format_public(RECORD_KEY.public_key)),)
)


def signed_record(number: int, signer: PrivateKey = RECORD_KEY) -> tuple[Card, bytes, bytes]:
    """Card, envelope and facts number so-and-so, in the shape of a gate's decision."""
    card, _, facts = record(number)
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "git+https://example.com/acme/shop", "digest": {"gitCommit": card.commit}}],
        "predicateType": card.predicate_type,
        "predicate": {
            "deployment": {"repository": card.repository, "environment": card.environment},
            "decision": {"verdict": card.decision},
            "time": {"decided": card.time},
            "facts": {"sha256": card.facts},
        },
    }
    envelope = dsse.format_envelope(dsse.sign(canonical.dumps(statement), signer))
    return replace(card, envelope=digest(envelope)), envelope, facts or b""


def append_signed(log: Log, number: int) -> Receipt:
    card, envelope, facts = signed_record(number)
    return log.append(card, envelope=envelope, facts=facts)
