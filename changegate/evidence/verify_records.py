"""Verify what an entry stands for: its record, the record's signature and statement, its facts, its index."""

from datetime import timedelta
from typing import Final

from changegate.errors import FormatError, VerificationError
from changegate.evidence import layout, statement
from changegate.evidence.card import Card, format_time
from changegate.evidence.commit import Commit, digest_of
from changegate.evidence.findings import EDITED, LOST, Report
from changegate.evidence.reader import decompress
from changegate.evidence.revocations import Revocations
from changegate.evidence.signed_record import MAX_AGE, MAX_RECORD_BYTES, verify_envelope
from changegate.stores import Store
from changegate.trust import Trust

_MAX_SKEW: Final = timedelta(minutes=10)  # of two runners, each within the bound that the log keeps
_DATED: Final = "A clock was wrong, or one of the times was made up. Compare both with the deployment's own time on the forge."
_DATED_BACK: Final = "It was dated back by whoever had its key, or a clock was wrong. Ask the key's owner; compare with the deployment's own time."
_MISLEADING: Final = (
    "The writer of this entry said something else than it signed: a bug, or an attempt to mislead a search. Believe the record alone."
)


class RecordVerifier:
    """Verifies entries one by one into a report."""

    def __init__(self, store: Store, trust: Trust, revocations: Revocations) -> None:
        self._store, self._trust, self._revocations = store, trust, revocations

    def verify(self, index: int, card: Card, commit: Commit | None, report: Report) -> None:
        """What is wrong with the record of this entry goes into the report.

        1. The card is not dated ahead of its commit nor more than `MAX_AGE` before it.
        2. The envelope is there, has the card's digest, and a trusted key signed it in its time, which holds the commit, too.
        3. The card repeats what the signed statement says.
        4. The facts, or the file that is attested, are there and have the card's digest.
        """
        if commit is not None:
            self._verify_time(index, card, commit, report)
        self._verify_envelope(index, card, commit, report)
        if card.facts is not None:
            self._verify_facts(card.facts, report, attached=card.predicate_type == statement.ATTESTATION)

    def _verify_time(self, index: int, card: Card, commit: Commit, report: Report) -> None:
        made, committed = card.at, commit.at
        if made > committed + _MAX_SKEW:
            report.problem("a record is dated after its commit", f"entry {index}", expected=f"at most {commit.time}", found=card.time, meaning=_DATED)
        if made < committed - MAX_AGE:
            report.problem(
                "a record is dated long before its commit", f"entry {index}", expected=f"at least {format_time(committed - MAX_AGE)}",
                found=card.time, meaning=_DATED_BACK,
            )  # fmt: skip

    def _verify_envelope(self, index: int, card: Card, commit: Commit | None, report: Report) -> None:
        key = layout.envelope_key(card.envelope)
        data = self._store.read(key)
        if data is None:
            report.problem("a record is missing", key, expected=f"the record of entry {index}", found="nothing", meaning=LOST)
            return
        if digest_of(data) != card.envelope:
            report.problem("a record isn't the one that was logged", key, expected=card.envelope, found=digest_of(data), meaning=EDITED)
            return
        try:
            if len(data) > MAX_RECORD_BYTES:
                raise FormatError(f"{len(data)} bytes, more than {MAX_RECORD_BYTES}", remedy=EDITED)
            key_id, payload = verify_envelope(data, self._trust)
            self._trust.check_use(key_id, revocation=card.predicate_type == statement.KEY_REVOCATION)
            self._trust.check_window(key_id, card.at)
            if commit is not None:
                self._trust.check_window(key_id, commit.at)
            self._revocations.check(index, key_id)
            different = statement.differences(payload, card)
            if not different:
                self._revocations.examine(index, card, key_id, payload)
        except (FormatError, VerificationError) as error:
            report.error("a record can't be trusted", key, error, expected="a statement signed by a record key in its time")
            return
        for name, signed, found in different:
            what = f"the entry's {name} isn't what the record says"
            report.problem(what, f"entry {index}", expected=signed, found=found, meaning=_MISLEADING)

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
