"""changegate integrate: the protected job, which holds the log's key, appends what others submitted."""

from datetime import UTC, datetime

import click

from changegate.cli import options
from changegate.cli.signers import LOG_KEY, Signing, log_key_option, read_log_key
from changegate.cli.vouching import vouch
from changegate.errors import ExitCode, SigningError
from changegate.evidence import log_policy
from changegate.evidence.integration import integrate
from changegate.render.text import visible
from changegate.signing.dsse import EnvelopeSigner
from changegate.stores import open_store


@click.command(name="integrate")
@click.argument("store")
@options.trust_option
@log_key_option
def command(store: str, trust: str | None, log_key: str | None) -> int:
    """Append to the log in STORE every record that waits there, signed by whom the trust file names.

    Exit code 5 where a waiting card is refused: it stays where it is, and is named with the reason.
    """
    trusted, _ = options.find_trust(trust)
    key = read_log_key(log_key)
    if key is None:
        raise SigningError("no log key", remedy=f"Give the key that signs the log's checkpoints in {LOG_KEY} or --log-key.")
    log = options.open_log(store, Signing(EnvelopeSigner(key), None, key), trust=trusted, origin=None, now=_now)
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
    return ExitCode.NOT_VERIFIED if done.refused else ExitCode.ALLOWED


def _now() -> datetime:
    return datetime.now(UTC)
