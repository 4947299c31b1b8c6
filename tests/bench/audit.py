"""What an auditor asks of a quarter with 6,500 decisions, at the end of a log of many records: seconds and memory, each in a process of its own.

CHANGEGATE_BENCH_RECORDS sets how many other records there are before; CHANGEGATE_BENCH_LOG names a directory where the log stays for another run.
"""

import os
import resource
import tempfile
import time
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from bench import biglog
from support import deploylog

from changegate.cli import run
from changegate.trust import RecordKey, format_trust

RECORDS: Final = int(os.environ.get("CHANGEGATE_BENCH_RECORDS", "100000"))
DEPLOYS: Final = 6500
PERIOD: Final = ("--from", "2026-03-01", "--to", "2026-05-31")


def main() -> None:
    """Print a line for each question."""
    kept = os.environ.get("CHANGEGATE_BENCH_LOG")
    place: AbstractContextManager[str] = nullcontext(kept) if kept else tempfile.TemporaryDirectory()
    with place as folder:
        root = Path(folder)
        make(root)
        store = ("--store", f"file:{root / 'log'}", "--trust", str(root / "trust.yml"))
        table, seeded = str(root / "population.csv"), ("--sample", "25", "--seed", "a seed")
        for name, words in (
            ("population", ("audit", "population", *PERIOD, *store, "--out", table)),
            ("sample of 25", ("audit", "sample", table, "--size", "25", "--seed", "a seed")),
            ("pack, with report", ("audit", "export", *PERIOD, *store, *seeded, "--out", str(root / "pack.zip"))),
            ("verify the pack", ("verify", str(root / "pack.zip"), "--trust", str(root / "trust.yml"))),
            ("verify 1 % of the log", ("verify", f"file:{root / 'log'}", "--trust", str(root / "trust.yml"), "--share", "1%")),
        ):
            seconds, megabytes = alone(words)
            print(f"{name:22} {seconds:6.1f} s  {megabytes:5.0f} MB", flush=True)


def make(root: Path) -> None:
    """The log and its trust file, where they aren't there."""
    if (root / "trust.yml").exists():
        return
    began = time.perf_counter()
    deploys = deploylog.deploys(DEPLOYS, step=timedelta(minutes=20), origin=biglog.ORIGIN)
    biglog.write(root / "log", RECORDS, then=deploys)
    print(f"{RECORDS} records and {DEPLOYS} deploys with their outcomes, written in {time.perf_counter() - began:.0f} s", flush=True)
    keys: tuple[RecordKey, ...] = (*biglog.TRUST.record_keys, *deploylog.trust().record_keys)
    (root / "trust.yml").write_bytes(format_trust(biglog.TRUST.model_copy(update={"record_keys": keys})))


def alone(words: tuple[str, ...]) -> tuple[float, float]:
    """Seconds and megabytes of a command in a process of its own."""
    receiver, sender = get_context("spawn").Pipe(duplex=False)
    process = get_context("spawn").Process(target=_work, args=(words, sender))
    process.start()
    code, seconds, megabytes = receiver.recv()
    process.join()
    if code:
        raise RuntimeError(f"{words} ended with {code}")
    return float(seconds), float(megabytes)


def _work(words: tuple[str, ...], sender: Connection) -> None:
    began = time.perf_counter()
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        code = run(list(words))
    sender.send((code, time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


if __name__ == "__main__":
    main()
