"""Is the list of records complete? The log's records held against the platform's own deployments and the deployed branch. Pure.

No Merkle proof shows an omission: who never came to the gate has no record. So each deployment that the platform lists must have a record, and the
other way round; where they don't agree there is an exception, with what was looked at. What can't be judged is said to be so, and is never whole.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final

from changegate.audit.pairing import SKEW, By, Pair, Place, RecordedDeploy, began, pair, place_of
from changegate.deploys import PlatformDeploy, State

SETTLED: Final = timedelta(hours=24)
"""After that a deploy has ended, and its outcome is due, whatever the platform says."""


class Code(StrEnum):
    """The kinds of exceptions. The codes are permanent."""

    DEPLOY_WITHOUT_RECORD = "deploy-without-record"
    RECORD_WITHOUT_DEPLOY = "record-without-deploy"
    COMMIT_DIFFERS = "commit-differs"
    DEPLOYED_THOUGH_BLOCKED = "deployed-though-blocked"
    RECORD_AFTER_START = "record-after-start"
    OUTCOME_MISSING = "outcome-missing"
    OUTCOME_DIFFERS = "outcome-differs"
    ID_GAP = "id-gap"
    TIME_GAP = "time-gap"
    NEVER_DEPLOYED = "never-deployed"
    OFF_BRANCH = "off-branch"


MEANINGS: Final[Mapping[Code, str]] = {
    Code.DEPLOY_WITHOUT_RECORD: "The platform deployed, and the log has no record of it: the deploy never came to the gate, or its record is gone.",
    Code.RECORD_WITHOUT_DEPLOY: "The gate let a deploy go, and the platform lists none: it was never made, made elsewhere, or deleted from the list.",
    Code.COMMIT_DIFFERS: "The run deployed another commit than the one that its record judged.",
    Code.DEPLOYED_THOUGH_BLOCKED: "The gate stopped this commit, and the platform deployed it all the same.",
    Code.RECORD_AFTER_START: "The decision was made when the deploy was already under way, or over.",
    Code.OUTCOME_MISSING: "The deploy is over, and nobody recorded how it ended.",
    Code.OUTCOME_DIFFERS: "The record says that the deploy ended otherwise than the platform says.",
    Code.ID_GAP: "The platform numbers its deployments without holes, and the list has one: deployments were deleted, or not exported.",
    Code.TIME_GAP: "For longer than was asked about there is no deployment at all.",
    Code.NEVER_DEPLOYED: "The commit reached the deployed branch in the period, and no deploy brought it.",
    Code.OFF_BRANCH: "The deployed commit is not in the history of the branch that deploys come from.",
}


@dataclass(frozen=True)
class AuditException:
    """One thing that doesn't agree, and what was looked at."""

    code: Code
    repository: str
    environment: str
    commit: str
    at: datetime
    deploy: str
    """The platform's id of the deployment; empty where there is none."""
    record: str
    """The record's digest; empty where there is none."""
    evidence: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The same in every run over the same facts: for a list of what was followed up."""
        place = f"{self.repository}/{self.environment}" if self.code in {Code.TIME_GAP, Code.NEVER_DEPLOYED} else ""
        which = {Code.TIME_GAP: self.at.date().isoformat(), Code.NEVER_DEPLOYED: self.commit[:12]}
        return ":".join(filter(None, (self.code.value, place, which.get(self.code, self.deploy or self.record[:16]))))


@dataclass(frozen=True)
class BranchCommit:
    """A commit of the deployed branch's own line."""

    sha: str
    at: datetime
    """When it was committed, as it says itself."""
    subject: str


@dataclass(frozen=True)
class BranchHistory:
    """The deployed branch, held against the commits that were deployed to one place."""

    repository: str
    environment: str
    name: str
    head: str
    looked_at: int
    """How many commits of the period are on it."""
    undeployed: tuple[BranchCommit, ...]
    """Those of them that are in no deployed commit's history."""
    off: frozenset[str] = frozenset()
    """Deployed commits that are not in the branch's history."""
    lacking: tuple[str, ...] = ()
    """Deployed commits that the clone doesn't have, so that nobody can say what they brought."""


@dataclass(frozen=True)
class Asked:
    """What is to be reconciled. The period holds its begin and not its end."""

    begin: datetime
    end: datetime
    extracted: datetime
    """When the facts were fetched: what is younger may still be under way."""
    environments: frozenset[str] = frozenset()
    """Empty: all; as with repositories."""
    repositories: frozenset[str] = frozenset()
    max_gap: timedelta | None = None
    """For how long there may be no deployment; None: as long as may be."""

    def holds(self, found: PlatformDeploy | RecordedDeploy) -> bool:
        """Whether it is of the places asked for."""
        place = place_of(found)
        return (not self.environments or place.environment in {each.casefold() for each in self.environments}) and (
            not self.repositories or place.repository in {each.casefold() for each in self.repositories}
        )

    def dates(self, at: datetime) -> bool:
        """Whether a moment is in the period."""
        return self.begin <= at < self.end


