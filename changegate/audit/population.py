"""The population: every production change of a period, as the log has it, with what proves that the list is whole.

Nothing is left to the order of the log or to the times of its commits, which nobody signs: every entry under the signed checkpoint is looked at, and
those whose own record is dated in the period are read, their signatures verified. A list with an entry that can't be read is none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from changegate import canonical, outcome, record
from changegate.evidence import merkle
from changegate.evidence.card import Card
from changegate.evidence.reader import LogReader
from changegate.evidence.revocations import Revocations
from changegate.evidence.signed_record import verify_record
from changegate.evidence.statement import ATTESTATION
from changegate.trust import Trust


class Kind(StrEnum):
    """Which population."""

    CHANGES = "changes"
    """Every change that a deploy brought to the environment: one row a deploy and change."""
    DEPLOYS = "deploys"
    """Every deploy that was let go: one row each, redeploys and rollbacks too."""
    ROLLBACKS = "rollbacks"
    """Deploys that went back to an earlier commit."""
    BLOCKED = "blocked"
    """Attempts that were stopped: blocked, or not to be judged."""
    ATTESTATIONS = "attestations"
    """Other evidence that was recorded in the period: one row each."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for. The period holds its begin and not its end."""

    kind: Kind
    begin: datetime
    end: datetime
    environments: frozenset[str] = frozenset()
    """Empty: all; as with repositories."""
    repositories: frozenset[str] = frozenset()

    def holds(self, card: Card) -> bool:
        """Whether an entry is of the period and the places asked for."""
        return (
            self.begin <= card.at < self.end
            and (not self.environments or card.environment in self.environments)
            and (not self.repositories or card.repository in self.repositories)
        )


class Row(NamedTuple):
    """One unit of a population. Texts are data from outside; lists are joined by `; `."""

    id: str
    """`<record id>` or `<record id>:<change id>`: what a sample is drawn by."""
    decided: str
    repository: str
    environment: str
    commit: str
    range: str
    """ahead, first-deploy, redeploy, rollback, rewritten."""
    verdict: str
    mode: str
    """enforced or audit."""
    outcome: str
    """How the deploy ended: success, failure, rolled-back; empty where nobody recorded it."""
    deployer: str
    run: str
    record: str
    """SHA-256 of the signed record."""
    log_index: int
    """Its place in the log."""
    change: str = ""
    """Of a deploy: all of its changes; so with the findings. What follows is said of a change alone."""
    findings: str = ""
    """What stood in the way: control/reason."""
    title: str = ""
    url: str = ""
    author: str = ""
    approved_by: str = ""
    """Whose approvals counted."""
    merged: str = ""
    tickets: str = ""
    rollback_plan: str = ""
    """yes or no."""


COLUMNS: Final = Row._fields


class Ends(NamedTuple):
    """The tree at a place in the log: how many entries it holds, and its root in hex."""

    size: int
    root: str


@dataclass(frozen=True)
class Population:
    """The rows, and what shows that they are all (information produced by the entity)."""

    wanted: Wanted
    rows: tuple[Row, ...]
    origin: str
    checkpoint: str
    """The signed note that the list was read under."""
    size: int
    examined: int
    """How many entries were looked at: all of them."""
    begin: Ends
    """The log before the period's first entry…"""
    end: Ends
    """…and after its last one."""
    proofs: tuple[tuple[str, ...], tuple[str, ...]]
    """RFC 6962 consistency proofs, in hex: from `begin` to `end`, and from `end` to the checkpoint."""


def collect(reader: LogReader, trust: Trust, wanted: Wanted, revoked: Revocations) -> Population:
    """The population as the log has it under the reader's checkpoint.

    Raises `VerificationError` or `FormatError` where an entry, or the record behind one of the period, isn't what was signed; `StoreError`.
    """
    decisions: list[tuple[int, Card]] = []
    endings: dict[str, str] = {}
    places: list[int] = []
    for index, card in reader.cards(newest_first=False) if reader.size else ():
        if wanted.begin <= card.at < wanted.end:
            places.append(index)
        if card.predicate_type == outcome.PREDICATE_TYPE and card.about is not None:
            endings[card.about] = card.decision  # the latest one stands
        elif card.predicate_type == _counted(wanted.kind) and wanted.holds(card):
            decisions.append((index, card))
    rows = [row for index, card in decisions for row in _rows(_read(reader, trust, revoked, index, card), index, card, wanted.kind, endings)]
    begin, end = (places[0], places[-1] + 1) if places else (reader.size, reader.size)
    return Population(
        wanted=wanted,
        rows=tuple(rows),
        origin=reader.checkpoint.origin,
        checkpoint=reader.signed.decode("utf-8"),
        size=reader.size,
        examined=reader.size,
        begin=_ends(reader, begin),
        end=_ends(reader, end),
        proofs=(_consistency(reader, begin, end), _consistency(reader, end, reader.size)),
    )


