"""The use case of `changegate followup`: find emergencies without a review, look whether there is one by now, and append it. It takes ports."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from pydantic import ValidationError

from changegate import canonical, follow_up
from changegate.decision import Verdict
from changegate.due_reviews import is_reviewed
from changegate.errors import InputError, VerificationError
from changegate.evidence.card import Card
from changegate.evidence.log import AlreadyRecordedError, AlreadySubmittedError, Log
from changegate.evidence.proof import Receipt
from changegate.evidence.reader import LogReader
from changegate.evidence.statement import GATE_DECISION
from changegate.facts import Actor, Change, Deployment, DeployRange, Facts, IdentityKind, Known, Permission, Run, Unavailable
from changegate.follow_up import OpenEmergency, RetroactiveReview
from changegate.openings import Opening, hides_people, open_value
from changegate.policy import EffectivePolicy, PeerApproved
from changegate.recorded import RecordedEmergency
from changegate.signing import RecordSigner, dsse


class Reviews(Protocol):
    """What is asked of a forge. Every method raises `ForgeError` where it can't give a whole answer."""

    def fetch_changes(self, deployment: Deployment, deploy_range: DeployRange) -> tuple[Change, ...]:
        """As `Forge.fetch_changes`: the same changes, as they are now."""

    def fetch_actor(self, login: str) -> Known[Actor]:
        """As `Declaring.fetch_actor`."""


class Found(NamedTuple):
    """An emergency, with the facts and rules that it was decided by."""

    emergency: OpenEmergency
    facts: Facts
    rules: PeerApproved


class Closing(NamedTuple):
    """Whom somebody names as the reviewer of an emergency that no approval can close."""

    record: str
    reviewer: str
    note: str


class Followed(NamedTuple):
    """What became of an emergency."""

    emergency: OpenEmergency
    reviews: tuple[RetroactiveReview, ...] = ()
    record: str = ""
    """The digest of the follow-up; empty where there is no review yet."""
    receipt: Receipt | None = None
    """None where it waits to be integrated."""

    @property
    def closed(self) -> bool:
        """Whether it is reviewed now."""
        return bool(self.record)


def list_open(
    reader: LogReader | None, repository: str, verify: Callable[[Card], None], names: Mapping[str, Opening] | None = None
) -> tuple[Found, ...]:
    """Every emergency of a repository without a follow-up, the oldest first, by its signed record. Every entry of the log is looked at.

    `names` opens records that hide people.

    Raises as `verify` does, `StoreError`, and `VerificationError` for a record that this version can't read.
    """
    cards = reader.cards(newest_first=False) if reader is not None else ()
    return tuple(
        _read(reader, index, card, verify, names or {})
        for index, card in cards
        if reader is not None
        and (card.predicate_type, card.decision, card.repository) == (GATE_DECISION, Verdict.ALLOWED_AS_EMERGENCY, repository)
        and not is_reviewed(reader, card.envelope, verify)
    )


def _read(reader: LogReader, index: int, card: Card, verify: Callable[[Card], None], names: Mapping[str, Opening]) -> Found:
    verify(card)
    predicate: dict[str, Any] = canonical.loads(dsse.parse_envelope(reader.envelope(card)).payload, what="statement")["predicate"]
    try:
        said = RecordedEmergency.model_validate(open_value(predicate["decision"]["emergency"], names if hides_people(predicate) else {}))
        facts = Facts.model_validate(canonical.loads(reader.facts(card) or b"", what="facts"))
        policy = EffectivePolicy.model_validate(predicate["policy"]["effective"])
    except (ValidationError, KeyError, TypeError) as error:
        raise VerificationError(
            f"record {card.envelope[:16]} is signed, and no emergency that this version can read",
            remedy="Use the version that made it, or a newer one.",
        ) from error
    emergency = OpenEmergency(
        envelope=card.envelope,
        index=index,
        repository=card.repository,
        environment=card.environment,
        head=card.commit,
        incident=said.incident,
        reason=said.reason,
        declared_by=said.declared_by,
        decided=card.at,
        due=said.review_due,
        changes=tuple(dict.fromkeys(each.change for each in said.lifted)),
        hides_people=policy.privacy.pseudonymise_people,
    )
    return Found(emergency, facts, policy.controls.peer_approved)


