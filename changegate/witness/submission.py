"""The body of tlog-witness's `add-checkpoint`: an old size, the proof from there, and a checkpoint. Pure."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from changegate.errors import FormatError
from changegate.evidence import checkpoint, merkle

MAX_BYTES: Final = 64 * 1024
"""A proof takes at most 3 KiB; what is left is room for some hundred signatures."""
MAX_HASHES: Final = 63
SIZE_TYPE: Final = "text/x.tlog.size"
_OLD: Final = re.compile(rb"old (0|[1-9][0-9]{0,18})", re.ASCII)
_SIZE: Final = re.compile(rb"(0|[1-9][0-9]{0,18})\n", re.ASCII)
_FORM: Final = "Send what https://c2sp.org/tlog-witness says: an old size line, proof lines, an empty line, a checkpoint."


@dataclass(frozen=True)
class Submission:
    """A signed checkpoint, verbatim, and the consistency proof to it from the tree of `old` entries."""

    old: int
    proof: tuple[bytes, ...]
    checkpoint: bytes


def format_submission(submission: Submission) -> bytes:
    """The request's body: `parse_submission` gives the same back."""
    lines = [b"old %d" % submission.old, *(base64.b64encode(each) for each in submission.proof), b"", b""]
    return b"\n".join(lines) + submission.checkpoint


def parse_submission(data: bytes) -> Submission:
    """Read a body strictly; no signature or proof is verified. Raises `FormatError`."""
    if len(data) > MAX_BYTES:
        raise FormatError(f"submission: larger than {MAX_BYTES} bytes", remedy=_FORM)
    head, separator, signed = data.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    old = _OLD.fullmatch(first)
    if not separator or old is None or int(old[1]) > checkpoint.MAX_SIZE:
        raise FormatError("submission: no old size line, or no empty line before the checkpoint", remedy=_FORM)
    if len(lines) > MAX_HASHES:
        raise FormatError(f"submission: more than {MAX_HASHES} proof lines", remedy=_FORM)
    submission = Submission(int(old[1]), tuple(map(_hash, lines)), signed)
    checkpoint.parse(signed)
    return submission


def format_size(size: int) -> bytes:
    """The body of an answer 409: how many entries the witness has cosigned."""
    return b"%d\n" % size


def parse_size(data: bytes) -> int:
    """Read such a body. Raises `FormatError`."""
    found = _SIZE.fullmatch(data)
    if found is None or int(found[1]) > checkpoint.MAX_SIZE:
        raise FormatError("the witness's answer is no tree size", remedy="Check the witness's URL in the trust file.")
    return int(found[1])


def _hash(line: bytes) -> bytes:
    try:
        value = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError("submission: a proof line is not base64", remedy=_FORM) from error
    if len(value) != merkle.HASH_BYTES or base64.b64encode(value) != line:
        raise FormatError("submission: a proof line is not 32 bytes of canonical base64", remedy=_FORM)
    return value