def _read(reader: LogReader, trust: Trust, revoked: Revocations, index: int, card: Card) -> dict[str, Any]:
    signed = verify_record(card, reader.envelope(card), trust)
    revoked.check(index, signed.key_id)
    predicate: dict[str, Any] = canonical.loads(signed.payload, what="statement")["predicate"]
    return predicate


def _counted(kind: Kind) -> str:
    return ATTESTATION if kind is Kind.ATTESTATIONS else record.PREDICATE_TYPE


def _rows(predicate: Mapping[str, Any], index: int, card: Card, kind: Kind, endings: Mapping[str, str]) -> Iterator[Row]:
    if kind is Kind.ATTESTATIONS:
        yield _attested(predicate, index, card)
        return
    went = card.decision == "allowed" or predicate["policy"]["enforced"] is False
    moved = predicate["range"]["outcome"]
    match kind:
        case Kind.BLOCKED:
            taken = not went
        case Kind.ROLLBACKS:
            taken = went and moved == "rollback"
        case _:
            taken = went
    if not taken:
        return
    whole = _row(predicate, index, card, endings.get(card.envelope, ""))
    if kind is Kind.CHANGES:
        for change in predicate["changes"]:
            yield _of_change(whole, change)
    else:
        findings = [each for part in (predicate, *predicate["changes"]) for each in part["findings"]]
        changes = predicate["changes"]
        yield whole._replace(change="; ".join(each["id"] for each in changes), findings=_failed(findings))


def _row(predicate: Mapping[str, Any], index: int, card: Card, ending: str) -> Row:
    deployment = predicate["deployment"]
    run = deployment["run"]
    return Row(
        id=card.envelope[:16],
        decided=card.time,
        repository=card.repository,
        environment=card.environment,
        commit=card.commit,
        range=predicate["range"]["outcome"],
        verdict=card.decision,
        mode="enforced" if predicate["policy"]["enforced"] else "audit",
        outcome=ending,
        deployer=deployment["deployer"]["login"] if deployment["deployer"] else "",
        run=run["url"] or run["id"],
        record=card.envelope,
        log_index=index,
    )


def _attested(predicate: Mapping[str, Any], index: int, card: Card) -> Row:
    """Other evidence: its days stand as the range, its file's name as the title, its controls as what it is about; who reviewed it, approved it."""
    review = predicate["review"] or {"reviewer": "", "decision": ""}
    return Row(
        id=card.envelope[:16],
        decided=card.time,
        repository=card.repository,
        environment=card.environment,
        commit=card.commit,
        range=f"{predicate['period']['from']}..{predicate['period']['to']}",
        verdict=card.decision,
        mode="",
        outcome=review["decision"],
        deployer="",
        run="",
        record=card.envelope,
        log_index=index,
        change="; ".join(predicate["controls"]),
        title=predicate["file"]["name"],
        author=predicate["owner"],
        approved_by=review["reviewer"],
    )


def _of_change(whole: Row, change: Mapping[str, Any]) -> Row:
    return whole._replace(
        id=f"{whole.id}:{change['id']}",
        change=change["id"],
        findings=_failed(change["findings"]),
        title=change["title"],
        url=change["url"],
        author=change["author"]["login"],
        approved_by="; ".join(dict.fromkeys(each["by"]["login"] for each in change["approvals"] or () if each["counts"])),
        merged=change["merged"] or "",
        tickets="; ".join(each["key"] for each in change["tickets"] or ()),
        rollback_plan="yes" if change["rollbackPlan"] else "no",
    )


def _failed(findings: list[Mapping[str, Any]]) -> str:
    return "; ".join(dict.fromkeys(f"{each['control']}/{each['reason']}" for each in findings if each["outcome"] in {"fail", "unknown"}))


def _ends(reader: LogReader, size: int) -> Ends:
    return Ends(size, merkle.root_of(size, reader.hashes).hex())


def _consistency(reader: LogReader, old: int, new: int) -> tuple[str, ...]:
    return tuple(each.hex() for each in merkle.consistency_proof(old, new, reader.hashes)) if 0 < old < new else ()
