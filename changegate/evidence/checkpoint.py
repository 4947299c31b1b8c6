"""C2SP tlog-checkpoint: the signed head of a log (https://c2sp.org/tlog-checkpoint). Pure."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from changegate.errors import FormatError
from changegate.evidence import merkle, note
from changegate.signing import LogSigner

_DAMAGED: Final = "The checkpoint is damaged or not one of a log's; fetch it again from where it came."
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_HEAD: Final = re.compile(r"(?P<size>[1-9][0-9]{0,18}):(?:(?P<base64>[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)|(?P<hex>[0-9a-f]{64}))", re.ASCII)
MAX_SIZE: Final = 2**63 - 1


@dataclass(frozen=True)
class Checkpoint:
    """A tree's size and root, under the log's origin. `extensions` are opaque lines that nothing here reads."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


@dataclass(frozen=True)
class TreeHead:
    """A tree's size and root alone, as a person copies it: unsigned, so as good as the place that it is copied from."""

    size: int
    root: bytes


def format_head(head: "Checkpoint | TreeHead") -> str:
    """`SIZE:ROOT`, the root in base64 as in the checkpoint's third line."""
    return f"{head.size}:{base64.b64encode(head.root).decode('ascii')}"


def parse_head(text: str) -> TreeHead | None:
    """Read `SIZE:ROOT`, the root in base64 or hex; None for anything else. An empty tree is none: every log continues it."""
    match = _HEAD.fullmatch(text)
    if match is None or int(match["size"]) > MAX_SIZE:
        return None
    root = base64.b64decode(match["base64"]) if match["base64"] else bytes.fromhex(match["hex"])
    return TreeHead(int(match["size"]), root)


def format_text(checkpoint: Checkpoint) -> str:
    """The note's text."""
    lines = (checkpoint.origin, str(checkpoint.size), base64.b64encode(checkpoint.root).decode("ascii"), *checkpoint.extensions)
    return "".join(f"{line}\n" for line in lines)


def parse_text(text: str) -> Checkpoint:
    """Read a checkpoint's text ("Note text"). Raises `FormatError`."""
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < 3 or not all(lines) or not text.endswith("\n"):
        raise FormatError("checkpoint: not three or more non-empty lines", remedy=_DAMAGED)
    origin, size, encoded, *extensions = lines
    if not _SIZE.fullmatch(size) or int(size) > MAX_SIZE:
        raise FormatError(f"checkpoint: {size[:40]!r} is no tree size", remedy=_DAMAGED)
    try:
        root = base64.b64decode(encoded.encode("ascii"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError("checkpoint: the root hash is not base64", remedy=_DAMAGED) from error
    if len(root) != merkle.HASH_BYTES or base64.b64encode(root).decode("ascii") != encoded:
        raise FormatError("checkpoint: the root hash is not 32 bytes of canonical base64", remedy=_DAMAGED)
    if int(size) == 0 and root != merkle.EMPTY_ROOT:
        raise FormatError("checkpoint: an empty tree with a root that isn't the empty one's", remedy=_DAMAGED)
    return Checkpoint(origin, int(size), root, tuple(extensions))


def parse(data: bytes) -> Checkpoint:
    """What a signed checkpoint says, unverified: for messages and comparison only. Raises `FormatError`."""
    return parse_text(note.parse_note(data).text)


def sign(checkpoint: Checkpoint, signer: LogSigner) -> bytes:
    """The signed checkpoint. The key's name is the origin. Raises `FormatError`, `SigningError`."""
    return note.format_note(note.sign(format_text(checkpoint), checkpoint.origin, signer))
