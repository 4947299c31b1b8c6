"""A store in a branch of a git repository, reached by the git binary over any URL or path.

The branch's tip is the state of the store, and a push that expects the old tip is the compare-and-swap. Writes are staged and travel in one push:
an append that meets no other is one push, one commit on the branch. The work happens in a private bare repository in a temporary directory, to
which only the tip is fetched, without file contents where the server allows that; what is read is fetched when it is read.
"""

import re
import subprocess
import tempfile
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

from changegate.errors import InputError, StoreError
from changegate.stores import NOTHING, Batch, Condition, check_key, read_each
from changegate.stores.gitcommand import GitCommand, show_url
from changegate.stores.ondisk import look_at_repository

BRANCH: Final = "changegate-evidence"
MAX_PUSHES: Final = 100
_NEW: Final = "refs/changegate/new"
_TIP: Final = "refs/changegate/tip"
_AUTHOR: Final = "changegate <changegate@invalid>"
_BRANCH_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]{0,200}", re.ASCII)
# Somebody else moved the branch: stale lease, not a fast-forward, or the server's lock was held.
_LOST: Final = re.compile(
    r"stale info|fetch first|non-fast-forward|failed to update ref|cannot lock ref|incorrect old value|reference already exists"
)


class GitStore:
    """See `changegate.stores.Store`. `whole` fetches all contents at once: for readers who will read everything."""

    def __init__(self, where: str, branch: str = BRANCH, *, whole: bool = False) -> None:
        if where.startswith("-") or "::" in where or not _BRANCH_NAME.fullmatch(branch) or ".." in branch or branch.endswith(("/", ".lock")):
            raise InputError("the evidence store's URL or branch is not one that git may be given", remedy="Give it as git:URL-or-path#branch.")
        self._where = str(Path(where).resolve()) if Path(where).is_dir() else where
        self._branch, self._whole = branch, whole
        self._git: GitCommand | None = None
        self._tip: str | None = None
        self._staged: dict[str, bytes | None] = {}
        self._created: set[str] = set()
        self._reader: subprocess.Popen[bytes] | None = None

    def __reduce__(self) -> tuple[Callable[..., "GitStore"], tuple[str, str, str, str | None]]:
        """Another process reads what was fetched here, at the same tip, as long as this store lives."""
        return _attach, (self._where, self._branch, str(self._open().directory), self._tip)

    @property
    def url(self) -> str:
        """See `changegate.stores.Store`."""
        return f"git:{show_url(self._where)}#{self._branch}"

    def read(self, key: str) -> bytes | None:
        """See `changegate.stores.Store`."""
        return self._staged[key] if check_key(key) in self._staged else self._read_tip(key)

    def read_many(self, keys: Collection[str]) -> Mapping[str, bytes | None]:
        """See `changegate.stores.Store`."""
        return read_each(self, keys)

    def list(self, prefix: str) -> Iterator[str]:
        """See `changegate.stores.Store`."""
        git = self._open()
        found: set[str] = set()
        if self._tip:
            paths = git.check("ls-tree", "-r", "-z", "--name-only", self._tip, *([prefix] if prefix else []))
            found = {path.decode("utf-8", "replace") for path in paths.split(b"\0") if path}
        for key, data in self._staged.items():
            if key.startswith(prefix):
                (found.discard if data is None else found.add)(key)
        return iter(sorted(found))

    def create(self, key: str, data: bytes, then: Batch = NOTHING) -> bool:
        """See `changegate.stores.Store`."""
        if self.read(key) is not None:
            return False
        staged, created = dict(self._staged), set(self._created)
        self._staged[key] = data
        self._created.add(key)
        self.apply(then)
        wanted = dict(self._staged), set(self._created)
        for _ in range(MAX_PUSHES):
            failure = self._push(f"{key}\n\nWritten by changegate: {sum(each is not None for each in self._staged.values())} objects.\n")
            if failure is None:
                return True
            # The tip may be ours (the reply was lost), somebody else's with this key, or somebody else's without it.
            self._staged, self._created = staged, created
            self._fetch()
            found = self._read_tip(key)
            if found is not None:
                if found == data:
                    self._staged, self._created = {}, set()
                return found == data
            if not _LOST.search(failure):
                raise self._open().error("push", failure)
            self._staged, self._created = dict(wanted[0]), set(wanted[1])
            self._drop_existing()
        raise StoreError(f"the evidence store {self.url}: lost {MAX_PUSHES} pushes in a row", remedy="Run again when fewer jobs run.")

    def apply(self, batch: Batch) -> frozenset[str]:
        """See `changegate.stores.Store`."""
        existed = {key for key in batch.create if self.read(key) is not None}
        for key, data in batch.create.items():
            if key not in existed:
                self._staged[check_key(key)] = data
                self._created.add(key)
        self._staged.update({check_key(key): data for key, data in batch.publish.items()})
        self._created -= set(batch.publish)
        self._staged.update(dict.fromkeys(map(check_key, batch.remove)))
        self._created -= set(batch.remove)
        return frozenset(existed)

    def flush(self) -> None:
        """See `changegate.stores.Store`."""
        for _ in range(MAX_PUSHES):
            failure = self._push(f"{next(iter(self._staged), 'nothing')} and {max(0, len(self._staged) - 1)} more\n\nWritten by changegate.\n")
            if failure is None:
                return
            if not _LOST.search(failure):
                raise self._open().error("push", failure)
            self._fetch()
            self._drop_existing()
        raise StoreError(f"the evidence store {self.url}: lost {MAX_PUSHES} pushes in a row", remedy="Run again when fewer jobs run.")

    def prepare(self) -> tuple[str, ...]:
        """See `changegate.stores.ManagedStore`. The first push makes the branch, so that there is nothing to make but the connection."""
        self._open()
        return ()

    def examine(self) -> tuple[Condition, ...]:
        """See `changegate.stores.ManagedStore`."""
        self._open()
        rule = "Let nobody but the deploy job push there, and nobody force-push or delete it: a ruleset or a protected branch."
        return (
            Condition("the repository can be reached", holds=True, found=show_url(self._where)),
            Condition(
                f"the branch {self._branch} is there", holds=self._tip is not None, found=self._tip or "no", remedy="The first record makes it."
            ),
            *(
                look_at_repository(Path(self._where))
                if Path(self._where).is_dir()
                else (Condition(f"the branch {self._branch} is protected", holds=None, found="git can't see the forge's rules", remedy=rule),)
            ),
        )

    def _push(self, message: str) -> str | None:
        """Push what is staged as one commit on the tip. None where it is there now, else what git said."""
        if not self._staged:
            return None
        git = self._open()
        new = git.check("fast-import", "--quiet", "--force", "--date-format=now", feed=self._commit_stream(message)).decode("ascii").strip()
        if self._tip and git.check("rev-parse", f"{new}^{{tree}}") == git.check("rev-parse", f"{self._tip}^{{tree}}"):
            self._staged, self._created = {}, set()
            return None
        ref = f"refs/heads/{self._branch}"
        # A crash before this leaves nothing on the server; after it, all that was staged.
        answer = git.run("push", "--porcelain", f"--force-with-lease={ref}:{self._tip or ''}", "origin", f"{new}:{ref}")
        if answer.code:
            return answer.err + answer.out.decode("utf-8", "replace")
        self._tip = new
        self._staged, self._created = {}, set()
        return None

    def _commit_stream(self, message: str) -> bytes:
        """git-fast-import(1)'s input for one commit: it needs only those trees that change, and no contents."""
        text = message.encode("utf-8")
        lines = [b"commit %b\nmark :1\ncommitter %b now\ndata %d\n%b\n" % (_NEW.encode(), _AUTHOR.encode(), len(text), text)]
        if self._tip:
            lines.append(b"from %b\n" % self._tip.encode("ascii"))
        for key, data in self._staged.items():
            if data is None:
                lines.append(b"D %b\n" % key.encode("ascii"))
            else:
                lines.append(b"M 100644 inline %b\ndata %d\n%b\n" % (key.encode("ascii"), len(data), data))
        return b"".join([*lines, b"get-mark :1\ndone\n"])

    def _drop_existing(self) -> None:
        """After the tip moved: what was to be created and is there by now, was created by another."""
        for key in [key for key in self._created if self._read_tip(key) is not None]:
            del self._staged[key]
            self._created.discard(key)

    def attach(self, folder: str, tip: str | None) -> None:
        """Read from a repository that another process fetched, and keeps."""
        self._git, self._tip = GitCommand(Path(folder), shown_url=self.url), tip

    def _open(self) -> GitCommand:
        if self._git is None:
            folder = tempfile.TemporaryDirectory(prefix="changegate-git-")
            weakref.finalize(self, folder.cleanup)
            git = GitCommand(Path(folder.name), shown_url=self.url)
            git.check("init", "--quiet", "--bare", "--template=")
            git.check("config", "remote.origin.url", self._where)
            if not self._whole:
                git.check("config", "remote.origin.promisor", "true")
                git.check("config", "remote.origin.partialCloneFilter", "blob:none")
            self._git = git
            try:
                self._fetch()
            except StoreError:
                self._git = None
                raise
        return self._git

    def _fetch(self) -> None:
        git = self._open()
        answer = git.run("fetch", "--quiet", "--no-tags", "--depth=1", "--no-write-fetch-head", "origin", f"+refs/heads/{self._branch}:{_TIP}")
        if answer.code:
            if "couldn't find remote ref" not in answer.err:
                raise git.error("fetch", answer.err)
            self._tip = None
        else:
            self._tip = git.check("rev-parse", "--verify", _TIP).decode("ascii").strip()

    def _read_tip(self, key: str) -> bytes | None:
        git = self._open()
        if self._tip is None:
            return None
        if self._reader is None:
            self._reader = subprocess.Popen(
                git.arguments("cat-file", "--batch"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=git.environment()
            )
            weakref.finalize(self, _end, self._reader)
        pipe_in, pipe_out = self._reader.stdin, self._reader.stdout
        if pipe_in is None or pipe_out is None:
            raise StoreError("git cat-file has no pipes", remedy="Run again.")
        try:
            pipe_in.write(f"{self._tip}:{key}\n".encode("ascii"))
            pipe_in.flush()
            header = pipe_out.readline().split()
            if header[-1:] == [b"missing"] and not git.check("ls-tree", "-z", self._tip, "--", key):
                return None  # the tip's trees are here and say so; contents that could not be fetched are another matter
            if len(header) != 3 or header[1] != b"blob":
                self._reader = None
                raise StoreError(f"the evidence store {self.url} can't read {key}", remedy="Look at the repository with `git fsck`, and run again.")
            return pipe_out.read(int(header[2]) + 1)[:-1]
        except BrokenPipeError as error:
            self._reader = None
            raise StoreError(f"the evidence store {self.url} can't read {key}: git ended", remedy="Look at the network; then run again.") from error


def _attach(where: str, branch: str, folder: str, tip: str | None) -> GitStore:
    store = GitStore(where, branch, whole=True)
    store.attach(folder, tip)
    return store


def _end(process: "subprocess.Popen[bytes]") -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()
    process.wait()
