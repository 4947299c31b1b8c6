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
        use: records                   # optional: `records` may not revoke other keys, `revocations` may do nothing else; left out, both.
                                       # `waivers` may sign waivers and nothing else; where there is such a key, no other's waivers count
    identities:              # who may sign records without a key of their own (Sigstore), and when
      - issuer: https://token.actions.githubusercontent.com
        identity: https://github.com/acme/shop/.github/workflows/deploy.yml@refs/heads/main    # `*` stands for any letters but `/` and `@`
    sigstore-root: |         # optional: a Sigstore trusted_root.json; left out, the public one that the installed library brings
      {…}
    timestamp-authorities:   # optional: whose timestamps count (RFC 3161): certificates of the authorities, or of what they chain up to
      - |
        -----BEGIN CERTIFICATE-----
        …
        -----END CERTIFICATE-----
    timestamps: required     # optional: verification demands a timestamp at or after every commit

Rotation adds a key and gives the old one an `until`; records signed before stay valid. A log key of the policy that stands among the record keys,
too, as `changegate keys` writes it, has the same time: what it signs in commits of a later time doesn't count (`changegate.evidence.log_policy`).
"""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Final, Literal, NamedTuple

from cryptography import x509
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from changegate import yaml_text
from changegate.errors import FormatError, VerificationError
from changegate.facts import Time
from changegate.signing import PublicKey, identity, keys
from changegate.yaml_text import YamlError

MAX_BYTES: Final = 1024 * 1024
_REMEDY: Final = "Write it anew with `changegate keys show --trust`, or compare it with the copy that you were given."


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_alias=True, validate_by_name=True)


class Window(_Part):
    """A time in which somebody may sign: from `from` (inclusive) to `until` (exclusive)."""

    from_: Annotated[Time | None, Field(alias="from")] = None
    until: Time | None = None

    def allows(self, at: datetime) -> bool:
        """Whether a record made at this time may bear this signature."""
        return (self.from_ is None or self.from_ <= at) and (self.until is None or at < self.until)


class RecordKey(Window):
    """A public key that may sign records made in its time; `use` says which, where not all."""

    key: str
    use: Literal["records", "revocations", "waivers"] | None = None


class Identity(Window):
    """Somebody whom an OIDC issuer names, as Sigstore's certificates repeat it."""

    issuer: Annotated[str, Field(min_length=1, pattern=r"^https://[^\s]+$")]
    identity: Annotated[str, Field(min_length=1, pattern=r"^[^\s]+$")]

    def matches(self, issuer: str, name: str) -> bool:
        """Whether this is who is meant. The issuer must be the same; so must the name, but where `*` stands."""
        return issuer == self.issuer and identity.matches(self.identity, name)


class Trust(_Part):
    """A verifier's trust, parsed."""

    version: Literal[1] = 1
    log_policy: Annotated[str, Field(alias="log-policy")]
    record_keys: Annotated[tuple[RecordKey, ...], Field(alias="record-keys")] = ()
    identities: tuple[Identity, ...] = ()
    sigstore_root: Annotated[str | None, Field(alias="sigstore-root")] = None
    timestamp_authorities: Annotated[tuple[str, ...], Field(alias="timestamp-authorities")] = ()
    timestamps: Literal["optional", "required"] = "optional"

    @model_validator(mode="after")
    def _names_somebody(self) -> "Trust":
        if not self.record_keys and not self.identities:
            raise ValueError("neither record-keys nor identities: nobody could sign a record")
        return self

    @model_validator(mode="after")
    def _check_authorities(self) -> "Trust":
        if self.timestamps == "required" and not self.timestamp_authorities:
            raise ValueError("timestamps are required, but no timestamp-authorities are named")
        _ = self.authorities
        return self

    @property
    def authorities(self) -> tuple[x509.Certificate, ...]:
        """The certificates by which a timestamp counts."""
        return tuple(certificate for each in self.timestamp_authorities for certificate in x509.load_pem_x509_certificates(each.encode("utf-8")))

    @property
    def public_keys(self) -> Mapping[str, PublicKey]:
        """Every record key by its id. Raises `FormatError` for a key that is none."""
        return _by_id(self.record_keys).keys

    def check_window(self, key_id: str, at: datetime) -> None:
        """Raise `VerificationError` unless the key, or the identity (as `signer_id` wrote it), may sign at this time."""
        issuer, space, name = key_id.partition(" ")
        windows: tuple[Window, ...] = tuple(each for each in self.identities if each.matches(issuer, name)) if space else self._entries(key_id)
        if not any(each.allows(at) for each in windows):
            raise VerificationError(
                f"signed by {short(key_id)} at {at:%Y-%m-%dT%H:%M:%SZ}, outside the time in which that key is trusted",
                remedy="A key that signs outside its time may have been stolen. Ask its owner.",
            )

    def check_use(self, key_id: str, *, revocation: bool, waiver: bool = False) -> None:
        """Raise `VerificationError` where the key is for other records than this. An identity is for all but revocations.

        A waiver may be signed by a key of records, too: whether it counts is the gate's to say (`may_waive`), at the time of its decision.
        """
        uses = {each.use for each in self._entries(key_id)} or {"records"}
        if uses.isdisjoint({None, "revocations"} if revocation else {None, "records", "waivers"} if waiver else {None, "records"}):
            what = "a revocation" if revocation else "a waiver" if waiver else "a record"
            raise VerificationError(
                f"signed by {short(key_id)}, which by the trust file may not sign {what}", remedy="Use the key that the trust file has for this."
            )

    def may_waive(self, key_id: str) -> bool:
        """Whether a waiver signed by this key counts now: by a key for waivers where there is one, else by any that may sign records."""
        uses = {each.use for each in self._entries(key_id)}
        return "waivers" in uses if any(each.use == "waivers" for each in self.record_keys) else True

    def _entries(self, key_id: str) -> tuple[RecordKey, ...]:
        return _by_id(self.record_keys).entries.get(key_id, ())


