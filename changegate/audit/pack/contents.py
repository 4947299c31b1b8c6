"""What a pack says of a period, as a function of the records in it: population, sample, policies, keys. Pure.

The exporter writes these members, and a verifier makes them anew from the verified records and compares the bytes.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives import serialization

from changegate import canonical, openings, outcome, record
from changegate.audit import sampling, tables
from changegate.audit.population import Kind, Row, Wanted, list_rows
from changegate.errors import FormatError
from changegate.evidence import log_policy
from changegate.evidence.card import Card
from changegate.evidence.statement import ATTESTATION
from changegate.openings import Opening
from changegate.signing import keys
from changegate.trust import Trust

POPULATION: Final = "population.csv"
HEADER: Final = "population.csv.ipe.json"
SAMPLE: Final = "sample.json"
KEYS: Final = "keys.json"
TRUST: Final = "trust.yml"
ALGORITHM: Final = "sha256(seed LF id), ascending"
_DAMAGED: Final = "The pack was changed, or made by another version of changegate: use that one, or ask for the pack again."


@dataclass(frozen=True)
class Kept:
    """A verified record in the pack."""

    index: int
    card: Card
    key_id: str
    predicate: Mapping[str, Any]
    hides_people: bool = False
    """Whether tokens in it, and in its facts, stand for names."""


class Drawing(NamedTuple):
    """How many units are drawn, and by which seed."""

    size: int
    seed: str


@dataclass(frozen=True)
class Claims:
    """What a pack says of itself and nothing can prove; with what was asked for."""

    wanted: Wanted
    source: str
    """The store that it was exported from."""
    tool: str


@dataclass
class Contents:
    """The verified records of a pack, and what was asked for."""

    claims: Claims
    origin: str
    size: int
    """The log's, at the newest checkpoint."""
    records: list[Kept] = field(default_factory=list)
    """In the log's order."""
    policies: dict[str, list[Any]] = field(default_factory=dict)
    """By the JSON of the rules, their keys sorted: where they were read, with the times of the first and the last decision by them."""
    drawing: Drawing | None = None
    _known: dict[str, Mapping[str, Kept]] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What was made of the records."""

    def add(self, kept: Kept) -> None:
        """One more record. What many repeat is taken out of it."""
        self._known.clear()
        predicate = kept.predicate
        if kept.card.predicate_type == record.PREDICATE_TYPE:
            policy = dict(predicate["policy"])
            rules = json.dumps(policy.pop("effective"), sort_keys=True)
            used = self.policies.setdefault(rules, [policy, kept.card.time, kept.card.time])
            used[1], used[2] = min(used[1], kept.card.time), max(used[2], kept.card.time)
            predicate = {**predicate, "policy": policy}
        self.records.append(replace(kept, predicate=predicate, hides_people=openings.hides_people(kept.predicate)))

    @property
    def decisions(self) -> Mapping[str, Kept]:
        """The gate decisions of the period by the digest of their record."""
        if "decisions" not in self._known:
            found = (each for each in self.records if each.card.predicate_type == record.PREDICATE_TYPE and self.claims.wanted.holds(each.card))
            self._known["decisions"] = {each.card.envelope: each for each in found}
        return self._known["decisions"]

    @property
    def attested(self) -> tuple[Card, ...]:
        """The entries of the period that vouch for a file."""
        return tuple(each.card for each in self.records if each.card.predicate_type == ATTESTATION and self.claims.wanted.holds(each.card))

    @property
    def outcomes(self) -> Mapping[str, Kept]:
        """How deploys ended, the latest word on each, by the digest of the decision's record."""
        if "outcomes" not in self._known:
            self._known["outcomes"] = {
                each.card.about: each for each in self.records if each.card.about and each.card.predicate_type == outcome.PREDICATE_TYPE
            }
        return self._known["outcomes"]

    def rows(self) -> tuple[Row, ...]:
        """The population."""
        by_index = {each.index: each.predicate for each in self.records}
        dated = [(each.index, each.card) for each in self.records if self.claims.wanted.holds(each.card)]
        about = [(each.index, each.card) for each in self.records if each.card.about]
        return list_rows(self.claims.wanted, dated, about, lambda index, _: by_index[index])

    def sampled(self, rows: tuple[Row, ...]) -> tuple[str, ...]:
        """The ids that the seed draws; none where no sample was asked for. Raises `InputError` as `sampling.draw` does."""
        return sampling.draw((row.id for row in rows), self.drawing.size, self.drawing.seed) if self.drawing else ()

    def opened(self, names: Mapping[str, Opening]) -> "Contents":
        """The same with the names that these openings open, to be read by people: nothing of it is what was signed."""
        if not names:
            return self
        return replace(
            self,
            records=[replace(each, predicate=openings.open_value(each.predicate, names)) if each.hides_people else each for each in self.records],
        )

    def members(self) -> Iterator[tuple[str, bytes]]:
        """Policies, population and sample."""
        by_rules = {canonical.dumps(json.loads(rules)): used for rules, used in self.policies.items()}
        for rules, (policy, first, last) in sorted(by_rules.items()):
            said = {**policy, "firstUsed": first, "lastUsed": last, "effective": json.loads(rules)}
            yield f"policies/{hashlib.sha256(rules).hexdigest()[:16]}.json", _json(said)
        rows = self.rows()
        table = tables.format_rows(rows).encode("utf-8")
        yield POPULATION, table
        yield HEADER, self._header(len(rows), table)
        if self.drawing is not None:
            digest, by, drawn = tables.digest(table), None, list(self.sampled(rows))
            said = {"population": POPULATION, "sha256": digest, "units": len(rows), "seed": self.drawing.seed, "by": by, "size": self.drawing.size}
            yield SAMPLE, _json({**said, "algorithm": ALGORITHM, "sample": drawn})

    def _header(self, rows: int, table: bytes) -> bytes:
        wanted = self.claims.wanted
        return _json(
            {
                "format": tables.FORMAT,
                "population": wanted.kind.value,
                "from": wanted.begin.isoformat(),
                "to": wanted.end.isoformat(),
                "environments": sorted(wanted.environments) or "all",
                "repositories": sorted(wanted.repositories) or "all",
                "rows": rows,
                "source": self.claims.source,
                "log": self.origin,
                "entriesExamined": self.size,
                "proofs": "checkpoints/ and log/",
                "tool": self.claims.tool,
                "sha256": tables.digest(table),
            }
        )


