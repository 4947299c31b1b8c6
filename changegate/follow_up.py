"""The record of an emergency's review afterwards: an in-toto Statement v1 with a predicate of its own, linked to the gate decision that it closes.

Values in, a statement out; and the rule who may review. The JSON Schema is generated from these models into schema/follow-up.v1.json.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Literal

from changegate import __version__
from changegate.approvals import contributors, judge_reviews
from changegate.evidence import idempotency
from changegate.evidence.card import Card
from changegate.evidence.statement import FOLLOW_UP
from changegate.facts import Change, Identity, Run, Text, Time, Unavailable
from changegate.openings import TOKEN
from changegate.outcome import EndedDeployment, GateReference, withhold_run
from changegate.policy import PeerApproved
from changegate.record import STATEMENT_TYPE
from changegate.recorded import Part, Person, RecordedRun, Sha256, Tool

SCHEMA_ID: Final = "https://changegate.dev/schema/follow-up.v1.json"
REVIEWED: Final = "reviewed"


class RetroactiveReview(Part):
    """Who reviewed one change of the emergency after its deploy: by an approval, or as whoever closed it says."""

    change: Text
    by: Person
    at: Time | None
    url: Text
    via: Literal["approval", "named"]


class FollowedAt(Part):
    """By the clock of the machine that made the record: a claim."""

    decided: Time


class FollowUp(Part):
    """The predicate. `late` says whether the review came after the day on which it was due."""

    deployment: EndedDeployment
    gate: GateReference
    result: Literal["reviewed"] = "reviewed"
    incident: Text
    due: Time
    late: bool
    reviews: tuple[RetroactiveReview, ...]
    note: Text
    tool: Tool
    time: FollowedAt


class OpenEmergency(Part):
    """An emergency in the log that has no follow-up yet."""

    envelope: Sha256
    index: int
    repository: Text
    environment: Text
    head: Text
    incident: Text
    reason: Text
    declared_by: Person
    decided: Time
    due: Time
    changes: tuple[str, ...]
    """Of which something was lifted."""
    hides_people: bool = False
    """Whether its policy keeps names out of records."""

    @property
    def names_declarer(self) -> bool:
        """Whether it is known who declared it: else nobody can be told apart from them, and no review counts."""
        return TOKEN.search(self.declared_by.key) is None


def find_review(change: Change, emergency: OpenEmergency, rules: PeerApproved) -> RetroactiveReview | None:
    """The first approval of a change's final head after the deploy, by somebody who may write, neither declarer nor contributor; None without one.

    Where somebody who made the change can't be told apart from its approvers, none counts.
    """
    makers = contributors(change, rules)
    if makers.unresolved or isinstance(change.commits, Unavailable) or not emergency.names_declarer:
        return None
    measure = rules.model_copy(update={"approved_before": "deploy", "permission": "write"})
    for review, standing in judge_reviews(change, measure):
        who, at = review.reviewer, review.submitted_at
        if not standing.counts or isinstance(who, Unavailable) or isinstance(at, Unavailable) or at <= emergency.decided:
            continue
        if emergency.declared_by.key not in who.keys:
            return RetroactiveReview(change=change.id, by=person_of(who), at=at, url=review.url, via="approval")
    return None


def may_close(who: Identity, changes: Iterable[Change], emergency: OpenEmergency, rules: PeerApproved) -> bool:
    """Whether somebody may be named as the reviewer of an emergency: neither its declarer nor a contributor of any of its changes.

    Who made a change that isn't among `changes`, nobody knows.
    """
    if emergency.declared_by.key in who.keys or not emergency.names_declarer:
        return False
    found = {change.id: contributors(change, rules) for change in changes}
    return all(name in found and not found[name].include(who) and not found[name].unresolved for name in emergency.changes)


def _withheld(review: RetroactiveReview) -> RetroactiveReview:
    """The same without who it was. That it was somebody who may was looked at before it was signed."""
    return review.model_copy(update={"by": Person(login="withheld"), "url": ""})


def person_of(who: Identity) -> Person:
    """Somebody, for the record."""
    return Person(login=who.login, key=who.key, kind=who.kind)


def make_statement(
    emergency: OpenEmergency, reviews: tuple[RetroactiveReview, ...], run: Run, *, decided: datetime, note: str = ""
) -> dict[str, Any]:
    """The statement, as a JSON value. Its subject is the deployed commit."""
    if emergency.hides_people:
        run, note = withhold_run(run), "withheld" if note else ""
    reviewed = max((each.at for each in reviews if each.at is not None), default=decided)
    predicate = FollowUp(
        deployment=EndedDeployment(
            repository=emergency.repository, environment=emergency.environment, head=emergency.head, run=RecordedRun(**run.model_dump())
        ),
        gate=GateReference(envelope=emergency.envelope, index=emergency.index),
        incident=emergency.incident,
        due=emergency.due,
        late=reviewed > emergency.due,
        reviews=tuple(map(_withheld, reviews)) if emergency.hides_people else reviews,
        note=note,
        tool=Tool(version=__version__),
        time=FollowedAt(decided=decided),
    )
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": emergency.repository, "digest": {"gitCommit": emergency.head}}],
        "predicateType": FOLLOW_UP,
        "predicate": predicate.model_dump(mode="json"),
    }


def index_card(statement: Mapping[str, Any], envelope: bytes, *, origin: str) -> Card:
    """The card under which a follow-up stands in the log, once it is signed into `envelope`."""
    predicate = statement["predicate"]
    return Card(
        envelope=hashlib.sha256(envelope).hexdigest(),
        predicate_type=FOLLOW_UP,
        repository=predicate["deployment"]["repository"],
        environment=predicate["deployment"]["environment"],
        commit=statement["subject"][0]["digest"]["gitCommit"],
        decision=predicate["result"],
        time=predicate["time"]["decided"],
        key=idempotency.of_follow_up(predicate["gate"]["envelope"], origin=origin),
        about=predicate["gate"]["envelope"],
    )


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the predicate."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **FollowUp.model_json_schema(by_alias=True, mode="serialization"),
        "title": "changegate follow-up, version 1",
    }
