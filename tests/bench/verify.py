"""Records verified per second, beside what they can't be verified faster than, in the same run on the same log.

- floor: one Ed25519 verification and one SHA-256 over the same bytes of each record, nothing read and nothing parsed
- share: the tree, all checkpoints and 1 % of the records
- proof: one record of the log proven, from an opened store

CHANGEGATE_BENCH_RECORDS sets the log's size. Processor time is compared, not the clock's, so that other work on the machine counts little.
"""

import hashlib
import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from functools import partial
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, NamedTuple

from bench.biglog import TRUST, write
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from changegate.evidence import log_policy
from changegate.evidence.reader import read_log
from changegate.evidence.verify import Scope, verify_store
from changegate.evidence.verify_commits import Share
from changegate.evidence.workers import Workers
from changegate.signing import dsse
from changegate.stores.directory import DirectoryStore

SIZES: Final = (10_000, int(os.environ.get("CHANGEGATE_BENCH_RECORDS", "50000")))


class Measured(NamedTuple):
    """One verification, in a process of its own."""

    wall: float
    processor: float
    megabytes: float
    """The largest that this process and any of its workers grew."""


def verify(root: str, jobs: int, part: float | None) -> Measured:
    """All of a log, or a share of its records."""
    scope = Scope(share=Share(part, "bench") if part else None, workers=Workers(jobs, partial(DirectoryStore, root)))
    began = time.perf_counter()
    report = verify_store(DirectoryStore(root), TRUST, scope=scope)
    wall = time.perf_counter() - began
    if not report.clean:
        raise AssertionError(report.problems[:3])
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return Measured(wall, sum(each.ru_utime + each.ru_stime for each in usage), max(each.ru_maxrss for each in usage) / 1024)


def floor(root: str) -> float:
    """Processor seconds that one record's signature and digest take."""
    (key,) = TRUST.public_keys.values()
    if not isinstance(key, Ed25519PublicKey):
        raise TypeError(key)
    envelopes = [path.read_bytes() for path in islice(Path(root, "envelope").rglob("*.json"), 2000)]
    work = []
    for data in envelopes:
        parsed = dsse.parse_envelope(data)
        work.append((data, parsed.signatures[0].value, dsse.pae(parsed.payload_type, parsed.payload)))
    began = time.process_time()
    for data, signature, signed in work:
        key.verify(signature, signed)
        hashlib.sha256(data).digest()
    return (time.process_time() - began) / len(work)


def prove(root: str, size: int) -> float:
    """Seconds for the proof of one record, from nothing."""
    took = []
    for at in range(20):
        began = time.perf_counter()
        reader = read_log(DirectoryStore(root), log_policy.of(TRUST))
        if reader is None:
            raise AssertionError(root)
        reader.prove(size * at // 20)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def main() -> None:
    """Print the table."""
    print(f"{'records':>8} {'':14} {'records/s':>9} {'µs each, CPU':>13} {'x floor':>8} {'MB':>5}")
    for size in SIZES:
        with tempfile.TemporaryDirectory() as root:
            write(Path(root), size)
            measure(root, size)


def measure(root: str, size: int) -> None:
    """Print one log's rows."""
    alone = 0.0
    for name, jobs, part in (("one process", 1, None), ("two processes", 2, None), ("1 % of them", 2, 0.01)):
        before = floor(root)
        one = apart(root, jobs, part)
        bare = (before + floor(root)) / 2
        alone = alone or one.wall
        faster = f"   {alone / one.wall:.2f} x faster" if jobs > 1 else ""
        each = one.processor / size
        print(f"{size:>8} {name:14} {size / one.wall:9.0f} {each * 1e6:13.0f} {each / bare:8.2f} {one.megabytes:5.0f}{faster}")
    print(f"{size:>8} {'floor':14} {1 / bare:9.0f} {bare * 1e6:13.0f} {1:8.2f}")
    print(f"{size:>8} {'one proof':14} {prove(root, size) * 1000:6.1f} ms")


def apart(root: str, jobs: int, part: float | None) -> Measured:
    """`verify` in a process of its own, so that its memory and time are its own."""
    receiving, sending = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=_send, args=(sending, root, jobs, part))
    process.start()
    result: Measured = receiving.recv()
    process.join()
    return result


def _send(connection: Connection, root: str, jobs: int, part: float | None) -> None:
    connection.send(verify(root, jobs, part))


if __name__ == "__main__":
    main()
