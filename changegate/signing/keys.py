"""Ed25519 keys in PKCS#8 PEM: made, read and named."""

import hashlib
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from changegate.errors import FormatError, SigningError

_MAKE: Final = "Make a key with `changegate keys generate`."


class PrivateKey:
    """A signer that holds its private key in memory."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self._key_id = key_id(key.public_key())

    @classmethod
    def generate(cls) -> "PrivateKey":
        """A new key, from the operating system's randomness."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, pem: bytes, *, passphrase: str | None = None) -> "PrivateKey":
        """Read PKCS#8 PEM. Raises `SigningError`: no key, another algorithm, passphrase missing or wrong."""
        try:
            key = serialization.load_pem_private_key(pem, password=passphrase.encode("utf-8") if passphrase else None)
        except TypeError as error:
            if passphrase:
                raise SigningError(
                    "the signing key is not encrypted, but a passphrase was given", remedy="Unset CHANGEGATE_KEY_PASSPHRASE."
                ) from error
            raise SigningError("the signing key is encrypted", remedy="Give its passphrase in CHANGEGATE_KEY_PASSPHRASE.") from error
        except (ValueError, UnsupportedAlgorithm) as error:
            if passphrase:
                raise SigningError(
                    "the signing key can't be read: wrong passphrase, or a damaged key", remedy="Check CHANGEGATE_KEY_PASSPHRASE."
                ) from error
            raise SigningError("the signing key is not a PKCS#8 PEM private key", remedy=_MAKE) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise SigningError(f"the signing key is a {type(key).__name__.lstrip('_')}, not Ed25519", remedy=_MAKE)
        return cls(key)

    def to_pem(self, *, passphrase: str | None = None) -> bytes:
        """PKCS#8 PEM, encrypted where a passphrase is given."""
        encryption = serialization.BestAvailableEncryption(passphrase.encode("utf-8")) if passphrase else serialization.NoEncryption()
        return self._key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)

    @property
    def key_id(self) -> str:
        """See `changegate.signing.Signer`."""
        return self._key_id

    @property
    def public_key(self) -> Ed25519PublicKey:
        """See `changegate.signing.Signer`."""
        return self._key.public_key()

    def sign(self, data: bytes) -> bytes:
        """See `changegate.signing.Signer`."""
        return self._key.sign(data)


def key_id(key: Ed25519PublicKey) -> str:
    """SHA-256 of the key's SubjectPublicKeyInfo (DER), lower-case hex."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def format_public(key: Ed25519PublicKey) -> str:
    """SubjectPublicKeyInfo PEM, as OpenSSL writes and reads it."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def parse_public(pem: str) -> Ed25519PublicKey:
    """Read SubjectPublicKeyInfo PEM. Raises `FormatError`."""
    try:
        key = serialization.load_pem_public_key(pem.encode("utf-8"))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise FormatError("not a PEM public key", remedy="Paste what `changegate keys show` prints, header and footer included.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise FormatError(f"a {type(key).__name__.lstrip('_')}, not Ed25519", remedy="Records are signed by Ed25519 keys.")
    return key
