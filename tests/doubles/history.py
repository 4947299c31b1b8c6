"""A repository's git history: commits, branches and what git says about them, and the same written to a disk for git itself to read."""

import zlib
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeAlias

from doubles.objects import Files, GitCommit, Person, commit_content, commit_id, entries, merge_files, object_id, tree_id

Changes = Mapping[str, str | bytes | None]
"""Paths and what they hold afterwards; None deletes one."""


class Named(Protocol):
    """An account under whose name commits can be made."""

    @property
    def person(self) -> Person:
        """As whom its commits are made."""


Author: TypeAlias = Person | Named


def person_of(author: Author) -> Person:
    """Whom a commit names."""
    return author if isinstance(author, Person) else author.person


class History:
    """Commits and branches. `tick` gives the time of the next action."""

    def __init__(self, tick: Callable[[], datetime]) -> None:
        self.tick = tick
        self.default_branch = "main"
        self.branches: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.commits: dict[str, GitCommit] = {}
        self._ancestors: dict[str, frozenset[str]] = {}

    def make_commit(
        self,
        files: Files,
        parents: tuple[str, ...],
        message: str,
        author: Author,
        committer: Author | None = None,
        signed: str = "",
    ) -> GitCommit:
        """A commit object, on no branch yet."""
        at = self.tick()
        by = person_of(author)
        committed_by = by if committer is None else person_of(committer)
        tree = tree_id(files)
        sha = commit_id(tree, parents, message, by, committed_by, at)
        commit = self.commits[sha] = GitCommit(sha, files, tree, parents, message, by, committed_by, signed, len(self.commits), at)
        return commit

    def push(
        self,
        branch: str,
        *,
        author: Author,
        files: Changes,
        message: str = "Push",
        signed: str = "",
        force: bool = False,
    ) -> str:
        """A commit straight onto a branch (no parent is kept with `force`). None deletes a file. Gives the commit's id."""
        tip = None if force else self.branches.get(branch)
        before = self.commits[tip].files if tip else {}
        commit = self.make_commit(edited(before, files), (tip,) if tip else (), message, author, signed=signed)
        self.branches[branch] = commit.sha
        return commit.sha

    def push_merge(self, branch: str, other: str, *, author: Author, message: str = "Merge by hand") -> str:
        """A merge made on somebody's machine and pushed."""
        commit = self.merge_commit(self.branches[branch], other, message, author)
        self.branches[branch] = commit.sha
        return commit.sha

    def merge_commit(self, onto: str, other: str, message: str, author: Author, committer: Author | None = None, signed: str = "") -> GitCommit:
        """A true merge of `other` into `onto`."""
        fork = self.merge_base(onto, other)
        files = merge_files(self.commits[fork].files, self.commits[onto].files, self.commits[other].files)
        return self.make_commit(files, (onto, other), message, author, committer, signed)

    def branch(self, name: str, at: str | None = None) -> str:
        """A new branch at a commit (default: the tip of main)."""
        self.branches[name] = at or self.head
        return self.branches[name]

    @property
    def head(self) -> str:
        """The tip of the default branch."""
        return self.branches[self.default_branch]

    def ancestors(self, sha: str) -> frozenset[str]:
        """A commit and all that it descends from."""
        if sha not in self._ancestors:
            found: set[str] = set()
            stack = [sha]
            while stack:
                at = stack.pop()
                if at in found:
                    continue
                if at in self._ancestors:
                    found |= self._ancestors[at]
                    continue
                found.add(at)
                stack.extend(self.commits[at].parents)
            self._ancestors = {**dict(list(self._ancestors.items())[-20:]), sha: frozenset(found)}
        return self._ancestors[sha]

    def between(self, base: str, head: str) -> list[GitCommit]:
        """Commits of `head` that `base` lacks, the oldest first."""
        return sorted((self.commits[sha] for sha in self.ancestors(head) - self.ancestors(base)), key=lambda commit: commit.order)

    def merge_base(self, one: str, other: str) -> str:
        """The newest commit that both descend from. Raises ValueError where there is none."""
        common = self.ancestors(one) & self.ancestors(other)
        return max(common, key=lambda sha: self.commits[sha].order)

    def squash(self, onto: str, head: str, message: str, author: Author, committer: Author, signed: str = "") -> GitCommit:
        """One commit on top of `onto` with all that `head` has more."""
        changed = difference(self.commits[self.merge_base(onto, head)].files, self.commits[head].files)
        return self.make_commit(edited(self.commits[onto].files, changed), (onto,), message, author, committer, signed)

    def rebase(self, onto: str, commits: list[GitCommit], committer: Author) -> list[GitCommit]:
        """The commits made anew on top of `onto`."""
        made: list[GitCommit] = []
        for commit in commits:
            changed = difference(self.commits[commit.parents[0]].files, commit.files)
            before = made[-1] if made else self.commits[onto]
            made.append(self.make_commit(edited(before.files, changed), (before.sha,), commit.message, commit.author, committer))
        return made

    def write(self, folder: Path) -> Path:
        """All of it as a bare repository, which a pipeline's clone would be."""
        for inside in ("refs/heads", "refs/tags", "objects"):
            (folder / inside).mkdir(parents=True, exist_ok=True)
        (folder / "HEAD").write_text(f"ref: refs/heads/{self.default_branch}\n")
        (folder / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = true\n")
        for commit in self.commits.values():
            _write_tree(folder, commit.files)
            _write_object(folder, "commit", commit_content(commit.tree, commit.parents, commit.message, commit.author, commit.committer, commit.at))
        for kind, names in (("heads", self.branches), ("tags", self.tags)):
            for name, sha in names.items():
                (folder / "refs" / kind / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / "refs" / kind / name).write_text(f"{sha}\n")
        return folder


def _write_tree(folder: Path, files: Files) -> None:
    for content in files.values():
        _write_object(folder, "blob", content)
    found = entries(files)
    content = b"".join(b"%o %s\x00%s" % (entry.mode, entry.name.encode(), bytes.fromhex(entry.oid)) for entry in found)
    _write_object(folder, "tree", content)
    for entry in found:
        if entry.kind == "tree":
            _write_tree(folder, {path.removeprefix(f"{entry.name}/"): text for path, text in files.items() if path.startswith(f"{entry.name}/")})


def _write_object(folder: Path, kind: str, content: bytes) -> None:
    sha = object_id(kind, content)
    place = folder / "objects" / sha[:2] / sha[2:]
    if not place.exists():
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(zlib.compress(b"%s %d\x00%s" % (kind.encode(), len(content), content), 1))


def difference(before: Files, after: Files) -> dict[str, str | bytes | None]:
    """What changed from one to the other."""
    return {path: after.get(path) for path in {*before, *after} if before.get(path) != after.get(path)}


def edited(before: Files, changes: Mapping[str, str | bytes | None]) -> Files:
    """The files with some changed, and those given as None gone."""
    after = dict(before)
    for path, content in changes.items():
        if content is None:
            after.pop(path, None)
        else:
            after[path] = content.encode() if isinstance(content, str) else content
    return after
