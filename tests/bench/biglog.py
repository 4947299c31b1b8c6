"""Make a large, honest log quickly: commits of 256 entries through the log's own functions, objects written without a sync.

PYTHONPATH=tests python -m bench.biglog DIRECTORY RECORDS
"""

import gzip
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.deploylog import Kept

from changegate import canonical
from changegate.evidence import layout, log_policy, note
from changegate.evidence.card import Card, format_card, format_time
from changegate.evidence.commit import MAX_ENTRIES, NO_COMMIT, Commit, digest_of, format_commit, grow
from changegate.evidence.edge import Edge
from changegate.evidence.index_object import format_index_object
from changegate.signing import dsse
from changegate.signing.keys import PrivateKey, format_public
from changegate.trust import RecordKey, Trust

ORIGIN: Final = "example.com/bench/evidence"
KEY: Final = PrivateKey(Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32))
TRUST: Final = Trust(
    log_policy=log_policy.format_single(note.verifier_key(ORIGIN, KEY.public_key)), record_keys=(RecordKey(key=format_public(KEY.public_key)),)
)
_Batch: TypeAlias = tuple[int, datetime, list[bytes]]
"""The first one's place, when it is committed, its entries."""
_BEGIN: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
_CHANGE: Final = {
    "approvals": [{"by": "bob", "state": "approved"}],
    "author": "alice",
    "findings": [{"control": "peer-approved", "observed": "approved by bob", "outcome": "pass", "required": "an approval of the final head"}],
    "title": "Round prices up where the customer's currency has no cents",
}


def write(root: Path, records: int, *, batch: int = MAX_ENTRIES, then: Iterable[Kept] = ()) -> None:
    """A log of so many records, `batch` of them in a commit, and then these."""
    commit: Commit | None = None
    digest, edge, last = NO_COMMIT, Edge(), dict[str, bytes]()
    _put(root, layout.LOG, canonical.dumps({"version": 1, "origin": ORIGIN, "created": format_time(_BEGIN)}))
    for begin, at, entries in chain(_made(root, records, batch), _given(root, records, then)):
        commit = grow(commit, digest, entries, at=at, nonce=f"{begin:032x}", origin=ORIGIN, signer=KEY)
        data = format_commit(commit)
        digest = digest_of(data)
        _put(root, layout.commit_key(commit.number), data)
        edge, objects = edge.grow(commit.entries, commit.leaf_hashes)
        last = {key: each for key, each in objects.items() if ".p/" in key}
        for key, each in objects.items():
            if key not in last:
                _put(root, key, each)
    for key, each in {**edge.objects(), layout.CHECKPOINT: commit.checkpoint if commit else b""}.items():
        _put(root, key, each)


def _made(root: Path, records: int, batch: int) -> Iterator[_Batch]:
    for begin in range(0, records, batch):
        at = _BEGIN + timedelta(seconds=begin)
        yield begin, at, list(_entries(root, range(begin, min(begin + batch, records)), at))


def _given(root: Path, begin: int, records: Iterable[Kept]) -> Iterator[_Batch]:
    """Each in a commit of its own, at its own time."""
    for place, (card, envelope, facts) in enumerate(records, begin):
        _put(root, layout.envelope_key(card.envelope), envelope)
        _put(root, layout.index_key(card.key), format_index_object(place))
        if card.facts is not None and facts is not None:
            _put(root, layout.facts_key(card.facts), gzip.compress(facts, mtime=0))
        yield place, card.at, [format_card(card)]


def _entries(root: Path, numbers: range, at: datetime) -> Iterator[bytes]:
    for number in numbers:
        facts = canonical.dumps({"number": number})
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "predicate": {
                "changes": [_CHANGE, _CHANGE],
                "decision": {"verdict": "allowed"},
                "deployment": {"environment": "production", "repository": "acme/shop"},
                "facts": {"sha256": digest_of(facts)},
                "time": {"decided": format_time(at)},
            },
            "predicateType": "https://example.com/decision/v1",
            "subject": [{"digest": {"gitCommit": f"{number:040x}"}, "name": "git+https://example.com/acme/shop"}],
        }
        envelope = dsse.format_envelope(dsse.sign(canonical.dumps(statement), KEY))
        key = digest_of(b"key %d" % number)
        card = Card(
            digest_of(envelope), "https://example.com/decision/v1", "acme/shop", "production", f"{number:040x}", "allowed", format_time(at), key,
            digest_of(facts),
        )  # fmt: skip
        _put(root, layout.envelope_key(card.envelope), envelope)
        _put(root, layout.facts_key(digest_of(facts)), gzip.compress(facts, mtime=0))
        _put(root, layout.index_key(key), format_index_object(number))
        yield format_card(card)


def _put(root: Path, key: str, data: bytes) -> None:
    path = root / key
    try:
        path.write_bytes(data)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
