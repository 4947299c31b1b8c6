"""Appends per second to each kind of store by real processes, beside what they can't be faster than and what people would do instead.

- floor: the bare writes of the same bytes by as many processes, one for each record: a file with one fsync, a PUT, an `INSERT`
- peers: one `git commit` for each record with fsync; a line appended to one file with fsync

All in one run, on one disk; the ratios are what counts. `CHANGEGATE_BENCH_STORES` names the stores: directory, git, s3, postgres.
"""

import multiprocessing
import os
import secrets
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import boto3
import psycopg
from support.postgres import Server
from support.s3server import CREDENTIALS, ministack

from changegate.evidence.card import Card, format_time
from changegate.evidence.commit import digest_of
from changegate.evidence.log import Environment, Log
from changegate.signing.keys import PrivateKey
from changegate.stores import ManagedStore, open_store

ORIGIN: Final = "example.com/bench/evidence"
RECORD_BYTES: Final = 3500
"""Envelope, card, commit, checkpoint, index: what an append of one record writes at least."""


def new_log(url: str, pem: bytes) -> Log:
    environment = Environment(
        clock=lambda: datetime.now(UTC),
        pause=lambda attempt: time.sleep(secrets.randbelow(1000) / 1e6 * min(attempt, 20)),
        nonce=lambda: secrets.token_hex(16),
    )
    return Log(open_store(url), PrivateKey.from_pem(pem), ORIGIN, environment, vouch=lambda _card, _envelope, _at: None)


def new_record() -> tuple[Card, bytes]:
    """A card and an envelope of 1.5 KB."""
    envelope = secrets.token_hex(750).encode("ascii")
    card = Card(
        digest_of(envelope),
        "https://example.com/decision/v1",
        "acme/shop",
        "production",
        "a" * 40,
        "allowed",
        format_time(datetime.now(UTC)),
        secrets.token_hex(32),
    )
    return card, envelope


@dataclass(frozen=True)
class Place:
    """A fresh store of some kind, and the same server or disk written to without a log."""

    url: str
    bare: Callable[[int], None]
    """Writes so many records' bytes, one at a time."""


@contextmanager
def in_directory() -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "bare").mkdir()

        def bare(count: int) -> None:
            for _ in range(count):
                descriptor = os.open(f"{folder}/bare/{secrets.token_hex(16)}", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
                os.write(descriptor, os.urandom(RECORD_BYTES))
                os.fsync(descriptor)
                os.close(descriptor)

        yield Place(f"file:{folder}/store", bare)


@contextmanager
def in_git() -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("evidence", "bare"):
            subprocess.run(["git", "init", "--quiet", "--bare", f"{folder}/{name}"], check=True)

        def bare(count: int) -> None:
            """A push of one file each, to a branch that nobody else pushes to."""
            clone, branch = f"{folder}/{secrets.token_hex(8)}", secrets.token_hex(8)
            git = ["git", "-C", clone, "-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "gc.auto=0"]
            subprocess.run(["git", "init", "--quiet", clone], check=True)
            for number in range(count):
                Path(clone, f"{number}.json").write_bytes(os.urandom(RECORD_BYTES))
                subprocess.run([*git, "add", "."], check=True)
                subprocess.run([*git, "commit", "--quiet", "-m", "record"], check=True)
                subprocess.run([*git, "push", "--quiet", f"{folder}/bare", f"HEAD:refs/heads/{branch}"], check=True)

        yield Place(f"git:{folder}/evidence", bare)


@contextmanager
def in_s3(endpoint: str) -> Iterator[Place]:
    bucket = f"bench-{secrets.token_hex(8)}"

    def bare(count: int) -> None:
        client = boto3.client("s3", endpoint_url=endpoint)
        for _ in range(count):
            client.put_object(Bucket=bucket, Key=f"bare/{secrets.token_hex(16)}", Body=os.urandom(RECORD_BYTES), IfNoneMatch="*")

    yield Place(f"s3://{bucket}/log?endpoint={endpoint}", bare)


@contextmanager
def in_postgres(server: Server) -> Iterator[Place]:
    name = server.new_database()
    server.execute(name, "CREATE TABLE plain (key text PRIMARY KEY, data bytea NOT NULL)")
    url = server.url(name)

    def bare(count: int) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            for _ in range(count):
                connection.execute(b"INSERT INTO plain (key, data) VALUES (%s, %s)", [secrets.token_hex(32), os.urandom(RECORD_BYTES)])

    yield Place(url, bare)


def append_many(url: str, pem: bytes, count: int) -> None:
    """One writer's work."""
    log = new_log(url, pem)
    for _ in range(count):
        card, envelope = new_record()
        log.append(card, envelope=envelope)


def measure(work: Callable[[int], None], writers: int, each: int) -> float:
    """Records per second by that many processes."""
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=work, args=(each,)) for _ in range(writers)]
    began = time.perf_counter()
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError("a writer failed")
    return writers * each / (time.perf_counter() - began)


def compare(kind: str, new_place: Callable[[], AbstractContextManager[Place]], writers: tuple[int, ...], records: int) -> None:
    """Print a line for each number of writers."""
    for count in writers:
        pem = PrivateKey.generate().to_pem()
        with new_place() as place:
            store = open_store(place.url)
            if isinstance(store, ManagedStore):
                store.prepare()
            append_many(place.url, pem, 1)
            each = max(2, records // count)
            bare = measure(place.bare, count, each)
            log = measure(partial(append_many, place.url, pem), count, each)
        load = os.getloadavg()[0]
        print(f"{kind:10} {count:4} writers   append {log:6.0f}/s   floor {bare:6.0f}/s   {log / bare:5.2f} x floor   load {load:4.1f}", flush=True)


def measure_git_commit(folder: str, count: int) -> float:
    """Commits of one record each, with fsync, per second."""
    git = ["git", "-C", folder, "-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "gc.auto=0", "-c", "core.fsync=all"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    began = time.perf_counter()
    for number in range(count):
        Path(folder, f"{number}.json").write_bytes(os.urandom(RECORD_BYTES))
        subprocess.run([*git, "add", f"{number}.json"], check=True)
        subprocess.run([*git, "commit", "--quiet", "-m", "record"], check=True)
    return count / (time.perf_counter() - began)


def measure_one_file(folder: str, count: int) -> float:
    """Records appended to one file, each synced, per second."""
    descriptor = os.open(f"{folder}/log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    began = time.perf_counter()
    for _ in range(count):
        os.write(descriptor, os.urandom(RECORD_BYTES))
        os.fsync(descriptor)
    took = time.perf_counter() - began
    os.close(descriptor)
    return count / took


def main() -> None:
    """Print the rates and their ratios."""
    stores = os.environ.get("CHANGEGATE_BENCH_STORES", "directory git s3 postgres").split()
    if "directory" in stores:
        compare("directory", in_directory, (1, 8, 32, 100), 480)
        with tempfile.TemporaryDirectory() as folder:
            print(f"git commit a record, fsync            {measure_git_commit(folder, 40):6.0f}/s")
            print(f"one file, a line and an fsync a record{measure_one_file(folder, 200):6.0f}/s", flush=True)
    if "git" in stores:
        compare("git", in_git, (1, 8, 32), 64)
    if "s3" in stores:
        os.environ.update(CREDENTIALS)
        with ministack() as endpoint:
            compare("s3", lambda: in_s3(endpoint), (1, 8, 32, 100), 200)
    if "postgres" in stores:
        server = Server(fsync=True)
        try:
            compare("postgres", lambda: in_postgres(server), (1, 8, 32, 100), 480)
        finally:
            server.close()


if __name__ == "__main__":
    main()
