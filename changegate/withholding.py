"""The use case: a judged deploy as it may be recorded where the policy hides people. That hiding them changed nothing is proved before signing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple

from changegate.controls import evaluate
from changegate.decision import Decision
from changegate.errors import InputError
from changegate.facts import Facts
from changegate.gate import Judged
from changegate.openings import Opening
from changegate.pseudonyms import find_people, hide, is_account

_OFF: Final = "Or take `privacy: pseudonymise-people` out of the policy, and names are recorded."


class Withheld(NamedTuple):
    """What is signed, and what opens the names in it."""

    judged: Judged
    openings: tuple[Opening, ...]


def withhold(judged: Judged, salt: Callable[[], bytes]) -> Withheld:
    """The deploy without names, judged again: by the facts that are recorded the decision is the same, or nothing is recorded.

    Raises `InputError` where the repository bears a person's name, which every entry of the log would repeat, and where the decision needs a text
    that would be hidden.
    """
    deployment = judged.facts.deployment
    owner = deployment.repository.partition("/")[0].casefold()
    if owner in {each.login.casefold() for each in find_people(judged.facts) if not is_account(each)}:
        raise InputError(
            "the repository bears the name of somebody whom the policy hides, and the log is sorted by repositories",
            remedy=f"Move it to an organisation or a group. {_OFF}",
        )
    hidden = hide(_with_objections(judged), judged.policy, judged.source.path, salt)
    again = evaluate(hidden.facts, hidden.policy)
    other = _found(again) ^ _found(judged.decision)
    if again.verdict is not judged.decision.verdict or other:
        raise InputError(
            f"without names the decision would be {again.verdict.value} by other findings than those of {judged.decision.verdict.value}, "
            "so it can't be recorded",
            remedy=f"Report which control needs what was hidden: {', '.join(sorted({each[1] for each in other})) or 'none'}. {_OFF}",
        )
    source = judged.source.model_copy(update={"path": hidden.path})
    return Withheld(replace(judged, facts=hidden.facts, policy=hidden.policy, decision=again, source=source), hidden.openings)


def _found(decision: Decision) -> set[tuple[str, str, str, str]]:
    """Each finding: on which change, by which control, how it came out, and why."""
    return {(each.change or "", each.control, each.outcome.value, each.reason) for each in decision.findings}


def _with_objections(judged: Judged) -> Facts:
    """The facts, in which waivers that count nowhere say why: tokens can't show that an address, a number or a login may be one person's."""
    used = {each.waiver.envelope for each in judged.decision.waivers}
    why = {each.waiver.envelope: each.why for each in judged.decision.refused}
    waivers = tuple(
        each if each.envelope in used else each.model_copy(update={"defect": why.get(each.envelope, each.defect)}) for each in judged.facts.waivers
    )
    return judged.facts.model_copy(update={"waivers": waivers})
