"""C2SP tlog-cosignature: a witness's signature, with its time, on a log's checkpoint (https://c2sp.org/tlog-cosignature). Pure.

A cosignature says: at this time, this was the largest tree of this log that I know of, and it contains all smaller ones that I cosigned.
Only cosignature/v1 is known: Ed25519, signature type 0x04. `changegate.evidence.note` verifies it as part of a note.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from changegate.errors import FormatError, VerificationError
from changegate.evidence import checkpoint, note
from changegate.signing.keys import PrivateKey

_TIME_BYTES: Final = 8
_DAMAGED: Final = "The witness's answer is damaged, or not a witness's; ask it again."


def witness_key(name: str, key: Ed25519PublicKey) -> note.VerifierKey:
    """The key that verifies what `cosign` makes under this name. Raises `FormatError` for a name that can't be one."""
    return replace(note.verifier_key(name, key), kind=note.COSIGNATURE)


def cosign(signed: bytes, name: str, signer: PrivateKey, at: datetime) -> note.NoteSignature:
    """The cosignature on a signed checkpoint's text ("Ed25519 signed message").

    The caller owes all that it says: that the log signed this checkpoint, and that it extends whatever was cosigned before.
    Raises `FormatError`, `SigningError`.
    """
    text = note.parse_note(signed).text
    checkpoint.parse_text(text)
    seconds = int(at.timestamp())
    value = seconds.to_bytes(_TIME_BYTES, "big") + signer.sign(b"cosignature/v1\ntime %d\n%b" % (seconds, text.encode("utf-8")))
    return note.NoteSignature(name, witness_key(name, signer.public_key).key_id, value)


def time_of(cosignature: note.NoteSignature) -> datetime:
    """When it was made, as it says. Raises `FormatError`."""
    try:
        return datetime.fromtimestamp(int.from_bytes(cosignature.value[:_TIME_BYTES], "big"), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise FormatError(f"cosignature of {cosignature.name}: its time is none", remedy=_DAMAGED) from error


def format_lines(cosignatures: Iterable[note.NoteSignature]) -> bytes:
    """Signature lines, as a witness answers them: `parse_lines` gives the same back."""
    return note.format_note(note.Note("", tuple(cosignatures)))[1:]


def parse_lines(data: bytes) -> tuple[note.NoteSignature, ...]:
    """Read a witness's answer: one or more signature lines. Nothing is verified. Raises `FormatError`."""
    return note.parse_note(b"-\n\n" + data).signatures


def merge(signed: bytes, cosignatures: Iterable[note.NoteSignature], witnesses: Iterable[note.VerifierKey]) -> bytes:
    """The checkpoint with those of the cosignatures added that these witnesses made on it; all others say nothing.

    One of each witness: that which is there and holds stays, one that doesn't hold goes. All that came before the lines added stays byte for byte,
    where nothing went. Raises `FormatError` for a checkpoint that is none.
    """
    known = {(key.name, key.key_id): key for key in witnesses}
    parsed = note.parse_note(signed)
    kept: dict[tuple[str, bytes], note.NoteSignature] = {}
    others: list[note.NoteSignature] = []
    for each in parsed.signatures:
        name = (each.name, each.key_id)
        if name not in known:
            others.append(each)
        elif name not in kept and _holds(parsed.text, each, known[name]):
            kept[name] = each
            others.append(each)
    for each in cosignatures:
        name = (each.name, each.key_id)
        if name in known and name not in kept and _holds(parsed.text, each, known[name]):
            kept[name] = each
            others.append(each)
    return note.format_note(note.Note(parsed.text, tuple(others)))


def _holds(text: str, cosignature: note.NoteSignature, key: note.VerifierKey) -> bool:
    try:
        note.verify(note.Note(text, (cosignature,)), (key,))
    except VerificationError:
        return False
    return True
