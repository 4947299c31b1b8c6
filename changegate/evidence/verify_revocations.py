"""Find every revocation that a log holds, before any record is verified: by a look at all entries, since an index could have been taken away.

A revocation may stand under any idempotency key, where a thief entered it with a writer of his own. So every bundle is read, checked against the
signed tree, and searched for the predicate type's name: a few seconds for a million entries.
"""

from collections.abc import Iterator
from typing import Final

from changegate.errors import FormatError, VerificationError
from changegate.evidence import tiles
from changegate.evidence.commit import Commit
from changegate.evidence.findings import LOST, Report
from changegate.evidence.reader import LogReader
from changegate.evidence.revocations import may_revoke
from changegate.evidence.tiles import Tile
from changegate.stores import Store

_AT_ONCE: Final = 16
"""How many bundles are read at once: about two megabytes."""


def list_revoking(reader: LogReader | None, store: Store, last: Commit | None, report: Report) -> Iterator[tuple[int, bytes]]:
    """The entries that may be revocations, in order: those of the tree, and those of the last commit that the tree doesn't have yet.

    A bundle that can't be read goes into the report. Raises `FormatError`, `VerificationError` where the tree's right edge can't be.
    """
    size = reader.size if reader is not None else 0
    if reader is not None:
        whole = size // tiles.WIDTH
        for first in range(0, whole, _AT_ONCE):
            paths = {number: Tile(0, number, bundle=True).path for number in range(first, min(first + _AT_ONCE, whole))}
            bundles = store.read_many(list(paths.values()))
            for number, path in paths.items():
                try:
                    entries = reader.check_bundle(number, bundles[path])
                except (FormatError, VerificationError) as error:
                    report.error("entries can't be read, which may hold revocations", path, error, expected="the signed entries", meaning=LOST)
                    continue
                yield from _revoking(number * tiles.WIDTH, entries)
        if size % tiles.WIDTH:
            yield from _revoking(whole * tiles.WIDTH, reader.entries(whole))
    if last is not None and last.size > size:
        yield from _revoking(last.before.size, last.entries)


def _revoking(first: int, entries: tuple[bytes, ...]) -> Iterator[tuple[int, bytes]]:
    return ((index, entry) for index, entry in enumerate(entries, first) if may_revoke(entry))
