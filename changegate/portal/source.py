"""What the portal knows: the index to search, and the log itself for whatever is shown of a record, verified when it is shown."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from changegate.audit.pack.contents import Kept
from changegate.errors import StoreError, VerificationError
from changegate.evidence import idempotency, revocations
from changegate.evidence.proof import Receipt, format_receipt
from changegate.evidence.reader import LogReader
from changegate.evidence.signed_record import verify_record
from changegate.evidence.statement import ATTESTATION, GATE_DECISION
from changegate.outcome import Ending
from changegate.portal.index import Index
from changegate.portal.views import Shown
from changegate.stores import Store
from changegate.trust import Trust

FRESH: Final = timedelta(seconds=30)
"""For how long what was read of the log's end is taken for its end."""


class Opened(NamedTuple):
    """The log for reading, as it is now."""

    reader: LogReader
    store: Store


class Source:
    """An index and the log behind it. For any number of threads, which wait for each other where the log is read."""

    def __init__(
        self, index: Index, trust: Trust, *, believed: str, open_log: Callable[[], Opened], now: Callable[[], datetime],
        tell: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> None:  # fmt: skip
        """`open_log` opens the log anew, verified against its commits. Nothing is read yet."""
        self.index, self._trust, self._believed = index, trust, believed
        self._open, self._now, self.tell = open_log, now, tell
        self._lock = threading.Lock()
        self._opened: Opened | None = None
        self._revoked = revocations.Revocations(trust)
        self._at: datetime | None = None

    def refresh(self) -> str:
        """Index what is new, where the last look is older than `FRESH`. The warning where the store can't be reached, and an earlier look must do.

        Raises `VerificationError` or `FormatError` where the log isn't the one that was indexed, or isn't whole; `StoreError` at the first look.
        """
        with self._lock:
            if self._at is not None and self._now() - self._at < FRESH:
                return ""
            try:
                opened = self._open()
                self.index.update(opened.reader, opened.store, self._trust, believed=self._believed, tell=self.tell)
            except StoreError as error:
                if self._at is None:
                    raise
                return f"The store can't be read now, so this is as of {self._at:%Y-%m-%d %H:%M:%S} UTC: {error.message}"
            self._revoked = revocations.find(opened.reader, opened.store, self._trust, origin=opened.reader.checkpoint.origin)
            self._opened, self._at = opened, self._now()
            return ""

    def show(self, envelope: str) -> Shown | None:
        """A record, read and verified now; None for one that the log doesn't have. Raises `VerificationError`, `FormatError`, `StoreError`."""
        with self._lock:
            opened = self._log()
            place = self.index.find(envelope)
            if place is None:
                return None
            kept, receipt = self._read(opened, place)
            if kept.card.envelope != envelope:
                raise VerificationError(f"entry {place} is another record than the index says", remedy="Delete the index: it is made anew.")
            ending = self._ending(opened, kept)
            facts = opened.reader.facts(kept.card) if kept.card.predicate_type != ATTESTATION else None
            reader = opened.reader
            return Shown(kept, reader.size, reader.checkpoint.origin, ending, facts, len(receipt.hashes))

    def read_file(self, envelope: str, name: str) -> bytes | None:
        """What can be downloaded of a record: `record.json`, `receipt.txt`, `facts.json`. Raises as `show`."""
        shown = self.show(envelope)
        if shown is None or name == "facts.json":
            return shown.facts if shown else None
        with self._lock:
            reader = self._log().reader
            return reader.envelope(shown.kept.card) if name == "record.json" else format_receipt(reader.prove(shown.kept.index))

    def _log(self) -> Opened:
        if self._opened is None:
            raise StoreError("the log wasn't opened", remedy="Start the portal again.")
        return self._opened

    def _ending(self, opened: Opened, kept: Kept) -> Kept | None:
        """How a deploy ended, the latest word: by the log, where an outcome stands under its decision's own key, and not by the index."""
        if kept.card.predicate_type != GATE_DECISION:
            return None
        origin = opened.reader.checkpoint.origin
        for ending in (Ending.ROLLED_BACK, Ending.SUCCESS):  # success and failure share a key
            found = opened.reader.find_key(idempotency.of_outcome(kept.card.envelope, ending, origin=origin))
            if found is not None:
                return self._read(opened, found[0])[0]
        return None

    def _read(self, opened: Opened, place: int) -> tuple[Kept, Receipt]:
        receipt = opened.reader.prove(place)
        card = opened.reader.card(place)
        signed = verify_record(card, opened.reader.envelope(card), self._trust)
        # The index is a file of this machine's: what is taken out of it, the log still says.
        for revoked in (self.index.revocations(opened.store, self._trust), self._revoked):
            revoked.check(place, signed.key_id)
        predicate: dict[str, Any] = signed.statement["predicate"]
        return Kept(place, card, signed.key_id, predicate), receipt
