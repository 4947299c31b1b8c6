"""C2SP tlog-policy: which logs and witnesses a verifier believes, and how many must agree (https://c2sp.org/tlog-policy). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from changegate.errors import FormatError, VerificationError
from changegate.evidence import checkpoint, note
from changegate.evidence.checkpoint import Checkpoint
from changegate.signing import keys
from changegate.trust import RecordKey, Trust

NONE: Final = "none"
Windows: TypeAlias = Mapping[bytes, tuple[RecordKey, ...]]
MAX_LINES: Final = 1000
_FIX: Final = "Correct the log policy in the trust file; its form is C2SP's tlog-policy."


@dataclass(frozen=True)
class Group:
    """At least `threshold` of these witnesses and groups."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class LogPolicy:
    """A parsed policy. `quorum` names a witness, a group, or `none`."""

    logs: tuple[note.VerifierKey, ...]
    witnesses: Mapping[str, note.VerifierKey]
    groups: Mapping[str, Group]
    quorum: str
    windows: Windows = field(default_factory=dict)
    """By the public key's bytes: in which time a log's key may sign. A key that isn't here may at any."""
    urls: Mapping[str, str] = field(default_factory=dict)
    """By a witness's name: its submission prefix, where its line has one."""

    def verify(self, data: bytes, *, at: datetime | None = None, origin: str | None = None) -> Checkpoint:
        """The verified checkpoint.

        1. A listed log signed it, and that log's key name is the origin.
        2. The witnesses whose cosignatures hold make the quorum.
        3. No signature by any listed key fails.
        4. Where `at` is given, when it was signed, that log's key had not ended then; where `origin` is given, it is that log's.

        Raises `FormatError`, `VerificationError`.
        """
        signed = note.parse_note(data)
        found = checkpoint.parse_text(signed.text)
        verified = note.verify(signed, (*self.logs, *self.witnesses.values()))
        if origin is not None and found.origin != origin:
            raise VerificationError(
                f"checkpoint: it is of the log {found.origin!r}, not of {origin!r}",
                remedy="Two logs never share a store. Somebody signed here with another log's key; ask its owner.",
            )
        signers = [key for key in self.logs if key in verified and key.name == found.origin]
        if not signers:
            raise VerificationError(
                f"checkpoint: the log {found.origin!r} is none that the policy lists, or its own key didn't sign",
                remedy="Compare the origin with the policy's log lines; the trust file may be another log's.",
            )
        if at is not None and not any(self._allows(key, at) for key in signers):
            raise VerificationError(
                f"checkpoint: signed at {at:%Y-%m-%dT%H:%M:%SZ} by keys of {found.origin!r} outside the time in which they are trusted",
                remedy="A key that signs outside its time may have been stolen. Ask its owner.",
            )
        if not self._witnessed(self.quorum, verified):
            have = sorted(name for name, key in self.witnesses.items() if key in verified)
            raise VerificationError(
                f"checkpoint: the policy's quorum {self.quorum!r} isn't reached (cosigned by {', '.join(have) or 'no known witness'})",
                remedy="Ask the witnesses for their cosignatures, or take a checkpoint that has them.",
            )
        return found

    def unwitnessed(self) -> "LogPolicy":
        """The same, content with the log's own signature: for commits, which are signed before any witness is asked, and for kept checkpoints."""
        return replace(self, quorum=NONE)

    def ended(self, data: bytes, now: datetime) -> bool:
        """Whether a checkpoint, verified before, is signed by none but keys that have ended by `now`. Raises as `verify` does."""
        verified = note.verify(note.parse_note(data), self.logs)
        return all(key.key in self.windows and all(each.until and each.until <= now for each in self.windows[key.key]) for key in verified)

    def _allows(self, key: note.VerifierKey, at: datetime) -> bool:
        return key.key not in self.windows or any(each.allows(at) for each in self.windows[key.key])

    def _witnessed(self, name: str, verified: frozenset[note.VerifierKey]) -> bool:
        if name == NONE:
            return True
        if name in self.witnesses:
            return self.witnesses[name] in verified
        group = self.groups[name]
        return sum(self._witnessed(member, verified) for member in group.members) >= group.threshold


def single(key: note.VerifierKey) -> LogPolicy:
    """The policy that believes one log and asks for no witness."""
    return LogPolicy((key,), {}, {}, NONE)


