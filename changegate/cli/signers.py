"""Who signs, as options and environment name it: the key or identity of records, and the key of the log."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from changegate.errors import SigningError
from changegate.signing import LogSigner, RecordSigner, Signer, keys, kms
from changegate.signing.dsse import EnvelopeSigner

PASSPHRASE: Final = "CHANGEGATE_KEY_PASSPHRASE"  # noqa: S105 - the variable's name
LOG_PASSPHRASE: Final = "CHANGEGATE_LOG_KEY_PASSPHRASE"  # noqa: S105 - the variable's name
SIGNING_KEY: Final = "CHANGEGATE_SIGNING_KEY"
LOG_KEY: Final = "CHANGEGATE_LOG_KEY"
SIGSTORE: Final = "sigstore"

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Signing:
    """Who signs in this job."""

    record: RecordSigner
    key: Signer | None
    """The key behind `record`; None for an identity."""
    log: LogSigner | None
    """None where the job has no key for the log."""

    @property
    def log_signer(self) -> LogSigner:
        """The key of the log. Raises `SigningError` where there is none."""
        if self.log is None:
            raise SigningError(
                "no key for the log: its checkpoints are signed by an Ed25519 key, and the signing key is none",
                remedy=f"Make one with `changegate keys generate --out changegate-log-key.pem`, and give it in {LOG_KEY} or --log-key.",
            )
        return self.log


def signing_key_option(function: F) -> F:
    """`--signing-key`: a file, a key in a service, or an identity; the environment variable may hold the PEM itself."""
    text = (
        f"What signs records: a PKCS#8 PEM file (Ed25519, ECDSA P-256), a key in a service ({kms.FORMS}), "
        f"or `{SIGSTORE}` for the job's OIDC identity. "
        f"{SIGNING_KEY} may hold the PEM text itself. An encrypted key's passphrase: {PASSPHRASE}."
    )
    return click.option("--signing-key", metavar="FILE|URI", help=text)(function)


def log_key_option(function: F) -> F:
    """`--log-key`: as `--signing-key`, for the log's checkpoints."""
    text = (
        f"PKCS#8 PEM file of the Ed25519 key that signs the log's checkpoints. Default: the signing key, where it is Ed25519. "
        f"{LOG_KEY} may hold the PEM text itself. An encrypted key's passphrase: {LOG_PASSPHRASE}."
    )
    return click.option("--log-key", metavar="FILE", help=text)(function)


def read_signing(signing_key: str | None, log_key: str | None) -> Signing:
    """Whoever the options or the environment name. Raises `SigningError`, `InputError`."""
    if _named(signing_key, SIGNING_KEY) == SIGSTORE:
        from changegate.signing.keyless import IdentitySigner

        return Signing(IdentitySigner(os.environ), None, read_log_key(log_key))
    key = read_signer(signing_key)
    log = read_log_key(log_key) or (key if isinstance(key, keys.PrivateKey) else None)
    return Signing(EnvelopeSigner(key), key, log)


def read_signer(file: str | None) -> Signer:
    """The key that the option or the environment names. Raises `SigningError`, `InputError`."""
    given = _named(file, SIGNING_KEY)
    if not given:
        raise SigningError(
            "no signing key",
            remedy=f"Make one with `changegate keys generate`, keep it as a secret of the pipeline, and give it in {SIGNING_KEY} or --signing-key.",
        )
    if given == SIGSTORE:
        raise SigningError("an identity has no key", remedy="Name a key here; an identity stands in the trust file by its issuer and name.")
    if kms.is_uri(given):
        return kms.open_key(given)
    return keys.read_private(_read_pem(given, "signing key", SIGNING_KEY if not file else ""), passphrase=os.environ.get(PASSPHRASE) or None)


def read_log_key(file: str | None) -> keys.PrivateKey | None:
    """The log's own key, where the option or the environment names one. Raises `SigningError`."""
    given = _named(file, LOG_KEY)
    if not given:
        return None
    pem = _read_pem(given, "log key", LOG_KEY if not file else "")
    try:
        return keys.PrivateKey.from_pem(pem, passphrase=os.environ.get(LOG_PASSPHRASE) or None)
    except SigningError as error:
        words = error.message.replace("signing key", "log key"), error.remedy.replace(PASSPHRASE, LOG_PASSPHRASE)
        raise SigningError(words[0], remedy=words[1]) from error


def _named(option: str | None, variable: str) -> str:
    return (option or os.environ.get(variable, "")).strip()


def _read_pem(given: str, what: str, variable: str) -> bytes:
    """PEM text, or the file that is named; `variable` is where it was given, if not by an option."""
    if "-----BEGIN" in given:
        # Secrets are often stored on one line, with \n for the line ends.
        return given.replace("\\n", "\n").strip().encode("utf-8") + b"\n"
    try:
        return Path(given).read_bytes()
    except (OSError, ValueError) as error:
        # What the variable holds may be the key itself, in a form that isn't PEM: it is never repeated.
        named = f"what {variable} holds is no PEM text, and as a file it" if variable else f"the {what} file {given}"
        why = error.strerror if isinstance(error, OSError) else "no path"
        raise SigningError(
            f"{named} can't be read: {why}", remedy="Give the path of a readable file, or the PEM text with its BEGIN and END lines."
        ) from error
