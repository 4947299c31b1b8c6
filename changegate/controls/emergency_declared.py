"""emergency-declared: this deploy may go in spite of what fails if it is an emergency, declared as the policy asks."""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from changegate.approvals import contributors, judge_reviews
from changegate.decision import Agreement, Emergency, Finding, Outcome, Remedy
from changegate.facts import Actor, Change, Declaration, Facts, Identity, IdentityKind, Permission, Unavailable
from changegate.liftable import lift, may_lift, name, stops
from changegate.policy import EffectivePolicy, EmergencyRules, PeerApproved

ID: Final = "emergency-declared"
MIN_REASON: Final = 10
MAX_REASON: Final = 500
MAX_INCIDENT: Final = 200
_ANY_KEY: Final = re.compile(r"[A-Za-z0-9#][A-Za-z0-9#._/:?=&-]{0,199}", re.ASCII)
_REQUIRED: Final = "declared by somebody who may, with a reason and an incident, and others agreed"
_STANDS: Final = "nothing: it goes or stops without it"


class Reason(StrEnum):
    """Why; each is explained in docs/controls/emergency-declared.md."""

    DECLARED = "declared"
    NOT_NEEDED = "not-needed"
    NOT_ENOUGH = "not-enough"
    NO_RULE = "no-rule"
    REASON_MISSING = "reason-missing"
    INCIDENT_MISSING = "incident-missing"
    DECLARER_UNKNOWN = "declarer-unknown"
    DECLARER_MAY_NOT = "declarer-may-not"
    NOT_AGREED = "not-agreed"


class Ruling(NamedTuple):
    """What becomes of the findings where an emergency was declared."""

    findings: tuple[Finding, ...]
    emergency: Emergency | None = None


def apply(findings: Sequence[Finding], declared: Declaration, facts: Facts, policy: EffectivePolicy) -> Ruling:
    """The findings with those lifted that the emergency lifts, and one that says what became of it.

    1. Where nothing stops the deploy, no emergency is needed, and none is recorded.
    2. Where anything stops it that no emergency may lift, nothing is lifted: the deploy stops anyway.
    3. The policy has a section for it; reason and incident are there.
    4. Who declares it, by the forge's word, is a person whom the policy names, or who may at least maintain the repository.
    5. On every change that it lifts something of, enough others agreed: none of them the declarer, none a contributor of that change.
    """
    stopping = [each for each in findings if stops(each)]
    if not stopping:
        return _with(findings, Outcome.NOT_APPLICABLE, Reason.NOT_NEEDED, "an emergency was declared, and nothing stops the deploy", _STANDS)
    rules = policy.emergency
    if rules is None:
        step = "meet what stops the deploy; or add a section `emergency` to the policy, by a change that passes"
        return _with(findings, Outcome.FAIL, Reason.NO_RULE, "the deployed policy knows no emergencies", step=step)
    lasting = [each for each in stopping if not may_lift(each) or each.control not in rules.lifts]
    if lasting:
        codes = ", ".join(dict.fromkeys(f"{each.control}/{each.reason}" for each in lasting))
        return _with(findings, Outcome.NOT_APPLICABLE, Reason.NOT_ENOUGH, f"an emergency was declared, and doesn't lift {codes}", _STANDS)
    refusal = _check_words(declared, rules) or _check_declarer(declared, rules)
    if refusal is not None:
        return Ruling((*findings, refusal))
    declarer = _known(declared.declared_by)
    if declarer is None:  # `_check_declarer` has said so
        raise AssertionError("a declarer who isn't known was let through")
    agreed: dict[str, Agreement] = {}
    for change in [each for each in facts.changes if each.id in {found.change for found in stopping}]:
        others = list(_agreed(change, declared, declarer.person, rules, policy.controls.peer_approved))
        if len(others) < rules.approvals:
            return Ruling((*findings, _not_agreed(change, others, rules, declarer.person)))
        agreed |= {each.person.key: each for each in others}
    emergency = Emergency(
        reason=declared.reason,
        incident=declared.incident,
        declared_by=declarer.person,
        permission=f"unknown: {declarer.permission.why}" if isinstance(declarer.permission, Unavailable) else declarer.permission.value,
        agreed_by=tuple(agreed.values()),
        lifted=tuple(name(each) for each in stopping),
        review_due=facts.fetched_at + rules.review_time,
    )
    by = f"the emergency {declared.incident}"
    lifted = tuple(lift(each, by) if stops(each) else each for each in findings)
    who = ", ".join(f"{each.person.login} ({'named' if each.via == 'named' else 'approved'})" for each in agreed.values())
    how = (
        f", by the label {declared.label!r} on {declared.change}"
        if declared.label
        else f", by the ticket of {declared.change}"
        if declared.change
        else ""
    )
    due = f"{emergency.review_due:%Y-%m-%d %H:%M} UTC"
    observed = f"{declarer.person.login} declared {declared.incident}{how}; agreed: {who}; to be reviewed by {due}"
    return Ruling(_with(lifted, Outcome.PASS, Reason.DECLARED, observed).findings, emergency)


def is_incident(key: str, forms: Iterable[str]) -> bool:
    """Whether a key has one of the forms. A form holds one wildcard, so that no key takes long to compare."""
    if len(key) > MAX_INCIDENT:
        return False
    return any(_form(each).fullmatch(key) for each in forms) if (forms := tuple(forms)) else _ANY_KEY.fullmatch(key) is not None


def _form(form: str) -> re.Pattern[str]:
    wild = {"#": "[0-9]{1,12}", "*": "[A-Za-z0-9_-]{1,100}"}
    return re.compile("".join(wild.get(character, re.escape(character)) for character in form), re.ASCII)


