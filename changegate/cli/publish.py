"""What a command that judged or recorded something hands on: outputs for the CI, the receipt, and with -v a line per request."""

from collections.abc import Callable, Mapping
from pathlib import Path

import click

from changegate.errors import InputError
from changegate.evidence.proof import Receipt, format_receipt
from changegate.render.outputs import render_dotenv, render_github


def outputs(values: Mapping[str, str], dotenv: str | None, environ: Mapping[str, str]) -> None:
    """Step outputs on GitHub, a dotenv file where one is asked for. Raises `InputError`."""
    if dotenv:
        append(dotenv, render_dotenv(values))
    if environ.get("GITHUB_ACTIONS") == "true" and environ.get("GITHUB_OUTPUT"):
        append(environ["GITHUB_OUTPUT"], render_github(values))


def append(file: str, text: str) -> None:
    """Add to a file that later steps read. Raises `InputError`."""
    try:
        with Path(file).open("a", encoding="utf-8") as out:
            out.write(text)
    except OSError as error:
        raise InputError(
            f"{file}: {error.strerror}", remedy="The result stands, but the next steps can't read it; name a file that can be written."
        ) from error


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
