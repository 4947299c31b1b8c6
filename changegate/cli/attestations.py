"""What the commands that attest have in common: the claim, the key, the log, and what is said afterwards."""

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial, reduce
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from changegate import attestation
from changegate.attachment import MAX_BYTES, find_secret
from changegate.attest import Attested, record_attestation
from changegate.attestation import AttachedFile, Claim, Kind, Review
from changegate.audit import mapping
from changegate.cli import attesting, judging, local_store, options, publish, signers
from changegate.errors import InputError
from changegate.evidence.checkpoint import format_head, parse
from changegate.render import Recorded, Submitted
from changegate.render.attestation import render_json, render_terminal
from changegate.stores import open_store

F = TypeVar("F", bound=Callable[..., Any])

_TRUST: Final = "Trust file: the log's earlier keys after a rotation, its witnesses, its timestamp authorities."
_OPTIONS: Final = (
    options.option("--period", metavar="FROM..TO", help="The days that it is about, the last one included: 2026-01-01..2026-03-31."),
    options.option("--owner", metavar="LOGIN", help="Who answers for it."),
    click.option("--control", "controls", multiple=True, metavar="ID", help="What it is evidence of (docs/attest.md). May be given more than once."),
    options.option("--repository", metavar="NAME", help="The repository that it is about. Default: all that the log is about."),
    options.option("--note", default="", metavar="TEXT", help="A remark for the auditor; at most 2000 characters."),
    options.store_option,
    options.option("--origin", metavar="NAME", help="The log's name, which the store must hold."),
    signers.signing_key_option,
    signers.log_key_option,
    options.option("--submit-only", is_flag=True, help="Leave the signed record waiting for `changegate integrate`. Needs --trust."),
    options.option("--trust", "trust_file", metavar="FILE", help=_TRUST),
    options.timestamp_option,
    options.option("--receipt", metavar="FILE", help="Where to write the receipt (a tlog-proof)."),
    options.option("--format", "format_", type=click.Choice(["terminal", "json"]), default="terminal", show_default=True, help="What to print."),
)


def attestation_options(function: F) -> F:
    """Whose, of when, of what, and where it is recorded."""
    return reduce(lambda decorated, option: option(decorated), reversed(_OPTIONS), function)


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
    judging.refuse_trace(os.environ)
    warnings += local_store.prepare(click.get_current_context(), os.environ)
    signing = signers.read_signing(given["signing_key"], given["log_key"])
    trust = options.read_trust(given["trust_file"]) if given["trust_file"] else None
    if not given["submit_only"]:
        attesting.check(trust, given["timestamp_url"])
    open_log = partial(options.open_log, given["store"], signing, trust=trust, origin=given["origin"], now=now)
    log = options.open_to_submit(given["store"], signing, trust=trust, now=now) if given["submit_only"] else open_log()
    made = record_attestation(claim, file, content, log, signing.record, now=now, review=review, submit_only=given["submit_only"])
    origin = log.verifier_key.name
    if made.receipt is None:
        place: Recorded | Submitted = Submitted(f"waits to be integrated into the log {origin}", made.envelope_digest)
    else:
        store = partial(open_store, given["store"])
        witnessed = attesting.attest(made.receipt, log, trust, open_store=store, open_log=open_log, timestamp_url=given["timestamp_url"])
        unwritten = publish.receipt(witnessed.receipt, given["receipt"])
        head = parse(witnessed.receipt.checkpoint)
        place = Recorded(
            digest=made.envelope_digest,
            log_index=witnessed.receipt.index,
            log_size=head.size,
            checkpoint=format_head(head),
            origin=origin,
            store_url=store().url,
            receipt="" if unwritten else given["receipt"] or "",
            warnings=(*warnings, *witnessed.warnings, *unwritten),
        )
    _report(made, place, given["format_"], log=origin)


def _report(made: Attested, where: Recorded | Submitted, format_: str, *, log: str) -> None:
    said = attestation.make_statement(made.claim, made.file, log=log, decided=now(), review=made.review)["predicate"]
    render = render_json if format_ == "json" else render_terminal
    del said["time"], said["tool"]  # of an earlier record they are others
    click.echo(render(said, where, repeated=made.repeated), nl=False)


def now() -> datetime:
    """The clock."""
    return datetime.now(UTC)
