"""The record of how a deploy ended: an in-toto Statement v1 with a predicate of its own, linked to the gate decision that it belongs to.

Values in, a statement out. Its JSON Schema is generated from these models into schema/deploy-outcome.v1.json.
"""

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field

from changegate import __version__
from changegate.decision import LET_GO
from changegate.errors import InputError
from changegate.evidence import idempotency
from changegate.evidence.card import Card
from changegate.evidence.statement import DEPLOY_OUTCOME
from changegate.facts import Run, Text, Time
from changegate.record import STATEMENT_TYPE
from changegate.recorded import GateRun, Part, Previous, RecordedRun, Sha256, Tool

PREDICATE_TYPE: Final = DEPLOY_OUTCOME
SCHEMA_ID: Final = "https://changegate.dev/schema/deploy-outcome.v1.json"
MAX_REASON: Final = 2000
MAX_URL: Final = 2000
MAX_SKEW: Final = timedelta(minutes=5)
"""How far two clocks may be apart: the log's own bound."""


class Ending(StrEnum):
    """How a deploy ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    """It is not live, in whole or in part."""
    ROLLED_BACK = "rolled-back"
    """It was taken back after its success or failure: the version before it is live again."""


class EndedDeployment(Part):
    """Which deploy. `run` is the pipeline run that says how it ended; the gate decision has the run that was judged."""

    repository: Text
    environment: Text
    head: str
    run: RecordedRun


class GateReference(Part):
    """The allowed gate decision that this deploy went through: the digest of its envelope, and its index in the log."""

    envelope: Sha256
    index: Annotated[int, Field(ge=0)]


class OutcomeTimes(Part):
    """By the clocks of the machines that deployed and recorded: claims. `started` is null where nobody said."""

    started: Time | None
    finished: Time
    decided: Time


class DeployOutcome(Part):
    """The predicate."""

    deployment: EndedDeployment
    gate: GateReference
    outcome: Ending
    reason: Annotated[Text, Field(max_length=MAX_REASON)]
    url: Annotated[Text, Field(max_length=MAX_URL)]
    tool: Tool
    time: OutcomeTimes
    previous: Previous | None


class GateDecisionEntry(Part):
    """A gate decision in the log, as far as an outcome needs it."""

    index: int
    envelope: Sha256
    repository: Text
    environment: Text
    verdict: str
    enforced: bool = True
    decided: Time
    run: GateRun
    ref: Text
    subjects: tuple[dict[str, Any], ...]
    hides_people: bool = False
    """Whether its policy takes names out of what is recorded."""

    @property
    def let_go(self) -> bool:
        """Whether a deploy could go through it: allowed, or judged in audit mode, which stops nothing."""
        return self.verdict in LET_GO or not self.enforced

    @property
    def commit(self) -> str:
        """The deployed commit."""
        return str(self.subjects[0]["digest"]["gitCommit"])


class Claim(Part):
    """What somebody says of a deploy's end."""

    ending: Ending
    started: Time | None = None
    finished: Time
    reason: Text = ""
    url: Text = ""


def withhold(claim: Claim, run: Run) -> tuple[Claim, Run]:
    """Both without what may name somebody, where the decision's policy hides people."""
    return claim.model_copy(update={"reason": "withheld" if claim.reason else "", "url": ""}), withhold_run(run)


def withhold_run(run: Run) -> Run:
    """A run by its number alone: who is known by name, only the gate's facts say, so nobody could be found in its texts and addresses."""
    return Run(id=run.id, attempt=run.attempt, workflow_sha=run.workflow_sha)


def check(claim: Claim, gate: GateDecisionEntry, *, now: datetime) -> None:
    """Raise `InputError` for a claim that can't be true: too long, reversed or future times, an end before the gate decided."""
    if len(claim.reason) > MAX_REASON:
        raise InputError(f"--reason has {len(claim.reason)} characters, more than {MAX_REASON}", remedy="Say it shorter, and link the rest: --url.")
    if len(claim.url) > MAX_URL:
        raise InputError(f"--url has {len(claim.url)} characters, more than {MAX_URL}", remedy="Give a shorter link.")
    if claim.finished > now + MAX_SKEW:
        raise InputError(f"--finished {claim.finished.isoformat()} lies in the future", remedy="Give the time at which the deploy ended, or none.")
    if claim.started is not None and claim.started > claim.finished:
        raise InputError(
            f"--started {claim.started.isoformat()} is later than the end, {claim.finished.isoformat()}", remedy="Check which of them is which."
        )
    if claim.finished < gate.decided - MAX_SKEW:
        raise InputError(
            f"the deploy ended at {claim.finished.isoformat()}, before the gate allowed it at {gate.decided.isoformat()}",
            remedy="Check --finished, and that --record names the decision that this deploy went through.",
        )


def conflict(ending: Ending, recorded: Collection[str]) -> str | None:
    """Why an ending can't be added to those that a gate decision has already; None where it can (or is there already).

    A deploy ends once, in success or in failure; after either it may be rolled back, and then it is over.
    """
    return None if ending is Ending.ROLLED_BACK or ending in recorded else next(iter(recorded), None)


def make_statement(claim: Claim, gate: GateDecisionEntry, run: Run, *, decided: datetime, previous: Previous | None) -> dict[str, Any]:
    """The statement, as a JSON value. Its subjects are those of the gate decision."""
    predicate = DeployOutcome(
        deployment=EndedDeployment(repository=gate.repository, environment=gate.environment, head=gate.commit, run=RecordedRun(**run.model_dump())),
        gate=GateReference(envelope=gate.envelope, index=gate.index),
        outcome=claim.ending,
        reason=claim.reason,
        url=claim.url,
        tool=Tool(version=__version__),
        time=OutcomeTimes(started=claim.started, finished=claim.finished, decided=decided),
        previous=previous,
    )
    return {
        "_type": STATEMENT_TYPE,
        "subject": list(gate.subjects),
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate.model_dump(mode="json"),
    }


def index_card(statement: dict[str, Any], envelope: bytes, *, origin: str) -> Card:
    """The card under which an outcome stands in the log, once it is signed into `envelope`."""
    predicate = statement["predicate"]
    return Card(
        envelope=hashlib.sha256(envelope).hexdigest(),
        predicate_type=statement["predicateType"],
        repository=predicate["deployment"]["repository"],
        environment=predicate["deployment"]["environment"],
        commit=statement["subject"][0]["digest"]["gitCommit"],
        decision=predicate["outcome"],
        time=predicate["time"]["decided"],
        key=idempotency.of_outcome(predicate["gate"]["envelope"], predicate["outcome"], origin=origin),
        about=predicate["gate"]["envelope"],
    )


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the predicate."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **DeployOutcome.model_json_schema(by_alias=True, mode="serialization"),
        "title": "changegate deploy outcome, version 1",
    }
