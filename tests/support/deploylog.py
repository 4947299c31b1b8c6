"""A log of many deploys, of all sorts, made without a forge: gate decisions with their facts, and how the deploys ended. The same every time."""

import gzip
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from builders import ALICE, BASE, BOB, CAROL, DAVE, T0, asserted_change, change, check, commit, deployment, facts, landed, review, sha, ticket

from changegate import canonical, outcome, record
from changegate.controls import evaluate
from changegate.evidence import layout, log_policy, note
from changegate.evidence.card import Card, format_card, format_time
from changegate.evidence.commit import NO_COMMIT, Commit, digest_of, format_commit, grow
from changegate.evidence.edge import Edge
from changegate.evidence.index_object import format_index_object
from changegate.facts import CheckState, Facts, Identity, Run
from changegate.policy import EffectivePolicy
from changegate.recorded import GateRun, PolicySource
from changegate.signing import Signer, dsse
from changegate.signing.keys import format_public
from changegate.trust import RecordKey, Trust
from support.evidence import KEY, ORIGIN, key_of

RECORD_KEY = key_of(2)
HOSTILE = '</td><script>alert(1)</script><img src=x onerror=alert(2)> "quoted" \u202eesrever\u202c =1+1'
TITLES = ("Round prices up", "Show prices with tax", "Sell pears", "Fix the basket's total", HOSTILE, "Translate the checkout: čeština, 日本語")
SOURCE = PolicySource(sha256="a" * 64, source="repository", ref=BASE, path=".changegate.yml")


class Kept(NamedTuple):
    card: Card
    envelope: bytes
    facts: bytes | None


def trust(*signers: Signer) -> Trust:
    """Believes the log's key and these signers."""
    keys = tuple(RecordKey(key=format_public(each.public_key)) for each in signers or (RECORD_KEY,))
    return Trust(log_policy=log_policy.format_single(note.verifier_key(ORIGIN, KEY.public_key)), record_keys=keys)


def deploys(
    count: int, *, changes: int = 1, step: timedelta = timedelta(hours=5), signer: Signer = RECORD_KEY, origin: str = ORIGIN
) -> Iterator[Kept]:
    """So many deploys for the log `origin`, one each `step`. Each seventh is blocked, each fifth lacks an outcome; of eleven, one failed, one was
    rolled back.
    """
    for number in range(count):
        at = T0 + number * step
        decision = _decision(number, at, changes, signer, origin)
        yield decision
        if decision.card.decision == "allowed" and number % 5 != 4:
            ending = {10: outcome.Ending.FAILURE, 8: outcome.Ending.ROLLED_BACK}.get(number % 11, outcome.Ending.SUCCESS)
            yield _outcome(decision, at + timedelta(minutes=12), ending, signer, origin)


def write(put: Callable[[str, bytes], None], kept: Iterator[Kept], *, batch: int = 4) -> int:
    """The log's objects, `batch` entries a commit; how many entries it has."""
    previous: Commit | None = None
    digest, edge, some = NO_COMMIT, Edge(), list[Kept]()
    put(layout.LOG, canonical.dumps({"version": 1, "origin": ORIGIN, "created": format_time(T0)}))

    def commit_some() -> None:
        nonlocal previous, digest, edge
        at = max(each.card.at for each in some) + timedelta(minutes=1)
        for place, one in enumerate(some, previous.size if previous else 0):
            put(layout.index_key(one.card.key), format_index_object(place))
        entries = [format_card(each.card) for each in some]
        previous = grow(previous, digest, entries, at=at, nonce=f"{previous.size if previous else 0:032x}", origin=ORIGIN, signer=KEY)
        data = format_commit(previous)
        digest = digest_of(data)
        put(layout.commit_key(previous.number), data)
        edge, objects = edge.grow(previous.entries, previous.leaf_hashes)
        for key, each in objects.items():
            put(key, each)
        some.clear()

    for one in kept:
        put(layout.envelope_key(one.card.envelope), one.envelope)
        if one.facts is not None and one.card.facts is not None:
            put(layout.facts_key(one.card.facts), gzip.compress(one.facts, mtime=0))
        some.append(one)
        if len(some) == batch:
            commit_some()
    if some:
        commit_some()
    put(layout.CHECKPOINT, previous.checkpoint if previous else b"")
    return previous.size if previous else 0


