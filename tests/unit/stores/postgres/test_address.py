"""PostgreSQL URLs: what is taken from them, and that no password is ever shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.errors import InputError
from changegate.stores.postgres.address import parse_address


@pytest.mark.parametrize(
    ("url", "shown", "schema"),
    [
        ("postgresql://db.example.com/evidence", "postgresql://db.example.com/evidence", "changegate"),
        ("postgres://bob:secret@db:5433/evidence?sslmode=verify-full", "postgresql://bob@db:5433/evidence", "changegate"),
        ("postgresql://bob@db/evidence?schema=shop&password=secret", "postgresql://bob@db/evidence?schema=shop", "shop"),
        ("postgresql://a,b:6432/evidence?target_session_attrs=read-write", "postgresql://a,b:6432/evidence", "changegate"),
        ("postgresql://bob:secret?@db/evidence", "postgresql://bob@db/evidence", "changegate"),
        ("postgresql://[::1]:5432/evidence", "postgresql://[::1]:5432/evidence", "changegate"),
        ("postgresql:host=db dbname=evidence password=secret schema=shop", "postgresql://db/evidence?schema=shop", "shop"),
        ("postgresql:schema=shop host=db password='se  cret'", "postgresql://db/?schema=shop", "shop"),
        ("postgresql:///evidence?host=/run/postgresql", "postgresql://%2Frun%2Fpostgresql/evidence", "changegate"),
        ("postgresql:service=evidence", "postgresql:///?service=evidence", "changegate"),
        ("postgresql:", "postgresql:///", "changegate"),
    ],
)
def test_a_url_is_read_and_shown(url: str, shown: str, schema: str) -> None:
    address = parse_address(url)
    assert (address.shown, address.schema) == (shown, schema)
    assert "secret" not in address.shown
    assert parse_address(shown).shown == shown


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://bob:se@cret@db/evidence",
        "postgresql://bob:se/cret@db/evidence",
        "postgresql://bob:se%zzcret@db/evidence",
        "postgresql://bob:secret@db/evidence?colour=red",
        "postgresql://bob:secret@db/evidence?schema=pg_catalog",
        "postgresql://bob:secret@db/evidence?schema=a%22b",
        "postgresql:host=db password='secret",
        "postgresql://bob:secret@db:port/evidence",
    ],
)
def test_a_url_that_cannot_be_read_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_address(url)
    assert "cret" not in caught.value.message + caught.value.remedy + repr(caught.value.__cause__)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for url in (f"postgresql:{text}", f"postgresql://{text}"):
        try:
            address = parse_address(url)
        except InputError:
            continue
        assert address.shown.startswith("postgresql://")


@given(st.text(min_size=1, max_size=40))
def test_a_quoted_password_never_shows(password: str) -> None:
    quoted = "".join(f"%{byte:02X}" for byte in f"S3{password}".encode("utf-8", "ignore") if byte)
    address = parse_address(f"postgresql://bob:{quoted}@db/evidence")
    assert address.shown == "postgresql://bob@db/evidence"


def test_a_password_keeps_its_spaces() -> None:
    assert parse_address("postgresql:host=db schema=shop password='se  cret'").parameters["password"] == "se  cret"


def test_the_servers_limit_for_statements_yields_to_the_urls_and_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGOPTIONS", raising=False)
    assert parse_address("postgresql://db/x").to_connect(options=True)["options"] == "-c statement_timeout=60s"
    monkeypatch.setenv("PGOPTIONS", "-c statement_timeout=1s")
    assert parse_address("postgresql://db/x").to_connect(options=True)["options"] == "-c statement_timeout=60s -c statement_timeout=1s"
    assert "options" not in parse_address("postgresql://db/x").to_connect(options=False)
    assert parse_address("postgresql://db/x?connect_timeout=3").to_connect(options=False)["connect_timeout"] == "3"
