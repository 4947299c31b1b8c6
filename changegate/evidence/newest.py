"""The newest state of a log that a reader may believe. Reads only.

The published checkpoint is one object, which anybody can put back to an older one who may write to the store: what came after would be missing from
every list, and nothing would show it. So it is held against the commits.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from changegate.errors import FormatError, VerificationError
from changegate.evidence import layout, log_policy
from changegate.evidence.commit import Commit, parse_commit
from changegate.evidence.history import History
from changegate.evidence.log_policy import LogPolicy
from changegate.evidence.reader import LogReader, read_log
from changegate.stores import Store

WITNESSED_WITHIN: Final = timedelta(minutes=10)
"""How long after a commit the witnesses' quorum may be missing: its writer asks them at once, and the next one again."""


def is_fresh(head: Commit | None, size: int, now: datetime, read: Callable[[int], Commit | None]) -> bool:
    """Whether all entries from `size` to the head were committed just now, so that their witnesses may still be asked. `read` gives a commit."""
    commit = head
    while commit is not None and commit.at >= now - WITNESSED_WITHIN:
        if commit.before.size <= size:
            return True
        commit = read(commit.number - 1)
    return False


def read_newest(store: Store, policy: LogPolicy, *, now: datetime) -> LogReader | None:
    """The log with all that was committed; None where nothing was published yet.

    Where a quorum of witnesses is demanded, it ends with what is cosigned: entries after it are left out while they are fresh, and refused later.
    A checkpoint that only an ended key signed has no time of its own: it must be that of the newest commits, which have.
    Raises `VerificationError`, `FormatError`, `StoreError`.
    """
    published = read_log(store, policy)
    if published is None:
        return None
    head = History(store, policy, lambda: now).find_head().commit
    if head is None:
        return published

    def read(number: int) -> Commit | None:
        data = store.read(layout.commit_key(number)) if number else None
        return parse_commit(data) if data is not None else None

    if policy.ended(published.signed, now):
        if (published.size, published.root) not in {(each.size, each.root()) for each in (head.before, head.after)}:
            raise VerificationError(
                "the published checkpoint is signed by a key that has ended, and isn't what the log's commits make",
                remedy="The ended key may have been stolen. `changegate verify` says more.",
            )
        return published
    if published.size >= head.size:
        return published
    if policy.quorum != log_policy.NONE:
        if is_fresh(head, published.size, now, read):
            return published
        raise VerificationError(
            f"the log has {head.size} entries, and the witnesses cosigned the first {published.size} only, longer than {_minutes()} minutes ago",
            remedy="Have it cosigned (`changegate witness cosign`, or the next append). Where they refuse, it was forked: `changegate verify`.",
        )
    whole = _at(store, policy, head) or _at(store, policy, read(head.number - 1))  # of the last commit the tiles may be unwritten
    return whole if whole is not None and whole.size > published.size else published


def _at(store: Store, policy: LogPolicy, commit: Commit | None) -> LogReader | None:
    """The log at a commit; None where its last tiles aren't there."""
    if commit is None:
        return None
    reader = LogReader(store, policy, commit.checkpoint)
    try:
        reader.entry(reader.size - 1)
    except (FormatError, VerificationError):
        return None
    return reader


def _minutes() -> int:
    return int(WITNESSED_WITHIN.total_seconds() // 60)
