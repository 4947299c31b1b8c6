"""C2SP tlog-proof: a receipt that can be verified offline (https://c2sp.org/tlog-proof). Pure."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from changegate.errors import FormatError
from changegate.evidence import checkpoint, merkle
from changegate.evidence.checkpoint import Checkpoint
from changegate.evidence.log_policy import LogPolicy

HEADER: Final = "c2sp.org/tlog-proof@v1"
MAX_BYTES: Final = 2 * 1024 * 1024
MAX_HASHES: Final = 63
_DAMAGED: Final = "The receipt is damaged; fetch it again, or make it anew with `changegate show ID --receipt FILE`."
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True)
class Receipt:
    """An entry's place in a log: its index, the path to the root, the signed checkpoint verbatim.

    `extra` is the entry itself where one of changegate's receipts carries it: not authenticated by its place, but by its hash.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def verify(self, leaf_hash: bytes, policy: LogPolicy) -> Checkpoint:
        """The verified checkpoint that holds the entry ("Verifying a tlog proof", steps 2 to 4; step 1, the leaf's hash, is the caller's).

        Raises `FormatError`, `VerificationError`.
        """
        verified = policy.verify(self.checkpoint)
        merkle.verify_inclusion(leaf_hash, self.index, verified.size, self.hashes, verified.root)
        return verified


def format_receipt(receipt: Receipt) -> bytes:
    """The proof's bytes: `parse_receipt` gives the same receipt back."""
    lines = [HEADER]
    if receipt.extra is not None:
        lines.append(f"extra {_encode(receipt.extra)}")
    lines.append(f"index {receipt.index}")
    lines += [_encode(each) for each in receipt.hashes]
    return "\n".join([*lines, "", ""]).encode("ascii") + receipt.checkpoint


def parse_receipt(data: bytes) -> Receipt:
    """Read a proof ("Format"). The checkpoint is read to be one, its signature isn't verified. Raises `FormatError`."""
    if len(data) > MAX_BYTES:
        raise FormatError("receipt: larger than 2 MiB", remedy=_DAMAGED)
    head, separator, signed = data.partition(b"\n\n")
    try:
        header, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise FormatError("receipt: not ASCII before its checkpoint", remedy=_DAMAGED) from error
    if header != HEADER or not separator or not lines:
        raise FormatError(f"receipt: doesn't begin with {HEADER!r}, or has no checkpoint", remedy=_DAMAGED)
    extra = _decode(lines.pop(0).removeprefix("extra ")) if lines[0].startswith("extra ") else None
    index = lines.pop(0).removeprefix("index ") if lines and lines[0].startswith("index ") else ""
    if not _INDEX.fullmatch(index):
        raise FormatError("receipt: no index line", remedy=_DAMAGED)
    hashes = tuple(_decode(line) for line in lines)
    if len(hashes) > MAX_HASHES or any(len(each) != merkle.HASH_BYTES for each in hashes):
        raise FormatError("receipt: not a path of SHA-256 hashes", remedy=_DAMAGED)
    checkpoint.parse(signed)
    return Receipt(int(index), hashes, signed, extra)


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decode(text: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError("receipt: a line is not base64", remedy=_DAMAGED) from error
    if _encode(data) != text:
        raise FormatError("receipt: a line is not canonical base64", remedy=_DAMAGED)
    return data
