"""How much evidence of each control a period holds, by the signed records themselves. Nothing is counted that isn't verified."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from changegate import outcome, record
from changegate.attestation import Verdict
from changegate.audit.mapping import CONTROLS, Control, Counted
from changegate.audit.population import Wanted, went
from changegate.audit.scan import scan
from changegate.evidence import revocations
from changegate.evidence.card import Card
from changegate.evidence.reader import LogReader
from changegate.evidence.revocations import Revocations
from changegate.evidence.signed_record import verify_record
from changegate.evidence.statement import ATTESTATION, KEY_REVOCATION, KEY_ROTATION
from changegate.stores import Store
from changegate.trust import Trust


class Evidence(NamedTuple):
    """What a period holds of one control."""

    records: int = 0
    """Findings of a control of the policy; records of any other."""
    stopped: int = 0
    """How often it stopped a deploy: the control at work, no exception."""
    exceptions: int = 0
    """How often something went on that the control doesn't allow."""


@dataclass(frozen=True)
class Tally:
    """The counts of a period, by control; and of each reason, by control and reason."""

    by_control: Mapping[str, Evidence]
    reasons: Mapping[tuple[str, str], int]
    checkpoint: str
    """The signed note that it was counted under."""


@dataclass
class _Counts:
    records: Counter[str] = field(default_factory=Counter)
    stopped: Counter[str] = field(default_factory=Counter)
    exceptions: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)


def count(reader: LogReader, trust: Trust, wanted: Wanted, store: Store) -> Tally:
    """Count what the log holds of the period under the reader's checkpoint; `wanted.kind` has no say.

    Raises `VerificationError` or `FormatError` where a record of the period isn't what was signed; `StoreError`.
    """
    found = scan(reader, wanted.begin, wanted.end)
    revoked = revocations.collect(found.revocations, store, trust)
    counts, gone = _Counts(), set[str]()
    for index, card in found.dated:
        if not wanted.holds(card):
            continue
        predicate = _read(reader, trust, revoked, index, card)
        if card.predicate_type != record.PREDICATE_TYPE:
            _count_other(counts, card, predicate)
        elif _count_decision(counts, card, predicate):
            gone.add(card.envelope)
    for index, card in found.about:
        if card.about in gone and card.predicate_type == outcome.PREDICATE_TYPE:
            _read(reader, trust, revoked, index, card)  # no word of it counts that nobody signed
            gone.discard(card.about)
    counts.exceptions["outcome-recorded"] = len(gone)
    evidence = {each.id: Evidence(counts.records[each.id], counts.stopped[each.id], counts.exceptions[each.id]) for each in CONTROLS}
    return Tally(evidence, dict(counts.reasons), reader.signed.decode("utf-8"))


def _read(reader: LogReader, trust: Trust, revoked: Revocations, index: int, card: Card) -> Mapping[str, Any]:
    signed = verify_record(card, reader.envelope(card), trust)
    revoked.check(index, signed.key_id)
    predicate: Mapping[str, Any] = signed.statement["predicate"]
    return predicate


def _count_decision(counts: _Counts, card: Card, predicate: Mapping[str, Any]) -> bool:
    """Whether it let its deploy go."""
    let_go = went(predicate)
    counts.records["deploy-gated"] += 1
    counts.stopped["deploy-gated"] += not let_go
    counts.exceptions["deploy-gated"] += let_go and card.decision != "allowed"
    for finding in (each for part in (predicate, *predicate["changes"]) for each in part["findings"]):
        control = finding["control"]
        counts.records[control] += 1
        counts.reasons[control, finding["reason"]] += 1
        if finding["outcome"] in {"fail", "unknown"}:
            (counts.exceptions if let_go else counts.stopped)[control] += 1
    return let_go


def _count_other(counts: _Counts, card: Card, predicate: Mapping[str, Any]) -> None:
    if card.predicate_type == ATTESTATION:
        partly = (predicate["review"] or {}).get("decision") == Verdict.APPROVED_IN_PART
        for each in CONTROLS:
            if each.counted is Counted.ATTESTATIONS and _is_of(each, predicate):
                counts.records[each.id] += 1
                counts.exceptions[each.id] += partly
    elif card.predicate_type == outcome.PREDICATE_TYPE:
        counts.records["outcome-recorded"] += 1
    elif card.predicate_type in {KEY_ROTATION, KEY_REVOCATION}:
        counts.records["keys-managed"] += 1


def _is_of(control: Control, predicate: Mapping[str, Any]) -> bool:
    return control.id in predicate["controls"] or predicate["type"] in control.kinds
