"""What the commands that attest have in common: the claim, the key, the log, and what is said afterwards."""

from collections.abc import Callable, Mapping
from functools import reduce
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from changegate import attestation
from changegate.attachment import MAX_BYTES, find_secret
from changegate.attest import Attested, record_attestation
from changegate.attestation import AttachedFile, Claim, Kind, Review
from changegate.audit import mapping
from changegate.cli import judging, options
from changegate.cli.appending import appending_options, now, open_to_append
from changegate.errors import InputError
from changegate.render import Recorded, Submitted
from changegate.render.attestation import render_json, render_terminal

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: Final = (
    options.option("--period", metavar="FROM..TO", help="The days that it is about, the last one included: 2026-01-01..2026-03-31."),
    options.option("--owner", metavar="LOGIN", help="Who answers for it."),
    click.option("--control", "controls", multiple=True, metavar="ID", help="What it is evidence of (docs/attest.md). May be given more than once."),
    options.option("--repository", metavar="NAME", help="The repository that it is about. Default: all that the log is about."),
    options.option("--note", default="", metavar="TEXT", help="A remark for the auditor; at most 2000 characters."),
)


def attestation_options(function: F) -> F:
    """Whose, of when, of what, and where it is recorded."""
    return reduce(lambda decorated, option: option(decorated), reversed(_OPTIONS), appending_options(function))


def read_bounded(file: str) -> bytes:
    """A regular file's bytes, one more than may be kept at the most. Raises `InputError`."""
    try:
        path = Path(file)
        if path.exists() and not path.is_file():
            raise InputError(f"--file {file}: no regular file", remedy="Attach one file; pack several into an archive.")
        with path.open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"--file {file!r}: {why}", remedy="Name a readable file.") from error


def read_claim(kind: Kind, given: Mapping[str, Any], *, repository: str = "") -> Claim:
    """What the options say of the evidence. Raises `InputError`."""
    for name in ("period", "owner"):
        if not given[name]:
            raise InputError(f"--{name} is missing", remedy="Say whose evidence it is and which days it is about: --owner LOGIN --period FROM..TO.")
    if found := find_secret(given["note"].encode("utf-8", "replace")):
        raise InputError(f"--note holds what looks like {found}", remedy="Take it out, and end the secret if it is one.")
    place = repository or given["repository"] or ""
    return Claim(
        type=kind,
        repository=judging.require_name("--repository", place) if place else "",
        period=attestation.parse_period(given["period"], today=now().date()),
        owner=attestation.check_login("--owner", given["owner"]),
        controls=attestation.check_controls(given["controls"], mapping.ids()),
        note=attestation.check_note(given["note"]),
    )


def record(
    claim: Claim, file: AttachedFile, content: bytes, given: Mapping[str, Any], *, review: Review | None = None, warnings: tuple[str, ...] = ()
) -> None:
    """Sign, append or submit, and say so. Raises `SigningError`, `StoreError`, `VerificationError`, `InputError`."""
    opened = open_to_append(given)
    opened = opened._replace(warnings=warnings + opened.warnings)
    made = record_attestation(claim, file, content, opened.log, opened.signer, now=now, review=review, submit_only=given["submit_only"])
    place = opened.place(made.envelope_digest, made.receipt)
    _report(made, place, given["format_"], log=opened.log.verifier_key.name)


def _report(made: Attested, where: Recorded | Submitted, format_: str, *, log: str) -> None:
    said = attestation.make_statement(made.claim, made.file, log=log, decided=now(), review=made.review)["predicate"]
    render = render_json if format_ == "json" else render_terminal
    del said["time"], said["tool"]  # of an earlier record they are others
    click.echo(render(said, where, repeated=made.repeated), nl=False)
