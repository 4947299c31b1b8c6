"""changegate keys: make, show, rotate and revoke signing keys, and the trust file that verifiers are given."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import click

from changegate import keychange
from changegate import trust as trusts
from changegate.cli import keylog
from changegate.cli.options import default_origin, find_trust, option, read_trust
from changegate.cli.signers import (
    LOG_KEY,
    LOG_PASSPHRASE,
    PASSPHRASE,
    SIGNING_KEY,
    log_key_option,
    read_log_key,
    read_signer,
    read_signing,
    signing_key_option,
)
from changegate.errors import InputError
from changegate.evidence import log_policy
from changegate.evidence.note import format_verifier_key, verifier_key
from changegate.signing import LogSigner, PublicKey
from changegate.signing.keys import Kind, PrivateKey, format_public, key_id, parse_public
from changegate.signing.keys import generate as generate_key
from changegate.trust import RecordKey, Trust

_KINDS: Final = click.Choice([each.value for each in Kind])
_STORE: Final = "The evidence store of the log: file:DIR or git:REPOSITORY[#BRANCH]."


@click.group(name="keys")
def command() -> None:
    """Make, show, rotate and revoke signing keys, and keep the trust file."""


@command.command()
@click.option("--kind", type=_KINDS, default=Kind.ED25519.value, show_default=True, help="The key's kind. Only Ed25519 can sign for the log, too.")
@click.option("--out", default="changegate-key.pem", show_default=True, metavar="FILE", help="Where to write the private key.")
@click.option(
    "--log-out", metavar="FILE", help="Make a key of its own for the log, and write it here. Default: none for Ed25519, else changegate-log-key.pem."
)
@click.option("--trust", "trust_file", default="changegate-trust.yml", show_default=True, metavar="FILE", help="Where to write the trust file.")
@click.option("--origin", metavar="NAME", help="The log's name, e.g. github.com/acme/evidence. Default: one made from the log's key.")
def generate(kind: str, out: str, log_out: str | None, trust_file: str, origin: str | None) -> None:
    """Make a signing key, and the trust file by which others verify what it signs.

    The private key is encrypted with CHANGEGATE_KEY_PASSPHRASE where that is set, the log's own with CHANGEGATE_LOG_KEY_PASSPHRASE.
    """
    signer = generate_key(Kind(kind))
    shared = signer if isinstance(signer, PrivateKey) and log_out is None else None
    log = shared or PrivateKey.generate()
    trust = _trust(signer.public_key, log, origin or default_origin(log))
    files = [(trust_file, trusts.format_trust(trust), 0o644), (out, signer.to_pem(passphrase=os.environ.get(PASSPHRASE) or None), 0o600)]
    if shared is None:
        log_out = log_out or "changegate-log-key.pem"
        files.append((log_out, log.to_pem(passphrase=os.environ.get(LOG_PASSPHRASE) or None), 0o600))
    _create_all(files)
    click.echo(f"Key {signer.key_id[:16]}")
    click.echo(f"  {out}: the private key. Store it as a secret of the pipeline ({SIGNING_KEY}), then delete the file.")
    if shared is None:
        click.echo(f"  {log_out}: the log's private key. Store it as a secret of the job that appends to the log ({LOG_KEY}), then delete the file.")
    click.echo(f"  {trust_file}: the public side. Give it to whoever verifies, by another way than the evidence.")


@command.command()
@signing_key_option
@log_key_option
@click.option("--trust", "as_trust", is_flag=True, help="Print the trust file.")
@click.option("--origin", metavar="NAME", help="The log's name. Default: one made from the log's key.")
def show(signing_key: str | None, log_key: str | None, origin: str | None, *, as_trust: bool) -> None:
    """Print a key's id and its public side."""
    signer = read_signer(signing_key)
    log = read_log_key(log_key) or (signer if isinstance(signer, PrivateKey) else None)
    if as_trust:
        if log is None:
            raise InputError("the key can't sign for a log, and --log-key names none", remedy="Give the log's Ed25519 key: --log-key FILE.")
        click.echo(trusts.format_trust(_trust(signer.public_key, log, origin or default_origin(log))).decode("utf-8"), nl=False)
        return
    click.echo(f"key id:  {signer.key_id}")
    if log is not None:
        click.echo(f"log key: {format_verifier_key(verifier_key(origin or default_origin(log), log.public_key))}")
    click.echo(format_public(signer.public_key), nl=False)


