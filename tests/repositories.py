"""Real git repositories for tests, planned in Python and written by one `git fast-import`.

    history = History()
    base = history.commit("Start")
    fix = history.commit("Fix the cart\n\nReviewed-by: Bob <bob@example.com>", author=ALICE)
    built = history.write(tmp_path / "shop")
    built.path, built.ids[base], built.ids[fix]

A commit follows the one planned before it, unless `parents` says otherwise (`()` starts a new root). Dates go up by a minute.
A commit adds one file of its own. A merge takes the files of all its parents, the first one's where they differ: what git itself would make
of files that were only added. `files` changes others (None deletes one).
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

START: Final = 1_767_225_600
"""2026-01-01T00:00:00Z: the first commit's date."""


@dataclass(frozen=True)
class Person:
    """A name and an address, written into commits as they are."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


ALICE: Final = Person("Alice", "alice@example.com")
BOB: Final = Person("Bob", "bob@example.com")
CAROL: Final = Person("Carol", "carol@example.com")
DAVE: Final = Person("Dave", "dave@example.com")


@dataclass(frozen=True)
class Built:
    """A repository on disk. `ids[n]` is the id of the commit that the plan calls `n`; `main` points to the last one."""

    path: Path
    ids: tuple[str, ...]

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run git there, with no configuration but the repository's own; its standard output, stripped."""
        return run_git(self.path, *arguments, stdin=stdin).decode("utf-8", "replace").strip()


def run_git(directory: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    """Run git in a directory; raises CalledProcessError where it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
    environment |= {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in (("NAME", "Alice"), ("EMAIL", ALICE.email))}
    return subprocess.run(["git", *arguments], cwd=directory, env=environment, input=stdin, capture_output=True, check=True).stdout


@dataclass
class History:
    """A plan of commits."""

    _commits: list[bytes] = field(default_factory=list)
    _trees: list[dict[str, bytes]] = field(default_factory=list)

    def commit(
        self,
        message: str | bytes,
        *,
        author: Person = ALICE,
        committer: Person | None = None,
        at: int | None = None,
        parents: Sequence[int] | None = None,
        files: Mapping[str, bytes | None] | None = None,
        encoding: str | None = None,
    ) -> int:
        """Plan a commit; its number. `at` is its date in seconds since 1970, by author and committer alike."""
        number = len(self._commits)
        at = START + 60 * number if at is None else at
        parents = [number - 1] if parents is None and number else list(parents or ())
        content = message.encode("utf-8") if isinstance(message, str) else message
        before = self._trees[parents[0]] if parents else {}
        tree = self._plan_tree(number, parents, files)
        lines = [b"commit refs/heads/main", b"mark :%d" % (number + 1)]
        lines += [b"author %s %d +0000" % (str(author).encode(), at), b"committer %s %d +0000" % (str(committer or author).encode(), at)]
        lines += [b"encoding " + encoding.encode()] if encoding else []
        lines += [b"data %d" % len(content), content]
        lines += [b"%s :%d" % (b"merge" if place else b"from", parent + 1) for place, parent in enumerate(parents)]
        lines += [b'D "%s"' % _quote(path) for path in before.keys() - tree.keys()]
        for path, text in tree.items():
            if before.get(path) != text:
                lines += [b'M 100644 inline "%s"' % _quote(path), b"data %d" % len(text), text]
        reset = [] if parents else [b"reset refs/heads/main", b""]  # else fast-import continues the branch
        self._commits.append(b"\n".join([*reset, *lines, b""]))
        self._trees.append(tree)
        return number

    def merge(self, *parents: int, message: str = "Merge", author: Person = CAROL, files: Mapping[str, bytes | None] | None = None) -> int:
        """Plan a merge: `commit` with several parents."""
        return self.commit(message, author=author, parents=parents, files=files)

    def _plan_tree(self, number: int, parents: Sequence[int], files: Mapping[str, bytes | None] | None) -> dict[str, bytes]:
        tree: dict[str, bytes] = {}
        for parent in reversed(parents):
            tree |= self._trees[parent]
        if files is None and len(parents) < 2:
            files = {f"file-{number}": b"%d\n" % number}
        for path, text in (files or {}).items():
            if text is None:
                tree.pop(path, None)
            else:
                tree[path] = text
        return tree

    def write(self, path: Path, *, bare: bool = True) -> Built:
        """Write the plan to a new repository at `path`."""
        path.mkdir(parents=True)
        run_git(path, "init", "-q", "--template=", "--initial-branch=main", *(["--bare"] if bare else []))
        marks = path / "marks"
        run_git(path, "fast-import", "--quiet", "--force", f"--export-marks={marks}", stdin=b"".join(self._commits))
        ids = dict(line.split() for line in marks.read_text(encoding="ascii").splitlines())
        marks.unlink()
        return Built(path, tuple(ids[f":{number + 1}"] for number in range(len(self._commits))))


def _quote(path: str) -> bytes:
    return path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").encode("utf-8")
