"""What a record's signed statement says of itself, held against its index card. Pure.

The one place that knows where a predicate keeps what the card repeats; a new predicate type is a new function in `_READERS`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from changegate import canonical
from changegate.errors import FormatError
from changegate.evidence.card import Card

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
GATE_DECISION: Final = "https://changegate.dev/gate-decision/v1"
DEPLOY_OUTCOME: Final = "https://changegate.dev/deploy-outcome/v1"
KEY_ROTATION: Final = "https://changegate.dev/key-rotation/v1"
KEY_REVOCATION: Final = "https://changegate.dev/key-revocation/v1"
SAMPLE_DRAW: Final = "https://changegate.dev/sample-draw/v1"
AUDIT: Final = "audit"
"""What stands for the environment on the card of a record about an audit; for the repository the log, for the commit the population's digest."""
KEYS: Final = "keys"
"""What stands for the environment on the card of a record about keys; for the repository stands the log."""
ATTESTATION: Final = "https://changegate.dev/attestation/v1"
ATTESTATIONS: Final = "attestations"
"""Likewise on the card of an attestation; for the repository stands the log where it is about no single one."""
FOLLOW_UP: Final = "https://changegate.dev/follow-up/v1"
WAIVER: Final = "https://changegate.dev/waiver/v1"
WAIVERS: Final = "waivers"
"""Likewise on the card of a waiver; for the commit stands the digest of what it holds for."""
_REMEDY: Final = "The record is no change record that this changegate knows; use the version that wrote it, or a newer one."


def parse(payload: bytes) -> Any:
    """The statement in a verified envelope, as a JSON value. Raises `FormatError` for what isn't strict JSON."""
    return canonical.loads(payload, what="statement")


def differences(statement: Any, card: Card) -> tuple[tuple[str, str, str], ...]:
    """Where the card says other than the signed statement: (field, what the statement says, what the card says). Empty where they agree.

    Raises `FormatError` for what is no statement.
    """
    signed = _read(statement)
    of_card = {
        "predicateType": card.predicate_type,
        "commit": card.commit,
        "repository": card.repository,
        "environment": card.environment,
        "decision": card.decision,
        "time": card.time,
        "facts": card.facts,
        "about": card.about,
    }
    return tuple((name, str(signed.get(name)), str(value)) for name, value in of_card.items() if signed.get(name) != value)


def _read(statement: Any) -> Mapping[str, Any]:
    match statement:
        case {"_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": {"gitCommit": str(commit)}}, *_], "predicateType": str(kind)}:
            predicate = statement.get("predicate")
            reader = _READERS.get(kind, _change)
            return {"predicateType": kind, "commit": commit, **reader(predicate)}
        case {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": str(key_id)}}],
            "predicateType": ("https://changegate.dev/key-rotation/v1" | "https://changegate.dev/key-revocation/v1") as kind,
        }:
            return {"predicateType": kind, "commit": key_id, **_key_change(statement.get("predicate"), key_id)}
        case {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": str(digest)}}],
            "predicateType": "https://changegate.dev/attestation/v1",
        }:
            return {"predicateType": ATTESTATION, "commit": digest, **_attestation(statement.get("predicate"), digest)}
        case {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": str(scope)}}],
            "predicateType": "https://changegate.dev/waiver/v1",
        }:
            return {"predicateType": WAIVER, "commit": scope, **_waiver(statement.get("predicate"), scope)}
        case {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": str(population)}}],
            "predicateType": "https://changegate.dev/sample-draw/v1",
        }:
            return {"predicateType": SAMPLE_DRAW, "commit": population, **_sample_draw(statement.get("predicate"), population)}
    what = "a git commit, a key, a population, a file or a scope"
    raise FormatError(f"statement: not an in-toto Statement v1 with {what} as its first subject", remedy=_REMEDY)


def _change(predicate: Any) -> Mapping[str, Any]:
    """The gate's decision, and every predicate that keeps its shape."""
    match predicate:
        case {
            "deployment": {"repository": repository, "environment": environment},
            "decision": {"verdict": verdict},
            "time": {"decided": decided},
        }:
            facts = predicate.get("facts")
            return {
                "repository": repository,
                "environment": environment,
                "decision": verdict,
                "time": decided,
                "facts": facts.get("sha256") if isinstance(facts, dict) else None,
            }
    raise FormatError("statement: its predicate has no deployment, decision and time", remedy=_REMEDY)


def _outcome(predicate: Any) -> Mapping[str, Any]:
    """How a deploy ended: what was decided is the outcome, and it is about a gate decision."""
    match predicate:
        case {
            "deployment": {"repository": repository, "environment": environment},
            "gate": {"envelope": about},
            "outcome": outcome,
            "time": {"decided": decided},
        }:
            return {"repository": repository, "environment": environment, "decision": outcome, "time": decided, "about": about}
    raise FormatError("statement: its predicate has no deployment, gate, outcome and time", remedy=_REMEDY)


def _key_change(predicate: Any, subject: str) -> Mapping[str, Any]:
    """A key that was made or revoked: it is the subject."""
    match predicate:
        case {"log": str(origin), "key": {"keyId": key_id}, "change": "rotated" | "revoked" as change, "time": {"decided": decided}} if (
            key_id == subject
        ):
            return {"repository": origin, "environment": KEYS, "decision": change, "time": decided}
    raise FormatError("statement: its predicate has no log, key, change and time", remedy=_REMEDY)


def _attestation(predicate: Any, subject: str) -> Mapping[str, Any]:
    """A file that somebody attests: it is the subject, and lies where others have their facts."""
    match predicate:
        case {
            "log": str(origin), "repository": str(repository), "type": str(kind), "file": {"sha256": digest}, "time": {"decided": decided}
        } if digest == subject:  # fmt: skip
            return {"repository": repository or origin, "environment": ATTESTATIONS, "decision": kind, "time": decided, "facts": digest}
    raise FormatError("statement: its predicate has no log, repository, type, file and time", remedy=_REMEDY)


def _follow_up(predicate: Any) -> Mapping[str, Any]:
    """The review of an emergency afterwards: it is about a gate decision."""
    match predicate:
        case {
            "deployment": {"repository": repository, "environment": environment},
            "gate": {"envelope": about},
            "result": result,
            "time": {"decided": decided},
        }:
            return {"repository": repository, "environment": environment, "decision": result, "time": decided, "about": about}
    raise FormatError("statement: its predicate has no deployment, gate, result and time", remedy=_REMEDY)


def _waiver(predicate: Any, subject: str) -> Mapping[str, Any]:
    """A waiver: what it holds for is the subject."""
    match predicate:
        case {"repository": str(repository), "scope": {"sha256": digest}, "time": {"decided": decided}} if digest == subject:
            return {"repository": repository, "environment": WAIVERS, "decision": "waived", "time": decided}
    raise FormatError("statement: its predicate has no repository, scope and time", remedy=_REMEDY)


def _sample_draw(predicate: Any, subject: str) -> Mapping[str, Any]:
    """A sample that was drawn: its population is the subject."""
    match predicate:
        case {"log": str(origin), "population": {"sha256": population}, "time": {"decided": decided}} if population == subject:
            return {"repository": origin, "environment": AUDIT, "decision": "drawn", "time": decided}
    raise FormatError("statement: its predicate has no log, population and time", remedy=_REMEDY)


_READERS: Final[Mapping[str, Callable[[Any], Mapping[str, Any]]]] = {DEPLOY_OUTCOME: _outcome, FOLLOW_UP: _follow_up}
