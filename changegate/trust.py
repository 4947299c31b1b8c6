"""The trust file: which keys a verifier believes, given to it out of band and never taken from the store it checks.

    version: 1
    log-policy: |            # exactly a C2SP tlog-policy: log keys, witness keys, quorum
      log example.com/acme/evidence+3f2a91c0+AX…
      quorum none
    record-keys:             # who may sign records, and when
      - key: |
          -----BEGIN PUBLIC KEY-----
          …
          -----END PUBLIC KEY-----
        from: 2026-01-01T00:00:00Z     # optional
        until: 2027-01-01T00:00:00Z    # optional: records dated later don't count

Rotation adds a key and gives the old one an `until`; records signed before stay valid. A log key of the policy that stands among the record keys,
too, as `changegate keys` writes it, has the same time: what it signs in commits of a later time doesn't count (`changegate.evidence.log_policy`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from changegate import yaml_text
from changegate.errors import FormatError, VerificationError
from changegate.facts import Time
from changegate.signing import keys
from changegate.yaml_text import YamlError

MAX_BYTES: Final = 1024 * 1024
_REMEDY: Final = "Write it anew with `changegate keys show --trust`, or compare it with the copy that you were given."


class RecordKey(BaseModel):
    """A public key that may sign records made from `from` (inclusive) to `until` (exclusive)."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_alias=True, validate_by_name=True)

    key: str
    from_: Annotated[Time | None, Field(alias="from")] = None
    until: Time | None = None

    def allows(self, at: datetime) -> bool:
        """Whether a record made at this time may bear this key's signature."""
        return (self.from_ is None or self.from_ <= at) and (self.until is None or at < self.until)


class Trust(BaseModel):
    """A verifier's trust, parsed."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_alias=True, validate_by_name=True)

    version: Literal[1] = 1
    log_policy: Annotated[str, Field(alias="log-policy")]
    record_keys: Annotated[tuple[RecordKey, ...], Field(alias="record-keys", min_length=1)]

    @property
    def public_keys(self) -> Mapping[str, Ed25519PublicKey]:
        """Every record key by its id. Raises `FormatError` for a key that is none."""
        found = [keys.parse_public(each.key) for each in self.record_keys]
        return {keys.key_id(key): key for key in found}

    def check_window(self, key_id: str, at: datetime) -> None:
        """Raise `VerificationError` unless the key was valid at this time."""
        windows = [each for each in self.record_keys if keys.key_id(keys.parse_public(each.key)) == key_id]
        if not any(each.allows(at) for each in windows):
            raise VerificationError(
                f"signed by key {key_id[:16]} at {at:%Y-%m-%dT%H:%M:%SZ}, outside the time in which that key is trusted",
                remedy="A key that signs outside its time may have been stolen. Ask its owner.",
            )


def parse(data: bytes) -> Trust:
    """Read a trust file. Raises `FormatError`."""
    if len(data) > MAX_BYTES:
        raise FormatError("trust file: larger than 1 MiB", remedy=_REMEDY)
    try:
        trust = Trust.model_validate(yaml_text.read(data).value)
    except YamlError as error:
        raise FormatError(f"trust file: not YAML as it is written here: {error}", remedy=_REMEDY) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise FormatError(f"trust file: {'.'.join(map(str, first['loc'])) or 'top level'}: {first['msg']}", remedy=_REMEDY) from error
    _ = trust.public_keys
    return trust


def format_trust(trust: Trust) -> bytes:
    """The file's text: `parse` gives the same trust back."""
    lines = ["# The keys that a verifier of this log believes. Hand it over out of band, never with the evidence.", "version: 1", "log-policy: |"]
    lines += [f"  {line}" for line in trust.log_policy.splitlines()]
    lines.append("record-keys:")
    for each in trust.record_keys:
        lines.append("  - key: |")
        lines += [f"      {line}" for line in each.key.splitlines()]
        if each.from_:
            lines.append(f"    from: {each.from_:%Y-%m-%dT%H:%M:%SZ}")
        if each.until:
            lines.append(f"    until: {each.until:%Y-%m-%dT%H:%M:%SZ}")
    return ("\n".join(lines) + "\n").encode("utf-8")
