"""Options that commands share, and the adapters that they name."""

import os
import random
import secrets
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from changegate.cli import colours
from changegate.cli.vouching import vouch
from changegate.errors import InputError, SigningError, VerificationError
from changegate.evidence import layout, log_policy
from changegate.evidence.history import Head, History
from changegate.evidence.log import Environment, Log
from changegate.evidence.log_object import parse_log_object
from changegate.evidence.reader import LogReader, read_log
from changegate.signing import Signer
from changegate.signing.keys import PrivateKey, format_public
from changegate.stores import open_store
from changegate.trust import RecordKey, Trust
from changegate.trust import parse as parse_trust

DEFAULT_STORE: Final = "file:.changegate/evidence"
PASSPHRASE: Final = "CHANGEGATE_KEY_PASSPHRASE"  # noqa: S105 - the variable's name
SIGNING_KEY: Final = "CHANGEGATE_SIGNING_KEY"
TRUST_FILE: Final = "changegate-trust.yml"

F = TypeVar("F", bound=Callable[..., Any])


def option(*names: str, **settings: Any) -> Callable[[F], F]:
    """A click option that can also be given in the environment, as CHANGEGATE_<NAME>. An empty variable is as good as none."""
    long = next(name for name in names if name.startswith("--")).lstrip("-")
    return click.option(*names, envvar=f"CHANGEGATE_{long.replace('-', '_').upper()}", show_envvar=True, **settings)


def signing_key_option(function: F) -> F:
    """`--signing-key`: a file; the environment variable may hold the PEM itself."""
    text = f"PKCS#8 PEM file of the Ed25519 key that signs. {SIGNING_KEY} may hold the PEM text itself. An encrypted key's passphrase: {PASSPHRASE}."
    return click.option("--signing-key", metavar="FILE", help=text)(function)


def read_signer(file: str | None) -> PrivateKey:
    """The signer that the option or the environment names. Raises `SigningError`."""
    given = file or os.environ.get(SIGNING_KEY, "")
    if not given.strip():
        raise SigningError(
            "no signing key",
            remedy=f"Make one with `changegate keys generate`, keep it as a secret of the pipeline, and give it in {SIGNING_KEY} or --signing-key.",
        )
    passphrase = os.environ.get(PASSPHRASE) or None
    if "-----BEGIN" in given:
        # Secrets are often stored on one line, with \n for the line ends.
        return PrivateKey.from_pem(given.replace("\\n", "\n").strip().encode("utf-8") + b"\n", passphrase=passphrase)
    try:
        pem = Path(given).read_bytes()
    except (OSError, ValueError) as error:
        # What the variable holds may be the key itself, in a form that isn't PEM: it is never repeated.
        what = f"the signing key file {file}" if file else f"what {SIGNING_KEY} holds is no PEM text, and as a file it"
        why = error.strerror if isinstance(error, OSError) else "no path"
        raise SigningError(
            f"{what} can't be read: {why}", remedy="Give the path of a readable file, or the PEM text with its BEGIN and END lines."
        ) from error
    return PrivateKey.from_pem(pem, passphrase=passphrase)


def store_option(function: F) -> F:
    """`--store`: where the evidence is."""
    text = "The evidence store: file:DIR, git:REPOSITORY[#BRANCH] or s3://BUCKET[/PREFIX]."
    return option("--store", default=DEFAULT_STORE, metavar="URL", show_default=True, help=text)(function)


def trust_option(function: F) -> F:
    """`--trust`: whom the verifier believes."""
    text = f"The trust file, which you were given by another way than the evidence. Default: {TRUST_FILE} in this directory."
    return option("--trust", metavar="FILE", help=text)(function)


def find_trust(file: str | None) -> tuple[Trust, str]:
    """The trust that a verifier names, or has in this directory; and where it was read. Raises `InputError` where there is none."""
    if file is None and not Path(TRUST_FILE).is_file():
        raise InputError(
            "no trust file: which keys do you believe?",
            remedy="Give --trust FILE: the file that `changegate keys generate` wrote, from its owner and never from the store.",
        )
    name = file or TRUST_FILE
    return read_trust(name), name


def open_reader(url: str, trust: Trust) -> LogReader:
    """The log in a store, for reading, as its published checkpoint says and this trust allows. Raises `InputError` where there is none."""
    store = open_store(url)
    policy = log_policy.of(trust)
    reader = read_log(store, policy)
    if reader is None:
        raise InputError(f"{store.url} holds no log", remedy="Check --store; a log begins with the first `changegate gate`.")
    if policy.ended(reader.signed):
        _check_published(reader, History(store, policy).find_head())
    return reader


def _check_published(reader: LogReader, head: Head) -> None:
    """A checkpoint that only an ended key signed has no time of its own: it must be that of the newest commits, which have."""
    commit = head.commit
    if commit is None or (reader.size, reader.root) not in {(each.size, each.root()) for each in (commit.before, commit.after)}:
        raise VerificationError(
            "the published checkpoint is signed by a key that has ended, and isn't what the log's commits make",
            remedy="The ended key may have been stolen. `changegate verify` says more.",
        )


def write_file(file: str, data: bytes) -> None:
    """Write a file that an option names. Raises `InputError`."""
    try:
        Path(file).write_bytes(data)
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}", remedy="Name a file that can be written.") from error


def read_trust(file: str) -> Trust:
    """The trust file. Raises `InputError` where it can't be read, `FormatError` where it is none."""
    return parse_trust(read_file(file, "--trust"))


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


def open_log(url: str, signer: Signer, *, trust: Trust | None, origin: str | None, now: Callable[[], datetime]) -> Log:
    """The log in a store, to be appended to with this key. A new one begins under `origin`, or a name made from the key.

    It believes the records that the trust file's keys signed; without one, those that this very key signed. Raises `SigningError` for a key that the
    trust file doesn't let sign now: what it recorded, nobody would believe.
    """
    if trust is not None:
        _check_signer(signer, trust, now())
    store = open_store(url)
    begun = store.read(layout.LOG)
    name = parse_log_object(begun) if begun is not None else origin or default_origin(signer)
    if origin and name != origin:
        raise InputError(f"the store holds the log {name!r}, not {origin!r}", remedy="Correct --origin, or name another store.")
    believed = trust or Trust(log_policy="", record_keys=(RecordKey(key=format_public(signer.public_key)),))
    environment = Environment(clock=now, pause=_pause, nonce=lambda: secrets.token_hex(16))
    policy = log_policy.of(trust) if trust else None
    earlier, windows = (policy.logs, policy.windows) if policy else ((), {})
    return Log(store, signer, name, environment, vouch=vouch(believed, origin=name), also_trusted=earlier, windows=windows)


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


def default_origin(signer: Signer) -> str:
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
