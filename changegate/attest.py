"""The use case of `changegate attest`: sign what somebody says of a file, and append it with the file. Takes its log and its clock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from changegate import attestation, canonical
from changegate.attestation import AttachedFile, Claim, Review
from changegate.evidence.log import AlreadyRecordedError, Log
from changegate.evidence.proof import Receipt
from changegate.signing import RecordSigner


@dataclass(frozen=True)
class Attested:
    """What is on record. `receipt` is None where the record waits to be integrated."""

    envelope_digest: str
    claim: Claim
    file: AttachedFile
    review: Review | None
    receipt: Receipt | None
    repeated: bool = False
    """Whether it was in the log before; then nothing was appended."""


def record_attestation(
    claim: Claim,
    file: AttachedFile,
    content: bytes,
    log: Log,
    signer: RecordSigner,
    *,
    now: Callable[[], datetime],
    review: Review | None = None,
    submit_only: bool = False,
) -> Attested:
    """Append an attestation, and the file that it names by its digest. The same again appends nothing and gives the first one's receipt.

    With `submit_only` it waits in the store until whoever holds the log's key integrates it.
    Raises `SigningError`, `StoreError`, `VerificationError`, `InputError`.
    """
    statement = attestation.make_statement(claim, file, log=log.verifier_key.name, decided=now(), review=review)
    envelope = signer.sign_record(canonical.dumps(statement))
    card = attestation.index_card(statement, envelope)
    try:
        if submit_only:
            log.submit(card, envelope=envelope, facts=content)
            return Attested(card.envelope, claim, file, review, None)
        return Attested(card.envelope, claim, file, review, log.append(card, envelope=envelope, facts=content))
    except AlreadyRecordedError as earlier:
        return Attested(earlier.card.envelope, claim, file, review, earlier.receipt, repeated=True)
