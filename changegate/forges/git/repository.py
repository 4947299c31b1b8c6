"""What is asked of a repository: a revision's commit, the commits between two, their content, the files of a commit."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from changegate.errors import ForgeError, InputError
from changegate.facts import Version
from changegate.forges.git.history import CommitObject, parse_commit
from changegate.forges.git.objects import Entry, check_id, parse_tree
from changegate.forges.git.process import WHOLE_CLONE, GitFailedError, OnRequest, Runner, borrow
from changegate.forges.git.restored import FileChange

_FULL_ID: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NULL: Final = b"\0"
_ALIKE: Final = 20
"""From how many percent on two files are taken for one that was moved. Forges show a file that is half alike as renamed, and only what differs:
this finds what was moved so twice."""
_AT_ONCE: Final = 10_000
"""How many commits are read at once: some megabytes."""


class Difference(NamedTuple):
    """The commits that only one of two has in its ancestry, parents before children."""

    only_left: tuple[str, ...]
    only_right: tuple[str, ...]


class Repository:
    """A whole local repository, bare or not. Raises `InputError` where there is none, `ForgeError` where it can't be judged."""

    def __init__(self, path: Path, *, timeout: float, on_request: OnRequest | None) -> None:
        self._path = path
        self._runner = Runner(timeout=timeout, on_request=on_request)
        if not path.is_dir():
            raise InputError(f"{path} is no directory", remedy="Give the directory of a git repository.")
        self._runner.check_version(path)
        try:
            answer = self._ask("rev-parse", "--path-format=absolute", "--show-object-format", "--is-shallow-repository", "--git-path", "objects")
        except GitFailedError as error:
            raise self._explain_opening(error) from error
        object_format, shallow, objects = answer.decode("utf-8", "surrogateescape").removesuffix("\n").split("\n", 2)
        if shallow != "false":
            raise ForgeError(
                f"{path} is a shallow clone: the history that is to be judged is cut off",
                remedy="Fetch all of it: `fetch-depth: 0` for actions/checkout, `GIT_DEPTH: 0` for GitLab CI, or `git fetch --unshallow`.",
            )
        self._borrowed = borrow(Path(objects), object_format, self)
        self._verified: list[str] = []
        """Commits whose whole ancestry was held to its ids."""

    def _ask(self, *arguments: str) -> bytes:
        """Ask the judged repository itself."""
        return self._runner.run(self._path, *arguments, isolated=False)

    def _read(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Read its objects, out of reach of everything else in it."""
        try:
            return self._runner.run(self._borrowed, *arguments, stdin=stdin)
        except GitFailedError as error:
            raise ForgeError(f"{self._path} can't be read whole: git {error.command}: {error.stderr}", remedy=WHOLE_CLONE) from error

    def _explain_opening(self, error: GitFailedError) -> ForgeError | InputError:
        if "dubious ownership" in error.stderr or "unsafe repository" in error.stderr:
            return ForgeError(
                f"{self._path} belongs to another user, and git refuses to read it",
                remedy=f"If that is right: git config --global --add safe.directory '{self._path.resolve()}'",
            )
        if "not a git repository" in error.stderr:
            return InputError(f"{self._path} is not a git repository", remedy="Check out the repository first, or give its directory.")
        return ForgeError(f"{self._path} can't be opened: {error.stderr}", remedy="`git rev-parse HEAD` there must work; mend what it complains of.")

    def find_commit(self, revision: str) -> str | None:
        """The full id of the commit that a revision names, or None. A revision is never taken for an option."""
        if not revision or revision.startswith("-") or not revision.isprintable():
            return None
        try:
            found = self._ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        except GitFailedError:
            return None
        text = found.decode("ascii", "replace").strip()
        return text if _FULL_ID.fullmatch(text) else None

    def _verify_ancestry(self, tips: Sequence[str]) -> None:
        """Hold every commit in the history of these to its id: a commit under another's id could hide some from a range, or lead around them.

        Git hashes nothing that it reads. Where all commits that it met on the way are what their ids say, so is the way. Raises `ForgeError`.
        """
        new = [each for each in dict.fromkeys(tips) if each not in self._verified]
        if not new:
            return
        words = "".join(f"{each}\n" for each in (*new, *(f"^{each}" for each in self._verified)))
        shas = self._read("rev-list", "--stdin", stdin=words.encode("ascii")).decode("ascii").split()
        for at in range(0, len(shas), _AT_ONCE):
            some = shas[at : at + _AT_ONCE]
            for sha, content in zip(some, self.read_objects(some, "commit"), strict=True):
                check_id(sha, "commit", content)
        self._verified += new

    def compare(self, left: str, right: str) -> Difference:
        """What only one of two commits has in its ancestry."""
        self._verify_ancestry((left, right))
        listed = self._read("rev-list", "--left-right", "--topo-order", "--reverse", "--end-of-options", f"{left}...{right}")
        lines = listed.decode("ascii").split()
        return Difference(
            only_left=tuple(line[1:] for line in lines if line.startswith("<")),
            only_right=tuple(line[1:] for line in lines if line.startswith(">")),
        )

    def list_line(self, head: str) -> tuple[tuple[str, int], ...]:
        """The commits of a branch's own line (first parents), the newest first, each with the second in which it says it was committed."""
        self._verify_ancestry((head,))
        listed = self._read("rev-list", "--timestamp", "--first-parent", "--end-of-options", head).decode("ascii")
        return tuple((sha, int(at)) for at, sha in (line.split() for line in listed.splitlines()))

    def list_beyond(self, tips: Sequence[str], known: Sequence[str], *, line_only: bool = False) -> frozenset[str]:
        """The commits in the history of `tips` (on the line of their first parents alone) that are not in that of `known`."""
        self._verify_ancestry((*tips, *known))
        words = "".join(f"{each}\n" for each in (*tips, *(f"^{each}" for each in known)))
        options = ("--first-parent",) if line_only else ()
        return frozenset(self._read("rev-list", *options, "--stdin", stdin=words.encode("ascii")).decode("ascii").split()) if tips else frozenset()

    def read_commits(self, shas: Sequence[str]) -> tuple[CommitObject, ...]:
        """The commits, in the given order, each checked against its id."""
        return tuple(parse_commit(sha, content) for sha, content in zip(shas, self.read_objects(shas, "commit"), strict=True))

    def read_objects(self, names: Sequence[str], kind: str) -> Iterator[bytes]:
        """The objects' content, in the given order (git-cat-file, "BATCH OUTPUT"). Git doesn't check their ids: `check_id`."""
        if not names:
            return
        output = self._read("cat-file", "--batch", stdin="".join(f"{name}\n" for name in names).encode("ascii"))
        at = 0
        for name in names:
            end = output.find(b"\n", at)
            header = output[at : max(end, at)].split(b" ")
            if end < 0 or len(header) != 3 or header[1] != kind.encode("ascii"):
                raise ForgeError(f"{self._path} lacks the {kind} {name}", remedy=WHOLE_CLONE)
            at = end + 1 + int(header[2])
            yield output[end + 1 : at]
            at += 1

    def read_files(self, entries: Sequence[Entry]) -> tuple[bytes, ...]:
        """The files' content, in the given order, each checked against its id."""
        contents = tuple(self.read_objects([entry.object for entry in entries], "blob"))
        for entry, content in zip(entries, contents, strict=True):
            check_id(entry.object, "blob", content)
        return contents

    def find_merges_with_content(self, merges: Iterable[CommitObject]) -> frozenset[str]:
        """Those whose tree is not what git makes of their parents by itself: a resolved conflict, or something slipped in.

        `git merge-tree --stdin` merges them anew, a millisecond each (ADR 0030 has the measurements, and why not `--remerge-diff`). It
        takes two parents; merges of more always count.
        """
        two: list[CommitObject] = []
        more: set[str] = set()
        for merge in merges:
            if len(merge.parents) == 2:
                two.append(merge)
            else:
                more.add(merge.sha)
        if not two:
            return frozenset(more)
        output = self._read(
            *("merge-tree", "-z", "--stdin", "--no-messages", "--allow-unrelated-histories"),
            stdin="".join(f"{' '.join(merge.parents)}\n" for merge in two).encode("ascii"),
        )
        results = list(_parse_merges(output))
        if len(results) != len(two):
            raise ForgeError(f"git merge-tree answered {len(results)} of {len(two)} merges of {self._path}", remedy=WHOLE_CLONE)
        return frozenset((*more, *(merge.sha for merge, tree in zip(two, results, strict=True) if tree != merge.tree)))

    def compare_trees(self, pairs: Sequence[tuple[str, str]]) -> tuple[tuple[FileChange, ...], ...]:
        """What differs between the trees of each pair, file by file; a renamed one is two (git-diff-tree, `--stdin` and "Raw output format")."""
        output = self._read(
            *("diff-tree", "--stdin", "-r", "-z", "--raw", "--no-renames", "--no-abbrev"),
            stdin="".join(f"{before} {after}\n" for before, after in pairs).encode("ascii"),
        )
        found = tuple(_parse_differences(output))
        if len(found) != len(pairs):
            raise ForgeError(f"git diff-tree answered {len(found)} of {len(pairs)} comparisons of {self._path}", remedy=WHOLE_CLONE)
        return found

    def find_carried(self, before: str, after: str) -> frozenset[bytes]:
        """The paths at `before` whose content stands at `after`, wholly or in part, under a path that wasn't there (git-diff-tree, `-C`)."""
        alike = f"--find-copies={_ALIKE}%"
        output = self._read("diff-tree", "-r", "-z", "--raw", "--no-abbrev", alike, "-l0", "--diff-filter=CR", "--end-of-options", before, after)
        fields = output.split(_NULL)  # `:mode mode id id R098`, the path that it was, the path that it is
        return frozenset(fields[1::3])

    def list_tags(self) -> tuple[Version, ...]:
        """The tagged commits, the newest tags first."""
        listed = self._ask("for-each-ref", "--sort=-creatordate", "--format=%(objectname) %(*objectname) %(refname:strip=2)", "refs/tags")
        names: dict[str, list[str]] = {}
        for line in listed.decode("utf-8", "replace").splitlines():
            own, peeled, name = line.split(" ", 2)
            names.setdefault(peeled or own, []).append(name)
        return tuple(Version(commit=commit, names=tuple(found)) for commit, found in names.items())

    def list_files(self, commit: str, *paths: str, recursive: bool = False) -> tuple[Entry, ...]:
        """The entries of a commit's tree: its root, or what stands at or under `paths`. Each tree on the way is checked against its id."""
        root = self._list_folders((Entry("", "040000", self.read_commits((commit,))[0].tree),))
        found = tuple(each for path in paths for each in self._find(root, path)) if paths else root
        while recursive and any(map(_is_folder, found)):
            below = self._list_folders([each for each in found if _is_folder(each)])
            found = (*(each for each in found if not _is_folder(each)), *below)
        return found

    def _find(self, entries: tuple[Entry, ...], path: str) -> tuple[Entry, ...]:
        step = ""
        for name in path.split("/"):
            if step:
                entries = self._list_folders([each for each in entries if _is_folder(each)])
            step = f"{step}/{name}" if step else name
            entries = tuple(each for each in entries if each.path == step)
        return entries

    def _list_folders(self, folders: Sequence[Entry]) -> tuple[Entry, ...]:
        contents = self.read_objects([folder.object for folder in folders], "tree")
        return tuple(
            each._replace(path=f"{folder.path}/{each.path}" if folder.path else each.path)
            for folder, content in zip(folders, contents, strict=True)
            for each in parse_tree(folder.object, content)
        )


def _is_folder(entry: Entry) -> bool:
    return entry.mode == "040000"


def _parse_merges(output: bytes) -> Iterator[str | None]:
    """The tree of each merge, None where it conflicts (git-merge-tree, "OUTPUT" and "INPUT FORMAT").

    A result is its status and its tree, then the conflicted files, then an empty field.
    """
    fields = iter(output.split(_NULL))
    for status in fields:
        tree = next(fields, b"").decode("ascii", "replace")
        if not tree:
            return  # what stands after the last separator
        yield tree if status == b"1" else None
        for conflicted in fields:
            if not conflicted:
                break


def _parse_differences(output: bytes) -> Iterator[tuple[FileChange, ...]]:
    """Each comparison is a line with both trees, then for each file `:mode mode id id status`, and its path; both end in NUL."""
    at = 0
    while (end := output.find(b"\n", at)) >= 0:
        at = end + 1
        changes = []
        while output.startswith(b":", at):
            middle = output.index(_NULL, at)
            end = output.index(_NULL, middle + 1)
            old_mode, new_mode, old, new, _ = output[at + 1 : middle].decode("ascii").split(" ")
            changes.append(FileChange(output[middle + 1 : end], f"{old_mode} {old}", f"{new_mode} {new}"))
            at = end + 1
        yield tuple(changes)
