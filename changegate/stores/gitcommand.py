"""Running git for a store: in a private repository, with no hooks, no prompts and no way for a credential to reach a message."""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from changegate.errors import StoreError

TIMEOUT_SECONDS: Final = 300
# Where git would otherwise be led to another repository, or to programs, by the environment of the job.
_DROPPED: Final = re.compile(
    r"GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|NAMESPACE|TEMPLATE_DIR|EXEC_PATH|EXTERNAL_DIFF|"
    r"EDITOR|SEQUENCE_EDITOR|PAGER|TRACE.*|CURL_VERBOSE|SHALLOW_FILE|QUARANTINE_PATH|PREFIX)"
)
_OPTIONS: Final = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.pager=cat", "-c", "gc.auto=0", "-c", "maintenance.auto=false"),
    *("-c", "protocol.ext.allow=never", "-c", "push.gpgSign=false", "-c", "fetch.recurseSubmodules=false", "-c", "push.recurseSubmodules=no"),
    *("-c", "fetch.fsckObjects=false", "-c", "advice.pushUpdateRejected=false", "-c", "fastimport.unpackLimit=0"),
)
# Everything up to the last @ of the authority, and whatever query an address has: either may be a token.
_IN_ADDRESS: Final = r"(?<=://)[^/\s]*@|(?<=[^\s?])\?[^\s'\"#]*"
_CREDENTIAL: Final = re.compile(_IN_ADDRESS + r"|(?i:authorization|private-token|bearer|basic)[: ]+\S+(?: \S+)?")
# What git and the forges say, in the order in which it decides, and what to do about it.
_KNOWN: Final = (
    (
        r"protected branch|GH006|GH013|hook declined|not allowed to (force )?push code to protected|deny updating",
        "the branch is protected or a rule refuses the push",
        "Let the pipeline's identity push to that branch (not force-push), or name another in git:URL#branch.",
    ),
    (
        (
            r"Permission to .* denied|\b403\b|not allowed to push|insufficient permission|unpacker error|Permission denied(?! \(publickey)|"
            r"read-only file system"
        ),
        "no permission to push",
        "Give the token write access: `permissions: contents: write` on GitHub, a token with write_repository on GitLab.",
    ),
    (
        (
            r"Authentication failed|could not read (Username|Password)|\b401\b|Permission denied \(publickey|Host key verification|"
            r"terminal prompts disabled"
        ),
        "authentication failed",
        "Check the token or key given to git: it has expired, or the job doesn't pass it on.",
    ),
    (
        r"not found|does not appear to be a git repository|does not exist|\b404\b|No such file or directory",
        "the repository was not found",
        "Check its URL, and that the token may read it: forges say 'not found' where access is missing.",
    ),
    (
        r"shallow update not allowed",
        "the server refuses pushes from a shallow clone",
        "Set receive.shallowUpdate on the server, or use another store.",
    ),
    (r"No space left|quota|exceed", "the server has no space left, or a limit was reached", "Free space or raise the limit there, and run again."),
    (r"Could not resolve host|Failed to connect|Connection (refused|reset|timed out)|unable to access", "the server can't be reached", "Run again."),
)


@dataclass(frozen=True)
class Answer:
    """How a git command ended."""

    code: int
    out: bytes
    err: str


class GitCommand:
    """git, in one bare repository of its own."""

    def __init__(self, directory: Path, *, shown_url: str) -> None:
        self._directory = directory
        self._shown_url = shown_url

    @property
    def directory(self) -> Path:
        """Where the repository lies."""
        return self._directory

    def arguments(self, *arguments: str) -> list[str]:
        """The whole command line."""
        return ["git", f"--git-dir={self._directory}", *_OPTIONS, *arguments]

    def environment(self) -> Mapping[str, str]:
        """The job's, so that tokens (`GIT_CONFIG_*`), proxies and SSH keys work, without what leads git elsewhere."""
        kept = {name: value for name, value in os.environ.items() if not _DROPPED.fullmatch(name)}
        return {**kept, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_REPLACE_OBJECTS": "1", "GIT_ATTR_NOSYSTEM": "1"}

    def run(self, *arguments: str, feed: bytes = b"") -> Answer:
        """Run to its end, whatever that is. Raises `StoreError` where there is no git, or it hangs."""
        try:
            done = subprocess.run(
                self.arguments(*arguments),
                input=feed,
                capture_output=True,
                env=self.environment(),
                cwd=self._directory,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except FileNotFoundError as error:
            raise StoreError("git isn't installed", remedy="Install git 2.30 or newer on this runner.") from error
        except subprocess.TimeoutExpired as error:
            raise StoreError(f"git {arguments[0]} didn't end within {TIMEOUT_SECONDS} s", remedy="Look at the network; then run again.") from error
        return Answer(done.returncode, done.stdout, _CREDENTIAL.sub("", done.stderr.decode("utf-8", "replace")))

    def check(self, *arguments: str, feed: bytes = b"") -> bytes:
        """Run; the output. Raises `StoreError` where git fails."""
        answer = self.run(*arguments, feed=feed)
        if answer.code:
            raise self.error(arguments[0], answer.err)
        return answer.out

    def error(self, what: str, said: str) -> StoreError:
        """The error that says by name what git's message means."""
        for pattern, meaning, remedy in _KNOWN:
            if re.search(pattern, said):
                return StoreError(f"the evidence store {self._shown_url}: {meaning} (git {what}: {_last_line(said)})", remedy=remedy)
        return StoreError(
            f"the evidence store {self._shown_url}: git {what} failed: {_last_line(said)}", remedy="Run that git command by hand there."
        )


def _last_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("hint:")]
    telling = [line for line in lines if re.search(r"fatal|error|remote|rejected|denied", line)]
    return (telling or lines or ["no message"])[0][:200]


def show_url(url: str) -> str:
    """The URL without what may be a credential."""
    return re.sub(_IN_ADDRESS, "", url)
