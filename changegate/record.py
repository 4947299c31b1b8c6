"""The change record of a gate run: an in-toto Statement v1 with a predicate of our own, as exact bytes.

Facts and decision in, bytes out. The bytes are canonical JSON (RFC 8785); they are signed as they are and never serialised again.
The predicate's parts are in `changegate.recorded`; its JSON Schema is generated from them into schema/gate-decision.v1.json.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from changegate import __version__, approvals, canonical
from changegate.controls import rollback_plan
from changegate.decision import Decision, Finding, Lifted
from changegate.evidence import idempotency
from changegate.evidence.card import Card
from changegate.evidence.statement import GATE_DECISION
from changegate.facts import Calendar, Change, Check, Deployment, Facts, Identity, Missing, Ticket, Time, Unavailable, Waiver
from changegate.policy import Controls, EffectivePolicy
from changegate.recorded import (
    GateDecision,
    GateRun,
    Person,
    PolicySource,
    Previous,
    RecordedAgreement,
    RecordedApproval,
    RecordedCalendar,
    RecordedChange,
    RecordedCheck,
    RecordedDecision,
    RecordedDeployment,
    RecordedDueReview,
    RecordedEmergency,
    RecordedFacts,
    RecordedFinding,
    RecordedLifted,
    RecordedPlan,
    RecordedPolicy,
    RecordedRange,
    RecordedTicket,
    RecordedWaiver,
    Times,
    Tool,
)

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = GATE_DECISION
SCHEMA_ID: Final = "https://changegate.dev/schema/gate-decision.v1.json"
_EXCERPT: Final = 500

T = TypeVar("T")


def make_statement(
    facts: Facts,
    decision: Decision,
    policy: EffectivePolicy,
    source: PolicySource,
    *,
    decided: Time,
    previous: Previous | None,
    facts_bytes: bytes,
    repeat: int = 0,
) -> dict[str, Any]:
    """The statement, as a JSON value. `facts_bytes` is what `facts_json` gave: the record holds its digest. `repeat` tells apart the runs of the gate
    within one attempt of a job.
    """
    predicate = GateDecision(
        deployment=_deployment(facts.deployment, repeat),
        range=_range(facts),
        policy=RecordedPolicy(**source.model_dump(), enforced=policy.enforce, effective=policy.model_dump(mode="json")),
        changes=_changes(facts, decision, policy.controls),
        findings=tuple(_finding(each) for each in decision.findings if each.change is None),
        decision=_decision(decision, facts),
        facts=RecordedFacts(sha256=hashlib.sha256(facts_bytes).hexdigest(), size=len(facts_bytes)),
        tool=Tool(version=__version__),
        time=Times(fetched=facts.fetched_at, decided=decided),
        previous=previous,
    )
    return {
        "_type": STATEMENT_TYPE,
        "subject": _subjects(facts.deployment),
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate.model_dump(mode="json"),
    }


def facts_json(facts: Facts) -> bytes:
    """The canonical JSON of the facts: kept beside the record, addressed by its SHA-256, and read again to make the decision again."""
    return canonical.dumps(facts.model_dump(mode="json"))


def index_card(statement: dict[str, Any], envelope: bytes, *, origin: str) -> Card:
    """The card under which a statement of ours stands in the log, once it is signed into `envelope`."""
    predicate = statement["predicate"]
    deployment = predicate["deployment"]
    return Card(
        envelope=hashlib.sha256(envelope).hexdigest(),
        predicate_type=statement["predicateType"],
        repository=deployment["repository"],
        environment=deployment["environment"],
        commit=statement["subject"][0]["digest"]["gitCommit"],
        decision=predicate["decision"]["verdict"],
        time=predicate["time"]["decided"],
        key=idempotency.of_decision(statement, origin=origin),
        facts=predicate["facts"]["sha256"],
    )


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the predicate."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **GateDecision.model_json_schema(by_alias=True, mode="serialization"),
        "title": "changegate gate decision, version 1",
    }


def _decision(decision: Decision, facts: Facts) -> RecordedDecision:
    emergency = decision.emergency
    return RecordedDecision(
        verdict=decision.verdict,
        reasons=decision.reasons,
        emergency=None
        if emergency is None
        else RecordedEmergency(
            **emergency.model_dump(include={"reason", "incident", "permission", "review_due"}),
            declared_by=_person(emergency.declared_by),
            agreed_by=tuple(RecordedAgreement(by=_person(each.person), via=each.via) for each in emergency.agreed_by),
            lifted=_lifted(emergency.lifted),
        ),
        waivers=tuple(_waiver(each.waiver, lifted=each.lifted) for each in decision.waivers),
        refused_waivers=tuple(_waiver(each.waiver, why=each.why) for each in decision.refused),
        calendars=tuple(RecordedCalendar(**dict(each)) for each in dict.fromkeys(_named(one) for one in facts.calendars)),
        due_reviews=tuple(RecordedDueReview(**each.model_dump()) for each in facts.due_reviews),
    )


def _named(calendar: Calendar) -> tuple[tuple[str, str], ...]:
    return ("path", calendar.path), ("commit", calendar.commit), ("sha256", calendar.sha256)


def _lifted(lifted: tuple[Lifted, ...]) -> tuple[RecordedLifted, ...]:
    return tuple(RecordedLifted(**each.model_dump()) for each in lifted)


def _waiver(waiver: Waiver, *, lifted: tuple[Lifted, ...] = (), why: str = "") -> RecordedWaiver:
    return RecordedWaiver(**waiver.model_dump(exclude={"decided", "defect"}), lifted=_lifted(lifted), why=why)


def _subjects(deployment: Deployment) -> list[dict[str, Any]]:
    commit = {"name": deployment.repository, "digest": {"gitCommit": deployment.head}}
    return [commit, *({"name": each.name, "digest": {"sha256": each.sha256}} for each in deployment.artifacts)]


def _deployment(found: Deployment, repeat: int) -> RecordedDeployment:
    deployer = found.deployer
    return RecordedDeployment(
        **found.model_dump(exclude={"deployer", "run", "artifacts"}),
        deployer=None if isinstance(deployer, Missing | Unavailable) else _person(deployer),
        run=GateRun(**found.run.model_dump(), repeat=repeat),
    )


def _range(facts: Facts) -> RecordedRange:
    found = facts.range
    return RecordedRange(
        **found.model_dump(exclude={"commits", "removed", "base_tree", "head_deployed_at"}),
        commits=len(found.commits),
        removed=tuple(each.sha for each in found.removed),
    )


def _changes(facts: Facts, decision: Decision, rules: Controls) -> tuple[RecordedChange, ...]:
    trees = {commit.sha: commit.tree for commit in facts.range.commits}
    findings: dict[str | None, list[RecordedFinding]] = {}
    for finding in decision.findings:
        findings.setdefault(finding.change, []).append(_finding(finding))
    return tuple(_change(change, facts, rules, trees, tuple(findings.get(change.id, ()))) for change in facts.changes)


def _change(change: Change, facts: Facts, rules: Controls, trees: Mapping[str, str], findings: tuple[RecordedFinding, ...]) -> RecordedChange:
    makers = approvals.contributors(change, rules.peer_approved)
    plan = rollback_plan.find_plan(change, facts, rules.rollback_plan)
    return RecordedChange(
        **change.model_dump(include={"id", "kind", "assurance", "title", "url", "landed"}),
        author=_person(change.author),
        contributors=tuple(_person(each) for each in makers.everyone),
        approvals=None
        if isinstance(change.reviews, Unavailable)
        else tuple(_approval(each) for each in approvals.judge_reviews(change, rules.peer_approved)),
        tickets=None if isinstance(change.tickets, Unavailable) else tuple(_ticket(each) for each in change.tickets),
        rollback_plan=RecordedPlan(excerpt=plan.text[:_EXCERPT], sha256=hashlib.sha256(plan.text.encode("utf-8")).hexdigest()) if plan.text else None,
        checks=None if isinstance(change.checks, Missing | Unavailable) else tuple(_check(each) for each in change.checks),
        merged=_known(change.merged_at),
        head=_known(change.head),
        head_tree=_known(change.head_tree),
        landed_tree=trees.get(change.landed[-1]) if change.landed else None,
        findings=findings,
    )


def _approval(judged: approvals.Judged) -> RecordedApproval:
    review, standing = judged
    return RecordedApproval(
        by=_person(review.reviewer),
        at=_known(review.submitted_at),
        commit=_known(review.commit),
        via=review.via,
        counts=standing.counts,
        why=standing,
        url=review.url,
    )


def _ticket(ticket: Ticket) -> RecordedTicket:
    return RecordedTicket(
        **ticket.model_dump(include={"key", "kind", "assurance", "url", "title", "state", "type", "approval"}), created=_known(ticket.created_at)
    )


def _check(check: Check) -> RecordedCheck:
    return RecordedCheck(**check.model_dump(include={"name", "commit", "state", "url"}))


def _finding(finding: Finding) -> RecordedFinding:
    return RecordedFinding(**finding.model_dump(mode="json", exclude={"change"}))


def _person(person: Identity | Unavailable) -> Person:
    if isinstance(person, Unavailable):
        return Person(login=person.why)
    return Person(login=person.login, key=person.key, kind=person.kind)


def _known(value: T | Missing | Unavailable) -> T | None:
    return None if isinstance(value, Missing | Unavailable) else value
