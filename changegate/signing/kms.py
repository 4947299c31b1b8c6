"""Keys in a key service (AWS, Google Cloud, Azure, HashiCorp Vault), through securesystemslib's signers. The private key never leaves the service.

The names are securesystemslib's own URIs. Credentials are the environment's, as each vendor's library finds them. Every run asks for the public key
once, and for one signature a record. Installed by the extra `kms`, and imported only where such a URI is given.
"""

import importlib
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from changegate.errors import FormatError, InputError, SigningError
from changegate.signing import PublicKey, keys

if TYPE_CHECKING:
    from securesystemslib.signer import Signer as ServiceSigner
    from securesystemslib.signer import SSlibKey

FORMS: Final = "awskms:KEY-ID, gcpkms:KEY-VERSION-NAME, azurekms://VAULT.vault.azure.net/keys/NAME or hv:NAME"
_AZURE: Final = re.compile(r"//([a-zA-Z0-9-]{3,24})\.vault\.azure\.net/keys/([a-zA-Z0-9-]{1,127})", re.ASCII)
_INSTALL: Final = "Install them: pip install 'changegate[kms]'; in the action and the GitLab component set the input `extras: kms`."
_ERRORS: Final[Mapping[str, tuple[str, ...]]] = {
    "awskms": ("botocore.exceptions:BotoCoreError", "botocore.exceptions:ClientError"),
    "gcpkms": ("google.api_core.exceptions:GoogleAPIError", "google.auth.exceptions:GoogleAuthError"),
    "azurekms": ("azure.core.exceptions:AzureError",),
    "hv": ("hvac.exceptions:VaultError", "requests.exceptions:RequestException"),
}
"""What each vendor's library raises where its service can't be asked, or says no."""
_REMEDIES: Final = (
    ("credential", "Give the job credentials of the service: a role by OIDC, or the environment variables that its library reads."),
    ("permission|denied|unauthori|forbidden", "Let the job's role read the public key and sign (AWS: kms:GetPublicKey, kms:Sign)."),
    ("disabled|pending|invalidstate|destroy", "Enable the key, or name another one; whoever verifies needs that one in the trust file."),
    ("notfound|not found|no such|does not exist", "Check the key's name, its region and its project."),
    ("region", "Name the region: AWS_REGION, or the one in the key's ARN."),
    ("endpoint|connect|timed out|timeout|resolve", "Check the network, the region and the endpoint, then run again: nothing was recorded."),
)


class KmsKey:
    """A `changegate.signing.Signer` whose private key stays in a key service."""

    def __init__(self, uri: str, service: "ServiceSigner", public: PublicKey) -> None:
        self._uri, self._service, self._public = uri, service, public
        self._key_id = keys.key_id(public)

    @property
    def key_id(self) -> str:
        """See `changegate.signing.Signer`."""
        return self._key_id

    @property
    def public_key(self) -> PublicKey:
        """See `changegate.signing.Signer`."""
        return self._public

    def sign(self, data: bytes) -> bytes:
        """See `changegate.signing.Signer`. What the service gives back is verified before it is used."""
        with _translated(self._uri):
            made = bytes.fromhex(self._service.sign(data).signature)
        signature = keys.low_s(made) if not isinstance(self._public, Ed25519PublicKey) else made
        try:
            keys.verify(self._public, signature, data)
        except InvalidSignature as error:
            raise SigningError(
                f"the key service signed with another key than {self._key_id[:16]}", remedy="The key was replaced meanwhile. Run again."
            ) from error
        return signature


def is_uri(text: str) -> bool:
    """Whether this names a key in a service."""
    return text.partition(":")[0] in _ERRORS


def open_key(uri: str) -> KmsKey:
    """The key that a URI names. Raises `SigningError` where it can't be used, `InputError` for a URI that is none or a missing extra."""
    scheme, _, name = uri.partition(":")
    load = _loader(scheme, name)
    with _translated(uri):
        full, described = load()
        public = _public_key(described)
        from securesystemslib.signer import Signer as ServiceSigner

        return KmsKey(uri, ServiceSigner.from_priv_key_uri(full, described), public)


def _loader(scheme: str, name: str) -> "Callable[[], tuple[str, SSlibKey]]":
    """What asks the service for its public key, once it is called."""
    try:
        from securesystemslib import signer
    except ImportError as error:
        raise InputError("the libraries for keys in a key service aren't installed", remedy=_INSTALL) from error
    logging.getLogger("securesystemslib").setLevel(logging.CRITICAL)  # what it logs, it raises as well
    if scheme == "azurekms":
        parts = _AZURE.fullmatch(name)
        if parts is None:
            raise InputError("--signing-key: not the URI of a key in Azure", remedy="azurekms://VAULT.vault.azure.net/keys/NAME")
        return lambda: signer.AzureSigner.import_(parts[1], parts[2])
    if not name:
        raise InputError(f"--signing-key {scheme}: names no key", remedy=f"One of {FORMS}.")
    if scheme == "awskms":
        return lambda: signer.AWSSigner.import_(name)
    if scheme == "gcpkms":
        return lambda: signer.GCPSigner.import_(name)
    return lambda: signer.VaultSigner.import_(name)


def _public_key(described: "SSlibKey") -> PublicKey:
    """The service's key, if records may be signed by such a one."""
    public = described.keyval["public"]
    try:
        if described.keytype == "ed25519":
            return Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        return keys.parse_public(public)
    except (FormatError, ValueError) as error:
        kind = error.message if isinstance(error, FormatError) else "no key"
        raise SigningError(f"the key in the service is {kind}", remedy="Make one for signing with ECDSA on P-256 (AWS: ECC_NIST_P256).") from error


@contextmanager
def _translated(uri: str) -> Iterator[None]:
    """Raise `SigningError`, with what is to be done, for whatever the vendor's library raises."""
    from securesystemslib.exceptions import Error, UnsupportedLibraryError

    try:
        yield
    except UnsupportedLibraryError as error:
        raise InputError(f"the libraries for {uri.partition(':')[0]} keys aren't installed", remedy=_INSTALL) from error
    except (Error, ValueError, KeyError, *_vendor_errors(uri)) as error:
        said = f"{type(error).__name__}: {error}"
        fallback = f"Check the key's name ({FORMS}) and its kind."
        remedy = next((each for pattern, each in _REMEDIES if re.search(pattern, said, re.IGNORECASE)), fallback)
        raise SigningError(f"the key {uri[:200]} can't be used: {said[:500]}", remedy=remedy) from error


def _vendor_errors(uri: str) -> tuple[type[Exception], ...]:
    """The exceptions of the vendor's library, as far as it is installed."""
    found: list[Any] = []
    for name in _ERRORS[uri.partition(":")[0]]:
        module, _, error = name.partition(":")
        try:
            found.append(getattr(importlib.import_module(module), error))
        except ImportError:
            continue
    return tuple(found)
