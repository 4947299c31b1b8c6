"""The record of other evidence than deploys: a file with its owner, its period and the controls that it is evidence of.

An in-toto Statement v1 with a predicate of its own; its subject is the file, by its digest. Values in, a statement out. The file itself lies beside
the record, where a gate decision has its facts (ADR 0155). The JSON Schema is generated from these models into schema/attestation.v1.json.
"""

import hashlib
import re
from collections.abc import Collection
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field

from changegate import __version__
from changegate.errors import InputError
from changegate.evidence import idempotency
from changegate.evidence.card import Card
from changegate.evidence.statement import ATTESTATION, ATTESTATIONS
from changegate.facts import Text, Time
from changegate.record import STATEMENT_TYPE
from changegate.recorded import Part, Previous, Sha256, Tool

SCHEMA_ID: Final = "https://changegate.dev/schema/attestation.v1.json"
MAX_NOTE: Final = 2000
MAX_CONTROLS: Final = 50
OWN: Final = "own:"
"""Begins the id of a control in the organization's own catalogue, which nobody here can know."""
_LOGIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@+-]{0,98}[A-Za-z0-9_])?(?:\[bot\])?", re.ASCII)
_OWN: Final = re.compile(r"own:[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_DAYS: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.\.([0-9]{4}-[0-9]{2}-[0-9]{2})", re.ASCII)


class Kind(StrEnum):
    """What the file is evidence of."""

    ACCESS_REVIEW = "access-review"
    BACKUP_TEST = "backup-test"
    INCIDENT = "incident"
    PENETRATION_TEST = "penetration-test"
    POLICY_REVIEW = "policy-review"
    RECOVERY_TEST = "recovery-test"
    RISK_ASSESSMENT = "risk-assessment"
    TRAINING = "training"
    VENDOR_REVIEW = "vendor-review"
    VULNERABILITY_SCAN = "vulnerability-scan"
    OTHER = "other"


class Verdict(StrEnum):
    """What a reviewer decided."""

    APPROVED = "approved"
    """All of it is as it should be."""
    APPROVED_IN_PART = "approved-in-part"
    """What could be read is as it should be; the parts that the review names as unknown are not covered."""
    CHANGES_REQUIRED = "changes-required"
    """Somebody has what they shouldn't."""


class Period(Part):
    """The days that the evidence is about, the last one included."""

    from_: Annotated[date, Field(alias="from")]
    to: date


class AttachedFile(Part):
    """The file: what it is called is a claim, what it holds is named by the digest."""

    name: Annotated[Text, Field(min_length=1, max_length=255)]
    media_type: str
    sha256: Sha256
    size: Annotated[int, Field(ge=1)]


class Review(Part):
    """Somebody looked through the file and decided. `previous` is the review that it was compared with; the counts say how it differs."""

    reviewer: Text
    decision: Verdict
    entries: Annotated[int, Field(ge=0)]
    unknown: tuple[Text, ...]
    """The parts that could not be read, so that nobody reviewed them."""
    added: Annotated[int, Field(ge=0)]
    removed: Annotated[int, Field(ge=0)]
    changed: Annotated[int, Field(ge=0)]
    previous: Previous | None


class AttestedAt(Part):
    """By the clock of the machine that made the record: a claim."""

    decided: Time


class Attestation(Part):
    """The predicate. `repository` is empty where the evidence is about all that the log is about."""

    log: Text
    type: Kind
    repository: Text
    period: Period
    owner: Text
    controls: tuple[Text, ...]
    file: AttachedFile
    note: Annotated[Text, Field(max_length=MAX_NOTE)]
    review: Review | None
    tool: Tool
    time: AttestedAt


class Claim(Part):
    """What the owner says of the file."""

    type: Kind
    repository: Text = ""
    period: Period
    owner: Text
    controls: tuple[Text, ...]
    note: Text = ""


def parse_period(text: str, *, today: date) -> Period:
    """`2026-01-01..2026-03-31`. Raises `InputError` for what is none, is reversed or hasn't ended."""
    match = _DAYS.fullmatch(text)
    try:
        begin, end = (date.fromisoformat(each) for each in match.groups()) if match else (None, None)
    except ValueError:
        begin, end = None, None
    if begin is None or end is None:
        raise InputError(f"--period {text[:60]!r} is no period", remedy="Give the first and the last day: 2026-01-01..2026-03-31.")
    if begin > end:
        raise InputError(f"--period {text}: it ends before it begins", remedy=f"Did you mean {end}..{begin}?")
    if end > today:
        raise InputError(
            f"--period {text}: its last day lies in the future (today is {today}, UTC)",
            remedy="Evidence is about what has been. Record it once the period is over, or name the days that it is about.",
        )
    return Period(from_=begin, to=end)


def check_login(option: str, login: str) -> str:
    """A login as forges have them, or a mail address. Raises `InputError`."""
    if not _LOGIN.fullmatch(login):
        raise InputError(f"{option} {login[:60]!r} is no login", remedy=f"Name one person by login or mail address: {option} alice.")
    return login


def check_controls(given: Collection[str], known: Collection[str]) -> tuple[str, ...]:
    """The ids, each once, in order. Raises `InputError` for none, for too many, and for one that nobody knows."""
    if not given:
        raise InputError("--control is missing: what is it evidence of?", remedy=f"Give one or more of: {', '.join(sorted(known))}; or {OWN}ID.")
    if len(given) > MAX_CONTROLS:
        raise InputError(f"{len(given)} controls, more than {MAX_CONTROLS}", remedy="Name those that the file is evidence of.")
    for each in given:
        if each not in known and not _OWN.fullmatch(each):
            raise InputError(
                f"--control {each[:80]!r} is no control that is known",
                remedy=f"Give one of: {', '.join(sorted(known))}. One of your own catalogue is written {OWN}ID, for example {OWN}CHG-07.",
            )
    return tuple(sorted(set(given)))


def check_note(note: str) -> str:
    """Raise `InputError` for a note that is too long."""
    if len(note) > MAX_NOTE:
        raise InputError(f"--note has {len(note)} characters, more than {MAX_NOTE}", remedy="Say it shorter; the rest belongs into the file.")
    return note


def make_statement(claim: Claim, file: AttachedFile, *, log: str, decided: datetime, review: Review | None = None) -> dict[str, Any]:
    """The statement, as a JSON value."""
    predicate = Attestation(
        log=log, file=file, review=review, tool=Tool(version=__version__), time=AttestedAt(decided=decided), **claim.model_dump(by_alias=False)
    )
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": file.name, "digest": {"sha256": file.sha256}}],
        "predicateType": ATTESTATION,
        "predicate": predicate.model_dump(mode="json"),
    }


def index_card(statement: dict[str, Any], envelope: bytes) -> Card:
    """The card under which an attestation stands in the log, once it is signed into `envelope`."""
    predicate = statement["predicate"]
    return Card(
        envelope=hashlib.sha256(envelope).hexdigest(),
        predicate_type=ATTESTATION,
        repository=predicate["repository"] or predicate["log"],
        environment=ATTESTATIONS,
        commit=predicate["file"]["sha256"],
        decision=predicate["type"],
        time=predicate["time"]["decided"],
        key=idempotency.of_attestation(statement),
        facts=predicate["file"]["sha256"],
    )


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the predicate."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **Attestation.model_json_schema(by_alias=True, mode="serialization"),
        "title": "changegate attestation, version 1",
    }