def _decision(number: int, at: datetime, changes: int, signer: Signer, origin: str) -> Kept:
    rules = EffectivePolicy(enforce=number % 13 != 12)
    found = _facts(number, at, changes)
    known = record.facts_json(found)
    statement = record.make_statement(found, evaluate(found, rules), rules, SOURCE, decided=at, previous=None, facts_bytes=known)
    envelope = dsse.format_envelope(dsse.sign(canonical.dumps(statement), signer))
    return Kept(record.index_card(statement, envelope, origin=origin), envelope, known)


def _facts(number: int, at: datetime, changes: int) -> Facts:
    head = sha(f"landed{number}-{changes - 1}")
    parts = tuple(_change(number * changes + each, sha(f"landed{number}-{each}"), at) for each in range(changes))
    span = facts().range.model_copy(update={"head": head, "commits": tuple(landed(f"landed{number}-{each}") for each in range(changes))})
    environment = "staging" if number % 9 == 8 else "production"
    run = Run(id=str(1000 + number), url=f"https://github.example/acme/shop/actions/runs/{1000 + number}")
    return facts(*parts, deployment=deployment(head=head, run=run, environment=environment, deployer=CAROL), range=span, fetched_at=at)


def _change(number: int, commit_id: str, at: datetime) -> Any:
    people: tuple[Identity, ...] = (ALICE, BOB, CAROL, DAVE)
    author, reviewer = people[number % 4], people[(number + 1) % 4]
    opened = at - timedelta(hours=6 + number % 40)
    common: dict[str, Any] = {
        "id": f"#{number + 1}",
        "title": TITLES[number % len(TITLES)],
        "url": f"https://github.example/acme/shop/pull/{number + 1}",
        "author": author,
        "commits": (commit("first", author=author, committer=author), commit("head", parents=(sha("first"),), author=author, committer=author)),
        "landed": (commit_id,),
        "created_at": opened,
        "merged_at": at - timedelta(hours=1),
        "reviews": (review(reviewer, submitted_at=at - timedelta(hours=2), url=f"https://github.example/acme/shop/pull/{number + 1}#r1"),),
        "tickets": (ticket(f"acme/shop#{number + 500}", created_at=opened - timedelta(days=1), title="Prices are wrong", state="open"),),
        "checks": (check(completed_at=at - timedelta(minutes=90)), check("lint", CheckState.SKIPPED)),
    }
    if number % 7 == 6:
        common |= {"reviews": (), "tickets": ()}
    return asserted_change(**common | {"id": commit_id[:12], "url": ""}) if number % 17 == 16 else change(**common)


def _outcome(decision: Kept, at: datetime, ending: outcome.Ending, signer: Signer, origin: str) -> Kept:
    card = decision.card
    run = Run(id="1")
    gate = outcome.GateDecisionEntry(
        index=0, envelope=card.envelope, repository=card.repository, environment=card.environment, verdict=card.decision, decided=card.at,
        run=GateRun(**run.model_dump()), ref="", subjects=({"name": card.repository, "digest": {"gitCommit": card.commit}},),
    )  # fmt: skip
    claim = outcome.Claim(ending=ending, finished=at, reason="" if ending is outcome.Ending.SUCCESS else "the migration timed out")
    statement = outcome.make_statement(claim, gate, run, decided=at, previous=None)
    envelope = dsse.format_envelope(dsse.sign(canonical.dumps(statement), signer))
    return Kept(outcome.index_card(statement, envelope, origin=origin), envelope, None)