def parse_claims(data: bytes) -> Claims:
    """What a population's header asks and claims. Raises `FormatError`."""
    match canonical.loads(data, what=HEADER):
        case {
            "population": str(kind), "from": str(begin), "to": str(end), "environments": environments, "repositories": repositories,
            "source": str(source), "tool": str(tool),
        } if kind in set(Kind):  # fmt: skip
            wanted = Wanted(Kind(kind), _moment(begin), _moment(end), _names(environments), _names(repositories))
            return Claims(wanted, source, tool)
    raise FormatError(f"{HEADER}: not the header of a population", remedy=_DAMAGED)


def parse_drawing(data: bytes | None) -> Drawing | None:
    """Size and seed of a sample. Raises `FormatError`."""
    if data is None:
        return None
    match canonical.loads(data, what=SAMPLE):
        case {"seed": str(seed), "size": int(size)} if size > 0:
            return Drawing(size, seed)
    raise FormatError(f"{SAMPLE}: not a sample with its seed", remedy=_DAMAGED)


def format_keys(trust: Trust) -> bytes:
    """A trust file's keys as JSON, for readers without YAML. Raises `FormatError`."""
    policy, public = log_policy.of(trust), trust.public_keys
    der = {key_id: key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo) for key_id, key in public.items()}
    logs: dict[str, list[str]] = {}
    for each in policy.logs:
        raw = _ED25519 + each.key
        key_id = hashlib.sha256(raw).hexdigest()
        der[key_id] = raw
        logs.setdefault(each.name, []).append(key_id)
    windows: dict[str, list[tuple[str | None, str | None]]] = {}
    for entry in trust.record_keys:
        bounds = tuple(at.isoformat() if at else None for at in (entry.from_, entry.until))
        windows.setdefault(keys.key_id(keys.parse_public(entry.key)), []).append((bounds[0], bounds[1]))
    return _json({"keys": [base64.b64encode(each).decode("ascii") for each in der.values()], "logs": logs, "records": windows})


_ED25519: Final = bytes.fromhex("302a300506032b6570032100")
"""What stands before the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410, section 4)."""


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode("utf-8")


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise FormatError(f"{HEADER}: {text[:40]!r} is no moment", remedy=_DAMAGED) from error
    if at.tzinfo is None or at.isoformat() != text:
        raise FormatError(f"{HEADER}: {text[:40]!r} is no moment of a time zone", remedy=_DAMAGED)
    return at


def _names(value: Any) -> frozenset[str]:
    if value == "all":
        return frozenset()
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return frozenset(value)
    raise FormatError(f"{HEADER}: environments or repositories are none", remedy=_DAMAGED)
