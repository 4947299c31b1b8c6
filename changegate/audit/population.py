"""The population: every production change of a period, as the log has it, with what proves that the list is whole.

Nothing is left to the order of the log or to the times of its commits, which nobody signs: every entry under the signed checkpoint is looked at, and
those whose own record is dated in the period are read, their signatures verified. A list with an entry that can't be read is none.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from changegate import canonical, outcome, record
from changegate.audit.scan import Scan, scan
from changegate.evidence import merkle, revocations
from changegate.evidence.card import Card
from changegate.evidence.reader import LogReader
from changegate.evidence.revocations import Revocations
from changegate.evidence.signed_record import verify_record
from changegate.evidence.statement import ATTESTATION
from changegate.stores import Store
from changegate.trust import Trust


class Kind(StrEnum):
    """Which population."""

    CHANGES = "changes"
    """Every change that a deploy brought to the environment: one row a deploy and change."""
    DEPLOYS = "deploys"
    """Every deploy that was let go: one row each, redeploys and rollbacks too."""
    ROLLBACKS = "rollbacks"
    """Deploys that went back to an earlier commit, and those that were taken back after they ended."""
    BLOCKED = "blocked"
    """Attempts that were stopped: blocked, or not to be judged."""
    EMERGENCIES = "emergencies"
    """Deploys that were let go as an emergency."""
    WAIVERS = "waivers"
    """What was waived: one row a deploy and waiver."""
    ATTESTATIONS = "attestations"
    """Other evidence that was recorded in the period: one row each."""


EMERGENCY: Final = "allowed-as-emergency"
"""The verdict of an emergency's record."""
LET_GO: Final = frozenset({"allowed", EMERGENCY})
_FACTS: Final = {Kind.EMERGENCIES: "emergency", Kind.WAIVERS: "waivers"}
"""Where a record's `decision` keeps what a population is made of. A record without the field could not have said it."""


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
        return self.begin <= card.at < self.end and self.holds_place(card)

    def holds_place(self, card: Card) -> bool:
        """Whether an entry, of whatever time, is of the places asked for."""
        return (not self.environments or card.environment in self.environments) and (not self.repositories or card.repository in self.repositories)


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
    type: str = ""
    """Of a change: pull-request, merge, commit, direct-push…"""
    exception: str = ""
    """The waivers, or the emergency, by which the deploy was let go, as recorded."""


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
    decisions: int = 0
    """How many gate decisions of the period and the places were read."""
    silent: int = 0
    """How many of them have no field for what is listed (emergencies, waivers), so that they can't be in the list."""


def collect(reader: LogReader, trust: Trust, wanted: Wanted, store: Store) -> Population:
    """The population as the log has it under the reader's checkpoint.

    Raises `VerificationError` or `FormatError` where an entry, or the record behind one of the period, isn't what was signed; `StoreError`.
    """
    found = scan(reader, wanted.begin, wanted.end)
    revoked = revocations.collect(found.revocations, store, trust)
    return tabulate(reader, wanted, found, lambda index, card: _read(reader, trust, revoked, index, card))


def tabulate(reader: LogReader, wanted: Wanted, found: Scan, read: Callable[[int, Card], Mapping[str, Any]]) -> Population:
    """The population among what was found. `read` gives the verified predicate of an entry's record. Raises as `collect` does."""
    silent: list[bool] = []

    def counted(index: int, card: Card) -> Mapping[str, Any]:
        predicate = read(index, card)
        if card.predicate_type == record.PREDICATE_TYPE:
            silent.append(_is_silent(predicate, wanted.kind))
        return predicate

    rows = list_rows(wanted, found.dated, found.about, counted)
    begin, end = (found.dated[0][0], found.dated[-1][0] + 1) if found.dated else (reader.size, reader.size)
    return Population(
        wanted=wanted,
        rows=rows,
        origin=reader.checkpoint.origin,
        checkpoint=reader.signed.decode("utf-8"),
        size=reader.size,
        examined=reader.size,
        begin=_ends(reader, begin),
        end=_ends(reader, end),
        proofs=(_consistency(reader, begin, end), _consistency(reader, end, reader.size)),
        decisions=len(silent),
        silent=sum(silent),
    )


