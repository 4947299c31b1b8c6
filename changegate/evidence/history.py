"""The commits of a log, read and verified: where is its head, and was it rolled back or forked?"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from changegate.errors import VerificationError
from changegate.evidence import layout, merkle
from changegate.evidence.commit import NO_COMMIT, Commit, digest_of, parse_commit
from changegate.evidence.log_policy import LogPolicy
from changegate.evidence.reader import signed_size
from changegate.stores import Store

ROLLED_BACK: Final = "Keep what you have as proof. Restore the store from a copy, and find out who changed it; `changegate verify` says more."


@dataclass(frozen=True)
class Head:
    """The highest commit and the digest of its bytes; no commit in an empty log."""

    commit: Commit | None
    digest: str

    @property
    def number(self) -> int:
        """Its number; 0 in an empty log."""
        return self.commit.number if self.commit else 0

    @property
    def frontier(self) -> merkle.Frontier:
        """The tree's, with all of its entries."""
        return self.commit.after if self.commit else merkle.Frontier()


class History:
    """What one reader knows of a log's commits. Its head only ever moves forward."""

    def __init__(self, store: Store, policy: LogPolicy, clock: Callable[[], datetime]) -> None:
        self._store, self._policy, self._clock = store, policy.unwitnessed(), clock
        self._head: Head | None = None
        self.passed: list[Commit] = []
        """Commits of others that were found since this was last emptied, in order."""

    def advance(self, head: Head) -> None:
        """The writer's own new commit is the head."""
        self._head = head

    def find_head(self) -> Head:
        """The highest commit, reached from one that is known, every step verified. Raises `VerificationError` for a rolled-back or forked log."""
        head = self._head
        if head is None:
            head = self._load_head()
            self._check_published(head)
        while (data := self._store.read(layout.commit_key(head.number + 1))) is not None:
            commit = parse_commit(data)
            commit.verify(self._policy)
            if head.commit:
                commit.verify_follows(head.commit, head.digest)
            head = Head(commit, digest_of(data))
            self.passed.append(commit)
        self._head = head
        return head

    def _load_head(self) -> Head:
        """The highest commit that a search from the hint finds."""
        hint = self._store.read(layout.HINT)
        low = int(hint) if hint and hint.isdigit() and len(hint) < 16 else 0
        if low and self._store.read(layout.commit_key(low)) is None:
            raise VerificationError(f"commit {low} is missing, but the log had it: it was rolled back", remedy=ROLLED_BACK)
        step = 1
        while self._store.read(layout.commit_key(low + step)) is not None:
            low, step = low + step, step * 2
        while step > 1:
            step //= 2
            if self._store.read(layout.commit_key(low + step)) is not None:
                low += step
        data = self._store.read(layout.commit_key(low)) if low else None
        if data is None:
            return Head(None, NO_COMMIT)
        commit = parse_commit(data)
        commit.verify(self._policy)
        self._check_ended(commit)
        return Head(commit, digest_of(data))

    def _check_ended(self, commit: Commit) -> None:
        """A commit by an ended key is as old as it says only if nothing before it is newer: commit times never decrease.

        Goes back to a key that hasn't ended, or to the first commit: after a rotation, until the new key's first commit; else not one step.
        """
        now = self._clock()
        while self._policy.ended(commit.checkpoint, now) and commit.number > 1:
            data = self._store.read(layout.commit_key(commit.number - 1))
            if data is None:
                raise VerificationError(f"commit {commit.number - 1} is missing", remedy=ROLLED_BACK)
            before = parse_commit(data)
            before.verify(self._policy)
            commit.verify_follows(before, digest_of(data))
            commit = before

    def _check_published(self, head: Head) -> None:
        size = signed_size(self._store.read(layout.CHECKPOINT))
        if size > head.frontier.size and self._store.read(layout.commit_key(head.number + 1)) is None:
            raise VerificationError(
                f"the log was rolled back: its published checkpoint has {size} entries, its commits {head.frontier.size}", remedy=ROLLED_BACK
            )
