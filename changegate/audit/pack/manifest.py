"""What is in a pack: every member with its digest, its size, its media type and what it is. Pure."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from changegate import canonical
from changegate.errors import FormatError, VerificationError

FORMAT: Final = "changegate-pack-1"
MANIFEST: Final = "manifest.json"
DIGEST: Final = "manifest.json.sha256"
_JSON: Final = "application/json"
_NOTE: Final = "text/plain; charset=utf-8"
_KINDS: Final[Sequence[tuple[str, str, str]]] = (
    (r"records/[0-9a-f]{64}\.json", _JSON, "a signed record, byte for byte as it was logged: a DSSE envelope, or a Sigstore bundle"),
    (r"receipts/[0-9a-f]{64}\.tlog-proof", "text/plain; charset=us-ascii", "the proof that this record is in the log (C2SP tlog-proof)"),
    (r"facts/[0-9a-f]{64}\.json", _JSON, "what was fetched for a decision, as it was judged (canonical JSON)"),
    (r"attested/[0-9a-f]{64}", "application/octet-stream", "a file that an attestation in the log vouches for"),
    (r"policies/[0-9a-f]{16}\.json", _JSON, "the rules that held, and from when to when they were used"),
    (r"checkpoints/(?:begin|end|newest)", _NOTE, "a signed checkpoint of the log (C2SP tlog-checkpoint)"),
    (r"log/entries\.jsonl", "application/jsonl", "every entry of the log between the checkpoints begin and end, one a line"),
    (r"log/range\.json", _JSON, "sizes, the tree before the first entry, the consistency proof to the newest checkpoint"),
    (r"population\.csv", "text/csv; charset=utf-8", "the population"),
    (r"population\.csv\.ipe\.json", _JSON, "where the population comes from, and by which filters"),
    (r"sample\.json", _JSON, "the sample, with its seed"),
    (r"reconciliation\.json", _JSON, "the reconciliation with the platform's own list of deployments, as it was given"),
    (r"attachments/.+", "application/octet-stream", "a file that the company added; nothing in the log speaks of it"),
    (r"names\.jsonl", "application/jsonl", "what opens the names that records in here hide, where they are to be known"),
    (r"trust\.yml", "application/yaml", "the trust file that the pack was made under: compare it with your own"),
    (r"keys\.json", _JSON, "the keys of that trust file, for verify.py"),
    (r"report\.html", "text/html; charset=utf-8", "the period for people, made of the records in this pack"),
    (r"README\.txt", _NOTE, "what this is and how to verify it"),
    (r"verify\.py", "text/x-python; charset=utf-8", "verifies this pack without changegate"),
)
_REMEDY: Final = "Ask for the pack again, and for its SHA-256 by another way; keep this one."


class Member(NamedTuple):
    """A line of the manifest."""

    path: str
    sha256: str
    size: int


def member(path: str, content: bytes) -> Member:
    """The line of a member."""
    return Member(path, hashlib.sha256(content).hexdigest(), len(content))


def format_manifest(members: Sequence[Member]) -> bytes:
    """The manifest, without itself and its digest. Raises `FormatError` for a member that no pack has."""
    lines = [json.dumps(_describe(each)) for each in members]
    return (f'{{"format": "{FORMAT}", "members": [\n' + ",\n".join(lines) + "\n]}\n").encode("ascii")


def format_digest(manifest: bytes) -> bytes:
    """The manifest's digest, as `sha256sum -c` reads it."""
    return f"{hashlib.sha256(manifest).hexdigest()}  {MANIFEST}\n".encode("ascii")


def parse_manifest(members: Mapping[str, bytes]) -> tuple[Member, ...]:
    """Read the manifest, which with its digest is all that `members` needs to hold. Raises `VerificationError`, `FormatError`."""
    data, digest = members.get(MANIFEST), members.get(DIGEST)
    if data is None or digest is None:
        raise VerificationError("this is no evidence pack: it has no manifest", remedy=_REMEDY)
    if format_digest(data) != digest:
        raise VerificationError("the pack's manifest was changed: its digest is another", remedy=_REMEDY)
    match canonical.loads(data, what=MANIFEST):
        case {"format": "changegate-pack-1", "members": [*lines]}:
            found = tuple(_parse(each) for each in lines)
            if format_manifest(found) == data:
                return found
    raise FormatError("the pack's manifest isn't of a form that this changegate knows", remedy="Use the version that wrote it, or a newer one.")


def _parse(line: Any) -> Member:
    match line:
        case {"path": str(path), "sha256": str(sha256), "size": int(size)}:
            return Member(path, sha256, size)
    raise FormatError("the pack's manifest: a line without path, sha256 and size", remedy=_REMEDY)


def _describe(each: Member) -> dict[str, Any]:
    for pattern, kind, what in _KINDS:
        if re.fullmatch(pattern, each.path, re.ASCII):
            return {"path": each.path, "sha256": each.sha256, "size": each.size, "mediaType": kind, "what": what}
    raise FormatError(f"a pack has no member {each.path[:80]!r}", remedy=_REMEDY)