def _check_words(declared: Declaration, rules: EmergencyRules) -> Finding | None:
    words = declared.reason.strip()
    if not MIN_REASON <= len(words) <= MAX_REASON or not words.isprintable():
        observed = f"a reason of {len(words)} characters" + ("" if words.isprintable() else ", some of which can't be printed")
        if not words:
            observed = f"no words under a heading 'Emergency' in {declared.change}" if declared.label else "no reason"
        where = f"under the heading 'Emergency' of {declared.change}" if declared.label else "--emergency REASON"
        step = f"say on one line, in {MIN_REASON} to {MAX_REASON} characters, why it can't wait: {where}"
        return _finding(Outcome.FAIL, Reason.REASON_MISSING, observed, step)
    if not is_incident(declared.incident, rules.incident):
        forms = f" of the form {' or '.join(rules.incident)}" if rules.incident else ""
        where = f"in the description of {declared.change}" if declared.label else "--incident KEY"
        observed = f"the incident {declared.incident[:60]!r}" if declared.incident else f"no incident{forms}"
        return _finding(Outcome.FAIL, Reason.INCIDENT_MISSING, observed, f"name the incident by its key{forms}: {where}")
    return None


def _act(declared: Declaration) -> str:
    return f"takes the label {declared.label!r} off {declared.change} and puts it on again" if declared.label else "starts the run"


def _check_declarer(declared: Declaration, rules: EmergencyRules) -> Finding | None:
    actor = declared.declared_by
    if isinstance(actor, Unavailable):
        return _finding(
            Outcome.UNKNOWN, Reason.DECLARER_UNKNOWN, f"it can't be told who declares it: {actor.why}", actor.remedy or "run the job again"
        )
    who = actor.person.login
    if actor.person.kind is not IdentityKind.HUMAN:
        return _finding(Outcome.FAIL, Reason.DECLARER_MAY_NOT, f"{who} declares it, which is a bot", f"a person who may {_act(declared)}")
    if rules.declared_by:
        wanted = {each.casefold() for each in rules.declared_by}
        if wanted.isdisjoint({actor.person.login.casefold(), *actor.person.keys}):
            return _finding(
                Outcome.FAIL, Reason.DECLARER_MAY_NOT, f"{who} declares it, whom the policy doesn't name", f"somebody it names {_act(declared)}"
            )
        return None
    if isinstance(actor.permission, Unavailable):
        observed = f"it can't be told whether {who} may maintain the repository: {actor.permission.why}"
        return _finding(Outcome.UNKNOWN, Reason.DECLARER_UNKNOWN, observed, actor.permission.remedy or "run the job again")
    if not actor.permission.meets(Permission.MAINTAIN):
        observed = f"{who} declares it, who may {actor.permission.value} and not maintain"
        return _finding(Outcome.FAIL, Reason.DECLARER_MAY_NOT, observed, f"somebody who may maintain the repository {_act(declared)}")
    return None


def _known(actor: Actor | Unavailable) -> Actor | None:
    return None if isinstance(actor, Unavailable) else actor


def _agreed(change: Change, declared: Declaration, declarer: Identity, rules: EmergencyRules, peers: PeerApproved) -> Iterable[Agreement]:
    """Who agreed, each once. Approvals are measured as for peer-approved, but may come after the merge. Where somebody who made the change can't be
    told apart from its approvers, nobody's agreement counts.
    """
    makers = contributors(change, peers)
    if makers.unresolved or isinstance(change.commits, Unavailable):
        return
    taken = set(declarer.keys)
    measure = peers.model_copy(update={"approved_before": "deploy", "permission": "write"})
    approved = [each.review.reviewer for each in judge_reviews(change, measure) if each.standing.counts]
    named = [each.person for each in map(_known, declared.named) if each is not None and _may_agree(each)] if rules.agreement == "named" else []
    for person, is_named in (*((each, False) for each in approved), *((each, True) for each in named)):
        if isinstance(person, Unavailable) or makers.include(person) or not taken.isdisjoint(person.keys):
            continue
        taken |= person.keys
        yield Agreement(person=person, via="named" if is_named else "approval")


def _may_agree(actor: Actor) -> bool:
    """As with an approval: a person who may write."""
    permission = actor.permission
    return actor.person.kind is IdentityKind.HUMAN and not isinstance(permission, Unavailable) and permission.meets(Permission.WRITE)


def _not_agreed(change: Change, others: Sequence[Agreement], rules: EmergencyRules, declarer: Identity) -> Finding:
    observed = f"{len(others)} of {rules.approvals} others agreed on {change.id}"
    step = "approve the final head of the change, merged or not; then run the gate again"
    if rules.agreement == "named":
        step += ". Or the declarer names them: --agreed-by LOGIN"
    who = f"somebody who may write, other than {declarer.login} and whoever made {change.id}"
    return _finding(Outcome.FAIL, Reason.NOT_AGREED, observed, step, who=who, link=change.url)


def _with(findings: Sequence[Finding], outcome: Outcome, reason: Reason, observed: str, required: str = _REQUIRED, step: str = "") -> Ruling:
    return Ruling((*findings, _finding(outcome, reason, observed, step, required=required)))


def _finding(
    outcome: Outcome, reason: Reason, observed: str, step: str = "", *, who: str = "whoever declares it", link: str = "", required: str = _REQUIRED
) -> Finding:
    remedy = Remedy(who=who, step=step, link=link) if step else None
    return Finding(control=ID, change=None, outcome=outcome, reason=reason, observed=observed, required=required, remedy=remedy)
