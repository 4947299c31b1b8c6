"""A file that is to be kept as evidence: what it is called, what kind it is, and whether it may be kept at all. Pure.

What is kept can't be taken back: a store with retention doesn't delete, and a log never forgets. So a name that misleads and a content that looks
like a secret are refused before anything is written.
"""

import hashlib
import re
import unicodedata
from typing import Final

from changegate.attestation import AttachedFile
from changegate.errors import InputError

MAX_BYTES: Final = 32 * 1024 * 1024
MAX_NAME: Final = 255
"""Bytes in UTF-8: what file systems take."""
_MEDIA_TYPES: Final = {
    "csv": "text/csv",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "eml": "message/rfc822",
    "gz": "application/gzip",
    "html": "text/html",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "log": "text/plain",
    "md": "text/markdown",
    "pdf": "application/pdf",
    "png": "image/png",
    "txt": "text/plain",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml": "application/xml",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "zip": "application/zip",
}
"""By the name's ending, as IANA registers them; not the machine's own table, which differs from one to the next."""
_UNKNOWN: Final = "application/octet-stream"
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}", re.ASCII)
"""RFC 6838, section 4.2, in lower case, without parameters."""
_SECRETS: Final = {
    "a private key": re.compile(rb"-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"),
    "a token of GitHub": re.compile(rb"\bgh[pousr]_[A-Za-z0-9]{36}|\bgithub_pat_[A-Za-z0-9_]{40}"),
    "a token of GitLab": re.compile(rb"\bgl(?:pat|dt|ptt|rt|cbt)-[A-Za-z0-9_-]{20}"),
    "an access key of AWS": re.compile(rb"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a token of Slack": re.compile(rb"\bxox[abeprs]-[A-Za-z0-9-]{20}"),
    "a JSON web token": re.compile(rb"\beyJ[A-Za-z0-9_-]{16,}\.eyJ[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
}


def describe(name: str, content: bytes, *, media_type: str = "", allow_secrets: bool = False) -> AttachedFile:
    """What the record says of a file. Raises `InputError` for one that can't or mustn't be kept.

    A `media_type` is taken in place of the one that the name's ending stands for. `allow_secrets`: somebody looked, and none is one.
    """
    check_name(name)
    if not content:
        raise InputError(f"{name}: the file is empty", remedy="Attach the evidence itself.")
    if len(content) > MAX_BYTES:
        raise InputError(
            f"{name}: the file is larger than {MAX_BYTES // 1024 // 1024} MiB",
            remedy="Compress it, attach its parts one by one, or attach a list of the parts' SHA-256 digests and keep the parts where they are.",
        )
    found = find_secret(content)
    if found and not allow_secrets:
        raise InputError(
            f"{name}: it holds what looks like {found}, and what is in the log stays there",
            remedy="Take it out, and end the secret if it is one. If you looked and it is none: --allow-secrets.",
        )
    kind = media_type or _MEDIA_TYPES.get(name.rpartition(".")[2].lower() if "." in name else "", _UNKNOWN)
    if not _MEDIA_TYPE.fullmatch(kind):
        raise InputError(f"--media-type {kind[:80]!r} is no media type", remedy="For example application/pdf, in lower case, without parameters.")
    return AttachedFile(name=name, media_type=kind, sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def check_name(name: str) -> None:
    """Raise `InputError` unless the name can be shown to an auditor and written to a disk as it is."""
    remedy = "Say what it is to be called: --name NAME."
    try:
        length = len(name.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise InputError("the file's name is no UTF-8", remedy=remedy) from error
    if name in {"", ".", ".."} or "/" in name or "\\" in name or length > MAX_NAME or name != name.strip():
        raise InputError(f"{name[:80]!r} is no name for a file", remedy=remedy)
    if not all(character.isprintable() for character in name) or unicodedata.normalize("NFC", name) != name:
        raise InputError(f"the file's name {name[:80]!r} holds characters that can't be seen, or not as they are", remedy=remedy)
    found = find_secret(name.encode("utf-8"))
    if found:
        raise InputError(f"the file's name holds what looks like {found}", remedy=f"{remedy} End the secret if it is one.")


def find_secret(text: bytes) -> str | None:
    """What a text looks to hold that mustn't be kept, in words. What is compressed or encrypted isn't seen."""
    return next((what for what, pattern in _SECRETS.items() if pattern.search(text)), None)
