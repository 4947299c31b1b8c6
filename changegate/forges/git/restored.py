"""At which later commits the files that a commit changed are again as they were before it. Pure: values in, values out.

A state of the deployed branch differs from the one before it by some files. What a file is at a state, its last change says.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

MAX_FOUND: Final = 20
"""How many are kept of each commit: the newest ones."""


class FileChange(NamedTuple):
    """A path, and what stood and stands there (mode and object id)."""

    path: bytes
    before: str
    after: str


class _Timeline(NamedTuple):
    """Where a path changed, and what it became there."""

    positions: list[int]
    contents: list[str]

    def at(self, position: int) -> str:
        """What the path is at a state that is no earlier than its first change."""
        return self.contents[bisect_right(self.positions, position) - 1]


def find_restored(steps: Sequence[tuple[str, Sequence[FileChange]]]) -> Mapping[str, tuple[str, ...]]:
    """For each commit that was taken back, the later ones at which all of it was, oldest first.

    `steps` are the commits of a first-parent chain, oldest first, each with what it changed against its first parent. A commit that changed nothing
    is never restored. A state counts where one of the files becomes again what it was; as long as nothing touches them, they stay so.
    """
    timelines: dict[bytes, _Timeline] = {}
    becomes: dict[tuple[bytes, str], list[int]] = {}
    for position, (_, changes) in enumerate(steps):
        for path, _, after in changes:
            timeline = timelines.setdefault(path, _Timeline([], []))
            timeline.positions.append(position)
            timeline.contents.append(after)
            becomes.setdefault((path, after), []).append(position)
    found: dict[str, tuple[str, ...]] = {}
    for position, (commit, changes) in enumerate(steps):
        candidates: set[int] = set()
        for path, before, _ in changes:
            again = becomes.get((path, before), [])
            later = again[bisect_right(again, position) :]
            if not later:
                break
            candidates.update(later[-MAX_FOUND:])
        else:
            newest = sorted(candidates)[-MAX_FOUND:]
            restored = [each for each in newest if all(timelines[path].at(each) == before for path, before, _ in changes)]
            if restored:
                found[commit] = tuple(steps[each][0] for each in restored)
    return found