@command.command()
@click.option("--kind", type=_KINDS, help="The new key's kind. Default: the kind of the trust file's newest key.")
@click.option("--out", metavar="FILE", help="Where to write the new private key. Default: changegate-key-<id>.pem.")
@click.option("--trust", "trust_file", default="changegate-trust.yml", show_default=True, metavar="FILE", help="The trust file to extend.")
@click.option(
    "--overlap", type=click.IntRange(0, 24 * 90), default=24, show_default=True, metavar="HOURS", help="How long the old keys may still sign."
)
@click.option("--store", metavar="URL", help=f"Also record the rotation in the log, signed by the old key. {_STORE}")
@signing_key_option
@log_key_option
def rotate(kind: str | None, out: str | None, trust_file: str, overlap: int, store: str | None, signing_key: str | None, log_key: str | None) -> None:
    """Make a new key, add it to the trust file, and let the old ones end. Records that the old keys signed stay valid.

    With --store the rotation becomes an entry of the log, signed by the old key (--signing-key). The trust file alone says whom a verifier believes.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    before = read_trust(trust_file)
    signer = generate_key(Kind(kind) if kind else _newest_kind(before))
    files = [(out or f"changegate-key-{signer.key_id[:8]}.pem", signer.to_pem(passphrase=os.environ.get(PASSPHRASE) or None), 0o600)]
    log = None if _has_log_key_of_its_own(before) else signer if isinstance(signer, PrivateKey) else PrivateKey.generate()
    if log is not None and log is not signer:
        files.append((f"changegate-log-key-{log.key_id[:8]}.pem", log.to_pem(passphrase=os.environ.get(LOG_PASSPHRASE) or None), 0o600))
    until = now + timedelta(hours=overlap)
    ended = tuple(each if each.until or each.use == "revocations" else each.model_copy(update={"until": until}) for each in before.record_keys)
    line = f"log {format_verifier_key(verifier_key(log_policy.origin_of(before), log.public_key))}\n" if log is not None else ""
    added = RecordKey(key=format_public(signer.public_key), from_=now)
    after = before.model_copy(update={"log_policy": line + before.log_policy, "record_keys": (*ended, added)})
    _create_all(files)
    if store:
        try:
            replaced = tuple(key_id(parse_public(each.key)) for each in before.record_keys if not each.until and each.use != "revocations")
            entry = keylog.append_rotation(
                signer.public_key, replaced, since=now, store=store, signing=read_signing(signing_key, log_key), trust=before
            )
        except BaseException:
            _remove_all(files)
            raise
        click.echo(f"Entry {entry.index} of the log says so, signed by the old key.")
    replacement = Path(f"{trust_file}.new")
    replacement.write_bytes(trusts.format_trust(after))
    replacement.replace(trust_file)
    click.echo(f"Key {signer.key_id[:16]} may sign from now on; the old ones until {until:%Y-%m-%d %H:%M} UTC.")
    click.echo(
        f"  {files[0][0]}: the new private key. Replace the pipeline's secret ({SIGNING_KEY}) with it before then: the gate refuses an ended key."
    )
    if len(files) > 1:
        click.echo(f"  {files[1][0]}: the log's new private key ({LOG_KEY}), as the signing key can't sign for the log.")
    click.echo(f"  {trust_file}: extended. Give it to the pipeline (--trust) and to whoever verifies.")
    if not store:
        click.echo("  The log doesn't say so: give --store and the old key (--signing-key) to have the rotation in the evidence, too.")


@command.command()
@click.argument("key", metavar="KEY")
@click.option("--from", "since", metavar="TIME", help="Since when it may be in other hands (RFC 3339, UTC). Default: now.")
@click.option("--reason", required=True, metavar="TEXT", help="Why, for whoever reads the evidence.")
@option("--store", required=True, metavar="URL", help=_STORE)
@option("--trust", "trust_file", metavar="FILE", help="The trust file. Default: changegate-trust.yml in this directory.")
@signing_key_option
@log_key_option
def revoke(key: str, since: str | None, reason: str, store: str, trust_file: str | None, signing_key: str | None, log_key: str | None) -> None:
    """Record in the log that KEY (the beginning of its id) is revoked: from that entry on, nothing that it signs counts.

    Signed by another key of the trust file. What KEY signed before stays valid; `verify` names what it signed since --from.
    """
    trust, source = find_trust(trust_file)
    signing = read_signing(signing_key, log_key)
    revoked = keylog.find_key(trust, key)
    entry = keylog.append_revocation(revoked, since=since, reason=reason, store=store, signing=signing, trust=trust)
    click.echo(f"Key {key_id(revoked)[:16]} is revoked from entry {entry.index} on.")
    click.echo(f"  Give its entry in {source} an `until`, too, and hand the file out again: the trust file is what verifiers start from.")


def _trust(key: PublicKey, log: LogSigner, origin: str) -> Trust:
    log_key = format_verifier_key(verifier_key(origin, log.public_key))
    return Trust(log_policy=f"log {log_key}\nquorum none\n", record_keys=(RecordKey(key=format_public(key)),))


def _newest_kind(trust: Trust) -> Kind:
    keys = [parse_public(each.key) for each in trust.record_keys if each.use != "revocations"]
    return Kind.ECDSA_P256 if keys and keychange.is_ecdsa(keys[-1]) else Kind.ED25519


def _has_log_key_of_its_own(trust: Trust) -> bool:
    """Whether a log key is no record key, so that it goes on when those end."""
    policy = log_policy.of(trust)
    return any(each.key not in policy.windows for each in policy.logs)


def _create_all(files: list[tuple[str, bytes, int]]) -> None:
    """Write these files, none of which may be there yet; all or none. Raises `InputError`."""
    for number, (name, data, mode) in enumerate(files):
        try:
            create_file(name, data, mode=mode)
        except InputError:
            _remove_all(files[:number])
            raise


def _remove_all(files: list[tuple[str, bytes, int]]) -> None:
    for name, _, _ in files:
        Path(name).unlink()


def create_file(file: str, data: bytes, *, mode: int) -> None:
    """Write a file that must not be there yet, readable as `mode` says from the first byte on. Raises `InputError`."""
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
            out.write(data)
    except FileExistsError as error:
        raise InputError(f"{file} exists", remedy="Name another file; a key that is in use is never overwritten.") from error
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}", remedy="Name a file that can be written.") from error
