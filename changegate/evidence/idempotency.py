"""Idempotency keys: what makes two appends the same, for each kind of record. Pure.

Each follows from what was signed, from the log's name and, for the records of keys, from who signed. So whoever reads an entry can tell whether it
stands under its own key: one that doesn't was entered by somebody who had other reasons than to record it.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from changegate import canonical
from changegate.errors import FormatError
from changegate.evidence.card import Card
from changegate.evidence.statement import (
    ATTESTATION,
    DEPLOY_OUTCOME,
    FOLLOW_UP,
    GATE_DECISION,
    KEY_REVOCATION,
    KEY_ROTATION,
    SAMPLE_DRAW,
    WAIVER,
)

ROLLED_BACK: Final = "rolled-back"
KINDS: Final = frozenset({GATE_DECISION, DEPLOY_OUTCOME, KEY_ROTATION, KEY_REVOCATION, SAMPLE_DRAW, ATTESTATION, FOLLOW_UP, WAIVER})
"""The predicate types whose keys are known here."""


def of_decision(statement: Mapping[str, Any], *, origin: str) -> str:
    """SHA-256 (hex) over log, repository, environment, run, attempt, subjects and predicate type.

    The record itself says which run of the gate within one attempt of a job it is; that is part of the key from the second on.
    """
    deployment = statement["predicate"]["deployment"]
    parts = {
        "log": origin,
        "repository": deployment["repository"],
        "environment": deployment["environment"],
        "run": deployment["run"]["id"],
        "attempt": deployment["run"]["attempt"],
        "subjects": statement["subject"],
        "predicateType": statement["predicateType"],
    }
    repeat = deployment["run"].get("repeat", 0)
    return _digest(parts | ({"repeat": repeat} if repeat else {}))


def of_outcome(gate: str, ending: str, *, origin: str) -> str:
    """SHA-256 (hex) over log, gate decision, predicate type, and which of its two ends it is.

    Success and failure share a key, so that the log itself takes only one of them, however many report at once; the rollback has its own.
    """
    return _digest({"log": origin, "gate": gate, "predicateType": DEPLOY_OUTCOME, "end": "rollback" if ending == ROLLED_BACK else "deploy"})


def of_rotation(origin: str, key_id: str, by: str) -> str:
    """One for each new key and each that vouches for it."""
    return _digest({"log": origin, "predicateType": KEY_ROTATION, "key": key_id, "by": by})


def of_revocation(origin: str, key_id: str, by: str) -> str:
    """One for each pair of keys, so that nobody can take another's place."""
    return _digest({"log": origin, "predicateType": KEY_REVOCATION, "key": key_id, "by": by})


def of_key_change(statement: Mapping[str, Any], *, by: str) -> str:
    """That of a rotation or a revocation."""
    predicate = statement["predicate"]
    of = of_revocation if statement["predicateType"] == KEY_REVOCATION else of_rotation
    return of(predicate["log"], predicate["key"]["keyId"], by)


def of_sample(statement: Mapping[str, Any]) -> str:
    """Log, population, seed, division, size."""
    predicate = statement["predicate"]
    parts = {name: predicate[name] for name in ("log", "population", "seed", "by")} | {"size": len(predicate["sample"])}
    return _digest({"predicateType": SAMPLE_DRAW, **parts})


def of_attestation(statement: Mapping[str, Any]) -> str:
    """Log, type, place, period, owner, controls, the file's content, and who decided what."""
    predicate = statement["predicate"]
    review = predicate["review"] or {"reviewer": "", "decision": ""}
    parts = {name: predicate[name] for name in ("log", "type", "repository", "period", "owner", "controls")}
    parts |= {"file": predicate["file"]["sha256"], "reviewer": review["reviewer"], "decision": review["decision"]}
    return _digest({"predicateType": ATTESTATION, **parts})


def of_follow_up(gate: str, *, origin: str) -> str:
    """One for each emergency: it is reviewed once."""
    return _digest({"log": origin, "gate": gate, "predicateType": FOLLOW_UP})


def of_waiver(origin: str, repository: str, control: str, change: str, environment: str, number: int) -> str:
    """What it holds for, and how many the log had for the very same before it: so a reader finds all that may hold without searching."""
    parts = {"log": origin, "repository": repository, "control": control, "change": change, "environment": environment, "number": number}
    return _digest({"predicateType": WAIVER, **parts})


def is_own(card: Card, statement: Any, *, origin: str, by: str) -> bool:
    """Whether a card stands under the key of its record, in this log: `statement` is what `by` signed. False for a kind that isn't known."""
    try:
        if card.predicate_type == GATE_DECISION:
            return card.key == of_decision(statement, origin=origin)
        if card.predicate_type == DEPLOY_OUTCOME and card.about is not None:
            return card.key == of_outcome(card.about, card.decision, origin=origin)
        if card.predicate_type in {KEY_ROTATION, KEY_REVOCATION}:
            return card.repository == origin and card.key == of_key_change(statement, by=by)
        if card.predicate_type == SAMPLE_DRAW:
            return card.repository == origin and card.key == of_sample(statement)
        if card.predicate_type == ATTESTATION:
            return bool(statement["predicate"]["log"] == origin) and card.key == of_attestation(statement)
        if card.predicate_type == FOLLOW_UP and card.about is not None:
            return card.key == of_follow_up(card.about, origin=origin)
        if card.predicate_type == WAIVER:
            said, scope = statement["predicate"], statement["predicate"]["scope"]
            own = of_waiver(said["log"], said["repository"], scope["control"], scope["change"], scope["environment"], said["number"])
            return bool(said["log"] == origin) and card.key == own
    except (FormatError, KeyError, TypeError, ValueError):
        return False
    return False


def _digest(parts: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical.dumps(parts)).hexdigest()
