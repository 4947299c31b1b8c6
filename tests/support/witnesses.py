"""Witnesses for tests: real servers on loopback, with the trust files that name them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread

from changegate.evidence import cosignature, log_policy, note
from changegate.evidence.log_policy import LogPolicy
from changegate.trust import Trust
from changegate.witness.judge import Judge
from changegate.witness.memory import Memory
from changegate.witness.server import WitnessServer
from support.evidence import BEGIN, KEY, ORIGIN, key_of
from support.records import TRUST

LOG_LINE = f"log {note.format_verifier_key(note.verifier_key(ORIGIN, KEY.public_key))}\n"
NOW = BEGIN + timedelta(minutes=1)


def clock() -> datetime:
    return NOW


def judge_in(directory: Path, number: int = 0, trust: Trust = TRUST) -> Judge:
    return Judge(f"witness.example/w{number}", key_of(100 + number), log_policy.of(trust), Memory(directory), clock)


def witness_line(number: int, url: str = "") -> str:
    key = cosignature.witness_key(f"witness.example/w{number}", key_of(100 + number).public_key)
    return f"witness w{number} {note.format_verifier_key(key)} {url}\n"


@dataclass
class Running:
    """Witnesses that listen, each at its URL."""

    urls: list[str]
    log: list[str] = field(default_factory=list)

    def trust(self, quorum: str = "all") -> Trust:
        lines = "".join(witness_line(number, url) for number, url in enumerate(self.urls))
        names = " ".join(f"w{number}" for number in range(len(self.urls)))
        group = "quorum none\n" if quorum == "none" else f"group g {quorum} {names}\nquorum g\n"
        return TRUST.model_copy(update={"log_policy": LOG_LINE + lines + group})

    def policy(self, quorum: str = "all") -> LogPolicy:
        return log_policy.of(self.trust(quorum))


@contextmanager
def running(directory: Path, count: int = 1) -> Iterator[Running]:
    """So many witnesses, whose memories lie in the directory."""
    log: list[str] = []
    servers = [WitnessServer(("127.0.0.1", 0), judge_in(directory / str(number), number), log.append) for number in range(count)]
    threads = [Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield Running([f"http://127.0.0.1:{server.server_address[1]}" for server in servers], log)
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()
