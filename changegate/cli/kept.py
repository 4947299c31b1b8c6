"""`--since`: a checkpoint that somebody kept, which the log must have grown from; and the log for reading, held against it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from changegate.cli import options
from changegate.errors import FormatError, InputError, VerificationError
from changegate.evidence import log_policy
from changegate.evidence.checkpoint import Checkpoint, TreeHead, parse, parse_head
from changegate.evidence.newest import read_newest
from changegate.evidence.proof import parse_receipt
from changegate.evidence.reader import LogReader
from changegate.stores import open_store
from changegate.trust import Trust

_RECEIPT: Final = b"c2sp.org/tlog-proof@v1\n"

F = TypeVar("F", bound=Callable[..., Any])


def since_option(function: F) -> F:
    """`--since`."""
    text = "A checkpoint or receipt kept from earlier, or what a report or a deployment's status says of one: the log must have grown from it."
    return click.option("--since", metavar="FILE|SIZE:ROOT", help=text)(function)


def read_since(since: str, trusted: Trust) -> bytes | TreeHead:
    """What the option names. Raises `InputError` for a file that holds none that a trusted log signed: nothing could be held against it."""
    return parse_head(since) or _read_checkpoint(since, trusted)


def open_reader(url: str, trust: Trust, *, since: str | None = None) -> LogReader:
    """The log in a store, for reading, whole and as this trust allows. Raises `InputError` where there is none, `VerificationError` where it
    doesn't continue the checkpoint that was kept.
    """
    kept = read_since(since, trust) if since else None
    store, policy = open_store(url), log_policy.of(trust)
    reader = read_newest(store, policy, now=datetime.now(UTC))
    if reader is None:
        raise InputError(f"{store.url} holds no log", remedy="Check --store; a log begins with the first `changegate gate`.")
    if isinstance(kept, bytes):
        reader.verify_extends(policy.unwitnessed().verify(kept))
    elif kept is not None:
        reader.verify_extends(Checkpoint(reader.checkpoint.origin, kept.size, kept.root))
    return reader


def _read_checkpoint(file: str, trusted: Trust) -> bytes:
    if re.fullmatch(r"\d+:\S*", file) and not Path(file).exists():
        raise InputError(
            f"--since: {file[:100]!r} is no SIZE:ROOT: a size, a colon, and 44 letters of base64 (or 64 hex digits)",
            remedy="Copy it whole from the report's line `checkpoint`, an output of that name, or the deployment's status.",
        )
    data = options.read_file(file, "--since")
    try:
        kept = parse_receipt(data).checkpoint if data.startswith(_RECEIPT) else data
        parse(kept)
    except FormatError as error:
        remedy = "Give the file `checkpoint` of the store as you kept it earlier, a receipt, or SIZE:ROOT as a report says it."
        raise InputError(f"--since: {file} is no checkpoint and no receipt ({error.message})", remedy=remedy) from error
    try:
        log_policy.of(trusted).verify(kept)
    except VerificationError as error:
        message = f"--since: the checkpoint in {file} is of another log, or was changed: no log of the trust file vouches for it ({error.message})"
        raise InputError(message, remedy="Give a checkpoint that you kept from this very log, or the trust file that goes with it.") from error
    return kept
