"""Signing: who vouches for a record. One port, one file for each kind of key."""

from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Signer(Protocol):
    """Signs bytes with one private key."""

    @property
    def key_id(self) -> str:
        """SHA-256 of the public key's SubjectPublicKeyInfo (DER), lower-case hex: what `openssl pkey -pubout -outform DER | sha256sum` prints."""

    @property
    def public_key(self) -> Ed25519PublicKey:
        """The key that verifies what `sign` makes."""

    def sign(self, data: bytes) -> bytes:
        """The 64 bytes of an Ed25519 signature (RFC 8032) over `data`. Raises `SigningError`."""
