"""The use case: record how a deploy ended. It takes ports; `changegate.cli.outcome` wires them."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

from pydantic import ValidationError

from changegate import canonical, outcome, record
from changegate.errors import InputError, VerificationError
from changegate.evidence.card import Card
from changegate.evidence.log import AlreadyRecordedError, AlreadySubmittedError, Log
from changegate.evidence.proof import Receipt
from changegate.evidence.reader import LogReader
from changegate.evidence.signed_record import verify_envelope
from changegate.facts import Run
from changegate.outcome import Claim, Ending, GateDecisionEntry
from changegate.policy import EffectivePolicy
from changegate.recorded import GateRun, Previous
from changegate.signing import RecordSigner
from changegate.trust import Trust

MAX_SEARCHED: Final = 200
"""How many gate decisions of an environment are read to find a run's."""
_SHORTEST: Final = 4
_SUBMITTED: Final = "What `gate --submit-only` left waiting, `changegate integrate` has to append first."


class OfRecord(NamedTuple):
    """The gate decision with this id, or the one that the outcome with this id is about."""

    id: str


class OfRun(NamedTuple):
    """The newest gate decision of an attempt of a run that let its deploy go."""

    id: str
    attempt: int


class OfCommit(NamedTuple):
    """The newest gate decision of a commit that let its deploy go."""

    commit: str


Wanted: TypeAlias = OfRecord | OfRun | OfCommit


class NothingDeployedError(InputError):
    """The gate stopped the deploy that an outcome is about."""


class Place(NamedTuple):
    """Where deploys go: what a log tells them apart by."""

    repository: str
    environment: str


class Finished(NamedTuple):
    """An outcome that is in the log."""

    envelope_digest: str
    receipt: Receipt
    gate: GateDecisionEntry
    repeated: bool
    """Whether it was in the log before; then nothing was appended."""


class Waits(NamedTuple):
    """An outcome whose signed record waits in the store for whoever holds the log's key."""

    envelope_digest: str
    gate: GateDecisionEntry
    repeated: bool
    """Whether it waited before; then nothing was left."""


def record_outcome(
    claim: Claim,
    place: Place,
    wanted: Wanted,
    run: Run,
    log: Log,
    signer: RecordSigner,
    *,
    trust: Trust,
    now: Callable[[], datetime],
    submit_only: bool = False,
) -> Finished | Waits:
    """Find the gate decision that a deploy went through, and append how it ended. `trust` says who may have signed the decision.

    1. The decision: an allowed one, or one in audit mode, of this repository and environment, whose signature holds.
    2. The claim can be true, and contradicts no earlier outcome of the decision.
    3. Sign and append; with `submit_only` leave it waiting. The log takes one success or failure of a decision, and one rollback: the same again
       appends nothing, and leaves nothing beside what waits.

    Raises `NothingDeployedError` where the gate stopped the deploy, `InputError` for what else can't be recorded; `SigningError`, `StoreError`,
    `VerificationError` or `FormatError`.
    """
    reader = log.reader()
    if reader is None:
        raise InputError(
            "the log is empty: no gate decision is in it", remedy=f"Check --store; run `changegate gate` before the deploy. {_SUBMITTED}"
        )
    gate = _find_gate(reader, place, wanted, trust)
    outcome.check(claim, gate, now=now())
    recorded = _endings(reader, gate, log.verify_record)
    _check_conflict(claim.ending, gate, recorded)
    if gate.hides_people:
        claim, run = outcome.withhold(claim, run)
    statement = outcome.make_statement(claim, gate, run, decided=now(), previous=_newest(reader, place, log.verify_record))
    envelope = signer.sign_record(canonical.dumps(statement))
    card = outcome.index_card(statement, envelope, origin=log.verifier_key.name)
    try:
        if submit_only:
            log.submit(card, envelope=envelope)
            return Waits(card.envelope, gate, repeated=False)
        return Finished(card.envelope, log.append(card, envelope=envelope), gate, repeated=False)
    except AlreadyRecordedError as earlier:
        _check_conflict(claim.ending, gate, (earlier.card.decision,))
        return Finished(earlier.card.envelope, earlier.receipt, gate, repeated=True)
    except AlreadySubmittedError as error:
        if error.waiting is None:
            raise
        _check_conflict(claim.ending, gate, (error.waiting.decision,))
        return Waits(error.waiting.envelope, gate, repeated=True)


def _check_conflict(ending: Ending, gate: GateDecisionEntry, recorded: tuple[str, ...]) -> None:
    other = outcome.conflict(ending, recorded)
    if other is not None:
        raise InputError(
            f"the deploy of record {gate.envelope[:16]} is recorded as {other}, it can't end in {ending.value} as well",
            remedy="A new attempt to deploy needs a gate decision of its own: run the gate again. What was rolled back stays so.",
        )


