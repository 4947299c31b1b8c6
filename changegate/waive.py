"""The use case of `changegate waive`: sign a waiver and append it. Takes its log and its clock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from changegate import canonical, waiver
from changegate.errors import InputError
from changegate.evidence.log import AlreadyRecordedError, AlreadySubmittedError, Log
from changegate.evidence.proof import Receipt
from changegate.signing import RecordSigner
from changegate.waiver import MAX_NUMBER, Claim


@dataclass(frozen=True)
class Waived:
    """What is on record. `receipt` is None where the record waits to be integrated."""

    envelope_digest: str
    predicate: dict[str, Any]
    receipt: Receipt | None


def record_waiver(claim: Claim, log: Log, signer: RecordSigner, *, now: Callable[[], datetime], submit_only: bool = False) -> Waived:
    """Append a waiver under the first number that its scope has free: that is where the gate looks for it.

    With `submit_only` it waits in the store until whoever holds the log's key integrates it.
    Raises `SigningError`, `StoreError`, `VerificationError`; `InputError` for a scope that was waived too often.
    """
    for number in range(MAX_NUMBER):
        statement = waiver.make_statement(claim, number=number, log=log.verifier_key.name, decided=now())
        envelope = signer.sign_record(canonical.dumps(statement))
        card = waiver.index_card(statement, envelope)
        try:
            if submit_only:
                log.submit(card, envelope=envelope)
                return Waived(card.envelope, statement["predicate"], None)
            return Waived(card.envelope, statement["predicate"], log.append(card, envelope=envelope))
        except (AlreadyRecordedError, AlreadySubmittedError):
            continue
    raise InputError(
        f"{claim.control} was waived {MAX_NUMBER} times for the very same scope", remedy="Change the policy: this is no exception any more."
    )