def list_rows(
    wanted: Wanted, dated: Iterable[tuple[int, Card]], about: Iterable[tuple[int, Card]], read: Callable[[int, Card], Mapping[str, Any]]
) -> tuple[Row, ...]:
    """The rows that these entries make, `dated` in the period, `about` said of them later; both in the log's order. Raises what `read` raises."""
    endings = {
        card.about: (index, card) for index, card in about if card.about and card.predicate_type == outcome.PREDICATE_TYPE
    }  # the latest stands
    rows: list[Row] = []
    for index, card in dated:
        if card.predicate_type != (ATTESTATION if wanted.kind is Kind.ATTESTATIONS else record.PREDICATE_TYPE) or not wanted.holds(card):
            continue
        if wanted.kind is Kind.ATTESTATIONS:
            rows.append(_attested(read(index, card), index, card))
            continue
        predicate, ended = read(index, card), endings.get(card.envelope)
        ending = ended[1].decision if ended else ""
        if ended and _is_wanted(predicate, wanted.kind, ending):
            read(*ended)  # no word of it counts that nobody signed
        rows += _rows(predicate, index, card, wanted.kind, ending)
    return tuple(rows)


def _read(reader: LogReader, trust: Trust, revoked: Revocations, index: int, card: Card) -> dict[str, Any]:
    signed = verify_record(card, reader.envelope(card), trust)
    revoked.check(index, signed.key_id)
    predicate: dict[str, Any] = signed.statement["predicate"]
    return predicate


def went(predicate: Mapping[str, Any]) -> bool:
    """Whether the gate let the deploy go: by its verdict, or in audit mode, which stops nothing."""
    return predicate["decision"]["verdict"] in LET_GO or predicate["policy"]["enforced"] is False


def _is_silent(predicate: Mapping[str, Any], kind: Kind) -> bool:
    return kind in _FACTS and _FACTS[kind] not in predicate["decision"] and not exceptions_of(predicate, kind)


def exceptions_of(predicate: Mapping[str, Any], kind: Kind) -> tuple[str, ...]:
    """By what a deploy was let go besides its changes' merits, each as one text: the waivers, the emergency, or, of other kinds, both."""
    decision = predicate["decision"]
    waivers = tuple(map(_say, decision.get("waivers") or ()))
    emergency = decision.get("emergency") or (EMERGENCY if decision["verdict"] == EMERGENCY else None)
    emergencies = (_say(emergency),) if emergency else ()
    return {Kind.WAIVERS: waivers, Kind.EMERGENCIES: emergencies}.get(kind, waivers + emergencies)


def _say(value: Any) -> str:
    return value if isinstance(value, str) else canonical.dumps(value).decode("utf-8")


def _is_wanted(predicate: Mapping[str, Any], kind: Kind, ending: str) -> bool:
    match kind:
        case Kind.BLOCKED:
            return not went(predicate)
        case Kind.ROLLBACKS:
            return went(predicate) and (predicate["range"]["outcome"] == "rollback" or ending == "rolled-back")
        case Kind.WAIVERS | Kind.EMERGENCIES:
            return went(predicate) and bool(exceptions_of(predicate, kind))
        case Kind.ATTESTATIONS:
            return False
        case _:
            return went(predicate)


def _rows(predicate: Mapping[str, Any], index: int, card: Card, kind: Kind, ending: str) -> Iterator[Row]:
    if not _is_wanted(predicate, kind, ending):
        return
    said = exceptions_of(predicate, kind)
    whole = _row(predicate, index, card, ending)._replace(exception="; ".join(said))
    changes = predicate["changes"]
    if kind is Kind.CHANGES:
        for change in changes:
            yield _of_change(whole, change)
        return
    findings = [each for part in (predicate, *changes) for each in part["findings"]]
    whole = whole._replace(change="; ".join(each["id"] for each in changes), findings=_failed(findings))
    if kind is not Kind.WAIVERS:
        yield whole
        return
    for number, waiver in enumerate(said, 1):
        yield whole._replace(id=f"{whole.id}:waiver-{number}", exception=waiver)


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
        type=change["kind"],
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
    return "; ".join(dict.fromkeys(f"{each['control']}/{each['reason']}" for each in findings if each["outcome"] in {"fail", "unknown", "lifted"}))


def _ends(reader: LogReader, size: int) -> Ends:
    return Ends(size, merkle.root_of(size, reader.hashes).hex())


def _consistency(reader: LogReader, old: int, new: int) -> tuple[str, ...]:
    return tuple(each.hex() for each in merkle.consistency_proof(old, new, reader.hashes)) if 0 < old < new else ()
