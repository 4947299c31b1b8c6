"""Keys: Ed25519, and ECDSA over P-256 with SHA-256. Private ones in PKCS#8 PEM, public ones in SubjectPublicKeyInfo PEM.

An ECDSA signature is DER (RFC 3279, 2.2.3) with the lower of its two values of *s*. There is only one form of a signature, so that nobody without
the key makes a second record out of a first one.
"""

import hashlib
from enum import StrEnum
from typing import Final

from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from changegate.errors import FormatError, SigningError
from changegate.signing import PublicKey

_MAKE: Final = "Make a key with `changegate keys generate`."
_KINDS: Final = "Records are signed by Ed25519 keys, or by ECDSA keys on the curve P-256."
_ECDSA: Final = ec.ECDSA(hashes.SHA256())
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of P-256's base point (SEC 2, 2.4.2)."""


class Kind(StrEnum):
    """What `keys generate` makes."""

    ED25519 = "ed25519"
    ECDSA_P256 = "ecdsa-p256"


class PrivateKey:
    """A signer that holds an Ed25519 key in memory. It can sign for a log, too."""

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
        key = read_private(pem, passphrase=passphrase)
        if not isinstance(key, cls):
            raise SigningError("the key is ECDSA P-256, not Ed25519", remedy="Give an Ed25519 key here: a log's checkpoints have no other kind.")
        return key

    def to_pem(self, *, passphrase: str | None = None) -> bytes:
        """PKCS#8 PEM, encrypted where a passphrase is given."""
        return _to_pem(self._key, passphrase)

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


class EcdsaPrivateKey:
    """A signer that holds an ECDSA P-256 key in memory. It signs records only."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        """Raises `SigningError` for another curve."""
        if not isinstance(key.curve, ec.SECP256R1):
            raise SigningError(f"the signing key is on the curve {key.curve.name}, not P-256", remedy=_KINDS)
        self._key = key
        self._key_id = key_id(key.public_key())

    @classmethod
    def generate(cls) -> "EcdsaPrivateKey":
        """A new key, from the operating system's randomness."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    def to_pem(self, *, passphrase: str | None = None) -> bytes:
        """PKCS#8 PEM, encrypted where a passphrase is given."""
        return _to_pem(self._key, passphrase)

    @property
    def key_id(self) -> str:
        """See `changegate.signing.Signer`."""
        return self._key_id

    @property
    def public_key(self) -> ec.EllipticCurvePublicKey:
        """See `changegate.signing.Signer`."""
        return self._key.public_key()

    def sign(self, data: bytes) -> bytes:
        """See `changegate.signing.Signer`."""
        return low_s(self._key.sign(data, _ECDSA))


class AbsentKey:
    """A `changegate.signing.LogSigner` of a job that hasn't the log's key: it knows the public side, and signs nothing."""

    def __init__(self, public: Ed25519PublicKey) -> None:
        self.public_key = public
        self.key_id = key_id(public)

    def sign(self, data: bytes) -> bytes:
        """Always raises `SigningError`."""
        raise SigningError(
            f"this job hasn't the log's key {self.key_id[:16]}, so it can't append {len(data)} bytes of a checkpoint",
            remedy="Give it in CHANGEGATE_LOG_KEY, or let `changegate integrate` append what this job submitted.",
        )


def read_private(pem: bytes, *, passphrase: str | None = None) -> PrivateKey | EcdsaPrivateKey:
    """Read PKCS#8 PEM. Raises `SigningError`: no key, another algorithm or curve, passphrase missing or wrong."""
    try:
        key = serialization.load_pem_private_key(pem, password=passphrase.encode("utf-8") if passphrase else None)
    except TypeError as error:
        if passphrase:
            raise SigningError("the signing key is not encrypted, but a passphrase was given", remedy="Unset CHANGEGATE_KEY_PASSPHRASE.") from error
        raise SigningError("the signing key is encrypted", remedy="Give its passphrase in CHANGEGATE_KEY_PASSPHRASE.") from error
    except (ValueError, UnsupportedAlgorithm, InternalError) as error:  # the last: PKCS#8 whose key is no point or scalar of its kind
        if passphrase:
            raise SigningError(
                "the signing key can't be read: wrong passphrase, or a damaged key", remedy="Check CHANGEGATE_KEY_PASSPHRASE."
            ) from error
        raise SigningError("the signing key is not a PKCS#8 PEM private key", remedy=_MAKE) from error
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return EcdsaPrivateKey(key)
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningError(f"the signing key is a {_name(key)}, not Ed25519 or ECDSA P-256", remedy=_MAKE)
    return PrivateKey(key)


def generate(kind: Kind) -> PrivateKey | EcdsaPrivateKey:
    """A new key of this kind."""
    return PrivateKey.generate() if kind is Kind.ED25519 else EcdsaPrivateKey.generate()


def key_id(key: PublicKey) -> str:
    """SHA-256 of the key's SubjectPublicKeyInfo (DER), lower-case hex."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def format_public(key: PublicKey) -> str:
    """SubjectPublicKeyInfo PEM, as OpenSSL writes and reads it."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def parse_public(pem: str) -> PublicKey:
    """Read SubjectPublicKeyInfo PEM. Raises `FormatError` for what is none, or is of another kind or curve."""
    try:
        key = serialization.load_pem_public_key(pem.encode("utf-8"))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise FormatError("not a PEM public key", remedy="Paste what `changegate keys show` prints, header and footer included.") from error
    if isinstance(key, ec.EllipticCurvePublicKey) and not isinstance(key.curve, ec.SECP256R1):
        raise FormatError(f"an ECDSA key on the curve {key.curve.name}, not P-256", remedy=_KINDS)
    if not isinstance(key, Ed25519PublicKey | ec.EllipticCurvePublicKey):
        raise FormatError(f"a {_name(key)}, not Ed25519 or ECDSA P-256", remedy=_KINDS)
    return key


def verify(key: PublicKey, signature: bytes, data: bytes) -> None:
    """Raise cryptography's `InvalidSignature` unless this is the key's signature over these bytes, in its one form."""
    if isinstance(key, Ed25519PublicKey):
        key.verify(signature, data)
        return
    try:
        if low_s(signature) != signature:
            raise InvalidSignature
    except SigningError as error:
        raise InvalidSignature from error
    key.verify(signature, data, _ECDSA)


def low_s(signature: bytes) -> bytes:
    """An ECDSA P-256 signature in its one form: DER, with *s* at most half the order. Raises `SigningError` for what is no DER signature."""
    try:
        r, s = decode_dss_signature(signature)
        return encode_dss_signature(r, min(s, _P256_ORDER - s))
    except (ValueError, OverflowError) as error:
        raise SigningError("what the key gave is no ECDSA signature in DER", remedy="Ask who runs the key service.") from error


def _to_pem(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey, passphrase: str | None) -> bytes:
    encryption = serialization.BestAvailableEncryption(passphrase.encode("utf-8")) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def _name(key: object) -> str:
    return type(key).__name__.lstrip("_")
