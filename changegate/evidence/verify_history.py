"""What a store's older versions tell: was an object hidden, and made again?

In a versioned bucket, Object Lock keeps each version, but a delete marker hides them all, and then a conditional write makes the object anew. The
locked version is still there: so every version is listed.
"""

from itertools import groupby
from typing import Final

from changegate.evidence.findings import Report
from changegate.stores import Store, Version, Versioned, is_lasting

_HIDDEN: Final = (
    "Somebody deleted it: the versions below the delete marker are still there. Keep the store as it is, restore from those, find out who."
)
_REPLACED: Final = "Somebody replaced it; the oldest version is what was written first. Keep the store as it is, and find out who."
_TWICE: Final = "Two writers copied the same bytes, after one of them was stopped. Nothing is lost."


def check_history(store: Store, report: Report) -> None:
    """Add a problem for each lasting object that has a delete marker, or versions that differ. Nothing where the store keeps no versions."""
    if not isinstance(store, Versioned):
        return
    for key, several in groupby(store.history(""), key=lambda each: each.key):
        versions = list(several)
        if is_lasting(key) and (len(versions) > 1 or versions[0].deleted):
            _check(store, key, versions, report)


def _check(store: Versioned, key: str, versions: list[Version], report: Report) -> None:
    markers = sum(each.deleted for each in versions)
    found = f"{len(versions) - markers} versions, {markers} delete markers"
    if markers:
        report.problem("an object was deleted, and hidden or made again", key, expected="one version", found=found, meaning=_HIDDEN)
    elif len({store.read_version(key, each.version) for each in versions}) > 1:
        report.problem("an object was replaced", key, expected="one version", found=found, meaning=_REPLACED)
    else:
        report.note("an object was written twice, the same", key, expected="one version", found=found, meaning=_TWICE)