@dataclass(frozen=True)
class Quiet:
    """The longest time without a deployment in a place."""

    repository: str
    environment: str
    begin: datetime
    end: datetime


@dataclass(frozen=True)
class Reconciliation:
    """What agrees, what doesn't, and what nobody can say."""

    pairs: tuple[Pair, ...]
    """The period's deploys, with the record of each that has one."""
    records: tuple[RecordedDeploy, ...]
    """The period's decisions."""
    exceptions: tuple[AuditException, ...]
    unjudged: tuple[str, ...]
    quiet: tuple[Quiet, ...]

    @property
    def whole(self) -> bool | None:
        """Whether all agrees; None where that can't be said."""
        return None if self.unjudged else not self.exceptions


def reconcile(
    asked: Asked, records: Iterable[RecordedDeploy], deploys: Iterable[PlatformDeploy], branches: Iterable[BranchHistory] = ()
) -> Reconciliation:
    """Hold records and deploys against each other. Both are to reach over the period's ends by `pairing.REACH`, where the sources do."""
    known = sorted((each for each in records if asked.holds(each)), key=lambda each: (each.decided, each.log_index))
    listed = list(deploys)
    pairs = pair((each for each in listed if asked.holds(each)), known)
    dated = tuple(each for each in pairs if asked.dates(each.deploy.created))
    unjudged: list[str] = []
    found: list[AuditException] = []
    for each in dated:
        found += _judge(each, asked, unjudged)
    found += _outcomes(dated, asked)
    found += _unused(pairs, known, asked)
    found += _holes(listed, asked)
    quiet = tuple(_quiet(dated, asked))
    if asked.max_gap is not None:
        found += [_gap(each) for each in quiet if each.end - each.begin > asked.max_gap]
    for branch in branches:
        found += _branch(branch, dated)
        unjudged += [f"{branch.repository}: the clone lacks the deployed commit {sha}, so nobody can say what it brought" for sha in branch.lacking]
    return Reconciliation(
        pairs=dated,
        records=tuple(each for each in known if asked.dates(each.decided)),
        exceptions=tuple(sorted(found, key=lambda each: (each.at, each.code, each.id))),
        unjudged=tuple(unjudged),
        quiet=quiet,
    )


def _judge(found: Pair, asked: Asked, unjudged: list[str]) -> Iterator[AuditException]:
    """One deploy of the period against its record."""
    deploy, record, by = found
    if deploy.state is State.NOT_STARTED:
        return
    if record is None:
        yield _exception(Code.DEPLOY_WITHOUT_RECORD, found)
    elif record.commit != deploy.commit:
        yield _exception(Code.COMMIT_DIFFERS, found, judged=record.commit, deployed=deploy.commit)
    elif not record.went:
        if by is By.RUN and deploy.state is State.FAILED:
            return  # the gate stopped it: as it should be
        if by is By.RUN and (deploy.state is State.UNKNOWN or (deploy.state is State.RUNNING and asked.extracted - deploy.created < SETTLED)):
            unjudged.append(
                f"deployment {deploy.id} of {deploy.repository} to {deploy.environment}: its record {record.record[:16]} is {record.verdict}, "
                f"and the platform doesn't say whether it was made ({deploy.said or 'no status'})"
            )
            return
        yield _exception(Code.DEPLOYED_THOUGH_BLOCKED, found)
    else:
        limit, named = _latest_decision(found)
        if limit is not None and record.decided > limit + SKEW:
            yield _exception(Code.RECORD_AFTER_START, found, comparedWith={named: _time(limit)})


def _latest_decision(found: Pair) -> tuple[datetime | None, str]:
    """Until when the decision had to be made. A job that holds the gate begins before it: then it is the start of the deploy itself, or its end."""
    deploy, record, by = found
    if by is By.COMMIT:
        return began(deploy), "deployment's start"
    if record is not None and record.started is not None:
        return record.started, "start by the outcome's record"
    return deploy.finished, "deployment's end"


def _outcomes(pairs: Sequence[Pair], asked: Asked) -> Iterator[AuditException]:
    """Each record's outcome, once, against what the platform says of its deploys."""
    seen: set[str] = set()
    for found in pairs:
        deploy, record, _ = found
        if record is None or not record.went or record.commit != deploy.commit or deploy.state is State.NOT_STARTED:
            continue
        ended = deploy.state in {State.SUCCEEDED, State.FAILED} or asked.extracted - deploy.created >= SETTLED
        if not record.outcome and ended and record.record not in seen:
            yield _exception(Code.OUTCOME_MISSING, found)
        elif (record.outcome, deploy.last) in {("success", State.FAILED), ("failure", State.SUCCEEDED)}:
            yield _exception(Code.OUTCOME_DIFFERS, found, recorded=record.outcome, platform=deploy.said)
        seen.add(record.record)


