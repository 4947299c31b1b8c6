"""Appends per second, beside what they can't be faster than and beside what people would do instead.

- floor: the bare durable writes of the same objects, a file, a sync and a link each, and nothing else
- git: one `git commit` for each record, in a local repository

All in one run on one disk; the ratios are what counts.
"""

import multiprocessing
import os
import secrets
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from changegate.evidence.card import Card, format_time
from changegate.evidence.commit import digest_of
from changegate.evidence.log import Environment, Log
from changegate.signing.keys import PrivateKey
from changegate.stores.directory import DirectoryStore

ALONE: Final = 400
WRITERS: Final = 8
EACH: Final = 60
ORIGIN: Final = "example.com/bench/evidence"


def new_log(root: str, pem: bytes) -> Log:
    environment = Environment(
        clock=lambda: datetime.now(UTC),
        pause=lambda attempt: time.sleep(secrets.randbelow(1000) / 1e6 * min(attempt, 20)),
        nonce=lambda: secrets.token_hex(16),
    )
    return Log(DirectoryStore(root), PrivateKey.from_pem(pem), ORIGIN, environment, vouch=lambda _card, _envelope, _at: None)


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


def append_many(root: str, pem: bytes, count: int) -> None:
    """One writer's work."""
    log = new_log(root, pem)
    for _ in range(count):
        card, envelope = new_record()
        log.append(card, envelope=envelope)


def measure_log(folder: str, writers: int, each: int) -> float:
    """Appends per second by that many processes."""
    pem = PrivateKey.generate().to_pem()
    append_many(folder, pem, 1)
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=append_many, args=(folder, pem, each)) for _ in range(writers)]
    began = time.perf_counter()
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return writers * each / (time.perf_counter() - began)


def measure_floor(folder: str, count: int) -> float:
    """Envelope, commit and checkpoint of each record as bare durable files, per second."""
    parent = os.open(folder, os.O_RDONLY)
    began = time.perf_counter()
    for number in range(count):
        for name, size in (("envelope", 1500), ("commit", 1300), ("checkpoint", 180)):
            path = f"{folder}/{name}{number}"
            descriptor = os.open(f"{path}.tmp", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            os.write(descriptor, os.urandom(size))
            os.fsync(descriptor)
            os.close(descriptor)
            Path(f"{path}.tmp").rename(path)
        os.fsync(parent)
    os.close(parent)
    return count / (time.perf_counter() - began)


def measure_git(folder: str, count: int) -> float:
    """Commits of one record each, per second."""
    git = ["git", "-C", folder, "-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "gc.auto=0"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    began = time.perf_counter()
    for number in range(count):
        Path(folder, f"{number}.json").write_bytes(new_record()[1])
        subprocess.run([*git, "add", f"{number}.json"], check=True)
        subprocess.run([*git, "commit", "--quiet", "-m", "record"], check=True)
    return count / (time.perf_counter() - began)


def main() -> None:
    """Print the rates and their ratios."""
    with tempfile.TemporaryDirectory() as base:
        folders = [Path(base, name) for name in ("floor", "alone", "together", "git")]
        for folder in folders:
            folder.mkdir()
        floor = measure_floor(str(folders[0]), 200)
        alone = measure_log(str(folders[1]), 1, ALONE)
        together = measure_log(str(folders[2]), WRITERS, EACH)
        git = measure_git(str(folders[3]), 40)
    print(f"append, one writer          {alone:8.0f}/s   {alone / floor:5.2f} x floor   {alone / git:6.1f} x git commit")
    print(f"append, {WRITERS} writers           {together:8.0f}/s   {together / floor:5.2f} x floor   {together / git:6.1f} x git commit")
    print(f"floor: 3 bare durable files {floor:8.0f}/s")
    print(f"one git commit a record     {git:8.0f}/s")


if __name__ == "__main__":
    main()
