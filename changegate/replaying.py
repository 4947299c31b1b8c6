"""A recorded decision, made again from its recorded facts: the same, or what another policy makes of them. Pure."""

from typing import Any

from pydantic import ValidationError

from changegate import canonical, record
from changegate.decision import Decision
from changegate.errors import FormatError, InputError, VerificationError
from changegate.facts import Facts
from changegate.policy import EffectivePolicy


def read_decision(statement: Any, data: bytes | None) -> tuple[Facts, EffectivePolicy]:
    """The facts and rules of a gate decision. Raises `InputError` for another kind of record, `VerificationError` for facts that are none."""
    if statement.get("predicateType") != record.PREDICATE_TYPE or data is None:
        raise InputError("this record is no gate decision with its facts", remedy="Name one that `changegate gate` made.")
    try:
        return read_facts(data), EffectivePolicy.model_validate(statement["predicate"]["policy"]["effective"])
    except (FormatError, ValidationError, KeyError, TypeError) as error:
        raise VerificationError(
            "the recorded facts or policy are of a shape that this version doesn't know",
            remedy=f"Use the version that made the record (predicate.tool.version), or a newer one. {error}"[:500],
        ) from error


def read_facts(data: bytes) -> Facts:
    """Facts as a record keeps them, in canonical JSON. Raises `FormatError`."""
    try:
        return Facts.model_validate(canonical.loads(data, what="facts"))
    except ValidationError as error:
        raise FormatError(f"these are no facts of this version's shape: {error}"[:500], remedy="Use the version that recorded them.") from error


def check_same(predicate: Any, again: Decision) -> None:
    """Raise `VerificationError` where a record says another decision, or other exceptions, than its facts and policy give."""
    recorded = predicate["decision"]
    _check_exceptions(recorded, again)
    if (recorded["verdict"], tuple(recorded["reasons"])) != (again.verdict.value, again.reasons):
        raise VerificationError(
            f"the record says {recorded['verdict']} ({', '.join(recorded['reasons'])}), its facts and policy say {in_words(again)}",
            remedy=f"Decide with the version that made it, {predicate['tool']['version']}. If that disagrees, too, it claims what it can't show.",
        )


def _check_exceptions(recorded: Any, again: Decision) -> None:
    """What an emergency and waivers lifted, by the facts, is what the record says that they did."""
    emergency = again.emergency
    lifted = None if emergency is None else [each.model_dump() for each in emergency.lifted]
    waived = [(each.waiver.envelope, [one.model_dump() for one in each.lifted]) for each in again.waivers]
    said = recorded.get("emergency")
    if (said["lifted"] if said else None, [(each["envelope"], each["lifted"]) for each in recorded.get("waivers", ())]) != (lifted, waived):
        raise VerificationError(
            "the record names other exceptions than its facts and policy give",
            remedy="Decide with the version that made it. If that disagrees, too, it claims what it can't show.",
        )


def in_words(decision: Decision) -> str:
    """The verdict, and why."""
    return f"{decision.verdict.value} ({', '.join(decision.reasons)})" if decision.reasons else decision.verdict.value
