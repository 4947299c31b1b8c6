"""A git repository beside a log in this directory, gated by the command line."""

import os
import subprocess
from pathlib import Path

import pytest

from changegate.cli import run
from changegate.evidence.log_object import parse_log_object

GOOD = "Rollback plan: switch the flag off, then purge the cache\n\nTicket: SHOP-12\nReviewed-by: Bob <bob@example.com>"


class GitShop:
    """A repository with a release v1; a key, a trust file and `evidence/` in the current directory."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path, self.capsys = path, capsys
        path.mkdir()
        self.git("init", "-q", "-b", "main")
        self.commit("Open the shop", "")
        self.git("tag", "v1")
        assert run(["keys", "generate"]) == 0

    def git(self, *arguments: str, author: str = "alice") -> str:
        roles = {f"GIT_{role}_NAME": author for role in ("AUTHOR", "COMMITTER")} | {
            f"GIT_{role}_EMAIL": f"{author}@example.com" for role in ("AUTHOR", "COMMITTER")
        }
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.path), "GIT_CONFIG_NOSYSTEM": "1", **roles}
        return subprocess.run(["git", *arguments], cwd=self.path, env=environment, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, subject: str, body: str = GOOD, *, author: str = "alice") -> str:
        """A commit with a file of its own; its name."""
        (self.path / f"{subject}.txt").write_text(subject)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", f"{subject}\n\n{body}", author=author)
        return self.git("rev-parse", "HEAD")

    def gate(self, *words: str, key: str = "changegate-key.pem") -> int:
        """The exit code; what was printed can be read from `capsys`."""
        self.capsys.readouterr()
        return run(["gate", "--workspace", str(self.path), "--store", "file:evidence", "--signing-key", key, "--format", "json", *words])

    @property
    def origin(self) -> str:
        """The log's name."""
        return parse_log_object(Path("evidence/log.json").read_bytes())

    def entries(self) -> int:
        """How many the published checkpoint holds."""
        return int(Path("evidence/checkpoint").read_text().split("\n")[1])
