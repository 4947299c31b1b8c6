"""Options that commands share, and the adapters that they name."""

import os
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from changegate.cli import colours
from changegate.cli.signers import LOG_KEY, SIGNING_KEY, Signing
from changegate.cli.vouching import vouch
from changegate.errors import FormatError, InputError, SigningError, VerificationError
from changegate.evidence import layout, log_policy, note, revocations
from changegate.evidence.log import Environment, Log
from changegate.evidence.log_object import parse_log_object
from changegate.evidence.reader import read_log
from changegate.signing import LogSigner, Signer
from changegate.signing.keys import AbsentKey, format_public
from changegate.stores import Store, open_store
from changegate.trust import RecordKey, Trust
from changegate.trust import parse as parse_trust

DEFAULT_STORE: Final = "file:.changegate/evidence"
TRUST_FILE: Final = "changegate-trust.yml"

F = TypeVar("F", bound=Callable[..., Any])


def option(*names: str, **settings: Any) -> Callable[[F], F]:
    """A click option that can also be given in the environment, as CHANGEGATE_<NAME>. An empty variable is as good as none."""
    long = next(name for name in names if name.startswith("--")).lstrip("-")
    return click.option(*names, envvar=f"CHANGEGATE_{long.replace('-', '_').upper()}", show_envvar=True, **settings)


def store_option(function: F) -> F:
    """`--store`: where the evidence is."""
    text = "The evidence store: file:DIR, git:REPOSITORY[#BRANCH], s3://BUCKET[/PREFIX] or postgresql://…."
    return option("--store", default=DEFAULT_STORE, metavar="URL", show_default=True, help=text)(function)


def trust_option(function: F) -> F:
    """`--trust`: whom the verifier believes."""
    text = f"The trust file, which you were given by another way than the evidence. Default: {TRUST_FILE} in this directory."
    return option("--trust", metavar="FILE", help=text)(function)


def timestamp_option(function: F) -> F:
    """`--timestamp-url`: who says when."""
    text = "A timestamp authority (RFC 3161) that is asked to confirm when the record was in the log. Needs the extra 'timestamps'."
    return option("--timestamp-url", metavar="URL", help=text)(function)


def find_trust(file: str | None) -> tuple[Trust, str]:
    """The trust that a verifier names, or has in this directory; and where it was read. Raises `InputError` where there is none."""
    if file is None and not Path(TRUST_FILE).is_file():
        raise InputError(
            "no trust file: which keys do you believe?",
            remedy="Give --trust FILE: the file that `changegate keys generate` wrote, from its owner and never from the store.",
        )
    name = file or TRUST_FILE
    return read_trust(name), name


def write_file(file: str, data: bytes) -> None:
    """Write a file that an option names. Raises `InputError`."""
    try:
        Path(file).write_bytes(data)
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}", remedy="Name a file that can be written.") from error


def read_trust(file: str) -> Trust:
    """The trust file, its log policy too. Raises `InputError` where it can't be read, or is none."""
    try:
        trust = parse_trust(read_file(file, "--trust"))
        log_policy.of(trust)
    except FormatError as error:
        raise InputError(f"--trust: {file} is no trust file ({error.message})", remedy=error.remedy) from error
    return trust


def read_optional_trust(file: str | None) -> Trust | None:
    """The trust file that is named, or the one in this directory, where there is one. Raises as `read_trust` does."""
    name = file or (TRUST_FILE if Path(TRUST_FILE).is_file() else None)
    return read_trust(name) if name else None


def read_file(file: str, option_name: str) -> bytes:
    """A file named by an option. Raises `InputError`."""
    try:
        return Path(file).read_bytes()
    except (OSError, ValueError) as error:
        raise InputError(f"{option_name}: {_reason(error)}", remedy="Name a readable file.") from error


def _reason(error: OSError | ValueError) -> str:
    return f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)


def open_to_submit(
    url: str, signing: Signing, *, trust: Trust | None, now: Callable[[], datetime], reference: Callable[[], datetime | None] = lambda: None
) -> Log:
    """The log in a store, for a job that only submits: the log's key is known by its public side. Raises as `open_log` does."""
    if trust is None:
        raise InputError("which log's key? A job that only submits has none", remedy="Give --trust FILE, which names the log's key.")
    logs = log_policy.of(trust).logs
    begun = open_store(url).read(layout.LOG)
    name = parse_log_object(begun) if begun is not None else logs[0].name
    key = next((each.key for each in logs if each.name == name), logs[0].key)
    return open_log(
        url, replace(signing, log=AbsentKey(Ed25519PublicKey.from_public_bytes(key))), trust=trust, origin=None, now=now, reference=reference
    )


