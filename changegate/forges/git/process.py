"""The git binary, run so that the repository being judged can't make it run or believe anything.

Two surroundings, and nothing else:

- **the judged repository** is asked three things only: which git directory and object store it has, and which commit a revision names;
- everything else is asked of an empty bare repository that is made here and borrows those objects (gitrepository-layout,
  `objects/info/alternates`). It has no configuration, hooks, attributes, grafts, replacements, mailmap or promisor of the judged one.
"""

import os
import shutil
import subprocess
import tempfile
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Final

from changegate.command_line import show
from changegate.errors import ForgeError

OnRequest = Callable[[str, float], None]
"""Told of each call to git: the command line, secrets masked, and how many seconds it took."""

_ENVIRONMENT: Final = {
    "GIT_ALLOW_PROTOCOL": "",  # a partial clone must not fetch what it lacks
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_OPTIONS: Final = ("--no-pager", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "-c", "core.commitGraph=false")
"""The commit-graph is a cache of parents and trees, and nothing ties it to the objects."""

MINIMUM: Final = (2, 39)
"""The first git with `merge-tree --stdin`."""

WHOLE_CLONE: Final = "A whole clone is needed: clone without --depth and --filter (actions/checkout: `fetch-depth: 0`; GitLab: `GIT_DEPTH: 0`)."


class GitFailedError(Exception):
    """Git ended with an error; `stderr` is its first line of complaint. Whoever called git knows what that means."""

    def __init__(self, command: str, stderr: str) -> None:
        super().__init__(f"git {command}: {stderr}")
        self.command = command
        self.stderr = stderr


class Runner:
    """Runs git. `timeout` is in seconds and holds for each call."""

    def __init__(self, *, timeout: float, on_request: OnRequest | None = None) -> None:
        self._timeout = timeout
        self._on_request = on_request

    def run(self, directory: Path, *arguments: str, stdin: bytes = b"", isolated: bool = True) -> bytes:
        """Standard output. Raises `GitFailedError` on a non-zero exit, `ForgeError` where git can't be run or doesn't end.

        `isolated` leaves out the user's configuration too; the judged repository is asked with it, since `safe.directory` stands there.
        """
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | _ENVIRONMENT
        if isolated:
            environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_DIR": str(directory)}
        command = arguments[0]
        started = time.perf_counter()
        try:
            done = subprocess.run(
                ["git", *_OPTIONS, *arguments], cwd=directory, env=environment, input=stdin, capture_output=True, timeout=self._timeout, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise ForgeError(
                f"git {command} did not end within {self._timeout:g} s", remedy="Raise the timeout, or deploy a smaller range."
            ) from error
        except FileNotFoundError as error:
            raise ForgeError("git is not installed, or not on PATH", remedy=f"Install git {_dotted(MINIMUM)} or newer.") from error
        except OSError as error:
            raise ForgeError(f"git {command} could not be started: {error.strerror}", remedy="Check that git on PATH can be run here.") from error
        finally:
            if self._on_request:
                self._on_request(show(["git", *arguments]), time.perf_counter() - started)
        if done.returncode != 0:
            raise GitFailedError(command, _complaint(done.stderr) or f"exit {done.returncode}")
        return done.stdout

    def check_version(self, directory: Path) -> None:
        """Raises `ForgeError` where git is older than `MINIMUM`."""
        words = self.run(directory, "version").decode("utf-8", "replace").split()
        try:
            found = tuple(int(part) for part in words[2].split(".")[:2])
        except (IndexError, ValueError) as error:
            raise ForgeError("git doesn't say which version it is", remedy=f"Install git {_dotted(MINIMUM)} or newer.") from error
        if found < MINIMUM:
            raise ForgeError(f"git {words[2]} is too old", remedy=f"Install git {_dotted(MINIMUM)} or newer.")


def borrow(objects: Path, object_format: str, owner: object) -> Path:
    """An empty bare repository that borrows the objects of `objects`, for as long as `owner` lives. Raises `ForgeError`."""
    if "\n" in str(objects):
        raise ForgeError("the repository's path holds a line break", remedy="Move the repository to a path without one.")
    directory = Path(tempfile.mkdtemp(prefix="changegate-git-"))
    weakref.finalize(owner, shutil.rmtree, directory, ignore_errors=True)
    (directory / "refs").mkdir()
    (directory / "objects" / "info").mkdir(parents=True)
    (directory / "objects" / "info" / "alternates").write_bytes(os.fsencode(objects) + b"\n")
    (directory / "HEAD").write_text("ref: refs/heads/none\n", encoding="ascii")
    # By hand and not by `git init`, which copies the user's template directory, hooks included.
    version, extension = ("1", f"[extensions]\n\tobjectFormat = {object_format}\n") if object_format != "sha1" else ("0", "")
    (directory / "config").write_text(f"[core]\n\trepositoryFormatVersion = {version}\n\tbare = true\n{extension}", encoding="ascii")
    return directory


def _complaint(stderr: bytes) -> str:
    lines = [line for line in stderr.decode("utf-8", "replace").splitlines() if line.startswith(("fatal: ", "error: "))]
    return lines[0].partition(": ")[2] if lines else ""


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
