"""Logs for tests: cards and records made from a number, a store in memory whose every operation can be interrupted, writers that take turns."""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from changegate import canonical
from changegate.errors import StoreError
from changegate.evidence.card import Card, format_time
from changegate.evidence.log import Environment, Log
from changegate.evidence.proof import Receipt
from changegate.signing.keys import PrivateKey
from changegate.stores import NOTHING, Batch, Store, check_key, read_each

ORIGIN = "example.com/acme/evidence"
BEGIN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def key_of(number: int) -> PrivateKey:
    """A key that is the same in every process."""
    return PrivateKey(Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))


KEY = key_of(1)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def record(number: int, *, payload: str = "", with_facts: bool = True) -> tuple[Card, bytes, bytes | None]:
    """Card, envelope and facts number so-and-so. Another `payload` is another record under the same idempotency key."""
    envelope = f"envelope {number} {payload}".encode()
    facts = canonical.dumps({"facts": number}) if with_facts else None
    card = Card(
        envelope=digest(envelope),
        predicate_type="https://example.com/decision/v1",
        repository="acme/shop",
        environment="production",
        commit=hashlib.sha1(b"%d" % number, usedforsecurity=False).hexdigest(),
        decision="allowed" if number % 3 else "blocked",
        time=format_time(BEGIN + timedelta(seconds=number % 60)),
        key=digest(b"key %d" % number),
        facts=digest(facts) if facts is not None else None,
    )
    return card, envelope, facts


def nonces(writer: int = 0) -> Callable[[], str]:
    count = iter(range(1_000_000))
    return lambda: f"{writer:016x}{next(count):016x}"


def environment(writer: int = 0, *, now: datetime = BEGIN + timedelta(minutes=1)) -> Environment:
    return Environment(clock=lambda: now, pause=lambda _attempt: None, nonce=nonces(writer))


def believe(_card: Card, _envelope: bytes, _at: datetime) -> None:
    """Vouches for any record: the protocol is tested with records that nobody signed."""


def log_in(store: Store, writer: int = 0, **options: bytes | None) -> Log:
    return Log(store, KEY, ORIGIN, environment(writer), known=options.get("known"), vouch=believe)


def append(log: Log, number: int, payload: str = "") -> Receipt:
    card, envelope, facts = record(number, payload=payload)
    return log.append(card, envelope=envelope, facts=facts)


class Killed(BaseException):
    """The process died here. Not an `Exception`: nothing in the code may catch it."""


class MemoryStore:
    """`changegate.stores.Store` in a dictionary, in which every change of a key is a step of its own.

    `step` is called with a description before each of them, and may raise `Killed`, or hand over to another writer.
    `lose_reply` says of a step that persisted whether its reply is lost.
    """

    url = "memory:"

    def __init__(self, objects: dict[str, bytes] | None = None) -> None:
        self.objects: dict[str, bytes] = {} if objects is None else objects
        self.step: Callable[[str], None] = lambda _what: None
        self.lose_reply: Callable[[str], bool] = lambda _what: False

    def sharing(self) -> "MemoryStore":
        """Another writer's access to the same objects."""
        return MemoryStore(self.objects)

    def read(self, key: str) -> bytes | None:
        self.step(f"read {key}")
        return self.objects.get(check_key(key))

    def read_many(self, keys: Collection[str]) -> Mapping[str, bytes | None]:
        return read_each(self, keys)

    def list(self, prefix: str) -> Iterator[str]:
        self.step(f"list {prefix}")
        return iter(sorted(key for key in self.objects if key.startswith(prefix)))

    def create(self, key: str, data: bytes, then: Batch = NOTHING) -> bool:
        won = self._create(key, data)
        if won:
            self.apply(then)
        return won

    def apply(self, batch: Batch) -> frozenset[str]:
        existed = {key for key, data in batch.create.items() if not self._create(key, data)}
        for key, data in batch.publish.items():
            self.step(f"publish {key}")
            self.objects[check_key(key)] = data
        for key in batch.remove:
            self.step(f"remove {key}")
            self.objects.pop(check_key(key), None)
        return frozenset(existed)

    def flush(self) -> None:
        self.step("flush")

    def _create(self, key: str, data: bytes) -> bool:
        self.step(f"create {key}")
        won = check_key(key) not in self.objects
        self.objects.setdefault(key, data)
        if self.lose_reply(f"create {key}"):
            raise StoreError("the connection broke", remedy="Run again.")
        return won


class Turns:
    """Runs writers as threads of which exactly one moves at a time; a schedule decides after each step which is next."""

    def __init__(self) -> None:
        self._go: list[Event] = []
        self._stopped: list[Event] = []
        self._threads: list[Thread] = []
        self.done: list[bool] = []
        self.errors: list[BaseException] = []

    def add(self, store: MemoryStore, work: Callable[[], None]) -> None:
        number = len(self._threads)
        go, stopped = Event(), Event()
        self._go.append(go)
        self._stopped.append(stopped)
        self.done.append(False)
        inner = store.step

        def step(what: str) -> None:
            stopped.set()
            go.wait()
            go.clear()
            inner(what)

        def run() -> None:
            go.wait()
            go.clear()
            try:
                work()
            except Killed:
                pass
            except BaseException as error:  # noqa: BLE001 - a thread's; `run` raises it in the test
                self.errors.append(error)
            finally:
                self.done[number] = True
                stopped.set()

        store.step = step
        self._threads.append(Thread(target=run, daemon=True))
        self._threads[-1].start()

    def run(self, choose: Callable[[list[int]], int]) -> None:
        """Until all are done; `choose` picks one of the writers that still run."""
        while alive := [number for number, done in enumerate(self.done) if not done]:
            number = choose(alive)
            self._stopped[number].clear()
            self._go[number].set()
            self._stopped[number].wait()
        for thread in self._threads:
            thread.join()
        if self.errors:
            raise self.errors[0]
