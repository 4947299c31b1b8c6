"""Verify an evidence pack under a trust file that didn't come with it."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from changegate import __version__, openings
from changegate.audit.pack import contents, export, stretch
from changegate.audit.pack.contents import Contents, Kept
from changegate.audit.pack.members import Members, check_members
from changegate.audit.scan import MARGIN
from changegate.errors import VerificationError
from changegate.evidence import log_policy, merkle
from changegate.evidence.card import Card, parse_card
from changegate.evidence.checkpoint import Checkpoint
from changegate.evidence.commit import digest_of
from changegate.evidence.proof import parse_receipt
from changegate.evidence.revocations import Revocations
from changegate.evidence.signed_record import verify_record
from changegate.evidence.statement import KEY_REVOCATION
from changegate.openings import Opening
from changegate.trust import Trust, parse

_REMEDY: Final = "The pack isn't what the log has. Ask for it again; make one yourself from the store, and compare."
_ATTACHMENTS: Final = "attachments/"
MADE_OF_RECORDS: Final = (export.REPORT, export.README, export.VERIFIER)
"""What another version of changegate may write otherwise."""


class Verified(NamedTuple):
    """What a pack holds, and what wasn't compared because another version made it."""

    contents: Contents
    checkpoint: Checkpoint
    first: int
    last: int
    """The log's entries in the pack: from `first` to before `last`."""
    until: datetime | None
    """What was appended since this is not in here: the log, as the pack has it, ends so close to the period. None where it goes on long enough."""
    units: int
    sampled: int
    not_compared: tuple[str, ...]
    names: Mapping[str, Opening]
    """What opens names, by their tokens."""


def verify_pack(members: Members, trust: Trust, verifier: bytes, report: export.Report, *, received: datetime) -> Verified:
    """The verified contents. `received` is when the pack, as it is, was in the caller's hands.

    1. The manifest lists exactly these members, each with its SHA-256.
    2. The stretch of the log between two signed checkpoints is whole, and the newest checkpoint continues it (`Stretch.verify`).
       Its key hadn't ended when the pack was received: a checkpoint has no time of its own, and an ended key may be in other hands.
    3. Each record is signed by a trusted key, in its time and before any revocation in the pack; its receipt proves its place under the newest
       checkpoint; in the stretch, that place is the one it has there.
    4. Every entry of the period and the places asked for has its record in the pack, and so has every entry in the stretch that says how one of
       these deploys ended.
    5. Each of the facts, and each file that was attested, is what the log's entry names.
    6. Each opening in names.jsonl opens a token that a signed record, or facts in the pack, hold.
    7. Policies, population, sample, keys and, where this version made them, report, README and verify.py are what follows from the records.

    The caller still owes: that no deploy went past the gate, and that no key was revoked elsewhere in the log.
    Raises `VerificationError`, `FormatError`.
    """
    check_members(members)
    part = stretch.parse(
        *(
            members.read(name) if name in members.names else b""
            for name in (stretch.BEGIN, stretch.END, stretch.NEWEST, stretch.RANGE, stretch.ENTRIES)
        )
    )
    policy = log_policy.of(trust)
    newest = part.verify(policy)
    if policy.ended(part.newest, received):
        raise VerificationError(
            f"the newest checkpoint is signed by a key that had ended by {received:%Y-%m-%d %H:%M} UTC, so nothing tells that it wasn't made since",
            remedy="Did you have the pack before that key ended? Then say when: --received DATE. Else ask for one made anew, after a newer deploy.",
        )
    claims = contents.parse_claims(_get(members, contents.HEADER))
    drawing = contents.parse_drawing(members.read(contents.SAMPLE) if contents.SAMPLE in members.names else None)
    found = Contents(claims, newest.origin, newest.size, drawing=drawing)
    _add_records(members, trust, part, newest, found)
    until = _check_complete(part, newest.size, found)
    _check_facts(members, found)
    _check_attested(members, found)
    names = _check_names(members, found)
    different = _compare(members, found, names, verifier, report)
    units = found.rows()
    drawn = len(found.sampled(units))
    return Verified(found, newest, part.frontier.size, part.last, until, len(units), drawn, different, {each.token: each for each in names})


def _get(members: Members, name: str) -> bytes:
    if name not in members.names:
        raise VerificationError(f"the pack has no {name}", remedy=_REMEDY)
    return members.read(name)


def _add_records(members: Members, trust: Trust, part: stretch.Stretch, newest: Checkpoint, found: Contents) -> None:
    digests = {name.partition("/")[2].partition(".")[0] for name in members.names if name.startswith(("records/", "receipts/"))}
    placed = sorted((_place(members, digest, part, newest), digest) for digest in digests)
    revoked = Revocations(trust)
    for (index, entry), digest in placed:
        card = parse_card(entry)
        signed = verify_record(card, _get(members, f"records/{digest}.json"), trust)
        revoked.check(index, signed.key_id)
        if card.predicate_type == KEY_REVOCATION:
            revoked.take(index, card, signed.key_id, signed.payload)
        found.add(Kept(index, card, signed.key_id, signed.statement["predicate"]))


