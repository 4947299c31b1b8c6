"""changegate demo: a guided tour on a real git repository and a real log. It runs the commands that a pipeline and an auditor run."""

import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import click

from changegate.errors import ChangegateError, ExitCode, InputError

_PLAN: Final = "Rollback plan: switch the flag {flag} off; prices are back within a minute"
_KEPT_ENVIRONMENT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TERM", "TMPDIR", "NO_COLOR", "COLUMNS", "SYSTEMROOT")


class _TourError(ChangegateError):
    """A step of the tour didn't end as it does on every other machine."""

    exit_code = ExitCode.BUG


@click.command(name="demo")
@click.option("--directory", metavar="DIR", help="Where to make it. Default: a new temporary directory, which stays for you to look at.")
def command(directory: str | None) -> None:
    """Make a repository, gate a deploy that is blocked, mend it, gate it again, verify the log, tamper with it, verify again."""
    root = Path(directory) if directory else Path(tempfile.mkdtemp(prefix="changegate-demo-"))
    if directory:
        try:
            root.mkdir(parents=True)
        except OSError as error:
            raise InputError(f"--directory {directory}: {error.strerror}", remedy="Name a directory that doesn't exist yet.") from error
    tour = _Tour(root)
    _say("1. A shop whose release v1.0 is live. Three changes were merged since:")
    tour.make_shop()
    _say("2. The pipeline asks before it deploys. One change lacks what your auditor will ask for:")
    tour.run("gate", "--base", "v1.0", "--workspace", "shop", *tour.log, "--signing-key", "key.pem", expect=ExitCode.BLOCKED)
    _say("The deploy stops, and the attempt is on record, too. Bob takes the change back; Carol reviews it; it lands again with her name and a plan:")
    tour.mend_shop()
    tour.run("gate", "--base", "v1.0", "--workspace", "shop", *tour.log, "--signing-key", "key.pem", "--receipt", "receipt.tlog-proof", lines=1)
    _say("3. The auditor checks the whole log, with nothing but the evidence and the trust file:")
    tour.run("verify", "evidence", "--trust", "trust.yml", "--since", "receipt.tlog-proof", lines=1)
    _say(f"4. Somebody changes one byte of the blocked record, {tour.tamper()}:")
    tour.run("verify", "evidence", "--trust", "trust.yml", "--since", "receipt.tlog-proof", expect=ExitCode.NOT_VERIFIED, lines=6)
    _say(f"Everything lies in {root}: shop/ (the repository), evidence/ (the log), key.pem, trust.yml, receipt.tlog-proof.")


def _say(text: str) -> None:
    click.secho(f"\n{text}", bold=True)