def _find_gate(reader: LogReader, place: Place, wanted: Wanted, trust: Trust) -> GateDecisionEntry:
    stopped: GateDecisionEntry | None = None
    for index, card in _candidates(reader, place, wanted):
        entry = _read_entry(reader, index, card, trust)
        if isinstance(wanted, OfRun) and (entry.run.id, entry.run.attempt) != wanted:
            continue
        if entry.let_go:
            return entry
        stopped = stopped or entry
    said = _say(wanted)
    if stopped is not None:
        raise NothingDeployedError(
            f"the gate decision of {said} (record {stopped.envelope[:16]}) is {stopped.verdict}, so nothing was deployed through it",
            remedy="Record the outcome of an allowed decision. In a workflow run this step only where the gate's output `decision` is `allowed`.",
        )
    raise InputError(
        f"the log has no gate decision of {said} for {place.repository} and {place.environment}",
        remedy="Name the gate's record: --record with the `record-id` of its outputs; and check --environment and --repository. " + _SUBMITTED,
    )


def _say(wanted: Wanted) -> str:
    match wanted:
        case OfRecord(id=name):
            return f"record {name}"
        case OfRun(id=name, attempt=attempt):
            return f"run {name}, attempt {attempt},"
        case OfCommit(commit=commit):
            return f"commit {commit}"


def _candidates(reader: LogReader, place: Place, wanted: Wanted) -> Iterator[tuple[int, Card]]:
    """Cards of gate decisions that may be meant, newest first."""
    if isinstance(wanted, OfRecord):
        yield _by_id(reader, place, wanted.id)
        return
    read = 0
    for index, card in reader.cards():
        if card.predicate_type != record.PREDICATE_TYPE or (card.repository, card.environment) != place:
            continue
        if isinstance(wanted, OfCommit) and card.commit != wanted.commit:
            continue
        read += 1
        if read > MAX_SEARCHED:
            return
        yield index, card


def _by_id(reader: LogReader, place: Place, wanted: str) -> tuple[int, Card]:
    if len(wanted) < _SHORTEST:
        raise InputError(f"--record {wanted!r} is too short", remedy=f"Give at least {_SHORTEST} digits of the record's id.")
    found = [(index, card) for index, card in reader.find(wanted.lower()) if card.envelope.startswith(wanted.lower())]
    if len(found) > 1:
        raise InputError(f"--record {wanted}: {len(found)} records begin so", remedy="Give more digits.")
    if not found:
        raise InputError(f"--record {wanted}: the log has no such record", remedy="The gate's report and its output `record-id` name it.")
    index, card = found[0]
    if card.about is not None:
        return _by_id(reader, place, card.about)
    if card.predicate_type != record.PREDICATE_TYPE:
        raise InputError(f"--record {wanted} is no gate decision", remedy="Name the record that `changegate gate` made before this deploy.")
    if (card.repository, card.environment) != place:
        raise InputError(
            f"--record {wanted} is a deploy of {card.repository} to {card.environment}, not of {place.repository} to {place.environment}",
            remedy=f"Correct --record, or give --environment and --repository as the gate had them: {card.environment}, {card.repository}.",
        )
    return index, card


def _read_entry(reader: LogReader, index: int, card: Card, trust: Trust) -> GateDecisionEntry:
    """What the signed record says. The card only led to it."""
    payload = verify_envelope(reader.envelope(card), trust).payload
    statement = canonical.loads(payload, what="statement")
    try:
        predicate = statement["predicate"]
        deployment = predicate["deployment"]
        return GateDecisionEntry(
            index=index,
            envelope=card.envelope,
            repository=deployment["repository"],
            environment=deployment["environment"],
            verdict=predicate["decision"]["verdict"],
            enforced=predicate["policy"]["enforced"] is not False,
            decided=predicate["time"]["decided"],
            run=GateRun.model_validate(deployment["run"]),
            ref=deployment["ref"],
            subjects=tuple(statement["subject"]),
            hides_people=EffectivePolicy.model_validate(predicate["policy"]["effective"]).privacy.pseudonymise_people,
        )
    except (ValidationError, KeyError, TypeError) as error:
        raise VerificationError(
            f"record {card.envelope[:16]} is signed, and no gate decision that this version can read",
            remedy="Use the version that made it, or a newer one; `changegate verify` says whether it is what was signed.",
        ) from error


def _endings(reader: LogReader, gate: GateDecisionEntry, verify: Callable[[Card], None]) -> tuple[str, ...]:
    """The outcomes that the decision has, each by its signed record. They stand after it."""
    found = []
    for index, card in reader.cards():
        if index <= gate.index:
            break
        if card.predicate_type == outcome.PREDICATE_TYPE and card.about == gate.envelope:
            verify(card)
            found.append(card.decision)
    return tuple(found)


def _newest(reader: LogReader, place: Place, verify: Callable[[Card], None]) -> Previous | None:
    for index, card in reader.cards():
        if (card.repository, card.environment) == place:
            verify(card)
            return Previous(index=index, envelope=card.envelope)
    return None
