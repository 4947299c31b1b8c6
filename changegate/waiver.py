"""The record of a waiver: one control is waived, for one change or one environment, until a day. An in-toto Statement v1 with a predicate of its own.

Values in, a statement out; its subject is what it holds for, by its digest. Whether it counts, the gate decides (`changegate.waiving`).
The JSON Schema is generated from these models into schema/waiver.v1.json.
"""

import hashlib
import re
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import Field

from changegate import __version__, canonical
from changegate.attestation import check_login
from changegate.errors import InputError
from changegate.evidence import idempotency
from changegate.evidence.card import Card
from changegate.evidence.statement import WAIVER, WAIVERS
from changegate.facts import Text, Time
from changegate.liftable import CONTROLS
from changegate.record import STATEMENT_TYPE
from changegate.recorded import Part, Sha256, Tool
from changegate.waiving import is_address, number_of

SCHEMA_ID: Final = "https://changegate.dev/schema/waiver.v1.json"
MIN_REASON: Final = 10
MAX_REASON: Final = 500
LONGEST: Final = timedelta(days=366)
MAX_NUMBER: Final = 100
"""How many waivers the log may have for the very same scope."""
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
_CHANGE: Final = re.compile(r"[A-Za-z0-9]{1,64}", re.ASCII)


class Scope(Part):
    """What it holds for: one control, on one change, in one environment, or both. Empty: any."""

    control: str
    change: Text
    head: Text
    """The commit at the change's head, for which it was given; empty where it is for no one change."""
    environment: Text
    sha256: Sha256


class WaivedAt(Part):
    """By the clock of the machine that made the record: a claim."""

    decided: Time


class WaiverPredicate(Part):
    """The predicate. Who requested and who approved it, whoever holds the key says."""

    log: Text
    repository: Text
    scope: Scope
    number: Annotated[int, Field(ge=0, lt=MAX_NUMBER)]
    """How many waivers the log had for the very same scope before it."""
    until: date
    reason: Annotated[Text, Field(min_length=MIN_REASON, max_length=MAX_REASON)]
    requested_by: Text
    approved_by: Text
    tool: Tool
    time: WaivedAt


class Claim(Part):
    """What whoever waives says."""

    repository: Text
    control: str
    change: Text = ""
    head: Text = ""
    environment: Text = ""
    until: date
    reason: Text
    requested_by: Text
    approved_by: Text


def check(claim: Claim, *, now: datetime) -> Claim:
    """The claim, its change named by its number. Raises `InputError` for one that could never count, or that holds for too much or too long."""
    change = _check_scope(claim)
    today = now.date()
    if claim.until < today:
        raise InputError(f"--until {claim.until} is over: today is {today} (UTC)", remedy="Give the last day on which it is to hold.")
    if claim.until > today + LONGEST:
        raise InputError(
            f"--until {claim.until}: the last day must be within {LONGEST.days} days from today, {today} (UTC)", remedy="Give a nearer day."
        )
    words = claim.reason.strip()
    if not MIN_REASON <= len(words) <= MAX_REASON or not words.isprintable():
        raise InputError("--reason is too short, too long, or not on one line", remedy=f"Say why in {MIN_REASON} to {MAX_REASON} characters.")
    _check_people(claim)
    return claim.model_copy(update={"change": change, "reason": words})


def _check_scope(claim: Claim) -> str:
    """The change's number, where it is for one."""
    if claim.control not in CONTROLS:
        raise InputError(f"--control {claim.control[:60]!r} can't be waived", remedy=f"Name one of: {', '.join(sorted(CONTROLS))}.")
    change = number_of(claim.change)
    if claim.change and not _CHANGE.fullmatch(change):
        raise InputError(f"--change {claim.change[:60]!r} is no change", remedy="Give its number, or what the report calls it: --change 12.")
    if bool(change) != bool(claim.head) or (claim.head and not _COMMIT.fullmatch(claim.head)):
        raise InputError(
            f"--head {claim.head[:60]!r}: a waiver of a change is for the commit at its head, and for no other",
            remedy="Give --change with --head, the commit's whole id, as the change's page and the gate's report as JSON have it.",
        )
    if not change and not claim.environment:
        raise InputError("a waiver for every change everywhere is none", remedy="Say what it holds for: --change N, --environment E, or both.")
    return change


def _check_people(claim: Claim) -> None:
    for option, login in (("--requested-by", claim.requested_by), ("--approved-by", claim.approved_by)):
        check_login(option, login)
    if is_address(claim.requested_by) != is_address(claim.approved_by):
        raise InputError(
            f"{claim.requested_by} and {claim.approved_by} may be one person: one is a mail address, the other a login",
            remedy="Name both as the forge knows people: by login, or on a bare git history by the address of their commits.",
        )
    if claim.requested_by.casefold() == claim.approved_by.casefold():
        raise InputError(f"{claim.approved_by} requested it and can't approve it", remedy="Somebody else approves: --approved-by LOGIN.")


def make_statement(claim: Claim, *, number: int, log: str, decided: datetime) -> dict[str, Any]:
    """The statement, as a JSON value."""
    said = claim.model_dump(by_alias=False, include={"control", "change", "head", "environment"})
    digest = hashlib.sha256(canonical.dumps({"repository": claim.repository, **said})).hexdigest()
    predicate = WaiverPredicate(
        log=log,
        repository=claim.repository,
        scope=Scope(sha256=digest, **said),
        number=number,
        until=claim.until,
        reason=claim.reason,
        requested_by=claim.requested_by,
        approved_by=claim.approved_by,
        tool=Tool(version=__version__),
        time=WaivedAt(decided=decided),
    )
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": "waived", "digest": {"sha256": digest}}],
        "predicateType": WAIVER,
        "predicate": predicate.model_dump(mode="json"),
    }


def index_card(statement: dict[str, Any], envelope: bytes) -> Card:
    """The card under which a waiver stands in the log, once it is signed into `envelope`."""
    predicate = statement["predicate"]
    scope = predicate["scope"]
    return Card(
        envelope=hashlib.sha256(envelope).hexdigest(),
        predicate_type=WAIVER,
        repository=predicate["repository"],
        environment=WAIVERS,
        commit=scope["sha256"],
        decision="waived",
        time=predicate["time"]["decided"],
        key=idempotency.of_waiver(
            predicate["log"], predicate["repository"], scope["control"], scope["change"], scope["environment"], predicate["number"]
        ),
    )


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the predicate."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **WaiverPredicate.model_json_schema(by_alias=True, mode="serialization"),
        "title": "changegate waiver, version 1",
    }