class _Tour:
    """The tour's directory, and the commands that are run there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = ("--store", "file:evidence")
        self._time = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
        self._environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
        self.run("keys", "generate", "--out", "key.pem", "--trust", "trust.yml", lines=0)

    def run(self, *arguments: str, expect: ExitCode = ExitCode.ALLOWED, lines: int | None = None) -> None:
        """Run changegate as a pipeline would, in a process of its own, and show what it prints, or its first lines."""
        if lines != 0:
            click.secho(f"$ changegate {' '.join(arguments)}", fg="cyan")
        sys.stdout.flush()
        command = [sys.executable, "-P", "-m", "changegate", *arguments]
        ended = subprocess.run(
            command, cwd=self.root, env=self._environment, check=False, stdout=None if lines is None else subprocess.PIPE, text=True
        )
        if lines:
            click.echo("\n".join(ended.stdout.splitlines()[:lines]) + " …")
        if ended.returncode != expect:
            raise _TourError(
                f"`changegate {arguments[0]}` ended with {ended.returncode}, not {int(expect)}",
                remedy=f"Please report this; everything is in {self.root}.",
            )

    def make_shop(self) -> None:
        """v1.0, then three merged changes, the second of which nobody else has seen."""
        (self.root / "shop").mkdir()
        self._git("init", "-q", "-b", "main")
        self._commit("alice", "Open the shop", prices="1.00")
        self._git("tag", "v1.0")
        self._merge("alice", "rounding", "Round prices up", f"{_PLAN.format(flag='rounding')}\n\nTicket: SHOP-12\nReviewed-by: Bob <bob@example.com>")
        self._merge(
            "bob", "discounts", "Take discounts into account", "Rollback plan: revert this\n\nTicket: SHOP-13\nReviewed-by: Bob <bob@example.com>"
        )
        self._merge(
            "carol", "currency", "Show the currency", "Rollback plan: return to v1.0\n\nTicket: SHOP-14\nReviewed-by: Alice <alice@example.com>"
        )
        self._git("log", "--first-parent", "--format=   %h %an: %s", "v1.0..main", show=True)

    def mend_shop(self) -> None:
        """What the report said: the change is reverted by one that passes, and that is reverted in turn, with all that it lacked."""
        reviewed = "Ticket: SHOP-13\nReviewed-by: Carol <carol@example.com>"
        self._revert("bob", "-m", "1", "main~1", message=f"Take discounts back\n\nRollback plan: land them again, reviewed\n\n{reviewed}")
        self._revert("bob", "main", message=f"Take discounts into account\n\n{_PLAN.format(flag='discounts')}\n\n{reviewed}")

    def tamper(self) -> str:
        """Change one byte in the middle of the oldest record; its name."""
        envelope = min(
            (path for path in (self.root / "evidence" / "envelope").rglob("*") if path.is_file()), key=lambda path: path.stat().st_mtime_ns
        )
        data = bytearray(envelope.read_bytes())
        data[len(data) // 2] ^= 1
        envelope.chmod(0o644)
        envelope.write_bytes(data)
        return f"{envelope.parent.relative_to(self.root)}/{envelope.name[:10]}…"

    def _merge(self, author: str, branch: str, subject: str, message: str) -> None:
        self._git("switch", "-q", "-c", branch, "v1.0")
        self._commit(author, subject, **{branch: "on"})
        self._git("switch", "-q", "main")
        self._merge_branch(author, branch, subject, message)

    def _merge_branch(self, author: str, branch: str, subject: str, message: str) -> None:
        self._git("merge", "-q", "--no-ff", branch, "-m", f"{subject}\n\n{message}", author=author)

    def _revert(self, author: str, *arguments: str, message: str) -> None:
        self._git("revert", "--no-commit", *arguments, author=author)
        self._git("commit", "-q", "-m", message, author=author)

    def _commit(self, author: str, subject: str, **files: str) -> None:
        for name, text in files.items():
            (self.root / "shop" / name).write_text(f"{text}\n", encoding="utf-8")
        self._git("add", "-A")
        self._git("commit", "-q", "-m", subject, author=author)

    def _git(self, *arguments: str, author: str = "alice", show: bool = False) -> None:
        self._time += timedelta(minutes=10)
        environment = self._environment | _identity(author, self._time)
        try:
            subprocess.run(["git", *arguments], cwd=self.root / "shop", env=environment, check=True, capture_output=not show)
        except FileNotFoundError as error:
            raise InputError("git is not installed", remedy="Install git; the tour makes a real repository.") from error
        except subprocess.CalledProcessError as error:
            said = (error.stderr or b"").decode("utf-8", "replace").strip()
            raise _TourError(f"git {arguments[0]} failed: {said}", remedy=f"Please report this; everything is in {self.root}.") from error


def _identity(login: str, at: datetime) -> dict[str, str]:
    """One person's environment for git, with nothing of this machine's configuration."""
    name, address, time = login.capitalize(), f"{login}@example.com", at.isoformat()
    return {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": address,
        "GIT_AUTHOR_DATE": time,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": address,
        "GIT_COMMITTER_DATE": time,
    }
