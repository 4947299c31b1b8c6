"""What can go wrong around a PostgreSQL server: nothing is lost, nothing is there twice, and every failure has a name and a remedy."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlsplit

import psycopg
import pytest
from support.evidence import log_in
from support.postgres import PASSWORD, Server
from support.records import TRUST, append_signed, signed_record
from support.tcpproxy import Fate, Proxy

from changegate.errors import StoreError
from changegate.evidence.verify import verify_store
from changegate.stores import Batch
from changegate.stores.postgres.store import PostgresStore

WRITERS = Path(__file__).parents[1] / "support" / "writers.py"


def patient(_seconds: float) -> None:
    """Waits for nothing."""


def open_at(url: str) -> PostgresStore:
    return PostgresStore(url, pause=patient)


def commits_of(url: str) -> list[str]:
    """The commits of all entries, after the whole store is verified."""
    log_in(open_at(url)).reader()
    report = verify_store(open_at(url), TRUST)
    assert report.clean, report.problems
    reader = log_in(open_at(url)).reader()
    return [card.commit for _, card in reader.cards()] if reader else []


def crash(server: Server) -> None:
    """The server's processes end at once, and it starts again and recovers. What it hadn't written to its log is gone."""
    server.stop(signal.SIGQUIT)
    server.start()


@pytest.fixture
def proxy(postgres: Server) -> Iterator[Proxy]:
    proxy = Proxy(postgres.port)
    yield proxy
    proxy.close()


def through(proxy: Proxy, url: str) -> str:
    return url.replace(f":{urlsplit(url).port}/", f":{proxy.port}/")


def test_sixteen_writers_at_once_lose_nothing_and_never_fork(database: str) -> None:
    done = subprocess.run([sys.executable, str(WRITERS), "together", database, "16", "3"], capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout == "[0]\n", done.stdout + done.stderr
    commits = commits_of(database)
    assert len(commits) == len(set(commits)) == 48
    assert list(PostgresStore(database).list("pending/")) == []


def test_writers_that_are_killed_leave_a_log_that_goes_on(database: str) -> None:
    for _ in range(3):
        before = sum(1 for _ in PostgresStore(database).list("index/"))
        with subprocess.Popen(
            [sys.executable, str(WRITERS), "together", database, "4", "500"], stdout=subprocess.DEVNULL, start_new_session=True
        ) as writers:
            store = PostgresStore(database)
            while sum(1 for _ in store.list("index/")) < before + 10:
                assert writers.poll() is None
            subprocess.run(["kill", "-9", "--", f"-{writers.pid}"], check=True)
    append_signed(log_in(open_at(database)), 5000)
    commits = commits_of(database)
    assert len(commits) == len(set(commits)) > 30


def test_what_is_created_or_flushed_survives_a_crash_of_the_server(postgres: Server, database: str) -> None:
    # The database's own setting would lose commits; the store turns it on for its own.
    postgres.execute("postgres", f"ALTER DATABASE {urlsplit(database).path[1:]} SET synchronous_commit = off")
    store = open_at(database)
    store.apply(Batch(create={"facts/early": b"early"}))
    assert store.create("commit/001", b"one", Batch(create={"index/one": b"1"}))
    store.apply(Batch(create={"facts/flushed": b"flushed"}))
    store.flush()
    store.apply(Batch(create={"facts/late": b"late"}))
    crash(postgres)
    # What was only applied may be there or not: the server writes its log every few seconds.
    assert [key for key in open_at(database).list("") if key != "facts/late"] == ["commit/001", "facts/early", "facts/flushed", "index/one"]


@pytest.mark.parametrize("settle", ["create", "flush"])
def test_what_the_server_lost_before_it_was_to_last_is_made_again(postgres: Server, database: str, settle: str) -> None:
    store = open_at(database)
    store.apply(Batch(create={"envelope/one": b"one", "pending/one": b"card"}))
    # As a crash may leave it, or a standby that takes over; behind a pooler the connection survives that.
    name = urlsplit(database).path[1:]
    postgres.execute(
        name,
        "ALTER TABLE changegate.objects DISABLE TRIGGER no_change",
        "DELETE FROM changegate.objects",
        "DELETE FROM changegate.passing",
        "SELECT 1",
    )
    if settle == "create":
        assert store.create("commit/001", b"one")
    else:
        store.flush()
    crash(postgres)
    assert open_at(database).read("envelope/one") == b"one"


def test_an_append_after_the_server_was_restarted_goes_through(postgres: Server, database: str) -> None:
    log = log_in(open_at(database))
    append_signed(log, 0)
    crash(postgres)
    assert append_signed(log, 1).index == 1
    postgres.stop()
    with pytest.raises(StoreError, match="can't be reached") as caught:
        append_signed(log, 2)
    assert PASSWORD not in caught.value.message + caught.value.remedy
    postgres.start()
    assert append_signed(log, 2).index == 2
    assert len(commits_of(database)) == 3


def test_a_server_that_crashes_under_load_loses_and_doubles_nothing(postgres: Server, database: str) -> None:
    receipts: dict[int, int] = {}
    enough = [Event(), Event()]

    def work(writer: int) -> None:
        log = log_in(PostgresStore(database), writer)
        for number in range(writer * 30, writer * 30 + 30):
            while number not in receipts:
                try:
                    receipts[number] = append_signed(log, number).index
                except StoreError:
                    continue
            for event, count in zip(enough, (20, 60), strict=True):
                if len(receipts) >= count:
                    event.set()

    threads = [Thread(target=work, args=(writer,)) for writer in range(3)]
    for thread in threads:
        thread.start()
    for event in enough:
        assert event.wait(60)
        crash(postgres)
    for thread in threads:
        thread.join()
    assert sorted(receipts.values()) == list(range(90))
    assert len(set(commits_of(database))) == 90
    reader = log_in(PostgresStore(database)).reader()
    assert reader is not None
    assert all(reader.card(index).key == signed_record(number)[0].key for number, index in receipts.items())


@pytest.mark.parametrize("fate", ["drop request", "drop reply"])
@pytest.mark.parametrize("comes_back", [True, False])
def test_a_connection_cut_at_any_statement_loses_and_doubles_nothing(database: str, proxy: Proxy, fate: Fate, comes_back: bool) -> None:
    append_signed(log_in(open_at(database)), 0)
    finished = 0
    for at in range(100):
        statements = iter(range(at))

        def decide(request: bytes) -> Fate:
            if request[:1] != b"P" or next(statements, None) is not None:  # noqa: B023 - used in this round only
                return "pass"
            proxy.decide, proxy.refuse = lambda _request: "pass", not comes_back
            return fate

        proxy.decide, proxy.refuse = decide, False
        with suppress(StoreError):
            append_signed(log_in(open_at(through(proxy, database))), at + 1)
        append_signed(log_in(open_at(database)), at + 1)
        if proxy.decide is decide:
            finished = at
            break
    assert finished > 8
    commits = commits_of(database)
    assert len(commits) == len(set(commits)) == finished + 2


def test_a_create_whose_answer_is_lost_raises_and_is_there(database: str, proxy: Proxy) -> None:
    store = open_at(through(proxy, database))
    store.read("a")
    proxy.decide = lambda request: "drop reply" if b"INSERT" in request else "pass"
    with pytest.raises(StoreError, match="lost the connection"):
        store.create("a", b"1")
    proxy.decide = lambda _request: "pass"
    assert store.read("a") == b"1"
    assert not store.create("a", b"1")


def test_serialization_failures_are_tried_again(postgres: Server, database: str) -> None:
    postgres.execute("postgres", f"ALTER DATABASE {urlsplit(database).path[1:]} SET default_transaction_isolation = 'serializable'")
    with psycopg.connect(database) as other:
        other.execute("INSERT INTO changegate.objects (key, data) VALUES ('a', 'x')")
        won: list[bool] = []
        store = PostgresStore(database, pause=patient)
        store.read("b")
        waiting = Thread(target=lambda: won.append(store.create("a", b"1")))
        waiting.start()
        while not postgres.execute("postgres", "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
            pass
        other.commit()
        waiting.join()
    assert won == [False]
    assert store.read("a") == b"x"


def refusal(url: str) -> StoreError:
    with pytest.raises(StoreError) as caught:
        open_at(url).create("a", b"1")
    assert PASSWORD not in caught.value.message + caught.value.remedy + str(caught.value.__context__)
    return caught.value


def test_what_the_server_refuses_is_named(postgres: Server, database: str) -> None:
    name = urlsplit(database).path[1:]
    postgres.add_user("pipeline", "changegate_writer")
    for url, message, remedy in (
        (postgres.url(name, password="wr0ng/secret"), "refuses this user or password", "PGPASSWORD"),
        (postgres.url(name, "nobody_there"), "refuses this user or password", "PGPASSWORD"),
        (postgres.url("absent"), "database doesn't exist", "createdb"),
        (f"{database}?schema=absent", "isn't initialised", "changegate store init"),
        (f"{database}?sslmode=require", "no TLS", "sslmode"),
        (f"postgresql://{name}@127.0.0.1:1/{name}", "can't be reached", "host and port"),
        (f"{postgres.url(name, 'pipeline')}?options=-c%20default_transaction_read_only%3Don", "takes no writes", "primary"),
    ):
        error = refusal(url)
        assert message in error.message
        assert remedy in error.remedy
        assert "wr0ng" not in error.message


def test_a_locked_table_ends_by_the_statement_timeout(database: str) -> None:
    with psycopg.connect(database) as other:
        other.execute("LOCK TABLE changegate.objects")
        error = refusal(f"{database}?options=-c%20statement_timeout%3D100ms")
    assert "statement timeout" in error.message
    assert "pg_locks" in error.remedy


def test_a_server_with_no_connection_left_is_asked_again_then_named(postgres: Server, database: str) -> None:
    postgres.add_user("pipeline", "changegate_writer")
    postgres.execute("postgres", "ALTER ROLE pipeline CONNECTION LIMIT 0")
    paused: list[float] = []
    try:
        with pytest.raises(StoreError, match="no connection left"):
            PostgresStore(postgres.url(urlsplit(database).path[1:], "pipeline"), pause=paused.append).read("a")
    finally:
        postgres.execute("postgres", "ALTER ROLE pipeline CONNECTION LIMIT -1")
    assert len(paused) == 4
