"""RFC 3161 timestamps: an authority's word that a checkpoint existed at a time. Needs the extra `timestamps`, imported only when one is made or read.

A commit's time is its writer's claim. A timestamp of its checkpoint, whose maker isn't the writer, bounds it from above: all that the tree holds
existed by then. What is kept is the authority's response as it came (DER).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from changegate.errors import FormatError, InputError, StoreError, VerificationError
from changegate.posting import post

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

MAX_BYTES: Final = 256 * 1024
_QUERY: Final = "application/timestamp-query"
_REPLY: Final = "application/timestamp-reply"
_OK: Final = 200
_DAMAGED: Final = "It is damaged, or not an authority's response; compare with a copy of the store."


@dataclass(frozen=True)
class Request:
    """A question to an authority (section 2.4.1), and the nonce that its answer must repeat."""

    body: bytes
    nonce: int | None


def make_request(data: bytes) -> Request:
    """The request for a timestamp of these bytes, by their SHA-256, with a fresh nonce. Raises `InputError` where the extra isn't installed."""
    client = _client()
    made = client.TimestampRequestBuilder().data(data).hash_algorithm(client.HashAlgorithm.SHA256).cert_request(cert_request=True).build()
    return Request(made.as_bytes(), made.nonce)


def fetch(url: str, data: bytes, authorities: Sequence[x509.Certificate], *, seconds: float) -> bytes:
    """A verified timestamp of these bytes from the authority at this URL (section 3.4).

    Without `authorities` only what it says is checked, and not who says it. Raises `StoreError`, `FormatError`, `VerificationError`, `InputError`.
    """
    request = make_request(data)
    answer = post(url, request.body, kind=_QUERY, seconds=seconds)
    if answer.status != _OK or answer.kind != _REPLY:
        raise StoreError(f"{url} is no timestamp authority: HTTP {answer.status}, {answer.kind}", remedy="Check --timestamp-url.")
    verify(answer.body, data, authorities, nonce=request.nonce)
    return answer.body


def verify(token: bytes, data: bytes, authorities: Sequence[x509.Certificate], *, nonce: int | None = None) -> datetime:
    """When these bytes existed, as a trusted authority says.

    1. The response is granted, its message imprint is the digest of `data`, and it repeats `nonce` where one is given.
    2. Its signer has a certificate for time stamping, and for nothing else, that chains up to `authorities` and was valid then.
       Where no authority is given, this step is the caller's.

    Raises `FormatError` for bytes that are no response, `VerificationError`, `InputError` where the extra isn't installed.
    """
    client = _client()
    response = _parse(token)
    try:
        info = response.tst_info
        at: datetime = info.gen_time
        imprint, found = info.message_imprint, info.nonce
    except (ValueError, TypeError) as error:
        raise FormatError(f"timestamp: not a granted response ({error})", remedy=_DAMAGED) from error
    if nonce is not None and found != nonce:
        raise VerificationError(
            "timestamp: it answers another request (its nonce differs)", remedy="Ask again; somebody may have replayed an old one."
        )
    if _digest(imprint.hash_algorithm, data) != imprint.message:
        raise VerificationError("timestamp: it is of other bytes than this checkpoint", remedy=_DAMAGED)
    if authorities:
        builder = client.VerifierBuilder()
        for certificate in dict.fromkeys(authorities):
            builder = builder.add_root_certificate(certificate)
        try:
            builder.build().verify_message(response, data)
        except (client.VerificationError, ValueError, x509.ExtensionNotFound, UnsupportedAlgorithm) as error:
            raise VerificationError(
                f"timestamp: no trusted authority's ({error})", remedy="Compare its authority with the trust file's timestamp-authorities."
            ) from error
    return at


def _parse(token: bytes) -> "TimeStampResponse":
    if len(token) > MAX_BYTES:
        raise FormatError(f"timestamp: larger than {MAX_BYTES} bytes", remedy=_DAMAGED)
    try:
        response: TimeStampResponse = _client().decode_timestamp_response(token)
    except ValueError as error:
        raise FormatError(f"timestamp: not an RFC 3161 response ({error})", remedy=_DAMAGED) from error
    return response


def _digest(algorithm: x509.ObjectIdentifier, data: bytes) -> bytes | None:
    names = {"2.16.840.1.101.3.4.2.1": "sha256", "2.16.840.1.101.3.4.2.2": "sha384", "2.16.840.1.101.3.4.2.3": "sha512"}
    name = names.get(algorithm.dotted_string)
    return hashlib.new(name, data).digest() if name else None


def _client() -> ModuleType:
    try:
        import rfc3161_client
    except ImportError as error:
        raise InputError(
            "timestamps need the library rfc3161-client, which isn't installed",
            remedy="pip install 'changegate[timestamps]'; in the action and the GitLab component set the input `extras: timestamps`.",
        ) from error
    return rfc3161_client
