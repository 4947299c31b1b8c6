"""Verify what an entry stands for: its record, the record's signature and statement, its facts, its index."""

from datetime import timedelta
from typing import Any, Final

from changegate.errors import FormatError, VerificationError
from changegate.evidence import idempotency, layout, statement
from changegate.evidence.card import Card, format_time
from changegate.evidence.commit import Commit, digest_of
from changegate.evidence.findings import EDITED, LOST, Report
from changegate.evidence.read_ahead import ReadAhead
from changegate.evidence.reader import decompress
from changegate.evidence.revocations import Revocations
from changegate.evidence.signed_record import MAX_AGE, MAX_RECORD_BYTES, verify_envelope
from changegate.trust import Trust

_MAX_SKEW: Final = timedelta(minutes=10)  # of two runners, each within the bound that the log keeps
_DATED: Final = "A clock was wrong, or one of the times was made up. Compare both with the deployment's own time on the forge."
_DATED_BACK: Final = "It was dated back by whoever had its key, or a clock was wrong. Ask the key's owner; compare with the deployment's own time."
_ELSEWHERE: Final = (
    "Whoever entered it had the log's key and a writer of their own: to hide it from those who look it up by its key, or to enter it a second time."
    " The record itself stands, as signed: a revocation counts all the same. Find out who has that key."
)
_MISLEADING: Final = (
    "The writer of this entry said something else than it signed: a bug, or an attempt to mislead a search. Believe the record alone."
)


class RecordVerifier:
    """Verifies entries one by one into a report."""

    def __init__(self, store: ReadAhead, trust: Trust, revocations: Revocations, origin: str | None) -> None:
        """`origin` is the log's name; None where no trusted one is known, so that no idempotency key can be checked."""
        self._store, self._trust, self._revocations, self._origin = store, trust, revocations, origin

    def verify(self, index: int, card: Card, commit: Commit | None, report: Report) -> str | None:
        """What is wrong with the record of this entry goes into the report. Gives the SHA-256 of the signed statement, where the signature holds.

        1. The card is not dated ahead of its commit nor more than `MAX_AGE` before it.
        2. The envelope is there, has the card's digest, and a trusted key signed it in its time, which holds the commit, too.
        3. The card repeats what the signed statement says, and stands under the idempotency key that follows from it.
        4. The facts, or the file that is attested, are there and have the card's digest.
        """
        if commit is not None:
            self._verify_time(index, card, commit, report)
        signed = self._verify_envelope(index, card, commit, report)
        if card.facts is not None:
            self._verify_facts(card.facts, report, attached=card.predicate_type == statement.ATTESTATION)
        return signed

    def _verify_time(self, index: int, card: Card, commit: Commit, report: Report) -> None:
        made, committed = card.at, commit.at
        if made > committed + _MAX_SKEW:
            report.problem("a record is dated after its commit", f"entry {index}", expected=f"at most {commit.time}", found=card.time, meaning=_DATED)
        if made < committed - MAX_AGE:
            report.problem(
                "a record is dated long before its commit", f"entry {index}", expected=f"at least {format_time(committed - MAX_AGE)}",
                found=card.time, meaning=_DATED_BACK,
            )  # fmt: skip

    def _verify_envelope(self, index: int, card: Card, commit: Commit | None, report: Report) -> str | None:
        key = layout.envelope_key(card.envelope)
        data = self._store.read(key)
        if data is None:
            report.problem("a record is missing", key, expected=f"the record of entry {index}", found="nothing", meaning=LOST)
            return None
        if digest_of(data) != card.envelope:
            report.problem("a record isn't the one that was logged", key, expected=card.envelope, found=digest_of(data), meaning=EDITED)
            return None
        statement_digest: str | None = None
        try:
            if len(data) > MAX_RECORD_BYTES:
                raise FormatError(f"{len(data)} bytes, more than {MAX_RECORD_BYTES}", remedy=EDITED)
            key_id, payload = verify_envelope(data, self._trust)
            statement_digest = digest_of(payload)
            kind = card.predicate_type
            self._trust.check_use(key_id, revocation=kind == statement.KEY_REVOCATION, waiver=kind == statement.WAIVER)
            self._trust.check_window(key_id, card.at)
            if commit is not None:
                self._trust.check_window(key_id, commit.at)
            self._revocations.check(index, key_id)
            said = statement.parse(payload)
            different = statement.differences(said, card)
            if not different:
                self._revocations.examine(index, card, key_id, payload)
        except (FormatError, VerificationError) as error:
            report.error("a record can't be trusted", key, error, expected="a statement signed by a record key in its time")
            return statement_digest
        for name, signed, found in different:
            what = f"the entry's {name} isn't what the record says"
            report.problem(what, f"entry {index}", expected=signed, found=found, meaning=_MISLEADING)
        if self._origin is not None and card.predicate_type in idempotency.KINDS and not different:
            self._verify_key(index, card, said, by=key_id, origin=self._origin, report=report)
        return statement_digest

    def _verify_key(self, index: int, card: Card, said: Any, *, by: str, origin: str, report: Report) -> None:
        if not idempotency.is_own(card, said, origin=origin, by=by):
            what = "an entry stands under a key that isn't its record's"
            report.problem(what, f"entry {index}", expected="the key that follows from what was signed", found=card.key, meaning=_ELSEWHERE)

    def _verify_facts(self, digest: str, report: Report, *, attached: bool) -> None:
        key = layout.facts_key(digest)
        data = self._store.read(key)
        if data is None:
            report.problem("an attached file is missing" if attached else "facts are missing", key, expected=digest, found="nothing", meaning=LOST)
            return
        try:
            found = digest_of(decompress(data))
        except FormatError as error:
            report.error("an attached file is damaged" if attached else "facts are damaged", key, error, expected=digest, meaning=EDITED)
            return
        if found != digest:
            what = "an attached file isn't the one that was attested" if attached else "facts aren't those that were decided on"
            report.problem(what, key, expected=digest, found=found, meaning=EDITED)
