"""Keys: read, named, and refused with the reason."""

import hashlib

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from changegate.errors import ExitCode, FormatError, SigningError
from changegate.signing.keys import PrivateKey, format_public, key_id, parse_public

KEY = PrivateKey.generate()
PASSPHRASE = "correct horse"
P256 = ec.generate_private_key(ec.SECP256R1())
P256_PEM = P256.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_a_key_comes_back_from_its_pem(passphrase: str | None) -> None:
    assert PrivateKey.from_pem(KEY.to_pem(passphrase=passphrase), passphrase=passphrase).key_id == KEY.key_id


def test_the_id_is_what_openssl_would_hash() -> None:
    der = KEY.public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert KEY.key_id == key_id(KEY.public_key) == hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize(
    ("pem", "passphrase", "message"),
    [
        (KEY.to_pem(passphrase=PASSPHRASE), None, "is encrypted"),
        (KEY.to_pem(passphrase=PASSPHRASE), "wrong", "wrong passphrase"),
        (KEY.to_pem(), PASSPHRASE, "not encrypted, but a passphrase was given"),
        (P256_PEM, None, "not Ed25519"),
        (format_public(KEY.public_key).encode(), None, "not a PKCS#8 PEM private key"),
        (KEY.to_pem()[:60], None, "not a PKCS#8 PEM private key"),
        (b"", None, "not a PKCS#8 PEM private key"),
    ],
    ids=["encrypted", "wrong passphrase", "not encrypted", "P-256", "public", "cut", "empty"],
)
def test_a_key_that_cant_be_used_is_refused_by_name(pem: bytes, passphrase: str | None, message: str) -> None:
    with pytest.raises(SigningError, match=message) as caught:
        PrivateKey.from_pem(pem, passphrase=passphrase)
    assert caught.value.exit_code is ExitCode.NOT_RECORDED


def test_a_public_key_comes_back_from_its_pem() -> None:
    assert key_id(parse_public(format_public(KEY.public_key))) == KEY.key_id


def test_a_public_key_of_another_kind_is_refused() -> None:
    pem = P256.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(FormatError, match="not Ed25519"):
        parse_public(pem)


@given(st.text(max_size=100))
def test_whatever_the_text_only_our_error_escapes(text: str) -> None:
    with pytest.raises(FormatError):
        parse_public(text)
    with pytest.raises(SigningError):
        PrivateKey.from_pem(text.encode("utf-8", "replace"))
