"""changegate init: look at a repository, propose what a gate needs, and write it once somebody has seen it."""

import difflib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import click

from changegate import __version__
from changegate.cli.pages import examples
from changegate.cli.policy import START
from changegate.errors import InputError
from changegate.render.text import count, visible
from changegate.starting import NEWEST, File, Proposal, Repository, is_wanted, propose

_MAX_BYTES: Final = 512 * 1024
_TIMEOUT: Final = 60


@click.command(name="init", epilog=examples("changegate init", "changegate init --yes"))
@click.option("--workspace", default=".", show_default=True, metavar="DIR", help="The repository.")
@click.option("--yes", is_flag=True, help="Write without asking.")
def command(workspace: str, *, yes: bool) -> None:
    """Look at a repository, propose a policy, a template for descriptions and a preview of changes, and say what is left to do.

    Shows what it would write, and writes it after a yes. It asks no server, and touches no file that deploys.
    """
    root = _root(Path(workspace))
    proposal = propose(_read(root), START, version=__version__)
    for line in proposal.found:
        click.echo(f"  found    {visible(line, 300)}")
    for file in proposal.files:
        click.echo()
        _show(file)
    click.echo()
    if proposal.files and _agreed(proposal, yes=yes):
        for file in proposal.files:
            _write(root, file)
            click.echo(f"✓ {visible(file.path)}")
    elif not proposal.files:
        click.echo("Nothing to write: a policy, a template and a preview are there.")
    click.echo("\nWhat is left to do:")
    for number, step in enumerate(proposal.steps, 1):
        first, *rest = (visible(line, 500) for line in step.splitlines())
        click.echo(f"{number}. {first}" + "".join(f"\n     {line}" for line in rest))


def _agreed(proposal: Proposal, *, yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        raise InputError("nothing was written: nobody is there to say yes", remedy="Run it in a terminal, or with --yes.")
    return click.confirm(f"Write {count(len(proposal.files), 'file')}?", default=False)


def _root(workspace: Path) -> Path:
    said = _git(workspace, "rev-parse", "--show-toplevel", "--is-bare-repository").decode("utf-8", "surrogateescape").splitlines()
    return Path(said[0])


def _read(root: Path) -> Repository:
    paths = frozenset(filter(None, _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").decode("utf-8", "replace").split("\0")))
    files = {path: content for path in sorted(paths) if is_wanted(path) and (content := _content(root / path)) is not None}
    try:
        subjects = _git(root, "log", f"-{NEWEST}", "--no-show-signature", "--format=%s").decode("utf-8", "replace").splitlines()
    except InputError:  # no commit yet
        subjects = []
    try:
        origin = _git(root, "config", "--get", "remote.origin.url").decode("utf-8", "replace").strip()
    except InputError:  # no remote
        origin = ""
    return Repository(origin, paths, files, tuple(subjects))


def _content(path: Path) -> bytes | None:
    """A file's bytes; None for what is no regular file of a size that such files have."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return None
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", remedy="Run it where the repository's files can be read.") from error


def _git(folder: Path, *words: str) -> bytes:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {"LC_ALL": "C"}
    command_line = ["git", "-C", str(folder), "-c", "core.fsmonitor=false", "-c", "core.pager=cat", *words]
    try:
        done = subprocess.run(command_line, env=environment, capture_output=True, timeout=_TIMEOUT, check=False)
    except FileNotFoundError as error:
        raise InputError("git isn't installed", remedy="Install git 2.30 or newer.") from error
    except subprocess.TimeoutExpired as error:
        raise InputError(f"git {words[0]} didn't end within {_TIMEOUT} s", remedy="Look at the disk that the repository lies on.") from error
    if done.returncode:
        said = visible(done.stderr.decode("utf-8", "replace").strip(), 200)
        raise InputError(f"{folder} is no work tree of a git repository ({said or f'git {words[0]} failed'})", remedy="Name one: --workspace DIR.")
    return done.stdout


def _show(file: File) -> None:
    before, after = (file.before or "").splitlines(), file.after.splitlines()
    old = f"a/{file.path}" if file.before is not None else "/dev/null"
    for line in difflib.unified_diff(before, after, old, f"b/{file.path}", lineterm=""):
        click.secho(visible(line, 400), fg={"+": "green", "-": "red", "@": "cyan"}.get(line[:1]))


def _write(root: Path, file: File) -> None:
    """Whole or not at all, and nowhere but in the repository: a link in its place could lead out of it."""
    target = root / file.path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.parent.resolve() != root.resolve() / Path(file.path).parent or target.is_symlink():
            raise InputError(f"{file.path}: a symbolic link stands in the way", remedy="Take it away, or write that file by hand.")
        if target.exists() and file.before is None:
            raise InputError(f"{file.path} is there, and git ignores it", remedy="Take it away, or out of .gitignore.")
        with tempfile.NamedTemporaryFile("w", dir=target.parent, prefix=".changegate-", encoding="utf-8", newline="\n", delete=False) as made:
            made.write(file.after)
        Path(made.name).chmod(0o644)
        Path(made.name).replace(target)
    except OSError as error:
        raise InputError(f"{file.path}: {error.strerror}", remedy="Run it where the repository can be written.") from error
