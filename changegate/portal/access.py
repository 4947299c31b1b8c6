"""Who may see the portal: tokens, kept as their SHA-256, each with a role. Pure but for the making of a token.

# role     SHA-256 of the token                                              whose it is
auditor    9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08  carol, until the report is signed
reader     60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752  the deploy team
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from changegate.errors import InputError
from changegate.render.text import visible

_LINE: Final = re.compile(r"(?P<role>\w+)\s+(?P<digest>[0-9a-f]{64})\s+(?P<name>\S.*)")
_FIX: Final = "A line is ROLE SHA256 NAME: `changegate serve --new-token ROLE` prints one."
_LONGEST: Final = 500


class Role(StrEnum):
    """What somebody may do."""

    READER = "reader"
    """Search and read."""
    AUDITOR = "auditor"
    """Download, too: signed records, facts, receipts, packs."""


class Visitor(NamedTuple):
    """Somebody who was let in."""

    name: str
    role: Role


LOCAL: Final = Visitor("somebody on this machine", Role.AUDITOR)
"""Who is let in where no tokens are asked for."""
Tokens = Mapping[str, Visitor]
"""Visitors by the SHA-256 of their token."""


def make_token(role: Role) -> tuple[str, str]:
    """A new token, and its line for the file without the name."""
    token = secrets.token_urlsafe(32)
    return token, f"{role.value} {hashlib.sha256(token.encode('ascii')).hexdigest()}"


def parse_tokens(text: str) -> Tokens:
    """The file. Raises `InputError`, which names the line and repeats nothing of it but the role."""
    found: dict[str, Visitor] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise InputError(f"--tokens, line {number}: not ROLE SHA256 NAME", remedy=_FIX)
        if match["role"] not in set(Role):
            raise InputError(f"--tokens, line {number}: the role {visible(match['role'], 30)!r} is none of {', '.join(Role)}", remedy=_FIX)
        if match["digest"] in found:
            raise InputError(f"--tokens, line {number}: the same token as in an earlier line", remedy="Give each of them a token of their own.")
        found[match["digest"]] = Visitor(match["name"], Role(match["role"]))
    if not found:
        raise InputError("--tokens names nobody, so nobody would be let in", remedy=_FIX)
    return found


def admit(authorization: str, tokens: Tokens) -> Visitor | None:
    """Whom an `Authorization` header stands for: `Bearer TOKEN`, or HTTP Basic with the token as the password (RFC 6750, RFC 7617)."""
    scheme, _, value = authorization.partition(" ")
    token = value.strip()
    if scheme.lower() == "basic":
        try:
            token = base64.b64decode(token[:_LONGEST], validate=True).decode("utf-8").partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return None
    elif scheme.lower() != "bearer":
        return None
    digest = hashlib.sha256(token[:_LONGEST].encode("utf-8")).hexdigest()
    # Digests of random tokens are compared, each of them: the time tells nothing of a token.
    return next((visitor for known, visitor in tokens.items() if hmac.compare_digest(known, digest)), None)
