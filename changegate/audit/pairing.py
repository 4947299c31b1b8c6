"""Which record belongs to which of the platform's deploys. Pure.

Within one repository and environment, a deploy's record is, in this order:

1. one of the same run and commit, the nearest in time, which no other has. Deploys of one run and commit that are under way at the same time (a
   matrix of jobs) share it; a later attempt of the run, which begins when all of the earlier one is over, doesn't;
2. one of the same run, and of another commit: they differ;
3. one of the same commit that let a deploy go before this one began, the latest that no other deploy has;
4. one of the same commit that let a deploy go after this one began;
5. one of the same commit that stopped a deploy.

Nothing is paired over more than `REACH`. Deploys that succeeded, or may have, choose before those that failed, and those before what never began.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from changegate.deploys import PlatformDeploy, State

REACH: Final = timedelta(days=7)
"""How far apart a deploy and its record may be."""
SKEW: Final = timedelta(minutes=5)
"""How far two clocks may be apart: the log's own bound."""


@dataclass(frozen=True)
class RecordedDeploy:
    """One gate decision of the log, with how its deploy ended."""

    record: str
    """SHA-256 of the signed record."""
    log_index: int
    repository: str
    environment: str
    commit: str
    decided: datetime
    verdict: str
    went: bool
    """Whether it let the deploy go."""
    run: str = ""
    run_url: str = ""
    outcome: str = ""
    """Empty where nobody recorded how it ended."""
    outcome_record: str = ""
    started: datetime | None = None
    """When the deploy began, as whoever recorded its outcome said."""


class By(StrEnum):
    """Why a deploy and a record belong together."""

    RUN = "run"
    COMMIT = "commit"
    NOTHING = ""


class Pair(NamedTuple):
    """A deploy, and its record, if it has one."""

    deploy: PlatformDeploy
    record: RecordedDeploy | None
    by: By = By.NOTHING


class Place(NamedTuple):
    """Where deploys go. Forges tell no cases apart in these names."""

    repository: str
    environment: str


def place_of(found: PlatformDeploy | RecordedDeploy) -> Place:
    """Its place, as one compares them."""
    return Place(found.repository.casefold(), found.environment.casefold())


def began(deploy: PlatformDeploy) -> datetime:
    """When the platform says that it began; at the least, when it was listed."""
    return deploy.started or deploy.created


def pair(deploys: Iterable[PlatformDeploy], records: Iterable[RecordedDeploy]) -> tuple[Pair, ...]:
    """Every deploy with its record, by time."""
    places: dict[Place, _Records] = {}
    for record in sorted(records, key=lambda each: (each.decided, each.log_index)):
        places.setdefault(place_of(record), _Records()).add(record)
    ordered = sorted(deploys, key=lambda each: (each.created, each.id))
    of_place: dict[Place, list[PlatformDeploy]] = {}
    for deploy in ordered:
        of_place.setdefault(place_of(deploy), []).append(deploy)
    found: dict[int, Pair] = {}
    for place, due in of_place.items():
        found |= _pair_place(due, places.get(place, _Records()))
    return tuple(found.get(id(deploy), Pair(deploy, None)) for deploy in ordered)


def _pair_place(deploys: Sequence[PlatformDeploy], records: "_Records") -> dict[int, Pair]:
    found = _of_run(deploys, records)
    found |= _shared(deploys, found)
    for step in (_of_run_elsewhere, _before, _after, _stopped):
        for states in _RANKS:
            for deploy in deploys:
                if deploy.state in states and id(deploy) not in found and (chosen := step(deploy, records)) is not None:
                    found[id(deploy)] = chosen
    return found


