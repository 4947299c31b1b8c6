"""A PostgreSQL store's set-up: who may do what, what the server refuses, what the view says, and what `examine` sees."""

import re
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from support.evidence import KEY, ORIGIN, log_in
from support.postgres import PASSWORD, Server, binaries
from support.records import TRUST, append_signed, signed_record

from changegate.errors import StoreError
from changegate.evidence import log_policy, note
from changegate.evidence.card import parse_time
from changegate.evidence.reader import read_log
from changegate.evidence.verify import verify_store
from changegate.stores import Batch
from changegate.stores.postgres import migration
from changegate.stores.postgres.connection import Connection, Row, Values
from changegate.stores.postgres.store import PostgresStore

TABLES = ("objects", "passing", "published")


def name_of(url: str) -> str:
    return urlsplit(url).path[1:]


@pytest.fixture
def users(postgres: Server, database: str) -> str:
    """A database with a log of two, and users who are a pipeline's and an auditor's."""
    for number in range(2):
        append_signed(log_in(PostgresStore(database)), number)
    postgres.add_user("pipeline", "changegate_writer")
    postgres.add_user("auditor", "changegate_auditor")
    postgres.add_user("stranger")
    return name_of(database)


def refused(url: str, statement: str) -> str:
    """The SQLSTATE with which the server refuses a statement; empty where it doesn't."""
    with psycopg.connect(url, autocommit=True) as connection:
        try:
            connection.execute(statement.encode())
        except psycopg.Error as error:
            return error.sqlstate or "unknown"
    return ""


CHANGES = [
    *(f"UPDATE changegate.{table} SET data = 'x'" for table in ("objects", "passing")),
    *(f"UPDATE changegate.{table} SET key = 'x'" for table in TABLES),
    *(f"DELETE FROM changegate.{table}" for table in ("objects", "published")),
    *(f"TRUNCATE changegate.{table}" for table in TABLES),
]


@pytest.mark.parametrize(
    "statement",
    [
        *CHANGES,
        *(f"DROP TABLE changegate.{table}" for table in TABLES),
        "ALTER TABLE changegate.objects DISABLE TRIGGER ALL",
        "DROP SCHEMA changegate CASCADE",
        "INSERT INTO changegate.objects (key, data, created_at) VALUES ('a', 'x', '2020-01-01')",
        "CREATE TABLE changegate.other (x int)",
        "CREATE OR REPLACE FUNCTION changegate.refuse() RETURNS trigger LANGUAGE plpgsql AS 'begin return null; end'",
        "INSERT INTO changegate.versions VALUES (2)",
        "SET session_replication_role = replica",
    ],
)
def test_the_writer_adds_and_changes_nothing(postgres: Server, users: str, statement: str) -> None:
    assert refused(postgres.url(users, "pipeline"), statement) == "42501"


@pytest.mark.parametrize(
    "statement",
    [
        *CHANGES,
        "INSERT INTO changegate.objects (key, data) VALUES ('a', 'x')",
        "DELETE FROM changegate.passing",
        "DROP VIEW changegate.change_records",
    ],
)
def test_the_auditor_reads_and_nothing_else(postgres: Server, users: str, statement: str) -> None:
    assert refused(postgres.url(users, "auditor"), statement) == "42501"


@pytest.mark.parametrize("replication_role", ["origin", "replica"])
@pytest.mark.parametrize(
    "statement",
    [*(each for each in CHANGES if "key" not in each and "passing SET" not in each), "DELETE FROM changegate.objects WHERE key LIKE 'commit/%'"],
)
def test_even_the_owner_and_a_superuser_are_refused_until_they_switch_a_trigger_off(
    postgres: Server, users: str, statement: str, replication_role: str
) -> None:
    assert refused(f"{postgres.url(users)}?options=-c%20session_replication_role%3D{replication_role}", statement) == "23001"


def test_pipelines_append_and_auditors_read_by_their_roles(postgres: Server, users: str) -> None:
    pipeline = PostgresStore(postgres.url(users, "pipeline"))
    assert append_signed(log_in(pipeline), 2).index == 2
    pipeline.apply(Batch(create={"envelope/x": b"1"}))
    pipeline.flush()
    auditor = PostgresStore(postgres.url(users, "auditor"))
    assert "commit/003" in list(auditor.list(""))
    for use in (lambda: auditor.create("a", b""), lambda: PostgresStore(postgres.url(users, "stranger")).read("a")):
        with pytest.raises(StoreError, match="may not") as caught:
            use()
        assert re.search(r"GRANT .* TO (auditor|stranger)", caught.value.remedy)


@pytest.mark.parametrize(
    ("table", "key"), [("objects", "pending/a"), ("objects", "checkpoint"), ("objects", "A"), ("passing", "commit/009"), ("published", "commit/009")]
)
def test_a_key_in_a_table_that_isnt_its_own_is_refused(postgres: Server, users: str, table: str, key: str) -> None:
    assert refused(postgres.url(users, "pipeline"), f"INSERT INTO changegate.{table} (key, data) VALUES ('{key}', 'x')") == "23514"


