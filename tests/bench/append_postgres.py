"""Appends per second to PostgreSQL, beside the least that such a database can do: the same bytes in bare `INSERT … COMMIT`, one transaction a record.

All on one server, with fsync, in one run; the ratios are what counts.
"""

import multiprocessing
import os
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import psycopg
from bench.append import ORIGIN, new_record
from support.postgres import Server

from changegate.evidence.log import Environment, Log
from changegate.signing.keys import PrivateKey
from changegate.stores.postgres.store import PostgresStore

WRITERS: Final = (1, 8, 32)
RECORDS: Final = 640
SIZES: Final = (1500, 500, 1300, 180, 10)
"""Envelope, card, commit, checkpoint, index: what an append of one record writes."""


def append_many(url: str, pem: bytes, count: int) -> None:
    """One writer's work."""
    environment = Environment(
        clock=lambda: datetime.now(UTC),
        pause=lambda attempt: time.sleep(secrets.randbelow(1000) / 1e6 * min(attempt, 20)),
        nonce=lambda: secrets.token_hex(16),
    )
    log = Log(PostgresStore(url), PrivateKey.from_pem(pem), ORIGIN, environment, vouch=lambda _card, _envelope, _at: None)
    for _ in range(count):
        card, envelope = new_record()
        log.append(card, envelope=envelope)


def insert_many(url: str, _pem: bytes, count: int) -> None:
    """The same bytes, and nothing else."""
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(count):
            connection.execute(b"INSERT INTO plain (key, data) VALUES (%s, %s)", [secrets.token_hex(32), os.urandom(sum(SIZES))])


def measure(work: Callable[[str, bytes, int], None], url: str, writers: int) -> float:
    """Records per second by that many processes."""
    pem = PrivateKey.generate().to_pem()
    work(url, pem, 1)
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=work, args=(url, pem, RECORDS // writers)) for _ in range(writers)]
    began = time.perf_counter()
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return RECORDS // writers * writers / (time.perf_counter() - began)


def main() -> None:
    """Print the rates and their ratios."""
    server = Server(fsync=True)
    try:
        for writers in WRITERS:
            name = server.new_database()
            url = server.url(name)
            store = PostgresStore(url)
            store.prepare()
            store.close()
            server.execute(name, "CREATE TABLE plain (key text PRIMARY KEY, data bytea NOT NULL)")
            bare, log = measure(insert_many, url, writers), measure(append_many, url, writers)
            print(f"{writers:2} writers   append {log:6.0f}/s   bare INSERT {bare:6.0f}/s   {log / bare:5.2f} x bare", flush=True)
    finally:
        server.close()
