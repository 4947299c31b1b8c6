"""DSSE envelopes: the published vector, other people's libraries, and everything that must not verify."""

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope as OtherEnvelope
from securesystemslib.signer import Key

from changegate.errors import FormatError, VerificationError
from changegate.signing import Signer, dsse
from changegate.signing.dsse import PAYLOAD_TYPE, Envelope, EnvelopeSigner, Signature, format_envelope, pae, parse_envelope, sign, verify
from changegate.signing.keys import EcdsaPrivateKey, PrivateKey, format_public, low_s
from changegate.signing.keys import verify as verify_bytes

SIGNER = PrivateKey.generate()
OTHER = PrivateKey.generate()
P256 = EcdsaPrivateKey.generate()
TRUSTED = {SIGNER.key_id: SIGNER.public_key}
PAYLOAD = '{"name": "prix élevés"}'.encode()


def test_the_published_pae_vector() -> None:
    """secure-systems-lab/dsse, protocol.md, "Test Vectors"."""
    assert pae("http://example.com/HelloWorld", b"hello world") == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_the_published_p256_vector() -> None:
    """secure-systems-lab/dsse, protocol.md, "Test Vectors": raw r and s there, DER with the lower s here."""
    numbers = ec.EllipticCurvePublicNumbers(
        46950820868899156662930047687818585632848591499744589407958293238635476079160,
        5640078356564379163099075877009565129882514886557779369047442380624545832820,
        ec.SECP256R1(),
    )
    raw = base64.b64decode("A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==")
    signature = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    assert low_s(signature) == signature
    verify_bytes(numbers.public_key(), signature, pae("http://example.com/HelloWorld", b"hello world"))
    private = ec.derive_private_key(97358161215184420915383655311931858321456579547487070936769975997791359926199, ec.SECP256R1())
    assert private.public_key() == numbers.public_key()


@pytest.mark.parametrize("signer", [SIGNER, P256], ids=["Ed25519", "P-256"])
def test_each_kind_of_key_signs_envelopes(signer: Signer) -> None:
    envelope = parse_envelope(EnvelopeSigner(signer).sign_record(PAYLOAD))
    assert verify(envelope, {signer.key_id: signer.public_key}) == (signer.key_id, PAYLOAD)
    with pytest.raises(VerificationError, match="doesn't hold"):
        verify(envelope, {signer.key_id: EcdsaPrivateKey.generate().public_key})


def test_an_independent_library_verifies_our_p256() -> None:
    made = json.loads(EnvelopeSigner(P256).sign_record(PAYLOAD))
    key = Key.from_dict(P256.key_id, {"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": format_public(P256.public_key)}})
    assert set(OtherEnvelope.from_dict(made).verify([key], 1)) == {P256.key_id}