def test_a_store_never_removes_nor_replaces_evidence(database: str) -> None:
    store = PostgresStore(database)
    for batch in (Batch(remove=("commit/001",)), Batch(publish={"commit/001": b""}), Batch(create={"checkpoint": b""})):
        with pytest.raises(StoreError, match="never"):
            store.apply(batch)


def test_set_up_says_what_it_made_and_makes_it_once(postgres: Server) -> None:
    store = PostgresStore(postgres.url(postgres.new_database(), schema="other"))
    made = store.prepare()
    assert "made the table other.objects" in made
    assert "made the role other_writer" in made
    assert store.prepare() == ()
    assert store.create("a", b"1")
    assert PostgresStore(store._address.shown.replace("//admin@", f"//admin:{PASSWORD.replace('/', '%2F')}@")).read("a") == b"1"


def test_two_set_ups_at_once_do_no_harm(postgres: Server) -> None:
    url = postgres.url(postgres.new_database(), schema="twice")
    with ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(lambda _: PostgresStore(url).prepare(), range(4)))) == 4
    assert PostgresStore(url).prepare() == ()


def test_who_may_not_make_roles_is_told_what_to_ask_for(postgres: Server) -> None:
    postgres.add_user("builder")
    name = postgres.new_database()
    postgres.execute(name, f"GRANT CREATE ON DATABASE {name} TO builder")
    store = PostgresStore(postgres.url(name, "builder", schema="poor"))
    *_, last = store.prepare()
    assert "CREATE ROLE poor_writer NOLOGIN; CREATE ROLE poor_auditor NOLOGIN;" in last
    postgres.execute(name, "CREATE ROLE poor_writer NOLOGIN", "CREATE ROLE poor_auditor NOLOGIN")
    assert store.prepare() == ("made the grants to poor_auditor", "made the grants to poor_writer")


def test_the_script_for_administrators_does_the_same(postgres: Server) -> None:
    name = postgres.new_database()
    for _ in range(2):
        script = migration.migration_sql("scripted")
        command = [str(binaries() / "psql"), "-v", "ON_ERROR_STOP=1", "-q", postgres.url(name)]
        subprocess.run(command, input=script.encode(), check=True, capture_output=True)
    assert PostgresStore(postgres.url(name, schema="scripted")).prepare() == ()


def test_tables_of_a_newer_changegate_are_left_alone(postgres: Server, database: str) -> None:
    postgres.execute(name_of(database), "INSERT INTO changegate.versions VALUES (99)")
    with pytest.raises(StoreError, match="newer changegate"):
        PostgresStore(database).prepare()


def test_the_view_says_what_the_reader_says(postgres: Server, users: str) -> None:
    store = PostgresStore(postgres.url(users, "auditor"))
    for number in (7, 8, 9):
        append_signed(log_in(PostgresStore(postgres.url(users, "pipeline"))), number)
    reader = read_log(store, log_policy.parse(log_policy.format_single(note.verifier_key(ORIGIN, KEY.public_key))))
    assert reader is not None
    with psycopg.connect(postgres.url(users, "auditor")) as connection:
        columns = "index, time, decision, repository, environment, commit, predicate_type, record, facts, about, idempotency_key"
        rows = connection.execute(f"SELECT {columns} FROM changegate.change_records ORDER BY index DESC".encode()).fetchall()
        verdicts = connection.execute(
            "SELECT statement #>> '{predicate,decision,verdict}' = decision, committed_at <= stored_at, commit_number "
            "FROM changegate.change_records ORDER BY index"
        ).fetchall()
    cards = list(reader.cards())
    assert [row[:2] for row in rows] == [(index, parse_time(card.time)) for index, card in cards]
    assert [row[2:] for row in rows] == [
        (each.decision, each.repository, each.environment, each.commit, each.predicate_type, each.envelope, each.facts, each.about, each.key)
        for _, each in cards
    ]
    assert verdicts == [(True, True, number) for number in range(1, 6)]


def conditions(url: str) -> dict[str, bool | None]:
    return {condition.what: condition.holds for condition in PostgresStore(url).examine()}


def test_examine_finds_a_store_as_it_should_be(postgres: Server, users: str) -> None:
    found = conditions(postgres.url(users, "pipeline"))
    assert [what for what, holds in found.items() if not holds] == ["fsync is on: what is committed is on the disk"]
    assert len(found) >= 11


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("ALTER TABLE changegate.objects DISABLE TRIGGER no_change", "the triggers that refuse changes are on"),
        ("ALTER TABLE changegate.objects ENABLE TRIGGER no_change", "the triggers that refuse changes are on"),
        ("DROP TRIGGER no_truncate ON changegate.objects", "the tables are set up"),
        ("GRANT UPDATE ON changegate.objects TO changegate_writer", "changegate_writer adds, and changes nothing"),
        ("GRANT INSERT (created_at) ON changegate.objects TO stranger", "nobody else has rights on the tables"),
        ("GRANT SELECT ON changegate.objects TO PUBLIC", "nobody else has rights on the tables"),
        ("GRANT DELETE ON changegate.passing TO changegate_auditor", "changegate_auditor reads, and nothing else"),
        ("DROP TABLE changegate.published", "the tables are set up"),
    ],
)
def test_examine_finds_what_was_loosened(postgres: Server, users: str, statement: str, what: str) -> None:
    postgres.execute(users, statement)
    assert conditions(postgres.url(users, "auditor"))[what] is False


