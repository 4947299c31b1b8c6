"""Options that commands share, and the adapters that they name."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from changegate.errors import InputError, SigningError
from changegate.signing.keys import PrivateKey
from changegate.trust import Trust
from changegate.trust import parse as parse_trust

DEFAULT_STORE: Final = "file:.changegate/evidence"
PASSPHRASE: Final = "CHANGEGATE_KEY_PASSPHRASE"  # noqa: S105 - the variable's name
SIGNING_KEY: Final = "CHANGEGATE_SIGNING_KEY"

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
            remedy=f"Make one with `changegate keys generate`, keep it as a secret of the pipeline, and give it in {SIGNING_KEY} or as --signing-key FILE.",
        )
    passphrase = os.environ.get(PASSPHRASE) or None
    if "-----BEGIN" in given:
        # Secrets are often stored on one line, with \n for the line ends.
        return PrivateKey.from_pem(given.replace("\\n", "\n").strip().encode("utf-8") + b"\n", passphrase=passphrase)
    try:
        pem = Path(given).read_bytes()
    except (OSError, ValueError) as error:
        raise SigningError(
            f"the signing key file can't be read: {_reason(error)}",
            remedy=f"Check --signing-key and {SIGNING_KEY}: a readable file, or the PEM text.",
        ) from error
    return PrivateKey.from_pem(pem, passphrase=passphrase)


def read_trust(file: str) -> Trust:
    """The trust file. Raises `InputError` where it can't be read, `FormatError` where it is none."""
    return parse_trust(read_file(file, "--trust"))


def read_file(file: str, option_name: str) -> bytes:
    """A file named by an option. Raises `InputError`."""
    try:
        return Path(file).read_bytes()
    except (OSError, ValueError) as error:
        raise InputError(f"{option_name}: {_reason(error)}", remedy="Name a readable file.") from error


def _reason(error: OSError | ValueError) -> str:
    return f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