def _place(members: Members, digest: str, part: stretch.Stretch, newest: Checkpoint) -> tuple[int, bytes]:
    """The index and the entry that a receipt proves."""
    receipt = parse_receipt(_get(members, f"receipts/{digest}.tlog-proof"))
    entry, index, first = receipt.extra, receipt.index, part.frontier.size
    if entry is None or receipt.checkpoint != part.newest or parse_card(entry).envelope != digest:
        raise VerificationError(f"the receipt of record {digest[:16]} is of another record or checkpoint", remedy=_REMEDY)
    merkle.verify_inclusion(merkle.leaf_hash(entry), index, newest.size, receipt.hashes, newest.root)
    if first <= index < part.last and part.entries[index - first] != entry:
        raise VerificationError(f"entry {index} is another in the log than in its receipt", remedy=_REMEDY)
    return index, entry


def _check_complete(part: stretch.Stretch, newest: int, found: Contents) -> datetime | None:
    """Raise unless every entry of the period is there, with its record. The newest entry's time, where the log doesn't go on long enough after it."""
    asked, times = found.claims.wanted, [parse_card(entry).at for entry in part.entries]
    if part.frontier.size and not any(asked.begin - each > MARGIN for each in times):
        raise VerificationError(
            f"the pack's stretch of the log begins with entry {part.frontier.size}, and more of the period may stand before it", remedy=_REMEDY
        )
    goes_on = any(each - asked.end > MARGIN for each in times)
    if part.last < newest and not goes_on:
        raise VerificationError(
            f"the pack's stretch of the log ends with entry {part.last - 1}, and more of the period may stand after it", remedy=_REMEDY
        )
    _check_records(part, found)
    return None if goes_on else max(times, default=asked.begin)


def _check_records(part: stretch.Stretch, found: Contents) -> None:
    indices, decisions = {each.index for each in found.records}, found.decisions
    for index, entry in enumerate(part.entries, part.frontier.size):
        card = parse_card(entry)
        if index not in indices and (found.claims.wanted.holds(card) or card.about in decisions):
            raise VerificationError(f"entry {index} is of the period, and its record {card.envelope[:16]} isn't in the pack", remedy=_REMEDY)


def _check_facts(members: Members, found: Contents) -> None:
    named: dict[str, list[Card]] = {}
    for each in found.records:
        named.setdefault(each.card.facts or "", []).append(each.card)
    facts: set[str] = set()
    for name in members.names:
        if name.startswith("facts/"):
            digest, content = name.partition("/")[2].partition(".")[0], members.read(name)
            if digest_of(content) != digest or digest not in named:
                raise VerificationError(f"{name} isn't what any record in the pack was decided on", remedy=_REMEDY)
            facts |= {card.envelope for card in named[digest]}
    drawn, decisions = set(found.sampled(found.rows())), found.decisions
    for row in found.rows():
        asked = row.record in decisions and (row.id in drawn or found.drawing is None)
        if asked and row.record not in facts and decisions[row.record].card.facts:
            raise VerificationError(f"the facts behind {row.id} aren't in the pack", remedy=_REMEDY)


def read_facts(members: Members, digest: str) -> bytes | None:
    """The facts of this SHA-256, where the pack has them; `verify_pack` held them to it."""
    name = f"facts/{digest}.json"
    return members.read(name) if name in members.names else None


def _check_attested(members: Members, found: Contents) -> None:
    """Every file that was attested in the period is there, and no other."""
    names = {f"attested/{each.facts}" for each in found.attested}
    for name in names | {each for each in members.names if each.startswith("attested/")}:
        if name not in names or digest_of(_get(members, name)) != name.partition("/")[2]:
            raise VerificationError(f"{name} isn't the file that an attestation in the pack vouches for", remedy=_REMEDY)


def _check_names(members: Members, found: Contents) -> tuple[Opening, ...]:
    """What opens names: each line by its token, each token in something that was signed."""
    if export.NAMES not in members.names:
        return ()
    data = members.read(export.NAMES)
    names = openings.parse_openings(data)
    tokens = {token for each in found.records for token in openings.find_tokens(json.dumps(each.predicate))}
    for name in members.names:
        if name.startswith("facts/"):
            tokens |= openings.find_tokens(members.read(name).decode("utf-8", "replace"))
    if not names or openings.choose(names, frozenset(tokens)) != names or openings.format_openings(names) != data:
        raise VerificationError(f"{export.NAMES} opens what no record in the pack holds", remedy=_REMEDY)
    return names


def _compare(members: Members, found: Contents, names: tuple[Opening, ...], verifier: bytes, report: export.Report) -> tuple[str, ...]:
    """Hold every member that is no record to what the records make. What another version made, and so isn't compared."""
    order = export.Order(
        claims=found.claims,
        trust=_get(members, contents.TRUST),
        verifier=verifier,
        drawing=found.drawing,
        report=report,
        names=names,
        reconciliation=members.read(export.RECONCILIATION) if export.RECONCILIATION in members.names else None,
        attachments={name.removeprefix(_ATTACHMENTS): members.read(name) for name in members.names if name.startswith(_ATTACHMENTS)},
    )
    _ = parse(order.trust)
    same_version = found.claims.tool == f"changegate {__version__}"
    expected: set[str] = set()
    different: list[str] = []
    for name, content in export.finish(found, order, lambda digest: read_facts(members, digest)):
        expected.add(name)
        if _get(members, name) != content:
            if same_version or name not in MADE_OF_RECORDS:
                raise VerificationError(f"{name} isn't what the records in the pack make", remedy=_REMEDY)
            different.append(name)
    extra = {name for name in members.names if name.startswith("policies/")} - expected
    if extra:
        raise VerificationError(f"no record in the pack was judged by {min(extra)}", remedy=_REMEDY)
    return tuple(different)
