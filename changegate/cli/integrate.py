"""changegate integrate: the protected job, which holds the log's key, appends what others submitted."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import click

from changegate.cli import attesting, options
from changegate.cli.signers import LOG_KEY, Signing, log_key_option, read_log_key
from changegate.cli.vouching import vouch
from changegate.errors import ExitCode, SigningError
from changegate.evidence import log_policy
from changegate.evidence.integration import integrate
from changegate.evidence.log import Log
from changegate.render.text import visible
from changegate.signing.dsse import EnvelopeSigner
from changegate.stores import open_store
from changegate.trust import Trust


@click.command(name="integrate")
@click.argument("store")
@options.trust_option
@log_key_option
@options.timestamp_option
def command(store: str, trust: str | None, log_key: str | None, timestamp_url: str | None) -> int:
    """Append to the log in STORE every record that waits there, signed by whom the trust file names.

    Then the witnesses of the trust file that have a URL cosign the log, and the timestamp authority confirms it, as after `gate`. What the trust
    file demands and isn't had is exit code 4: run it again, it asks again though nothing waits.

    Exit code 5 where a waiting card is refused: it stays where it is, and is named with the reason.
    """
    trusted, _ = options.find_trust(trust)
    key = read_log_key(log_key)
    if key is None:
        raise SigningError("no log key", remedy=f"Give the key that signs the log's checkpoints in {LOG_KEY} or --log-key.")
    attesting.check(trusted, timestamp_url)
    open_log = partial(options.open_log, store, Signing(EnvelopeSigner(key), None, key), trust=trusted, origin=None, now=_now)
    log = open_log()
    opened = open_store(store)
    rule = vouch(trusted, origin=log.verifier_key.name, store=opened, policy=log_policy.of(trusted))
    done = integrate(opened, log, rule, now=_now)
    for index, card in done.taken:
        click.echo(
            f"✓ entry {index}: {visible(card.decision)}, {visible(card.repository)} to {visible(card.environment)}, record {card.envelope[:16]}"
        )
    for name, why in done.refused:
        click.echo(f"✗ refused {visible(name, 64)}: {visible(why, 300)}")
    if not done.taken and not done.refused:
        click.echo("Nothing waits.")
    for warning in _attest(store, log, trusted, open_log, timestamp_url):
        click.echo(f"warning: {visible(warning, 2000)}", err=True)
    return ExitCode.NOT_VERIFIED if done.refused else ExitCode.ALLOWED


def _attest(store: str, log: Log, trusted: Trust, open_log: Callable[[], Log], timestamp_url: str | None) -> tuple[str, ...]:
    """Have the newest checkpoint attested, which holds all that was ever appended; the warnings that this leaves."""
    reader = log.reader()
    if reader is None:
        return ()
    receipt = reader.prove(reader.size - 1)
    return attesting.attest(receipt, log, trusted, open_store=partial(open_store, store), open_log=open_log, timestamp_url=timestamp_url).warnings


def _now() -> datetime:
    return datetime.now(UTC)
