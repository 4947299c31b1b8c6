"""Keys: read, named, and refused with the reason."""

import hashlib
from collections.abc import Callable

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from changegate.errors import ExitCode, FormatError, SigningError
from changegate.signing.keys import EcdsaPrivateKey, Kind, PrivateKey, format_public, generate, key_id, low_s, parse_public, read_private, verify

KEY = PrivateKey.generate()
PASSPHRASE = "correct horse"
P256 = ec.generate_private_key(ec.SECP256R1())
P384_PEM = ec.generate_private_key(ec.SECP384R1()).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
RSA_PEM = RSA_KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
P256_PEM = P256.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_a_key_comes_back_from_its_pem(kind: Kind, passphrase: str | None) -> None:
    key = generate(kind)
    again = read_private(key.to_pem(passphrase=passphrase), passphrase=passphrase)
    assert (type(again), again.key_id) == (type(key), key.key_id)


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
        (P384_PEM, None, "not P-256"),
        (RSA_PEM, None, "not Ed25519 or ECDSA"),
        (format_public(KEY.public_key).encode(), None, "not a PKCS#8 PEM private key"),
        (KEY.to_pem()[:60], None, "not a PKCS#8 PEM private key"),
        (b"", None, "not a PKCS#8 PEM private key"),
    ],
    ids=["encrypted", "wrong passphrase", "not encrypted", "P-256", "P-384", "RSA", "public", "cut", "empty"],
)
def test_a_key_that_cant_be_used_is_refused_by_name(pem: bytes, passphrase: str | None, message: str) -> None:
    with pytest.raises(SigningError, match=message) as caught:
        PrivateKey.from_pem(pem, passphrase=passphrase)
    assert caught.value.exit_code is ExitCode.NOT_RECORDED


@pytest.mark.parametrize("kind", Kind)
def test_a_public_key_comes_back_from_its_pem(kind: Kind) -> None:
    key = generate(kind)
    assert key_id(parse_public(format_public(key.public_key))) == key.key_id


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (ec.generate_private_key(ec.SECP384R1()).public_key(), "secp384r1, not P-256"),
        (ec.generate_private_key(ec.SECP256K1()).public_key(), "secp256k1, not P-256"),
        (RSA_KEY.public_key(), "not Ed25519 or ECDSA P-256"),
    ],
    ids=["P-384", "secp256k1", "RSA"],
)
def test_a_public_key_of_another_kind_is_refused(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey, message: str) -> None:
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(FormatError, match=message):
        parse_public(pem)


@pytest.mark.parametrize("kind", Kind)
def test_what_a_key_signs_it_verifies(kind: Kind) -> None:
    key = generate(kind)
    verify(key.public_key, key.sign(b"data"), b"data")
    with pytest.raises(InvalidSignature):
        verify(key.public_key, key.sign(b"data"), b"date")
    with pytest.raises(InvalidSignature):
        verify(generate(kind).public_key, key.sign(b"data"), b"data")


def test_ecdsa_signatures_differ_and_all_have_the_lower_s() -> None:
    key = EcdsaPrivateKey(P256)
    made = {key.sign(b"data") for _ in range(20)}
    assert len(made) == 20
    assert all(decode_dss_signature(each)[1] <= ORDER // 2 for each in made)


ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def other_s(signature: bytes) -> bytes:
    r, s = decode_dss_signature(signature)
    return encode_dss_signature(r, ORDER - s)


@pytest.mark.parametrize(
    "spoil",
    [
        other_s,
        lambda signature: signature + b"\0",
        lambda signature: signature[:-1],
        lambda signature: b"".join(each.to_bytes(32) for each in decode_dss_signature(signature)),
        lambda _signature: encode_dss_signature(0, 0),
        lambda _signature: encode_dss_signature(ORDER, 1),
        lambda _signature: encode_dss_signature(1, ORDER + 1),
        lambda _signature: b"",
        lambda signature: signature[:2] + b"\x02\x21\x00" + signature[4:],
    ],
    ids=["the other s", "a byte more", "a byte less", "raw r and s", "zeros", "r the order", "s beyond the order", "empty", "another DER length"],
)
def test_an_ecdsa_signature_has_one_form(spoil: Callable[[bytes], bytes]) -> None:
    key = EcdsaPrivateKey(P256)
    with pytest.raises(InvalidSignature):
        verify(key.public_key, spoil(key.sign(b"data")), b"data")


def test_the_higher_s_of_a_key_service_is_made_the_lower() -> None:
    signature = EcdsaPrivateKey(P256).sign(b"data")
    assert low_s(other_s(signature)) == signature


@given(st.binary(max_size=80))
def test_whatever_the_signature_only_invalid_escapes(signature: bytes) -> None:
    with pytest.raises(InvalidSignature):
        verify(P256.public_key(), signature, b"data")


def test_an_ecdsa_key_is_no_key_for_a_log() -> None:
    with pytest.raises(SigningError, match="not Ed25519"):
        PrivateKey.from_pem(P256_PEM)


@given(st.text(max_size=100))
def test_whatever_the_text_only_our_error_escapes(text: str) -> None:
    with pytest.raises(FormatError):
        parse_public(text)
    with pytest.raises(SigningError):
        PrivateKey.from_pem(text.encode("utf-8", "replace"))
