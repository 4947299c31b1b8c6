"""Is a record what its card says, and signed by a key that may? The one rule for writers, readers and verifiers. Pure."""

from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from changegate.errors import FormatError, VerificationError
from changegate.evidence import statement
from changegate.evidence.card import Card
from changegate.evidence.commit import digest_of
from changegate.evidence.statement import KEY_REVOCATION, WAIVER
from changegate.signing import dsse
from changegate.trust import Trust, signer_id

MAX_AGE: Final = timedelta(hours=24)
"""How long a record may wait for its commit: an ended key can't enter records that it dates further back."""
MAX_RECORD_BYTES: Final = 64 * 1024 * 1024
"""How large an envelope may be, for whoever writes one and whoever reads it."""


_REFORMED: Final = "Somebody wrote it anew, so that it has another digest: most likely to enter it a second time. Look for its first entry."


class SignedRecord(NamedTuple):
    """Who signed, and what exactly."""

    key_id: str
    """The key's id, or an identity as `changegate.trust.signer_id` writes it."""
    payload: bytes


class VerifiedRecord(NamedTuple):
    """A signed record that its card repeats, and what it says."""

    key_id: str
    payload: bytes
    statement: Any
    """The payload, parsed: a large log's readers parse each once."""


def verify_record(card: Card, envelope: bytes, trust: Trust, *, committed: datetime | None = None) -> VerifiedRecord:
    """The signed statement behind a card.

    1. The envelope is the one that the card names, and a trusted record key or identity signed it, which may sign such a record.
    2. Its time holds the record's time and, where it is known, its commit's, which is at most `MAX_AGE` later.
    3. The card repeats what the statement says.

    Raises `VerificationError`, or `FormatError` for an envelope or a statement that is none.
    """
    if len(envelope) > MAX_RECORD_BYTES:
        raise FormatError(f"a record of {len(envelope)} bytes, more than {MAX_RECORD_BYTES}", remedy="changegate writes none so large.")
    if digest_of(envelope) != card.envelope:
        raise VerificationError("the card is another record's than this one", remedy="Take the card or receipt that was written with this record.")
    key_id, payload = verify_envelope(envelope, trust)
    trust.check_use(key_id, revocation=card.predicate_type == KEY_REVOCATION, waiver=card.predicate_type == WAIVER)
    trust.check_window(key_id, card.at)
    if committed is not None:
        trust.check_window(key_id, committed)
        if card.at < committed - MAX_AGE:
            raise VerificationError(
                f"the record of {card.time} waited for its commit for longer than {MAX_AGE.total_seconds() / 3600:.0f} hours",
                remedy="Run the gate again: a new attempt gets a record of its own.",
            )
    said = statement.parse(payload)
    different = statement.differences(said, card)
    if different:
        name, signed, found = different[0]
        raise VerificationError(
            f"the log's entry says of record {card.envelope[:16]} that its {name} is {found[:80]!r}; what was signed says {signed[:80]!r}",
            remedy="Somebody put a card in the log that isn't this record's. Believe neither; `changegate verify` names every such entry.",
        )
    return VerifiedRecord(key_id, payload, said)


def verify_envelope(data: bytes, trust: Trust) -> SignedRecord:
    """Who of those that the trust file names signed, and what. The time of the signature is still to be checked.

    An envelope has one form, else a record could be entered anew under another digest, by anybody. A bundle has none.
    Raises `VerificationError`, or `FormatError` for what is neither an envelope nor a Sigstore bundle; `InputError` for a bundle without the extra.
    """
    envelope = dsse.parse_envelope(data)
    if not envelope.is_bundle:
        if not envelope.in_one_form:
            raise VerificationError("the envelope isn't in its one form: canonical JSON, with one signature", remedy=_REFORMED)
        return SignedRecord(*dsse.verify(envelope, trust.public_keys))
    from changegate.signing import keyless  # the library is an extra

    signed = keyless.verify(data, [(each.issuer, each.matches) for each in trust.identities], root=trust.sigstore_root)
    if signed.payload != envelope.payload:
        raise VerificationError("bundle: two readers read two payloads in it", remedy="Somebody made it so. Treat this record as tampered with.")
    return SignedRecord(signer_id(signed.issuer, signed.name), signed.payload)
