"""Keys that the log itself says are revoked: from their revocation's entry on, nothing that they sign counts. Reads only.

1. A revocation is an entry: a statement (`KEY_REVOCATION`), signed by another key of the trust file that may revoke and isn't revoked itself by then.
2. It works forward from its place in the log and never back. So whoever stole one key can't take away what others recorded with theirs.
3. What the revoked key signed before that place stays valid. The revocation says since when the key may have been in other hands: verification
   repeats it, for a person to look at what was signed since.

The trust file remains the root: a revocation by a key that isn't in it, or whose time is over, is none.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import permutations
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from changegate import canonical
from changegate.errors import FormatError, VerificationError
from changegate.evidence import idempotency, layout, note, tiles
from changegate.evidence.card import Card, parse_card, parse_time
from changegate.evidence.commit import Commit
from changegate.evidence.index_object import parse_index_object
from changegate.evidence.log_policy import LogPolicy
from changegate.evidence.reader import LogReader
from changegate.evidence.signed_record import verify_record
from changegate.evidence.statement import KEY_REVOCATION
from changegate.stores import Store
from changegate.trust import Trust

_NEEDLE: Final = KEY_REVOCATION.encode("ascii")
_STOLEN: Final = "Whoever has that key may have stolen it. Believe nothing that it signed from that entry on."


@dataclass(frozen=True)
class Revocation:
    """One that counts."""

    key_id: str
    by: str
    index: int
    since: datetime
    """From when on the key is said to be in other hands: a claim of whoever revoked it."""
    reason: str

    def __str__(self) -> str:
        since = f"{self.since:%Y-%m-%dT%H:%M:%SZ}"
        return f"key {self.key_id[:16]} from entry {self.index} on, by key {self.by[:16]}; in doubt since {since}: {self.reason}"


class Revocations:
    """What is revoked, as of the entries taken so far. Entries are to be taken in the log's order."""

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._by_key: dict[str, Revocation] = {}
        self._log_keys = {key_id: key.public_bytes_raw() for key_id, key in trust.public_keys.items() if isinstance(key, Ed25519PublicKey)}

    def __iter__(self) -> Iterator[Revocation]:
        return iter(self._by_key.values())

    def of(self, key_id: str) -> Revocation | None:
        """The revocation of this key, if there is one."""
        return self._by_key.get(key_id)

    def take(self, index: int, card: Card, key_id: str, payload: bytes) -> None:
        """Take entry `index`, whose verified statement `payload` was signed by `key_id`; anything but a revocation changes nothing.

        Raises as `examine`.
        """
        found = self.examine(index, card, key_id, payload)
        if found is not None:
            self._by_key.setdefault(found.key_id, found)

    def examine(self, index: int, card: Card, key_id: str, payload: bytes) -> Revocation | None:
        """What entry `index` revokes. Raises `VerificationError` for a revocation that doesn't count, `FormatError` for one that is none."""
        if card.predicate_type != KEY_REVOCATION:
            return None
        found = _parse(index, key_id, payload)
        self.check(index, key_id)
        if found.key_id == key_id:
            raise VerificationError(f"key {key_id[:16]} revokes itself", remedy="Revoke it with another key: `changegate keys rotate` makes one.")
        return found

    def check(self, index: int, key_id: str) -> None:
        """Raise `VerificationError` where the key was revoked before entry `index`."""
        found = self._by_key.get(key_id)
        if found is not None and index > found.index:
            raise VerificationError(
                f"signed by key {key_id[:16]}, which entry {found.index} revoked (by key {found.by[:16]}: {found.reason[:200]})", remedy=_STOLEN
            )

    def check_commit(self, commit: Commit, policy: LogPolicy) -> None:
        """Raise `VerificationError` where nobody signed a commit's checkpoint but keys that were revoked before its first entry."""
        if not self._by_key:
            return
        revoked = {self._log_keys.get(each.key_id): each for each in self._by_key.values() if each.index < commit.before.size}
        signers = [each.key for each in note.verify(note.parse_note(commit.checkpoint), policy.logs)]
        if all(each in revoked for each in signers):
            found = revoked[signers[0]]
            raise VerificationError(f"its checkpoint is signed by key {found.key_id[:16]}, which entry {found.index} revoked", remedy=_STOLEN)


def may_revoke(entry: bytes) -> bool:
    """One cheap look: False for what is no revocation's entry."""
    return _NEEDLE in entry


def collect(entries: Iterable[tuple[int, bytes]], store: Store, trust: Trust) -> Revocations:
    """The revocations among these entries, which come in order: one cheap look at each, and its record is read only where it is a revocation.

    One that doesn't count is left out; verification names it.
    """
    found = Revocations(trust)
    for index, entry in entries:
        if may_revoke(entry):
            _try_take(found, index, entry, store, trust)
    return found


def read(reader: LogReader, store: Store, trust: Trust) -> Revocations:
    """All revocations of a log, whose every entry is looked at. Raises `VerificationError`, `StoreError` for entries that can't be read."""
    bundles = range(-(-reader.size // tiles.WIDTH))
    return collect(((index, entry) for each in bundles for index, entry in enumerate(reader.entries(each), each * tiles.WIDTH)), store, trust)


def find(reader: LogReader | None, store: Store, trust: Trust, *, origin: str) -> Revocations:
    """The revocations of the trust file's keys, found by their idempotency keys: for a writer, who doesn't read the whole log."""
    found = Revocations(trust)
    if reader is None:
        return found
    indices = []
    for revoked, by in permutations(trust.public_keys, 2):
        data = store.read(layout.index_key(idempotency.of_revocation(origin, revoked, by)))
        if data is not None and (index := parse_index_object(data)) < reader.size:
            indices.append(index)
    for index in sorted(indices):
        _try_take(found, index, reader.entry(index), store, trust)
    return found


def _try_take(found: Revocations, index: int, entry: bytes, store: Store, trust: Trust) -> None:
    try:
        card = parse_card(entry)
        if card.predicate_type == KEY_REVOCATION:
            signed = verify_record(card, store.read(layout.envelope_key(card.envelope)) or b"", trust)
            found.take(index, card, signed.key_id, signed.payload)
    except (FormatError, VerificationError):
        return


def _parse(index: int, by: str, payload: bytes) -> Revocation:
    match canonical.loads(payload, what="statement"):
        case {"predicate": {"key": {"keyId": str(key_id)}, "from": str(since), "reason": str(reason)}}:
            return Revocation(key_id, by, index, parse_time(since), reason)
    raise FormatError("revocation: its predicate has no key, from and reason", remedy="Use the version that wrote it, or a newer one.")