def of(trust: Trust) -> LogPolicy:
    """A trust file's policy. A log key that is a record key, too, as `changegate keys` makes it, has that one's time. Raises `FormatError`."""
    windows: dict[bytes, tuple[RecordKey, ...]] = {}
    for each in trust.record_keys:
        key = keys.parse_public(each.key)
        if isinstance(key, Ed25519PublicKey):  # no other kind signs for a log
            raw = key.public_bytes_raw()
            windows[raw] = (*windows.get(raw, ()), each)
    return replace(parse(trust.log_policy), windows=windows)


def origin_of(trust: Trust) -> str:
    """The name of the log that a trust file speaks of; of several, the first. Raises `FormatError`."""
    return parse(trust.log_policy).logs[0].name


def format_single(key: note.VerifierKey) -> str:
    """That policy's text."""
    return f"log {note.format_verifier_key(key)}\nquorum none\n"


def parse(text: str) -> LogPolicy:
    """Read a policy ("Policy file syntax and structure"). Raises `FormatError`, which names the line.

    A policy without a log is refused: here it must say whose checkpoints to believe.
    """
    draft = _Draft()
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        raise FormatError(f"log policy: more than {MAX_LINES} lines", remedy=_FIX)
    for number, line in enumerate(lines, 1):
        if any((character < " " and character != "\t") or character == "\x7f" for character in line):
            raise FormatError(f"log policy, line {number}: a control character", remedy=_FIX)
        items = line.replace("\t", " ").split(" ")
        words = [item for item in items if item]
        if words and not words[0].startswith("#"):
            try:
                draft.take(words)
            except FormatError as error:
                raise FormatError(f"log policy, line {number}: {error.message}", remedy=_FIX) from error
    if not draft.logs:
        raise FormatError("log policy: no log line", remedy=_FIX)
    if draft.quorum is None:
        raise FormatError("log policy: no quorum line", remedy=_FIX)
    return LogPolicy(tuple(draft.logs), draft.witnesses, draft.groups, draft.quorum, urls=draft.urls)


@dataclass
class _Draft:
    logs: list[note.VerifierKey] = field(default_factory=list)
    witnesses: dict[str, note.VerifierKey] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    quorum: str | None = None
    urls: dict[str, str] = field(default_factory=dict)

    def take(self, words: list[str]) -> None:
        match words:
            case ["log", key, *url] if len(url) <= 1:
                self.logs.append(self._new_key(key, note.ED25519, self.logs))
            case ["witness", name, key, *url] if len(url) <= 1:
                self.witnesses[self._new_name(name)] = self._new_key(key, note.COSIGNATURE, list(self.witnesses.values()))
                if url:
                    self.urls[name] = url[0]
            case ["group", name, count, *members] if members:
                group = Group(_threshold(count, len(members)), tuple(self._member(member) for member in members))
                self.groups[self._new_name(name)] = group
            case ["quorum", name] if self.quorum is None:
                if name != NONE and not self._defined(name):
                    raise FormatError(f"quorum {name!r} isn't defined above", remedy=_FIX)
                self.quorum = name
            case ["quorum", _]:
                raise FormatError("a second quorum", remedy=_FIX)
            case _:
                raise FormatError(f"not a log, witness, group or quorum line: {' '.join(words)[:80]!r}", remedy=_FIX)

    def _new_key(self, text: str, kind: int, others: list[note.VerifierKey]) -> note.VerifierKey:
        key = note.parse_verifier_key(text)
        if key.kind != kind:
            raise FormatError(f"key {key.name} is of type 0x{key.kind:02x}; here 0x{kind:02x} is meant", remedy=_FIX)
        if any(other.key == key.key for other in others):
            raise FormatError(f"the key of {key.name} stands twice", remedy=_FIX)
        return key

    def _new_name(self, name: str) -> str:
        if name == NONE or self._defined(name):
            raise FormatError(f"the name {name!r} is taken", remedy=_FIX)
        return name

    def _member(self, name: str) -> str:
        if not self._defined(name):
            raise FormatError(f"group member {name!r} isn't defined above", remedy=_FIX)
        if name in self.used:
            raise FormatError(f"{name!r} is a group's member already", remedy=_FIX)
        self.used.add(name)
        return name

    def _defined(self, name: str) -> bool:
        return name in self.witnesses or name in self.groups


def _threshold(count: str, members: int) -> int:
    if count == "all":
        return members
    if count == "any":
        return 1
    if not (count.isascii() and count.isdigit() and len(count) <= 9 and 1 <= int(count) <= members):
        raise FormatError(f"threshold {count[:20]!r} is not 'all', 'any' or a number from 1 to {members}", remedy=_FIX)
    return int(count)
