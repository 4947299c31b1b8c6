"""Honest logs of any life, each drawn from a seed: whoever verifies one and finds a problem raised a false alarm.

A life has jobs whose clocks are a few minutes wrong, that append, submit, integrate, try again, are stopped at any write; keys that are rotated and
revoked; outcomes; witnesses; readers that keep a checkpoint and verify while it grows. The same seed gives the same log.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from random import Random
from typing import Final

from changegate import canonical, keychange, outcome, record
from changegate.cli.vouching import vouch
from changegate.errors import StoreError
from changegate.evidence import cosignature, idempotency, log_policy, note
from changegate.evidence.card import Card, format_time
from changegate.evidence.integration import integrate
from changegate.evidence.log import Environment, Log
from changegate.evidence.log_policy import LogPolicy
from changegate.evidence.proof import Receipt
from changegate.evidence.waiting import Vouch
from changegate.outcome import Ending
from changegate.signing.dsse import EnvelopeSigner
from changegate.signing.keys import format_public
from changegate.stores import NOTHING, Batch, Store
from changegate.trust import RecordKey, Trust
from changegate.witness.obtain import publish
from support.evidence import BEGIN, ORIGIN, Killed, digest, key_of, nonces

_SKEW: Final = 290
"""How many seconds a runner's clock may be wrong and is still an honest one's (the bound is 300)."""
_REPOSITORIES: Final = ("acme/shop", "acme/päy-ments", 'acme/"quoted"\\name', "gruppe/unter gruppe/läden", "a/b", "acme/\u2028\U0001f6a2")
_ENVIRONMENTS: Final = ("production", "staging", "prod eu-1", "prod/\u00fc\u0301", "<b>", "x" * 200)


class Stopped:
    """A store whose process is killed before, or after, one of its writes."""

    def __init__(self, inner: Store, at: int, *, after: bool) -> None:
        self._inner, self._left, self._after = inner, at, after
        self.url = inner.url

    def read(self, key: str) -> bytes | None:
        return self._inner.read(key)

    def read_many(self, keys: Collection[str]) -> Mapping[str, bytes | None]:
        return self._inner.read_many(keys)

    def list(self, prefix: str) -> Iterator[str]:
        return self._inner.list(prefix)

    def create(self, key: str, data: bytes, then: Batch = NOTHING) -> bool:
        if self._left == 1 and self._after:  # between the commit and what follows from it
            self._inner.create(key, data)
            raise Killed
        self._write()
        return self._inner.create(key, data, then)

    def apply(self, batch: Batch) -> frozenset[str]:
        self._write()
        return self._inner.apply(batch)

    def flush(self) -> None:
        self._write()
        self._inner.flush()

    def _write(self) -> None:
        if self._left == 0:
            raise Killed
        self._left -= 1


@dataclass
class Life:
    """A log that was written honestly, and what is known of it outside."""

    seed: int
    trust: Trust
    now: datetime
    records: dict[int, Card] = field(default_factory=dict)
    """Every gate decision that has a receipt, by its entry."""
    receipts: list[tuple[Receipt, bytes]] = field(default_factory=list)
    """Some receipts, with their records."""
    kept: list[bytes] = field(default_factory=list)
    """Checkpoints that somebody kept, oldest first."""
    disturbed: bool = False
    """Whether something was stopped, or may wait for ever: then there may be notes."""
    refused: list[str] = field(default_factory=list)
    """What honest jobs were told, that had no receipt."""


class Author:
    """Lives one life. `size` is about how many entries the log gets."""

    def __init__(self, seed: int, open_store: Callable[[], Store], size: int) -> None:
        """`open_store` opens the store as the next job does."""
        self._chance, self._open_store, self._size = Random(seed), open_store, size
        self._record_keys, self._log_keys = [key_of(2), key_of(3)], [key_of(1)]
        if self._chance.random() < 0.3:
            self._log_keys = self._record_keys[:1]  # one key for both, as `changegate keys generate` makes it
        self._witnesses = [key_of(100 + each) for each in range(self._chance.choice([0, 0, 0, 1, 3]))]
        quorum = self._chance.choice(["none", "any", "all"]) if self._witnesses else "none"
        self._demands = quorum != "none"
        entries = tuple(RecordKey(key=format_public(each.public_key)) for each in self._record_keys)
        self.life = Life(seed, Trust(log_policy=self._log_policy(quorum), record_keys=entries), BEGIN)
        self._quorum = quorum
        self._usable = list(self._record_keys)
        self._log_key = self._log_keys[0]
        self._ended = set[str]()
        self._number = 0
        self._count = 0

    def live(self) -> Life:
        """The whole life."""
        while self._count < self._size:
            self._pass_time()
            event = self._chance.choices(
                [self._append, self._again, self._finish, self._submit_some, self._die, self._keep, self._rotate, self._revoke],
                [50, 4, 8, 6, 5, 5, 1.5, 1],
            )[0]
            try:
                event()
            except StoreError as error:
                if "this runner's clock" not in error.message:
                    raise
                self.life.refused.append(error.message)
                self.life.disturbed = True
                self._count += 1
        if self._demands:
            self._cosign()
        return self.life

    def _append(self) -> None:
        card, envelope, facts = self._decide(clock := self._clock())
        self._take(self._log(clock).append(card, envelope=envelope, facts=facts), card, envelope)

    def _again(self) -> None:
        """A step that is run again, as its reply was lost: the same entry."""
        clock = self._clock()
        card, envelope, facts = self._decide(clock)
        first = self._log(clock).append(card, envelope=envelope, facts=facts)
        self._pass_time(minutes=True)
        again = self._log(self._clock(clock)).append(card, envelope=envelope, facts=facts)
        if again.index != first.index:
            raise AssertionError(f"appended twice: {first.index}, {again.index}")
        self._take(again, card, envelope)

    def _finish(self) -> None:
        """The outcome of a deploy that was allowed."""
        open_ones = [(card, ending) for card in self.life.records.values() if card.decision == "allowed" for ending in Ending]
        open_ones = [each for each in open_ones if self._end_of(*each) not in self._ended]
        if not open_ones:
            return
        about, ending = self._chance.choice(open_ones)
        clock = self._clock()
        key = self._end_of(about, ending)
        predicate = {
            "deployment": {"repository": about.repository, "environment": about.environment},
            "gate": {"envelope": about.envelope},
            "outcome": ending.value,
            "time": {"decided": format_time(clock)},
        }
        envelope = self._sign(outcome.PREDICATE_TYPE, about.commit, predicate)
        card = Card(
            digest(envelope), outcome.PREDICATE_TYPE, about.repository, about.environment, about.commit, ending.value, format_time(clock), key,
            about=about.envelope,
        )  # fmt: skip
        self._take(self._log(clock).append(card, envelope=envelope), card, envelope)
        self._ended.add(key)

    def _submit_some(self) -> None:
        """Jobs without the log's key; then, nearly always, the one that has it."""
        for _ in range(self._chance.choice([1, 2, 3, max(3, self._size - self._count)])):
            self._pass_time(minutes=True)
            card, envelope, facts = self._decide(clock := self._clock())
            self._log(clock).submit(card, envelope=envelope, facts=facts)
            self._count += 1
        if self._chance.random() < 0.9:
            self._pass_time(minutes=True)
            store, clock = self._open_store(), self._clock()
            log = self._log(clock, store)
            done = integrate(store, log, self._rule(store), now=lambda: clock)
            self.life.disturbed |= bool(done.refused)  # dated ahead of the integrator's clock, or waited for too long: it stays
            for taken in done.taken:
                if taken.card.predicate_type == record.PREDICATE_TYPE:
                    self.life.records[taken.entry] = taken.card
        else:
            self.life.disturbed = True

    def _die(self) -> None:
        card, envelope, facts = self._decide(clock := self._clock())
        store = Stopped(self._open_store(), self._chance.randrange(6), after=self._chance.random() < 0.5)
        self._count += 1
        try:
            self._log(clock, store).append(card, envelope=envelope, facts=facts)
        except Killed:
            self.life.disturbed = True

    def _keep(self) -> None:
        """Somebody copies the newest checkpoint, and it may be cosigned."""
        kept = self._cosign()
        if kept is not None:
            self.life.kept.append(kept)

    def _rotate(self) -> None:
        """As `changegate keys rotate` does: the old keys end after an overlap, and an entry by one of them says so."""
        if len(self._record_keys) > 4:
            return
        old, new = self._chance.choice(self._usable), key_of(20 + len(self._record_keys))
        clock = self._clock()
        until, trust = clock + timedelta(hours=self._chance.choice([1, 24])), self.life.trust
        ended = tuple(each if each.until else each.model_copy(update={"until": until}) for each in trust.record_keys)
        replaces = tuple(each.key_id for each in self._usable)
        statement = keychange.rotation(new.public_key, replaces=replaces, since=clock, log=ORIGIN, decided=clock)
        envelope = EnvelopeSigner(old).sign_record(canonical.dumps(statement))
        card = keychange.index_card(statement, envelope, by=old.key_id)
        self._take(self._log(clock).append(card, envelope=envelope), card, envelope)
        if self._log_key in self._record_keys:
            self._log_keys = [*self._log_keys, new]
            self._log_key = new
        self._record_keys.append(new)
        self._usable = [new]
        added = RecordKey(key=format_public(new.public_key), from_=clock)
        self.life.trust = trust.model_copy(update={"log_policy": self._log_policy(self._quorum), "record_keys": (*ended, added)})
        self._forget_policy()
        self._pass_time(seconds=2 * _SKEW)  # a slow clock would find the new key's time not begun

    def _revoke(self) -> None:
        """One key that isn't needed is revoked by another."""
        if len(self._usable) < 2 or self._log_key in self._usable:
            return
        gone, by = self._usable
        clock = self._clock()
        statement = keychange.revocation(gone.public_key, since=clock, reason="a laptop was stolen", log=ORIGIN, decided=clock)
        envelope = EnvelopeSigner(by).sign_record(canonical.dumps(statement))
        card = keychange.index_card(statement, envelope, by=by.key_id)
        self._take(self._log(clock).append(card, envelope=envelope), card, envelope)
        self._usable = [by]

    def _take(self, receipt: Receipt, card: Card, envelope: bytes) -> None:
        self._count += 1
        if card.predicate_type == record.PREDICATE_TYPE:
            self.life.records[receipt.index] = card
        if self._chance.random() < 0.2:
            self.life.receipts.append((receipt, envelope))

    def _decide(self, at: datetime) -> tuple[Card, bytes, bytes | None]:
        """A gate's decision."""
        self._number += 1
        chance, number = self._chance, self._number
        facts = canonical.dumps({"facts": number, "text": "ä" * chance.randrange(40)}) if chance.random() < 0.7 else None
        repository, environment = chance.choice(_REPOSITORIES), chance.choice(_ENVIRONMENTS)
        run = {"id": str(chance.randrange(10**9)), "attempt": str(number)}
        predicate = {
            "deployment": {"repository": repository, "environment": environment, "run": run},
            "decision": {"verdict": chance.choice(["allowed", "allowed", "blocked"])},
            "time": {"decided": format_time(at)},
            **({"facts": {"sha256": digest(facts)}} if facts is not None else {}),
        }
        commit = digest(b"%d %d" % (self.life.seed, number))[: chance.choice([40, 64])]
        envelope = self._sign(record.PREDICATE_TYPE, commit, predicate)
        key = idempotency.of_decision(self._statement(record.PREDICATE_TYPE, commit, predicate), origin=ORIGIN)
        verdict = str(predicate["decision"]["verdict"])  # type: ignore[index]
        card = Card(
            digest(envelope), record.PREDICATE_TYPE, repository, environment, commit, verdict, format_time(at), key,
            digest(facts) if facts is not None else None,
        )  # fmt: skip
        return card, envelope, facts

    @staticmethod
    def _statement(kind: str, commit: str, predicate: Mapping[str, object]) -> dict[str, object]:
        subject = [{"name": "git+https://example.com/acme/shop", "digest": {"gitCommit": commit}}]
        return {"_type": record.STATEMENT_TYPE, "subject": subject, "predicateType": kind, "predicate": predicate}

    def _sign(self, kind: str, commit: str, predicate: Mapping[str, object]) -> bytes:
        signer = EnvelopeSigner(self._chance.choice(self._usable))
        return signer.sign_record(canonical.dumps(self._statement(kind, commit, predicate)))

    @staticmethod
    def _end_of(about: Card, ending: Ending) -> str:
        return idempotency.of_outcome(about.envelope, ending, origin=ORIGIN)

    def _log(self, clock: datetime, store: Store | None = None) -> Log:
        """As a new job opens it."""
        store = store or self._open_store()
        environment = Environment(lambda: clock, lambda _attempt: None, nonces(self._chance.randrange(2**32)), reference=lambda: self.life.now)
        return Log(
            store, self._log_key, ORIGIN, environment,
            vouch=self._rule(store), also_trusted=self._policy.logs, windows=self._policy.windows,
        )  # fmt: skip

    def _rule(self, store: Store) -> Vouch:
        return vouch(self.life.trust, origin=ORIGIN, store=store, policy=self._policy)

    @cached_property
    def _policy(self) -> LogPolicy:
        return log_policy.of(self.life.trust)

    def _forget_policy(self) -> None:
        del self._policy

    def _log_policy(self, quorum: str) -> str:
        lines = [f"log {note.format_verifier_key(note.verifier_key(ORIGIN, each.public_key))}" for each in self._log_keys]
        for number, each in enumerate(self._witnesses):
            lines.append(f"witness w{number} {note.format_verifier_key(cosignature.witness_key(f'w.example/{number}', each.public_key))}")
        if quorum != "none":
            lines.append(f"group g {quorum} " + " ".join(f"w{number}" for number in range(len(self._witnesses))))
        return "\n".join([*lines, f"quorum {'g' if quorum != 'none' else 'none'}", ""])

    def _cosign(self) -> bytes | None:
        """Every witness cosigns the newest checkpoint, which is published with what they gave; None while there is none."""
        store = self._open_store()
        reader = self._log(self._clock(), store).reader()
        if reader is None or not self._witnesses:
            return reader.signed if reader is not None else None
        lines = [cosignature.cosign(reader.signed, f"w.example/{at}", key, self.life.now) for at, key in enumerate(self._witnesses)]
        cosigned = cosignature.merge(reader.signed, lines, self._policy.witnesses.values())
        publish(store, cosigned, self._policy)
        return cosigned

    def _clock(self, not_before: datetime | None = None) -> datetime:
        """Some runner's."""
        clock = self.life.now + timedelta(seconds=self._chance.choice([0, 0, 0, self._chance.uniform(-_SKEW, _SKEW)]))
        return max(clock, not_before) if not_before else clock

    def _pass_time(self, *, minutes: bool = False, seconds: float = 0) -> None:
        self.life.now += timedelta(
            seconds=seconds or self._chance.choice([0.001, 1, 60, 200] if minutes else [0, 1, 60, 3600, 7 * 86400]) * self._chance.random()
        )
