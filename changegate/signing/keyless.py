"""Signing without a key of one's own: Sigstore. The job's OIDC identity gets a certificate for minutes, and the record becomes a Sigstore bundle.

Everything is done by the `sigstore` library, which the extra of this name installs; imported only where an identity signs, or a bundle is verified.
A bundle is verified offline, against a trusted root that the verifier has. Signing asks Sigstore's services (Fulcio, Rekor), which
then know, and publish, the identity and the digest of what was signed.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from changegate.errors import FormatError, InputError, SigningError, VerificationError
from changegate.signing.dsse import PAYLOAD_TYPE

if TYPE_CHECKING:
    from sigstore.models import ClientTrustConfig
    from sigstore.verify import Verifier

TOKEN: Final = "SIGSTORE_ID_TOKEN"  # noqa: S105 - the variable's name
CONFIG: Final = "CHANGEGATE_SIGSTORE_CONFIG"
_INSTALL: Final = "Install it: pip install 'changegate[sigstore]'; in the action and the GitLab component set the input `extras: sigstore`."
_DAMAGED: Final = "The record is not what it claims, or its trusted root is another Sigstore's. Compare with a copy; ask who signed it."

Allowed: TypeAlias = Sequence[tuple[str, Callable[[str, str], bool]]]
"""Issuers, each with the rule which of its names may sign: (issuer, name) → yes or no."""


class SignedByIdentity(NamedTuple):
    """Who signed, and what exactly."""

    issuer: str
    name: str
    payload: bytes


def verify(bundle: bytes, allowed: Allowed, *, root: str | None, named_in: str = "the trust file") -> SignedByIdentity:
    """The statement in a bundle, and who signed it.

    1. The certificate chains to the root, was logged (SCT), and was valid when the signature was logged or timestamped.
    2. Its issuer and its name are allowed; the issuer's own words in it are compared by the library.
    3. The transparency log's entry is proven, and is of this very signature.
    4. The signature holds over this payload, which is an in-toto statement.

    `root` is a trusted_root.json; None takes the public one that the library brings. `named_in` says in errors where `allowed` stands.
    Raises `VerificationError`, `FormatError`; `InputError` without the extra.
    """
    if not allowed:
        raise VerificationError(
            f"bundle: signed by an identity, and {named_in} names none", remedy="Add it to `identities` if its owner confirms that it signs here."
        )
    try:
        from sigstore.errors import Error
        from sigstore.models import Bundle
    except ImportError as error:
        raise InputError("this record is signed by an identity, and the library that verifies it isn't installed", remedy=_INSTALL) from error
    verifier, policy = _verifier(root), _Policy(allowed, named_in)
    try:
        kind, payload = verifier.verify_dsse(Bundle.from_json(bundle), policy)
    except Error as error:
        raise VerificationError(f"bundle: {_first_line(error)}", remedy=_DAMAGED) from error
    except (ValueError, TypeError, KeyError, x509.ExtensionNotFound, x509.InvalidVersion, UnsupportedAlgorithm) as error:
        raise FormatError(f"bundle: can't be read ({type(error).__name__})", remedy=_DAMAGED) from error
    if kind != PAYLOAD_TYPE or policy.found is None:
        raise VerificationError(f"bundle: payload type {kind!r}, not {PAYLOAD_TYPE!r}", remedy="This is no change record.")
    return SignedByIdentity(*policy.found, payload)


class _Policy:
    """The library's idea of a rule for certificates: it calls `verify`, and believes what doesn't raise."""

    def __init__(self, allowed: Allowed, named_in: str) -> None:
        self._allowed, self._named_in = allowed, named_in
        self.found: tuple[str, str] | None = None

    def verify(self, cert: x509.Certificate) -> None:
        """Raise the library's error unless one allowed issuer gave one allowed name."""
        from sigstore.errors import VerificationError as NotAllowedError
        from sigstore.verify.policy import Identity

        names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = [*names.get_values_for_type(x509.UniformResourceIdentifier), *names.get_values_for_type(x509.RFC822Name)]
        for issuer, is_allowed in self._allowed:
            for name in (each for each in found if is_allowed(issuer, each)):
                try:
                    Identity(identity=name, issuer=issuer).verify(cert)
                except NotAllowedError:
                    continue
                self.found = issuer, name
                return
        raise NotAllowedError(f"signed by {', '.join(found)[:300] or 'nobody'}, whom {self._named_in} doesn't name with that issuer")


class IdentitySigner:
    """A `changegate.signing.RecordSigner`: the job's own identity, by the token that its CI gives out."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """`SIGSTORE_ID_TOKEN` holds the token (GitLab's `id_tokens`); else the library asks the CI (GitHub: `permissions: id-token: write`).

        `CHANGEGATE_SIGSTORE_CONFIG` names a client trust config, for a Sigstore of one's own.
        """
        self._token, self._config = environ.get(TOKEN, ""), environ.get(CONFIG, "")

    def sign_record(self, statement: bytes) -> bytes:
        """The bundle around exactly these bytes. Raises `SigningError`; `InputError` without the extra."""
        try:
            from requests import RequestException
            from sigstore import dsse, oidc
            from sigstore.errors import Error
            from sigstore.sign import SigningContext
        except ImportError as error:
            raise InputError("signing by an identity needs a library that isn't installed", remedy=_INSTALL) from error
        from sigstore._internal.fulcio import ExpiredCertificate
        from sigstore._internal.fulcio.client import FulcioClientError
        from sigstore._internal.rekor import RekorClientError

        class Exact(dsse.Statement):
            """These very bytes. The library's own model of a statement knows no `gitCommit` digest, and so would refuse a change record."""

            def __init__(self, contents: bytes) -> None:
                self._contents = contents

        try:
            token = self._token or oidc.detect_credential()
            if not token:
                raise SigningError(
                    "no OIDC identity in this job",
                    remedy=f"GitHub: `permissions: id-token: write`. GitLab: `id_tokens: {TOKEN}: aud: sigstore`. Elsewhere sign with a key.",
                )
            identity = oidc.IdentityToken(token)
            with SigningContext.from_trust_config(self._read_config()).signer(identity) as signer:
                return signer.sign_dsse(Exact(statement)).to_json().encode("utf-8")
        except (Error, oidc.ExpiredIdentity, ExpiredCertificate, FulcioClientError, RekorClientError, RequestException, ValueError) as error:
            raise SigningError(
                f"Sigstore gave no signature: {type(error).__name__}: {_first_line(error)}",
                remedy="Run again, with a fresh token; check that the job reaches Fulcio and Rekor. Nothing was recorded.",
            ) from error

    def _read_config(self) -> "ClientTrustConfig":
        from sigstore.models import ClientTrustConfig

        if not self._config:
            return ClientTrustConfig.production()
        try:
            return ClientTrustConfig.from_json(Path(self._config).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SigningError(f"{CONFIG}: {self._config} is no client trust config", remedy="Ask who runs that Sigstore for the file.") from error


@lru_cache(maxsize=4)
def _verifier(root: str | None) -> "Verifier":
    from sigstore.errors import Error
    from sigstore.models import TrustedRoot
    from sigstore.verify import Verifier
    from sigstore_models.trustroot.v1 import TrustedRoot as Root

    try:
        if root is None:
            return Verifier.production(offline=True)
        return Verifier(trusted_root=TrustedRoot(Root.from_json(root)))
    except (Error, ValueError) as error:
        raise FormatError(
            "trust file: sigstore-root is no trusted root", remedy="Put the text of a trusted_root.json there, or leave it out."
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:300]