def test_a_bundles_envelope_is_read_and_no_key_verifies_it() -> None:
    inner = json.loads(format_envelope(sign(PAYLOAD, SIGNER)))
    inner["signatures"] = [{"sig": inner["signatures"][0]["sig"]}]
    bundle = {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": {}, "dsseEnvelope": inner}
    envelope = parse_envelope(json.dumps(bundle).encode())
    assert (envelope.payload, envelope.is_bundle) == (PAYLOAD, True)
    with pytest.raises(VerificationError, match="no trusted key"):
        verify(envelope, TRUSTED)
    inner["signatures"] = [{"sig": inner["signatures"][0]["sig"], "keyid": SIGNER.key_id}]
    with pytest.raises(FormatError, match="names a key"):
        parse_envelope(json.dumps(bundle).encode())


def test_lengths_count_bytes() -> None:
    assert pae("é", "é".encode()) == b"DSSEv1 2 \xc3\xa9 2 \xc3\xa9"


def test_signed_is_verified() -> None:
    key_id, payload = verify(parse_envelope(format_envelope(sign(PAYLOAD, SIGNER))), TRUSTED)
    assert (key_id, payload) == (SIGNER.key_id, PAYLOAD)


def test_an_independent_library_verifies_ours() -> None:
    made = json.loads(format_envelope(sign(PAYLOAD, SIGNER)))
    key = Key.from_dict(SIGNER.key_id, {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": SIGNER.public_key.public_bytes_raw().hex()}})
    assert set(OtherEnvelope.from_dict(made).verify([key], 1)) == {SIGNER.key_id}


def test_ours_verifies_an_independent_librarys() -> None:
    value = SIGNER.sign(OtherEnvelope(PAYLOAD, PAYLOAD_TYPE, {}).pae())
    assert verify(Envelope(PAYLOAD_TYPE, PAYLOAD, (Signature(SIGNER.key_id, value),)), TRUSTED)[1] == PAYLOAD


def test_openssl_verifies_the_raw_signature(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed (apt-get install openssl)")
    envelope = sign(PAYLOAD, SIGNER)
    for name, data in (
        ("key.pem", format_public(SIGNER.public_key).encode()),
        ("sig", envelope.signatures[0].value),
        ("pae", pae(PAYLOAD_TYPE, PAYLOAD)),
    ):
        (tmp_path / name).write_bytes(data)
    command = [openssl, "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in", "pae", "-sigfile", "sig"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)


def signed(payload: bytes = PAYLOAD, **differs: object) -> Envelope:
    made = sign(payload, SIGNER)
    return Envelope(**{"payload_type": made.payload_type, "payload": made.payload, "signatures": made.signatures} | differs)  # type: ignore[arg-type]


GOOD = sign(PAYLOAD, SIGNER).signatures[0]


@pytest.mark.parametrize(
    ("envelope", "message"),
    [
        pytest.param(signed(payload=PAYLOAD + b" "), "doesn't hold", id="payload changed"),
        pytest.param(signed(payload_type="text/plain"), "payload type", id="another payload type"),
        pytest.param(signed(signatures=(Signature(OTHER.key_id, GOOD.value),)), "no trusted key", id="unknown key"),
        pytest.param(signed(signatures=(Signature(SIGNER.key_id, bytes(64)),)), "doesn't hold", id="signature zeroed"),
        pytest.param(signed(signatures=(Signature(SIGNER.key_id, GOOD.value[:-1]),)), "doesn't hold", id="signature cut"),
        pytest.param(signed(signatures=(GOOD, Signature(SIGNER.key_id, bytes(64)))), "doesn't hold", id="a good and a bad one of the same key"),
        pytest.param(signed(signatures=()), "no trusted key", id="no signature"),
    ],
)
def test_what_must_not_verify(envelope: Envelope, message: str) -> None:
    # Built anew around another payload, so that the signature is over the good one.
    candidate = envelope if envelope.payload == PAYLOAD else Envelope(PAYLOAD_TYPE, envelope.payload, (GOOD,))
    with pytest.raises(VerificationError, match=message):
        verify(candidate, TRUSTED)


def test_a_signature_of_an_unknown_key_says_nothing() -> None:
    both = signed(signatures=(Signature(OTHER.key_id, bytes(64)), GOOD))
    assert verify(both, TRUSTED)[0] == SIGNER.key_id


def test_no_trusted_keys_verify_nothing() -> None:
    with pytest.raises(VerificationError):
        verify(signed(), {})


SIG = {"keyid": "k", "sig": "AA=="}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"payload":"","payloadType":"t","signatures":[]}',
        '{"payload":"","payloadType":"t","signatures":[{"sig":"AA=="}]}',
        '{"payload":"","payloadType":"t","signatures":[{"keyid":"k","sig":"AA==","x":1}]}',
        '{"payload":"","payloadType":"t","signatures":[{"keyid":"k","sig":"AA=="}],"x":1}',
        '{"payload":"AA","payloadType":"t","signatures":[{"keyid":"k","sig":"AA=="}]}',
        '{"payload":"AB==","payloadType":"t","signatures":[{"keyid":"k","sig":"AA=="}]}',
        '{"payload":"A-==","payloadType":"t","signatures":[{"keyid":"k","sig":"AA=="}]}',
        '{"payload":"AA==\\n","payloadType":"t","signatures":[{"keyid":"k","sig":"AA=="}]}',
        '{"payload":"","payload":"AA==","payloadType":"t","signatures":[{"keyid":"k","sig":"AA=="}]}',
        json.dumps({"payload": "", "payloadType": "t", "signatures": [SIG] * 17}),
        "[" * 100_000,
    ],
)
def test_what_is_no_envelope(text: str) -> None:
    with pytest.raises(FormatError):
        parse_envelope(text.encode())


@given(
    payload=st.binary(max_size=64),
    ids=st.lists(st.text(st.characters(codec="utf-8"), max_size=8), min_size=1, max_size=3),
    value=st.binary(max_size=70),
)
def test_parse_gives_back_what_format_wrote(payload: bytes, ids: list[str], value: bytes) -> None:
    envelope = Envelope(PAYLOAD_TYPE, payload, tuple(Signature(each, value) for each in ids))
    assert parse_envelope(format_envelope(envelope)) == envelope


@given(st.binary(max_size=100) | st.binary(max_size=40).map(base64.b64encode))
def test_whatever_the_bytes_only_our_error_escapes(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_envelope(data)


@given(st.binary(max_size=12), st.integers(0, 400), st.integers(0, 9), st.binary(max_size=3))
def test_the_short_way_to_read_an_envelope_reads_what_the_long_one_does(payload: bytes, at: int, gone: int, put: bytes) -> None:
    whole = format_envelope(sign(payload, SIGNER))
    for data in (whole, whole[: at % len(whole)] + put + whole[at % len(whole) + gone :]):
        try:
            expected = dsse._parse_any(data)
        except FormatError as error:
            with pytest.raises(FormatError, match=f"^{re.escape(error.message)}$"):
                parse_envelope(data)
        else:
            assert parse_envelope(data) == expected
    assert dsse._PLAIN.fullmatch(whole)


@given(st.integers(0, 400), st.integers(1, 255))
def test_any_changed_byte_is_found(position: int, change: int) -> None:
    data = bytearray(format_envelope(sign(PAYLOAD, SIGNER)))
    data[position % len(data)] ^= change
    with pytest.raises((FormatError, VerificationError)):
        verify(parse_envelope(bytes(data)), TRUSTED)
