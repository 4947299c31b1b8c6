"""C2SP signed-note: a text with its signatures, and verifier keys (https://c2sp.org/signed-note).

Pure. Two kinds of key are known: Ed25519 (0x01), and Ed25519 cosignatures of checkpoints with their time (0x04, https://c2sp.org/tlog-cosignature).
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from changegate.errors import FormatError, VerificationError
from changegate.signing import LogSigner

ED25519: Final = 0x01
COSIGNATURE: Final = 0x04
MAX_BYTES: Final = 1024 * 1024
MAX_SIGNATURES: Final = 100
_DASH: Final = "— "
_KEY_BYTES: Final = 32
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
_NOT_IN_NAMES: Final = re.compile(r"[\s+\x00-\x1f\ud800-\udfff]")
_DAMAGED: Final = "The note is damaged or not one of a log's; fetch it again from where it came."
_VKEY: Final = "A verifier key is <name>+<8 hex digits>+<base64>, in one piece: paste what `changegate keys show` prints."


@dataclass(frozen=True)
class VerifierKey:
    """A public key under a name. `kind` is the signature type's byte."""

    name: str
    kind: int
    key: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that name this key in a signature."""
        return hashlib.sha256(self.name.encode("utf-8") + b"\n" + bytes([self.kind]) + self.key).digest()[:4]


@dataclass(frozen=True)
class NoteSignature:
    """A signature line: by which key it says it is, and its bytes."""

    name: str
    key_id: bytes
    value: bytes


@dataclass(frozen=True)
class Note:
    """A text, ending in a newline, and its signatures, not yet verified."""

    text: str
    signatures: tuple[NoteSignature, ...]


def verifier_key(name: str, key: Ed25519PublicKey) -> VerifierKey:
    """The key that verifies what `sign` makes under this name. Raises `FormatError` for a name that can't be one."""
    _check_name(name)
    return VerifierKey(name, ED25519, key.public_bytes_raw())


def format_verifier_key(key: VerifierKey) -> str:
    """The key as one line of text."""
    return f"{key.name}+{key.key_id.hex()}+{_encode(bytes([key.kind]) + key.key)}"


def parse_verifier_key(text: str) -> VerifierKey:
    """Read `<name>+<key id>+<base64 of type and key>`. Raises `FormatError`: not that form, another kind of key, an id that isn't the key's."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise FormatError("verifier key: not of three parts", remedy=_VKEY)
    name, key_id, encoded = parts
    _check_name(name)
    material = _decode(encoded, "verifier key")
    if len(material) != 1 + _KEY_BYTES or material[0] not in {ED25519, COSIGNATURE}:
        raise FormatError(f"verifier key {name}: neither an Ed25519 key (type 0x01) nor a witness's (type 0x04)", remedy=_VKEY)
    key = VerifierKey(name, material[0], material[1:])
    if key_id != key.key_id.hex():
        raise FormatError(f"verifier key {name}: its id is {key.key_id.hex()}, not {key_id[:16]!r}", remedy=_VKEY)
    return key


def sign(text: str, name: str, signer: LogSigner) -> Note:
    """A note over exactly this text. Raises `FormatError` for a text that no note can carry, `SigningError`."""
    _check_text(text)
    key = verifier_key(name, signer.public_key)
    return Note(text, (NoteSignature(name, key.key_id, signer.sign(text.encode("utf-8"))),))


def format_note(note: Note) -> bytes:
    """The note's bytes: `parse_note` gives the same note back."""
    lines = [f"{_DASH}{each.name} {_encode(each.key_id + each.value)}\n" for each in note.signatures]
    return (note.text + "\n" + "".join(lines)).encode("utf-8")


@lru_cache(maxsize=16)  # a commit's is looked at several times
def parse_note(data: bytes) -> Note:
    """Split a note into text and signatures ("Format"). Raises `FormatError`."""
    if len(data) > MAX_BYTES:
        raise FormatError("note: larger than 1 MiB", remedy=_DAMAGED)
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError("note: not UTF-8", remedy=_DAMAGED) from error
    head, separator, tail = whole.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise FormatError("note: no blank line before its signatures, or no newline at its end", remedy=_DAMAGED)
    _check_text(head + "\n")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise FormatError(f"note: more than {MAX_SIGNATURES} signatures", remedy=_DAMAGED)
    return Note(head + "\n", tuple(_parse_signature(line) for line in lines))


def _parse_signature(line: str) -> NoteSignature:
    name, separator, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not separator:
        raise FormatError("note: a line after the blank one is no signature", remedy=_DAMAGED)
    _check_name(name)
    value = _decode(encoded, "note: a signature")
    if len(value) < 5:
        raise FormatError("note: a signature is too short", remedy=_DAMAGED)
    return NoteSignature(name, value[:4], value[4:])


def verify(note: Note, keys: Iterable[VerifierKey]) -> frozenset[VerifierKey]:
    """The keys whose signatures hold; at least one ("Signatures").

    1. A signature that matches a known key in name and id is verified; one that doesn't hold refuses the whole note.
    2. All other signatures say nothing.
    3. A note that no known key signed is refused.

    The caller still owes: that those keys suffice (`changegate.evidence.log_policy`). Raises `VerificationError`.
    """
    known = {(key.name, key.key_id): key for key in keys}
    verified = frozenset(key for each in note.signatures if (key := known.get((each.name, each.key_id))) and _holds(note.text, key, each))
    if not verified:
        names = ", ".join(f"{each.name}+{each.key_id.hex()}" for each in note.signatures)
        raise VerificationError(
            f"note: signed by no trusted key (signed by {names})",
            remedy="Is it the trust file of this log (--trust FILE)? Add the key only if its owner confirms it; else this is another log.",
        )
    return verified


def _holds(text: str, key: VerifierKey, signature: NoteSignature) -> bool:
    """True; raises `VerificationError` where the signature is not the key's."""
    signed, value = text.encode("utf-8"), signature.value
    if key.kind == COSIGNATURE:
        # The time, eight bytes, stands before the signature and is signed with the text (tlog-cosignature, "Format").
        at = int.from_bytes(value[:8], "big")
        # "It MUST NOT exceed 2^63 - 1": such a one is no signature, as an empty one is.
        signed, value = b"cosignature/v1\ntime %d\n%b" % (at, signed), value[8:] if at < 2**63 else b""
    try:
        Ed25519PublicKey.from_public_bytes(key.key).verify(value, signed)
    except (InvalidSignature, ValueError) as error:
        raise VerificationError(
            f"note: the signature by {key.name}+{key.key_id.hex()} doesn't hold over this text",
            remedy="The text was changed after it was signed. Compare with a copy; treat this one as tampered with.",
        ) from error
    return True


def _check_text(text: str) -> None:
    if not text.endswith("\n") or _CONTROL.search(text):
        raise FormatError("note: the text has no newline at its end, or has a control character", remedy=_DAMAGED)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise FormatError("note: the text is not valid Unicode", remedy=_DAMAGED) from error


def _check_name(name: str) -> None:
    if not name or _NOT_IN_NAMES.search(name):
        raise FormatError(f"note: {name[:80]!r} is no key name: not empty, no spaces, no plus", remedy="Name the key like example.com/team/evidence.")


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decode(text: str, what: str) -> bytes:
    """Strict standard base64: what decodes must encode to the same text."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError(f"{what} is not base64", remedy=_DAMAGED) from error
    if _encode(data) != text:
        raise FormatError(f"{what} is not canonical base64", remedy=_DAMAGED)
    return data
