"""DSSE v1.0 envelopes (https://github.com/secure-systems-lab/dsse): sign exact bytes, verify exact bytes.

Bytes in, verified bytes out. The payload is never parsed before its signature holds, and never serialised again.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidSignature

from changegate import canonical
from changegate.errors import FormatError, VerificationError
from changegate.signing import PublicKey, Signer, keys

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
MAX_SIGNATURES: Final = 16
_TEXT: Final = rb"[\x20-\x21\x23-\x5b\x5d-\x7e]*"
# As `format_envelope` writes one signature: to match it is to have read strict JSON of this very shape, in which no text needs an escape.
_PLAIN: Final = re.compile(
    rb'\{"payload":"([A-Za-z0-9+/=]*)","payloadType":"(' + _TEXT + rb')","signatures":\[\{"keyid":"(' + _TEXT + rb')","sig":"([A-Za-z0-9+/=]*)"\}\]\}'
)
_DAMAGED: Final = "The envelope is damaged or not one of changegate's; fetch it again from the store."


@dataclass(frozen=True)
class Signature:
    """One signature, and the hint which key made it."""

    key_id: str
    value: bytes


@dataclass(frozen=True)
class Envelope:
    """A payload with its signatures, not yet verified."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]
    is_bundle: bool = False
    """Whether it stood in a Sigstore bundle, whose certificate says who signed (`changegate.signing.keyless`)."""
    in_one_form: bool = field(default=False, compare=False)
    """Whether it was read from the very bytes that `format_envelope` writes for one signature. Any other form has another digest."""


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding. Lengths count bytes, not characters (protocol.md, "Signature Definition")."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload: bytes, signer: Signer, *, payload_type: str = PAYLOAD_TYPE) -> Envelope:
    """An envelope around exactly these bytes. Raises `SigningError`."""
    value = signer.sign(pae(payload_type, payload))
    return Envelope(payload_type, payload, (Signature(signer.key_id, value),))


class EnvelopeSigner:
    """A `changegate.signing.RecordSigner`: a key whose signatures stand in DSSE envelopes."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def sign_record(self, statement: bytes) -> bytes:
        """The envelope around exactly these bytes. Raises `SigningError`."""
        return format_envelope(sign(statement, self._signer))


def format_envelope(envelope: Envelope) -> bytes:
    """The envelope's canonical JSON: `parse_envelope` gives the same envelope back."""
    return canonical.dumps(
        {
            "payload": _encode(envelope.payload),
            "payloadType": envelope.payload_type,
            "signatures": [{"keyid": each.key_id, "sig": _encode(each.value)} for each in envelope.signatures],
        }
    )


def parse_envelope(data: bytes) -> Envelope:
    """Read an envelope, or the one in a Sigstore bundle. Raises `FormatError` for anything else: strict JSON, strict base64, no unknown shape."""
    plain = _PLAIN.fullmatch(data)
    if plain:
        payload, kind, key_id, value = (each.decode("ascii") for each in plain.groups())
        return Envelope(kind, _decode(payload, "payload"), (Signature(key_id, _decode(value, "sig")),), in_one_form=True)
    return _parse_any(data)


def _parse_any(data: bytes) -> Envelope:
    """The same from any JSON."""
    value, is_bundle = canonical.loads(data, what="envelope"), False
    match value:
        case {"mediaType": str(), "verificationMaterial": {}, "dsseEnvelope": inner}:
            value, is_bundle = inner, True
    match value:
        case {"payload": str(payload), "payloadType": str(kind), "signatures": [_, *_] as signatures} if len(value) == 3:
            if len(signatures) > MAX_SIGNATURES:
                raise FormatError(f"envelope: more than {MAX_SIGNATURES} signatures", remedy=_DAMAGED)
            read = _parse_unnamed if is_bundle else _parse_signature
            return Envelope(kind, _decode(payload, "payload"), tuple(read(each) for each in signatures), is_bundle)
    raise FormatError("envelope: not the shape of a DSSE envelope", remedy=_DAMAGED)


def _parse_signature(value: Any) -> Signature:
    match value:
        case {"keyid": str(key_id), "sig": str(signature)} if len(value) == 2:
            return Signature(key_id, _decode(signature, "sig"))
    raise FormatError("envelope: a signature has no keyid and sig", remedy=_DAMAGED)


def _parse_unnamed(value: Any) -> Signature:
    """A bundle's: its certificate says who signed, so its `keyid` is empty or not there."""
    match value:
        case {"sig": str(signature)} if set(value) == {"sig"} or value == {"sig": signature, "keyid": ""}:
            return Signature("", _decode(signature, "sig"))
    raise FormatError("envelope: a bundle's signature is none, or names a key", remedy=_DAMAGED)


def verify(envelope: Envelope, trusted: Mapping[str, PublicKey]) -> tuple[str, bytes]:
    """The id of the trusted key that signed, and the verified payload.

    1. The payload type is an in-toto statement's.
    2. At least one signature names a key in `trusted` and holds over the PAE of type and payload.
    3. A signature that names a trusted key and doesn't hold refuses the whole envelope. Signatures of unknown keys say nothing.

    The caller still owes: that the key was valid when the record was made (`changegate.trust`), and that the payload is a statement.
    Raises `VerificationError`.
    """
    if envelope.payload_type != PAYLOAD_TYPE:
        raise VerificationError(f"envelope: payload type {envelope.payload_type!r}, not {PAYLOAD_TYPE!r}", remedy="This is no change record.")
    signed = pae(envelope.payload_type, envelope.payload)
    verified: str | None = None
    for signature in envelope.signatures:
        key = trusted.get(signature.key_id)
        if key is None:
            continue
        try:
            keys.verify(key, signature.value, signed)
        except InvalidSignature as error:
            raise VerificationError(
                f"envelope: the signature by key {signature.key_id[:16]} doesn't hold over these bytes",
                remedy="The record was changed after it was signed. Compare with a copy; treat this one as tampered with.",
            ) from error
        verified = verified or signature.key_id
    if verified is None:
        named = ", ".join(each.key_id[:16] for each in envelope.signatures)
        raise VerificationError(
            f"envelope: signed by no trusted key (signed by {named})",
            remedy="Add that key to the trust file only if its owner confirms it; otherwise the record is not what it claims.",
        )
    return verified, envelope.payload


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decode(text: str, what: str) -> bytes:
    """Strict standard base64: what decodes must encode to the same text."""
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError(f"envelope: {what} is not base64", remedy=_DAMAGED) from error
    if _encode(data) != text:
        raise FormatError(f"envelope: {what} is not canonical base64", remedy=_DAMAGED)
    return data