def follow(
    found: Iterable[Found],
    forge: Reviews,
    log: Log,
    signer: RecordSigner,
    run: Run,
    *,
    now: Callable[[], datetime],
    closing: Closing | None = None,
    submit_only: bool = False,
) -> tuple[Followed, ...]:
    """Look for the review of each, on every change that something was lifted of, and append those that are there.

    Raises `ForgeError`, `SigningError`, `StoreError`, `VerificationError`; `InputError` for a `closing` that names none of them, or nobody who may.
    """
    due = tuple(found)
    wanted = None if closing is None else _wanted(due, closing)
    done = []
    for each in due:
        changes = {change.id: change for change in forge.fetch_changes(each.facts.deployment, each.facts.range)}
        reviews = [follow_up.find_review(changes[name], each.emergency, each.rules) for name in each.emergency.changes if name in changes]
        given = tuple(review for review in reviews if review is not None)
        note = ""
        if closing is not None and wanted is each.emergency:
            recorded = {} if each.emergency.hides_people else {change.id: change for change in each.facts.changes}
            given, note = (_named(closing, forge, each, (recorded | changes).values(), now()),), closing.note
        elif len(given) < len(each.emergency.changes):
            done.append(Followed(each.emergency, given))
            continue
        statement = follow_up.make_statement(each.emergency, given, run, decided=now(), note=note)
        done.append(Followed(each.emergency, given, *_append(statement, log, signer, submit_only=submit_only)))
    return tuple(done)


def _wanted(due: tuple[Found, ...], closing: Closing) -> OpenEmergency:
    named = [each.emergency for each in due if len(closing.record) >= 4 and each.emergency.envelope.startswith(closing.record.lower())]
    if len(named) != 1:
        raise InputError(
            f"--close {closing.record[:64]!r} names {'no' if not named else 'more than one'} open emergency",
            remedy="Give its record's id, as listed.",
        )
    return named[0]


def _named(closing: Closing, forge: Reviews, found: Found, changes: Iterable[Change], at: datetime) -> RetroactiveReview:
    """The reviewer whom the option names: an account that may write, neither the declarer nor a contributor."""
    actor = forge.fetch_actor(closing.reviewer)
    if isinstance(actor, Unavailable) or isinstance(actor.permission, Unavailable) or actor.person.kind is not IdentityKind.HUMAN:
        raise InputError(f"it can't be told who {closing.reviewer} is, or what they may do", remedy="Name a person who may write to the repository.")
    if not actor.permission.meets(Permission.WRITE) or not follow_up.may_close(actor.person, changes, found.emergency, found.rules):
        raise InputError(
            f"{actor.person.login} may not review this emergency: they declared it, made some of it, may not write, or who made it isn't known",
            remedy="Name somebody else: --reviewed-by LOGIN.",
        )
    return RetroactiveReview(change=found.emergency.head, by=follow_up.person_of(actor.person), at=at, url="", via="named")


def _append(statement: dict[str, Any], log: Log, signer: RecordSigner, *, submit_only: bool) -> tuple[str, Receipt | None]:
    """The digest of the follow-up's record, and its receipt. One that another run appended meanwhile is as good."""
    envelope = signer.sign_record(canonical.dumps(statement))
    card = follow_up.index_card(statement, envelope, origin=log.verifier_key.name)
    try:
        if submit_only:
            log.submit(card, envelope=envelope)
            return card.envelope, None
        return card.envelope, log.append(card, envelope=envelope)
    except AlreadyRecordedError as earlier:
        return earlier.card.envelope, earlier.receipt
    except AlreadySubmittedError as error:
        if error.waiting is None:
            raise
        return error.waiting.envelope, None