class _Read(NamedTuple):
    """The record keys of a trust file, read."""

    source: tuple[RecordKey, ...]
    keys: Mapping[str, PublicKey]
    entries: Mapping[str, tuple[RecordKey, ...]]


_newest = [_Read((), {}, {})]
"""What was read last: a verifier asks several times for every record, and to hash the whole tuple would take longer than the rest of the answer."""


def _by_id(record_keys: tuple[RecordKey, ...]) -> _Read:
    """Each key with all of its entries. Known again by its identity, which can't be another's while it is held here; nothing in it ever changes."""
    newest = _newest[0]
    if newest.source is not record_keys:
        newest = _newest[0] = _read_keys(record_keys)._replace(source=record_keys)  # of equal ones, this very one
    return newest


@lru_cache(maxsize=64)
def _read_keys(record_keys: tuple[RecordKey, ...]) -> _Read:
    found: dict[str, PublicKey] = {}
    entries: dict[str, tuple[RecordKey, ...]] = {}
    for each in record_keys:
        key = keys.parse_public(each.key)
        key_id = keys.key_id(key)
        found[key_id], entries[key_id] = key, (*entries.get(key_id, ()), each)
    return _Read(record_keys, MappingProxyType(found), MappingProxyType(entries))


def signer_id(issuer: str, name: str) -> str:
    """An identity, where else a key's id stands."""
    return f"{issuer} {name}"


def short(key_id: str) -> str:
    """Who signed, in a few words: the beginning of a key's id, or an identity's name."""
    _, space, name = key_id.partition(" ")
    return name if space else f"key {key_id[:16]}"


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
    if trust.record_keys:
        lines.append("record-keys:")
    for each in trust.record_keys:
        lines.append("  - key: |")
        lines += [f"      {line}" for line in each.key.splitlines()]
        lines += _format_window(each)
        if each.use:
            lines.append(f"    use: {each.use}")
    if trust.identities:
        lines.append("identities:")
    for who in trust.identities:
        lines += [f"  - issuer: {json.dumps(who.issuer)}", f"    identity: {json.dumps(who.identity)}", *_format_window(who)]
    if trust.sigstore_root is not None:
        lines.append("sigstore-root: |")
        lines += [f"  {line}" for line in trust.sigstore_root.splitlines()]
    if trust.timestamp_authorities:
        lines.append("timestamp-authorities:")
        for certificate in trust.timestamp_authorities:
            lines.append("  - |")
            lines += [f"    {line}" for line in certificate.splitlines()]
    if trust.timestamps != "optional":
        lines.append(f"timestamps: {trust.timestamps}")
    return ("\n".join(lines) + "\n").encode("utf-8")


def _format_window(window: Window) -> list[str]:
    times = (("from", window.from_), ("until", window.until))
    return [f"    {name}: {at:%Y-%m-%dT%H:%M:%SZ}" for name, at in times if at]
