"""What a command that judged or recorded something hands on: outputs for the CI, the receipt, and with -v a line per request."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from changegate.errors import InputError
from changegate.evidence.proof import Receipt, format_receipt
from changegate.render.outputs import render_dotenv, render_github


def outputs(values: Mapping[str, str], dotenv: str | None, environ: Mapping[str, str]) -> None:
    """Step outputs on GitHub, a dotenv file where one is asked for. Raises `InputError`."""
    if dotenv:
        replace(dotenv, render_dotenv(values))
    if environ.get("GITHUB_ACTIONS") == "true" and environ.get("GITHUB_OUTPUT"):
        append(environ["GITHUB_OUTPUT"], render_github(values))


def begin(values: Mapping[str, str], dotenv: str | None) -> None:
    """Write the outputs of nothing, so that whatever goes wrong from here on, no next job reads those of an earlier run. Raises `InputError`."""
    if dotenv:
        replace(dotenv, render_dotenv(values))


def replace(file: str, text: str) -> None:
    """Make a file anew, whole: a reader sees the old one or this, never a mixture. Raises `InputError`."""
    path = Path(os.path.realpath(file))
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")  # a pipe, or /dev/stdout: there is nothing to replace
            return
        beside.write_text(text, encoding="utf-8")
        # A crash here leaves the old file and one that nobody reads.
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise _unwritable(file, error) from error


def append(file: str, text: str) -> None:
    """Add to a file that later steps read. Raises `InputError`."""
    try:
        with Path(file).open("a", encoding="utf-8") as out:
            out.write(text)
    except OSError as error:
        raise _unwritable(file, error) from error


def _unwritable(file: str, error: OSError) -> InputError:
    return InputError(f"{file}: {error.strerror}", remedy="The next steps can't read the outputs: name a file that can be written.")


def receipt(proof: Receipt, file: str | None) -> tuple[str, ...]:
    """Write the receipt where one is asked for; the warnings that this leaves."""
    if not file:
        return ()
    try:
        Path(file).write_bytes(format_receipt(proof))
    except OSError as error:
        # The record is in the log; the receipt can be made again from there.
        return (f"the receipt could not be written to {file}: {error.strerror}; `changegate show` makes it again",)
    return ()


def request_logger(*, verbose: bool) -> Callable[..., None]:
    """What is told of each request: with -v, what was asked and how long it took; else nothing is said."""

    def log(*parts: object) -> None:
        *what, seconds = parts
        if verbose:
            click.echo(f"{float(str(seconds)) * 1000:8.0f} ms  {' '.join(map(str, what))}", err=True)

    return log
