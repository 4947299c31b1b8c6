"""Signing: who vouches for a record, and who for the log. One port for each, one file for each kind of signer."""

from typing import Protocol, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PublicKey: TypeAlias = Ed25519PublicKey | EllipticCurvePublicKey
"""A key that `changegate.signing.keys.verify` knows: Ed25519, or ECDSA over P-256 and no other curve (`keys.parse_public` refuses those)."""


class Signer(Protocol):
    """Signs bytes with one private key, wherever that is."""

    @property
    def key_id(self) -> str:
        """SHA-256 of the public key's SubjectPublicKeyInfo (DER), lower-case hex: what `openssl pkey -pubout -outform DER | sha256sum` prints."""

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what `sign` makes."""

    def sign(self, data: bytes) -> bytes:
        """A signature over `data` that `keys.verify` takes. ECDSA differs from one call to the next. Raises `SigningError`."""


class LogSigner(Protocol):
    """A `Signer` whose key is Ed25519: a log's checkpoints have no other kind (ADR 0110)."""

    @property
    def key_id(self) -> str:
        """See `Signer`."""

    @property
    def public_key(self) -> Ed25519PublicKey:
        """See `Signer`."""

    def sign(self, data: bytes) -> bytes:
        """See `Signer`."""


class RecordSigner(Protocol):
    """Signs statements: by a key that the trust file names, or by an identity that it names."""

    def sign_record(self, statement: bytes) -> bytes:
        """What is kept of these exact bytes, signed: a DSSE envelope, or a Sigstore bundle around one. Raises `SigningError`."""
