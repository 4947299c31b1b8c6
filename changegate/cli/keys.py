"""changegate keys: make and show signing keys, and the trust file that verifiers are given."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from changegate import trust as trusts
from changegate.cli.options import PASSPHRASE, SIGNING_KEY, default_origin, read_signer, read_trust, signing_key_option
from changegate.errors import InputError
from changegate.evidence.note import format_verifier_key, verifier_key
from changegate.signing import Signer
from changegate.signing.keys import PrivateKey, format_public
from changegate.trust import RecordKey, Trust


@click.group(name="keys")
def command() -> None:
    """Make and show signing keys and the trust file."""


@command.command()
@click.option("--out", default="changegate-key.pem", show_default=True, metavar="FILE", help="Where to write the private key.")
@click.option("--trust", "trust_file", default="changegate-trust.yml", show_default=True, metavar="FILE", help="Where to write the trust file.")
@click.option("--origin", metavar="NAME", help="The log's name, e.g. github.com/acme/evidence. Default: one made from the key.")
def generate(out: str, trust_file: str, origin: str | None) -> None:
    """Make an Ed25519 key, and the trust file by which others verify what it signs.

    The private key is encrypted with CHANGEGATE_KEY_PASSPHRASE where that is set.
    """
    signer = PrivateKey.generate()
    trust = _trust(signer, origin or default_origin(signer))
    create_file(trust_file, trusts.format_trust(trust), mode=0o644)
    try:
        create_file(out, signer.to_pem(passphrase=os.environ.get(PASSPHRASE) or None), mode=0o600)
    except InputError:
        Path(trust_file).unlink()
        raise
    click.echo(f"Key {signer.key_id[:16]}")
    click.echo(f"  {out}: the private key. Store it as a secret of the pipeline ({SIGNING_KEY}), then delete the file.")
    click.echo(f"  {trust_file}: the public side. Give it to whoever verifies, by another way than the evidence.")


@command.command()
@signing_key_option
@click.option("--trust", "as_trust", is_flag=True, help="Print the trust file.")
@click.option("--origin", metavar="NAME", help="The log's name. Default: one made from the key.")
def show(signing_key: str | None, origin: str | None, *, as_trust: bool) -> None:
    """Print a key's id and its public side."""
    signer = read_signer(signing_key)
    name = origin or default_origin(signer)
    if as_trust:
        click.echo(trusts.format_trust(_trust(signer, name)).decode("utf-8"), nl=False)
        return
    click.echo(f"key id:  {signer.key_id}")
    click.echo(f"log key: {format_verifier_key(verifier_key(name, signer.public_key))}")
    click.echo(format_public(signer.public_key), nl=False)


@command.command()
@click.option("--out", default="changegate-key.pem", show_default=True, metavar="FILE", help="Where to write the new private key.")
@click.option("--trust", "trust_file", default="changegate-trust.yml", show_default=True, metavar="FILE", help="The trust file to extend.")
@click.option(
    "--overlap", type=click.IntRange(0, 24 * 90), default=24, show_default=True, metavar="HOURS", help="How long the old keys may still sign."
)
def rotate(out: str, trust_file: str, overlap: int) -> None:
    """Make a new key, add it to the trust file, and let the old ones end. Records that the old keys signed stay valid."""
    now = datetime.now(UTC).replace(microsecond=0)
    before = read_trust(trust_file)
    signer = PrivateKey.generate()
    added = _trust(signer, _origin_of(before))
    ended = tuple(each if each.until else each.model_copy(update={"until": now + timedelta(hours=overlap)}) for each in before.record_keys)
    log_line = added.log_policy.splitlines()[0]
    keys = (*ended, added.record_keys[0].model_copy(update={"from_": now}))
    after = before.model_copy(update={"log_policy": f"{log_line}\n{before.log_policy}", "record_keys": keys})
    create_file(out, signer.to_pem(passphrase=os.environ.get(PASSPHRASE) or None), mode=0o600)
    replacement = Path(f"{trust_file}.new")
    replacement.write_bytes(trusts.format_trust(after))
    replacement.replace(trust_file)
    click.echo(f"Key {signer.key_id[:16]} may sign from now on; the old ones until {now + timedelta(hours=overlap):%Y-%m-%d %H:%M} UTC.")
    click.echo(f"  {out}: the new private key. Replace the pipeline's secret ({SIGNING_KEY}) with it before then: the gate refuses an ended key.")
    click.echo(f"  {trust_file}: extended. Give it to the pipeline (--trust) and to whoever verifies.")


def _trust(signer: Signer, origin: str) -> Trust:
    log_key = format_verifier_key(verifier_key(origin, signer.public_key))
    return Trust(log_policy=f"log {log_key}\nquorum none\n", record_keys=(RecordKey(key=format_public(signer.public_key)),))


def _origin_of(trust: Trust) -> str:
    """The name of the log that a trust file speaks of."""
    for line in trust.log_policy.splitlines():
        words = line.split()
        if words[:1] == ["log"] and len(words) > 1:
            return words[1].partition("+")[0]
    raise InputError("the trust file names no log", remedy="Its log-policy needs a line 'log <key>', as `changegate keys show --trust` prints.")


def create_file(file: str, data: bytes, *, mode: int) -> None:
    """Write a file that must not be there yet, readable as `mode` says from the first byte on. Raises `InputError`."""
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
            out.write(data)
    except FileExistsError as error:
        raise InputError(f"{file} exists", remedy="Name another file; a key that is in use is never overwritten.") from error
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}", remedy="Name a file that can be written.") from error