def test_examine_warns_of_a_superuser(database: str) -> None:
    assert conditions(database)["the role in use can't switch the triggers off"] is False


def test_examine_and_use_of_an_uninitialised_database_say_what_to_run(postgres: Server) -> None:
    url = postgres.url(postgres.new_database())
    assert conditions(url)["the tables are set up"] is False
    for use in (lambda: PostgresStore(url).read("a"), lambda: PostgresStore(url).create("a", b"")):
        with pytest.raises(StoreError, match="isn't initialised") as caught:
            use()
        assert "changegate store init" in caught.value.remedy


@pytest.mark.parametrize("key", ["a'); DROP TABLE changegate.objects; --", "a%s", "a\\", 'a"', "$1"])
def test_no_key_is_ever_part_of_a_statement(database: str, key: str) -> None:
    store = PostgresStore(database)
    for use in (
        lambda: store.read(key),
        lambda: store.create(key, b""),
        lambda: store.apply(Batch(remove=(key,))),
        lambda: list(store.list(key + "/")),
    ):
        with pytest.raises(StoreError, match="is no key"):
            use()
    # The statements don't rely on it: bytes and keys are parameters.
    assert store._connection.run("test", store._statements.read("a"), {"key": key}) == []


def test_a_long_list_comes_in_pages(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = PostgresStore(database)
    monkeypatch.setattr("changegate.stores.postgres.store.PAGE", 7)
    monkeypatch.setattr("changegate.stores.postgres.statements.PAGE", 7)
    for prefix in ("commit/", "pending/"):
        keys = [f"{prefix}{number:03}" for number in range(40)]
        store.apply(Batch(create={key: key.encode() for key in keys}))
        assert list(store.list(prefix)) == keys
        assert [store.read(key) for key in keys] == [key.encode() for key in keys]
    assert len(list(store.list(""))) == 80


def test_an_append_is_five_round_trips(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = PostgresStore(database)
    log = log_in(store)
    append_signed(log, 0)
    sent: list[str] = []
    run = Connection.run

    def noted(self: Connection, what: str, statement: str, values: Values, *, repeat: bool = True) -> Sequence[Row]:
        sent.append(what)
        return run(self, what, statement, values, repeat=repeat)

    monkeypatch.setattr(Connection, "run", noted)
    card, *_ = signed_record(1)
    append_signed(log, 1)
    assert [re.sub("[0-9a-f]{64}", "…", what) for what in sent] == [
        f"write envelope/{card.envelope[:2]}/….json",
        "read commit/002",
        f"read index/{card.key[:2]}/…",
        "list pending/",
        "write commit/002",
    ]


def psql(url: str, statement: str) -> list[str]:
    done = subprocess.run([str(binaries() / "psql"), "-v", "ON_ERROR_STOP=1", url, "-c", statement], capture_output=True, text=True, check=True)
    return [line.rstrip() for line in done.stdout.splitlines() if line.strip()]


def test_the_pages_queries_say_what_the_page_says(database: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "stores-postgres.md").read_text(encoding="utf-8")
    for number in range(6):
        append_signed(log_in(PostgresStore(database)), number)
    users, *queries = re.findall(r"^```sql\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    answers = re.findall(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(queries) == len(answers) == 2
    for query, answer in zip(queries, answers, strict=True):
        assert psql(f"{database}?options=-c%20timezone%3DUTC", query)[:-1] == answer.splitlines()
    # In a transaction that is undone: roles belong to the whole server.
    assert psql(database, f"BEGIN; {users} ROLLBACK;")


def test_a_backup_restored_elsewhere_verifies(postgres: Server, users: str, tmp_path: Path) -> None:
    dump, restored = str(tmp_path / "evidence.dump"), postgres.url(postgres.new_database())
    subprocess.run(
        [str(binaries() / "pg_dump"), "--format=custom", "--schema=changegate", f"--file={dump}", postgres.url(users)],
        check=True,
        capture_output=True,
    )
    subprocess.run([str(binaries() / "pg_restore"), "--exit-on-error", f"--dbname={restored}", dump], check=True, capture_output=True)
    report = verify_store(PostgresStore(restored), TRUST)
    assert report.clean, report.problems
    assert report.entries == 2
    assert PostgresStore(restored).prepare() == ()
    assert conditions(restored)["the triggers that refuse changes are on"]