def open_log(
    url: str,
    signing: Signing,
    *,
    trust: Trust | None,
    origin: str | None,
    now: Callable[[], datetime],
    reference: Callable[[], datetime | None] = lambda: None,
) -> Log:
    """The log in a store, to be appended to by this signer. A new one begins under `origin`, else under the name
    that the trust file has for the log's key, else one made from it.

    `reference` is a clock besides this machine's, where there is one: the two may not be far apart when something is appended.

    It believes the records that the trust file's keys and identities signed; without one, those that this very key signed. Raises `SigningError` for
    a key that the trust file doesn't let sign now, or that the log says is revoked: what it recorded, nobody would believe.
    """
    signer = signing.log_signer
    store = open_store(url)
    begun = store.read(layout.LOG)
    believed, policy = believe(signing, trust), log_policy.of(trust) if trust else None
    raw = signer.public_key.public_bytes_raw()
    named = next((each.name for each in policy.logs if each.key == raw), None) if policy else None
    name = parse_log_object(begun) if begun is not None else origin or named or default_origin(signer)
    if origin and name != origin:
        raise InputError(f"the store holds the log {name!r}, not {origin!r}", remedy="Correct --origin, or name another store.")
    if policy is not None:
        _check_signers(signing, believed, policy, now())
        _check_revoked(store, signing, believed, policy, name)
    else:
        _check_same_key(store, note.verifier_key(name, signer.public_key))
    environment = Environment(clock=now, pause=_pause, nonce=lambda: secrets.token_hex(16), reference=reference)
    earlier, windows = (policy.logs, policy.windows) if policy else ((), {})
    rule = vouch(believed, origin=name, store=store, policy=policy)
    return Log(store, signer, name, environment, vouch=rule, also_trusted=earlier, windows=windows)


def believe(signing: Signing, trust: Trust | None) -> Trust:
    """Whose records are believed: the trust file's signers; without one, the signing key. Raises `InputError` for an identity without one."""
    if trust is not None:
        return trust
    if signing.key is None:
        raise InputError("an identity signs, and no trust file says which", remedy="Give --trust FILE, with the identity among its `identities`.")
    return Trust(log_policy="", record_keys=(RecordKey(key=format_public(signing.key.public_key)),))


def _check_signers(signing: Signing, trust: Trust, policy: log_policy.LogPolicy, now: datetime) -> None:
    if signing.key is not None:
        _check_signer(signing.key, trust, now)
    key = signing.log_signer.public_key.public_bytes_raw()
    if key not in {each.key for each in policy.logs}:
        raise SigningError(
            f"the log's key {signing.log_signer.key_id[:16]} is no log key of the trust file, so nobody would believe its checkpoints",
            remedy=f"Give the log's key in {LOG_KEY} or --log-key, or the trust file whose log-policy names this one.",
        )
    if key in policy.windows and not any(each.allows(now) for each in policy.windows[key]):
        raise SigningError(
            f"the log's key {signing.log_signer.key_id[:16]} may not sign now: by the trust file its time is over, or hasn't come",
            remedy=f"Give the new one in {LOG_KEY} or --log-key, or correct this machine's clock.",
        )


def _check_revoked(store: Store, signing: Signing, trust: Trust, policy: log_policy.LogPolicy, origin: str) -> None:
    """Raise `SigningError` for a key that the log says is revoked."""
    found = revocations.find(read_log(store, policy.unwitnessed()), store, trust, origin=origin)
    for signer in (signing.key, signing.log):
        revoked = found.of(signer.key_id) if signer else None
        if revoked is not None:
            raise SigningError(
                f"key {revoked.key_id[:16]} is revoked since entry {revoked.index} of the log (by key {revoked.by[:16]}: {revoked.reason[:200]})",
                remedy=f"Give another key of the trust file in {SIGNING_KEY}; `changegate keys rotate` makes one.",
            )


def _check_same_key(store: Store, own: note.VerifierKey) -> None:
    """Without a trust file only the very key that signed the log before can go on with it."""
    published = store.read(layout.CHECKPOINT)
    if published is None:
        return
    try:
        signatures = note.parse_note(published).signatures
    except FormatError:
        return  # whoever reads the log says so
    if all((each.name, each.key_id) != (own.name, own.key_id) for each in signatures):
        by = ", ".join(f"{each.name}+{each.key_id.hex()}" for each in signatures)
        raise VerificationError(
            f"the store's log is signed by key {by}, not by this one ({own.name}+{own.key_id.hex()})",
            remedy="After a rotation give --trust FILE, the trust file that names both keys. Without a rotation this is another log, or another's.",
        )


def _check_signer(signer: Signer, trust: Trust, now: datetime) -> None:
    if signer.key_id not in trust.public_keys:
        raise SigningError(
            f"the signing key {signer.key_id[:16]} is no record key of the trust file, so nobody would believe what it signs",
            remedy=f"Give the key that the trust file names in {SIGNING_KEY}, or the trust file that names this key.",
        )
    try:
        trust.check_window(signer.key_id, now)
    except VerificationError as error:
        raise SigningError(
            f"the signing key {signer.key_id[:16]} may not sign now: by the trust file its time is over, or hasn't come",
            remedy=f"Give the key that `changegate keys rotate` made in {SIGNING_KEY}, or correct this machine's clock.",
        ) from error


def default_origin(signer: LogSigner) -> str:
    """A log's name where nobody gives one: told apart by its key."""
    return f"changegate.log/{signer.key_id[:16]}"


def _pause(attempt: int) -> None:
    """Wait before another try, the longer the more were lost, with full jitter so that writers don't meet again."""
    time.sleep(random.SystemRandom().uniform(0, min(1.0, 0.005 * 2 ** min(attempt, 10))))


def width() -> int:
    """How wide a report is."""
    return colours.width(os.environ, terminal=colours.on_terminal())


def colour() -> bool:
    """Whether a report has colour."""
    return colours.colour(os.environ, terminal=colours.on_terminal())