@dataclass
class _Records:
    """The records of a place, by what they are looked up by, each list in the order of time."""

    by_run: dict[str, list[RecordedDeploy]] = field(default_factory=dict)
    by_commit: dict[str, list[RecordedDeploy]] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def add(self, record: RecordedDeploy) -> None:
        if record.run:
            self.by_run.setdefault(record.run, []).append(record)
        self.by_commit.setdefault(record.commit, []).append(record)

    def free(self, commit: str, *, went: bool) -> list[RecordedDeploy]:
        return [each for each in self.by_commit.get(commit, ()) if each.went is went and each.record not in self.taken]

    def take(self, deploy: PlatformDeploy, record: RecordedDeploy, by: By) -> Pair:
        self.taken.add(record.record)
        return Pair(deploy, record, by)


_RANKS: Final = ({State.SUCCEEDED, State.UNKNOWN, State.RUNNING}, {State.FAILED}, {State.NOT_STARTED})


def _of_run(deploys: Sequence[PlatformDeploy], records: _Records) -> dict[int, Pair]:
    """Deploys and records of one run and commit, one to one, the nearest first."""
    candidates = [
        # What was stopped explains a deploy that failed, or never began; one that didn't fail was let go by whatever let it.
        (
            not record.went and deploy.state not in {State.FAILED, State.NOT_STARTED},
            abs(record.decided - began(deploy)),
            number,
            record.log_index,
            record,
        )
        for number, deploy in enumerate(deploys)
        for run in dict.fromkeys(deploy.runs)
        for record in records.by_run.get(run, ())
        if record.commit == deploy.commit and abs(record.decided - began(deploy)) <= REACH
    ]
    found: dict[int, Pair] = {}
    for *_, number, _, record in sorted(candidates, key=lambda each: each[:4]):
        deploy = deploys[number]
        if id(deploy) not in found and record.record not in records.taken:
            found[id(deploy)] = records.take(deploy, record, By.RUN)
    return found


def _shared(deploys: Sequence[PlatformDeploy], paired: Mapping[int, Pair]) -> dict[int, Pair]:
    """Deploys without a record of their own that were under way together with one of the same run and commit that was let go."""
    let_go: dict[tuple[str, str], list[Pair]] = {}
    for each in paired.values():
        if each.record is not None and each.record.went:
            let_go.setdefault((each.record.run, each.deploy.commit), []).append(each)
    found: dict[int, Pair] = {}
    for deploy in deploys:
        beside = [each for run in deploy.runs for each in let_go.get((run, deploy.commit), ()) if _together(deploy, each.deploy)]
        if id(deploy) not in paired and beside:
            found[id(deploy)] = Pair(deploy, beside[0].record, By.RUN)
    return found


def _together(one: PlatformDeploy, other: PlatformDeploy) -> bool:
    return one.created <= (other.finished or other.created) and other.created <= (one.finished or one.created)


def _of_run_elsewhere(deploy: PlatformDeploy, records: _Records) -> Pair | None:
    own = [each for run in deploy.runs for each in records.by_run.get(run, ()) if each.record not in records.taken and each.commit != deploy.commit]
    within = [each for each in own if abs(each.decided - began(deploy)) <= REACH]
    chosen = min(within, key=lambda each: abs(each.decided - began(deploy)), default=None)
    return records.take(deploy, chosen, By.RUN) if chosen else None


def _before(deploy: PlatformDeploy, records: _Records) -> Pair | None:
    start = began(deploy)
    due = [each for each in records.free(deploy.commit, went=True) if start - REACH <= each.decided <= start + SKEW]
    return records.take(deploy, due[-1], By.COMMIT) if due else None


def _after(deploy: PlatformDeploy, records: _Records) -> Pair | None:
    start = began(deploy)
    late = [each for each in records.free(deploy.commit, went=True) if start + SKEW < each.decided <= start + REACH]
    return records.take(deploy, late[0], By.COMMIT) if late and deploy.state is not State.NOT_STARTED else None


def _stopped(deploy: PlatformDeploy, records: _Records) -> Pair | None:
    start = began(deploy)
    stopped = [each for each in records.free(deploy.commit, went=False) if start - REACH <= each.decided <= start + SKEW]
    return records.take(deploy, stopped[-1], By.COMMIT) if stopped and deploy.state is not State.NOT_STARTED else None
