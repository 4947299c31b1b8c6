"""What the commands that append a record of somebody's word have in common: the key, the log, and where the record lies afterwards."""

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial, reduce
from typing import Any, Final, NamedTuple, TypeVar

import click

from changegate.cli import attesting, judging, local_store, options, publish, signers
from changegate.evidence.checkpoint import format_head, parse
from changegate.evidence.log import Log
from changegate.evidence.proof import Receipt
from changegate.render import Recorded, Submitted
from changegate.signing import RecordSigner
from changegate.stores import open_store
from changegate.trust import Trust

F = TypeVar("F", bound=Callable[..., Any])

_TRUST: Final = "Trust file: the log's earlier keys after a rotation, its witnesses, its timestamp authorities."
_OPTIONS: Final = (
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


def appending_options(function: F) -> F:
    """Where it is recorded, by whom, and what is printed."""
    return reduce(lambda decorated, option: option(decorated), reversed(_OPTIONS), function)


class Opened(NamedTuple):
    """A log to append to, with what signs for it."""

    log: Log
    signer: RecordSigner
    trust: Trust
    """Whose records are believed."""
    given: Mapping[str, Any]
    trust_file: Trust | None
    open_log: Callable[[], Log]
    warnings: tuple[str, ...]

    def place(self, digest: str, receipt: Receipt | None) -> Recorded | Submitted:
        """Where the record lies, with what others are to say of it; its receipt is written by the way. Raises `StoreError`, `VerificationError`."""
        origin = self.log.verifier_key.name
        if receipt is None:
            return Submitted(f"waits to be integrated into the log {origin}", digest, self.warnings)
        store = partial(open_store, self.given["store"])
        timestamp_url = self.given["timestamp_url"]
        seen = attesting.attest(receipt, self.log, self.trust_file, open_store=store, open_log=self.open_log, timestamp_url=timestamp_url)
        unwritten = publish.receipt(seen.receipt, self.given["receipt"])
        head = parse(seen.receipt.checkpoint)
        return Recorded(
            digest=digest,
            log_index=seen.receipt.index,
            log_size=head.size,
            checkpoint=format_head(head),
            origin=origin,
            store_url=store().url,
            receipt="" if unwritten else self.given["receipt"] or "",
            warnings=(*self.warnings, *seen.warnings, *unwritten),
        )


def open_to_append(given: Mapping[str, Any]) -> Opened:
    """The log that the options name. Raises `InputError`, `SigningError`, `StoreError`, `VerificationError`."""
    judging.refuse_trace(os.environ)
    warnings = local_store.prepare(click.get_current_context(), os.environ)
    signing = signers.read_signing(given["signing_key"], given["log_key"])
    trust = options.read_trust(given["trust_file"]) if given["trust_file"] else None
    if not given["submit_only"]:
        attesting.check(trust, given["timestamp_url"])
    open_log = partial(options.open_log, given["store"], signing, trust=trust, origin=given["origin"], now=now)
    log = options.open_to_submit(given["store"], signing, trust=trust, now=now) if given["submit_only"] else open_log()
    return Opened(log, signing.record, options.believe(signing, trust), given, trust, open_log, warnings)


def now() -> datetime:
    """The clock."""
    return datetime.now(UTC)
