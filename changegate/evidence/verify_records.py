"""Verify what an entry stands for: its record, the record's signature and statement, its facts."""

from datetime import timedelta
from typing import Final

from changegate.errors import FormatError, VerificationError
from changegate.evidence import layout, statement
from changegate.evidence.card import Card, format_time, parse_card
from changegate.evidence.commit import Commit, digest_of
from changegate.evidence.findings import Report
from changegate.evidence.reader import decompress
from changegate.evidence.revocations import Revocations
from changegate.evidence.signed_record import MAX_AGE, MAX_RECORD_BYTES, verify_envelope
from changegate.stores import Store
from changegate.trust import Trust

_MAX_SKEW: Final = timedelta(minutes=10)  # of two runners, each within the bound that the log keeps
_LOST: Final = "It was deleted, or the store wasn't copied whole. Restore it from a copy."
_EDITED: Final = "It was changed after it was logged: by hand, by a failing disk or by tampering. Restore it from a copy and compare."


class RecordVerifier:
    """Verifies entries one by one into a report."""

    def __init__(self, store: Store, trust: Trust, report: Report) -> None:
        self._store, self._trust, self._report = store, trust, report
        self.revocations = Revocations(trust)

    def verify(self, index: int, entry: bytes, commit: Commit | None) -> Card | None:
        """The entry's card, or None where there is none.

        1. The card is one, and not dated ahead of its commit nor more than `MAX_AGE` before it.
        2. The envelope is there, has the card's digest, and a trusted key signed it in its time, which holds the commit, too.
        3. The card repeats what the signed statement says.
        4. The facts are there and have the card's digest.
        """
        try:
            card = parse_card(entry)
        except FormatError as error:
            self._report.error("an entry is no index card", f"entry {index}", error, expected="an index card")
            return None
        if commit is not None and card.at > commit.at + _MAX_SKEW:
            self._report.problem(
                "a record is dated after its commit", f"entry {index}", expected=f"at most {format_time(commit.at)}", found=card.time,
                meaning="A clock was wrong, or one of the times was made up.",
            )  # fmt: skip
        if commit is not None and card.at < commit.at - MAX_AGE:
            self._report.problem(
                "a record is dated long before its commit", f"entry {index}", expected=f"at least {format_time(commit.at - MAX_AGE)}",
                found=card.time, meaning="It was dated back, by whoever had its key, or a clock was wrong.",
            )  # fmt: skip
        self._verify_envelope(index, card, commit)
        self._verify_facts(card)
        return card

    def _verify_envelope(self, index: int, card: Card, commit: Commit | None) -> None:
        key = layout.envelope_key(card.envelope)
        data = self._store.read(key)
        if data is None:
            self._report.problem("a record is missing", key, expected=f"the record of entry {index}", found="nothing", meaning=_LOST)
            return
        if digest_of(data) != card.envelope:
            self._report.problem("a record isn't the one that was logged", key, expected=card.envelope, found=digest_of(data), meaning=_EDITED)
            return
        try:
            if len(data) > MAX_RECORD_BYTES:
                raise FormatError(f"{len(data)} bytes, more than {MAX_RECORD_BYTES}", remedy=_EDITED)
            key_id, payload = verify_envelope(data, self._trust)
            self._trust.check_use(key_id, revocation=card.predicate_type == statement.KEY_REVOCATION)
            self._trust.check_window(key_id, card.at)
            if commit is not None:
                self._trust.check_window(key_id, commit.at)
            self.revocations.check(index, key_id)
            different = statement.differences(payload, card)
            if not different:
                self.revocations.take(index, card, key_id, payload)
        except (FormatError, VerificationError) as error:
            self._report.error("a record can't be trusted", key, error, expected="a statement signed by a record key in its time")
            return
        for name, signed, found in different:
            self._report.problem(
                f"the entry's {name} isn't what the record says", f"entry {index}", expected=signed, found=found,
                meaning="The writer of this entry said something else than it signed: a bug, or an attempt to mislead a search.",
            )  # fmt: skip

    def _verify_facts(self, card: Card) -> None:
        if card.facts is None:
            return
        key = layout.facts_key(card.facts)
        data = self._store.read(key)
        if data is None:
            self._report.problem("facts are missing", key, expected=card.facts, found="nothing", meaning=_LOST)
            return
        try:
            found = digest_of(decompress(data))
        except FormatError as error:
            self._report.error("facts are damaged", key, error, expected=card.facts)
            return
        if found != card.facts:
            self._report.problem("facts aren't those that were decided on", key, expected=card.facts, found=found, meaning=_EDITED)
