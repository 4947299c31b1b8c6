"""Hold a store's timestamps against its commits: what an authority says of when, against what the writers claim."""

from datetime import datetime
from typing import Final

from changegate.errors import FormatError, VerificationError
from changegate.evidence import layout, tiles, timestamps
from changegate.evidence.card import format_time
from changegate.evidence.commit import Commit, parse_commit
from changegate.evidence.findings import Report
from changegate.evidence.log import MAX_SKEW
from changegate.stores import Store
from changegate.trust import Trust

_CLAIM: Final = "A writer's clock was wrong, or the time was made up; or the timestamp was asked for later. Compare with the record's run."
_FOREIGN: Final = "Somebody put it there, or the commit that it came from was deleted."
_WANTED: Final = (
    "The authority didn't answer, or nobody asked it: give the pipeline --timestamp-url. The next commit's timestamp covers this one, too."
)


def verify_timestamps(store: Store, trust: Trust, commits: int, report: Report) -> None:
    """Every timestamp in the store, after the `commits` commits were verified; findings go to `report`.

    1. It lies under a commit's number, and is a trusted authority's on that commit's checkpoint.
    2. Its time and the commit's are at most `MAX_SKEW` apart.
    3. Where the trust file requires timestamps, there is one at or after every commit.

    Without authorities in the trust file they are counted and not believed. Raises `InputError` where the extra isn't installed, `StoreError`.
    """
    keys = list(store.list(layout.TIMESTAMPS))
    if keys and not trust.authorities:
        meaning = "Add the authority's certificate to the trust file, under timestamp-authorities."
        report.note("timestamps aren't checked", layout.TIMESTAMPS, expected="an authority to believe", found=f"{len(keys)} of them", meaning=meaning)
    newest = 0
    for key in keys:
        number = _number(key)
        if not 1 <= number <= commits:
            report.problem("a timestamp belongs to no commit", key, expected=f"commits 1 to {commits}", found="an object", meaning=_FOREIGN)
        elif trust.authorities and (commit := _commit(store, number)) is not None and _check(store, key, commit, trust, report):
            newest = max(newest, number)
    if trust.timestamps == "required" and newest < commits:
        where = f"{layout.commit_key(newest + 1)} and later" if newest + 1 < commits else layout.commit_key(commits)
        report.problem("a commit has no timestamp", where, expected="one at or after it", found="none that counts", meaning=_WANTED)


def _check(store: Store, key: str, commit: Commit, trust: Trust, report: Report) -> bool:
    """Whether it counts."""
    try:
        at: datetime = timestamps.verify(store.read(key) or b"", commit.checkpoint, trust.authorities)
    except (FormatError, VerificationError) as error:
        report.error("a timestamp can't be trusted", key, error, expected=f"an authority's, on the checkpoint of commit {commit.number}")
        return False
    if abs(at - commit.at) > MAX_SKEW:
        expected = f"within {MAX_SKEW.seconds} s of {commit.time}, as the commit claims"
        report.problem("a commit's time isn't the authority's", key, expected=expected, found=format_time(at), meaning=_CLAIM)
    return True


def _commit(store: Store, number: int) -> Commit | None:
    """The commit; None where it is damaged, which was reported with the commits."""
    try:
        return parse_commit(store.read(layout.commit_key(number)) or b"")
    except FormatError:
        return None


def _number(key: str) -> int:
    """Whose it is; 0 for a key that is none."""
    try:
        number = tiles.parse_index(key.removeprefix(layout.TIMESTAMPS))
    except FormatError:
        return 0
    return number if layout.timestamp_key(number) == key else 0