def _unused(pairs: Sequence[Pair], records: Sequence[RecordedDeploy], asked: Asked) -> Iterator[AuditException]:
    """Records of the period that let a deploy go, which the platform doesn't list. A second run of the gate in a run that deployed needs none."""
    used = {each.record.record for each in pairs if each.record is not None}
    runs = {(place_of(each.deploy), each.record.run, each.record.commit) for each in pairs if each.record is not None and each.by is By.RUN}
    for record in records:
        again = (place_of(record), record.run, record.commit) in runs
        if record.went and record.record not in used and asked.dates(record.decided) and not again:
            yield AuditException(
                Code.RECORD_WITHOUT_DEPLOY,
                record.repository,
                record.environment,
                record.commit,
                record.decided,
                deploy="",
                record=record.record,
                evidence={"record": say_record(record), "deploymentsOfTheCommit": _of_commit(pairs, record)},
            )


def _of_commit(pairs: Sequence[Pair], record: RecordedDeploy) -> list[dict[str, Any]]:
    return [say_deploy(each.deploy) for each in pairs if each.deploy.commit == record.commit and place_of(each.deploy) == place_of(record)]


def _holes(deploys: Sequence[PlatformDeploy], asked: Asked) -> Iterator[AuditException]:
    """Numbers that the platform gave and the list lacks, between deploys around or in the period."""
    counted: dict[str, list[PlatformDeploy]] = {}
    for deploy in deploys:
        if deploy.number is not None and (not asked.repositories or deploy.repository.casefold() in {each.casefold() for each in asked.repositories}):
            counted.setdefault(deploy.repository.casefold(), []).append(deploy)
    for of_one in counted.values():
        ordered = sorted(of_one, key=lambda each: each.number or 0)
        for before, after in pairwise(ordered):
            first, last = (before.number or 0) + 1, (after.number or 0) - 1
            if first <= last and before.created < asked.end and after.created >= asked.begin:
                yield AuditException(
                    Code.ID_GAP,
                    after.repository,
                    "",
                    "",
                    after.created,
                    deploy=f"{first}-{last}" if last > first else str(first),
                    record="",
                    evidence={"missing": [first, last], "before": say_deploy(before), "after": say_deploy(after)},
                )


def _quiet(pairs: Sequence[Pair], asked: Asked) -> Iterator[Quiet]:
    """The longest time without a deployment, by place; the period's ends are ends of it."""
    times: dict[Place, list[datetime]] = {}
    names: dict[Place, PlatformDeploy] = {}
    for each in pairs:
        times.setdefault(place_of(each.deploy), []).append(each.deploy.created)
        names.setdefault(place_of(each.deploy), each.deploy)
    for place, found in sorted(times.items()):
        begin, end = max(pairwise([asked.begin, *sorted(found), max(found[-1], min(asked.end, asked.extracted))]), key=lambda two: two[1] - two[0])
        yield Quiet(names[place].repository, names[place].environment, begin, end)


def _gap(found: Quiet) -> AuditException:
    evidence = {"from": _time(found.begin), "to": _time(found.end), "days": round((found.end - found.begin) / timedelta(days=1), 1)}
    return AuditException(Code.TIME_GAP, found.repository, found.environment, "", found.begin, deploy="", record="", evidence=evidence)


def _branch(branch: BranchHistory, pairs: Sequence[Pair]) -> Iterator[AuditException]:
    where = {"branch": branch.name, "head": branch.head}
    for commit in () if branch.lacking else branch.undeployed:
        evidence = {**where, "committed": _time(commit.at), "subject": commit.subject}
        yield AuditException(
            Code.NEVER_DEPLOYED, branch.repository, branch.environment, commit.sha, commit.at, deploy="", record="", evidence=evidence
        )
    place = Place(branch.repository.casefold(), branch.environment.casefold())
    for each in pairs:
        if place_of(each.deploy) == place and each.deploy.commit in branch.off and each.deploy.state is not State.NOT_STARTED:
            yield _exception(Code.OFF_BRANCH, each, **where)


def _exception(code: Code, found: Pair, **more: Any) -> AuditException:
    deploy, record, by = found
    evidence: dict[str, Any] = {"deployment": say_deploy(deploy)}
    if record is not None:
        evidence |= {"record": say_record(record), "pairedBy": by.value}
    return AuditException(
        code,
        deploy.repository,
        deploy.environment,
        deploy.commit,
        deploy.created,
        deploy=deploy.id,
        record=record.record if record else "",
        evidence=evidence | more,
    )


def say_deploy(deploy: PlatformDeploy) -> dict[str, Any]:
    """A deployment as evidence."""
    return {
        "id": deploy.id,
        "number": deploy.number,
        "commit": deploy.commit,
        "ref": deploy.ref,
        "created": _time(deploy.created),
        "started": _time(deploy.started),
        "finished": _time(deploy.finished),
        "state": deploy.state.value,
        "statuses": deploy.said,
        "runs": list(deploy.runs),
        "url": deploy.url,
    }


def say_record(record: RecordedDeploy) -> dict[str, Any]:
    """A record as evidence."""
    return {
        "record": record.record,
        "logIndex": record.log_index,
        "commit": record.commit,
        "decided": _time(record.decided),
        "verdict": record.verdict,
        "letGo": record.went,
        "run": record.run,
        "url": record.run_url,
        "outcome": record.outcome,
        "outcomeRecord": record.outcome_record,
        "started": _time(record.started),
    }


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
