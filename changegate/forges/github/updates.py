"""Update merges: what GitHub's "Update branch" made of two trees, and whether anything in it is new.

GitHub signs such a merge alike whether it had nothing to resolve or somebody resolved conflicts in its editor, so the signature proves only who made
the commit. What proves that nothing is new is git's own content: where only one side changed a path since the two parted, the merge must hold that
side's. A path that both changed was combined in a way that can't be seen: then nothing is proven (ADR 0070).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from changegate.errors import ForgeError
from changegate.facts import Commit, Known, Unavailable, UpdateMerge
from changegate.forges.github.answer import UnreadableError
from changegate.forges.github.client import Client
from changegate.forges.github.pages import batches
from changegate.forges.github.queries import blobs
from changegate.forges.github.range import Repository, compare
from changegate.forges.github.trusted import Entry, read_tree

_FOLDERS_AT_ONCE: Final = 25
_MOST_FOLDERS: Final = 500

Listing: TypeAlias = Mapping[str, Entry]
Folder: TypeAlias = tuple[str, tuple[Entry | None, ...]]
"""A folder (empty, or ending in a slash), and what it is in each of the four commits."""


class Sides(NamedTuple):
    """One folder (or its absence: nothing in it) in the four commits of a merge."""

    fork: Listing
    ours: Listing
    theirs: Listing
    merged: Listing


def fetch_update_merges(client: Client, repository: Repository, commits: Known[tuple[Commit, ...]], onto: str) -> Known[tuple[UpdateMerge, ...]]:
    """Those of a change's commits that are update merges. `onto` is the commit of the base branch that the change landed on.

    Each costs two comparisons and a request for each depth of folders that both sides changed.
    """
    if isinstance(commits, Unavailable):
        return commits
    own = {commit.sha for commit in commits}
    # Made on the change, and bringing what is not of it.
    made = [commit for commit in commits if commit.merged_by_forge and commit.parents[0] in own and commit.parents[1] not in own]
    if not made:
        return ()
    try:
        if not onto:
            raise UnreadableError("it is not known which commit the change landed on", remedy="Run the gate on a range that holds its merge.")
        updates = [merge for merge in made if _is_in(client, repository, merge.parents[1], onto)]
    except ForgeError as gap:
        return Unavailable(why=gap.message, remedy=gap.remedy)
    return tuple(UpdateMerge(commit=merge.sha, clean=_read_clean(client, repository, merge)) for merge in updates)


def _is_in(client: Client, repository: Repository, commit: str, tip: str) -> bool:
    return compare(client, repository, commit, tip).relation in {"identical", "ahead"}


def _read_clean(client: Client, repository: Repository, merge: Commit) -> Known[bool]:
    try:
        ours, theirs = merge.parents
        fork = compare(client, repository, theirs, ours).fork
        return bool(fork) and _is_clean(client, repository, (fork, ours, theirs, merge.sha), merge.tree)
    except ForgeError as gap:
        return Unavailable(why=gap.message, remedy=gap.remedy)


def _is_clean(client: Client, repository: Repository, commits: tuple[str, str, str, str], merged_tree: str) -> bool:
    """Compare the four, folder by folder, all of one depth together; only what both sides changed is looked into."""
    folders: list[Folder] = [("", (None, None, None, None))]
    seen = 0
    while folders:
        seen += len(folders)
        if seen > _MOST_FOLDERS:
            raise UnreadableError(f"the merge brings together more than {_MOST_FOLDERS} folders", remedy="Have the change approved again.")
        deeper: list[Folder] = []
        for some in batches(folders, _FOLDERS_AT_ONCE):
            for folder, sides in _read_folders(client, repository, commits, merged_tree, some):
                inside = folders_to_compare(sides)
                if inside is None:
                    return False
                deeper += [(f"{folder}{name}/", tuple(side.get(name) for side in sides)) for name in inside]
        folders = deeper
    return True


def folders_to_compare(sides: Sides) -> list[str] | None:
    """Which folders inside this one both sides changed, or None where the merge holds something that no rule explains. Pure.

    What one side left as it was is as the other has it; what both made the same is so. An entry is its mode and its content's id.
    """
    deeper = []
    for name in sorted({name for side in sides for name in side}):
        fork, ours, theirs, merged = (side.get(name) for side in sides)
        if ours in (theirs, fork) or theirs == fork:
            if merged != (theirs if ours in (theirs, fork) else ours):
                return None
        elif all(entry is None or entry.kind == "tree" for entry in (fork, ours, theirs, merged)):
            deeper.append(name)
        else:
            return None
    return deeper


def _read_folders(
    client: Client,
    repository: Repository,
    commits: tuple[str, str, str, str],
    merged_tree: str,
    folders: Sequence[Folder],
) -> Iterator[tuple[str, Sides]]:
    wanted = [(f"d{at}s{side}", f"{commit}:{folder.rstrip('/')}") for at, (folder, _) in enumerate(folders) for side, commit in enumerate(commits)]
    answer = client.query(blobs((), wanted), repository.variables()).at("repository")
    for at, (folder, entries) in enumerate(folders):
        listings: list[Listing] = []
        for side, entry in enumerate(entries):
            if folder and entry is None:
                listings.append({})
                continue
            tree = answer.at(f"d{at}s{side}")
            due = entry.oid if entry else merged_tree if side == 3 else tree.text("oid")
            if tree.text("__typename") != "Tree" or tree.text("oid") != due:
                raise UnreadableError(
                    f"GitHub's answers about {folder or 'the root folder'} don't agree with each other", remedy="Run the job again."
                )
            listings.append(read_tree(tree, folder))
        yield folder, Sides(*listings)
