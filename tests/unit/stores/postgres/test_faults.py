"""What PostgreSQL's errors mean."""

import pytest

from changegate.stores.postgres import faults


@pytest.mark.parametrize(
    ("sqlstate", "message", "remedy"),
    [
        ("53100", "disk is full", "nothing half-written"),
        ("42P01", "isn't initialised", "changegate store init"),
        ("3F000", "isn't initialised", "changegate store init"),
        ("42501", "the role 'bob' may not read a", "GRANT"),
        ("25006", "takes no writes", "primary"),
        ("57014", "statement timeout", "pg_locks"),
        ("23001", "never changed", "find out"),
        ("58030", "disk or system", "server's log"),
        ("XX001", "damaged", "copy"),
        ("22003", "SQLSTATE 22003", "server's message"),
        (None, "SQLSTATE unknown", "server's message"),
    ],
)
def test_a_statements_failure_is_named_with_its_remedy(sqlstate: str | None, message: str, remedy: str) -> None:
    error = faults.statement_error("postgresql://db/x", "read a", sqlstate, "said\nHINT: more", role="bob")
    assert message in error.message
    assert remedy in error.remedy
    assert "HINT" not in error.message


@pytest.mark.parametrize(
    ("said", "message", "passes"),
    [
        ('FATAL:  password authentication failed for user "bob"', "user or password", False),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1"', "user or password", False),
        ("fe_sendauth: no password supplied", "user or password", False),
        ('FATAL:  database "x" does not exist', "database doesn't exist", False),
        ("FATAL:  sorry, too many clients already", "no connection left", True),
        ("FATAL:  the database system is starting up", "can't be reached", True),
        ("connection failed: Connection refused", "can't be reached", True),
        ("connection timeout expired", "can't be reached", True),
        ("root certificate file does not exist", "no TLS", False),
        ("server does not support SSL, but SSL was required", "no TLS", False),
        ("", "can't be reached", False),
    ],
)
def test_a_failure_to_connect_is_named_and_known_to_pass_or_not(said: str, message: str, passes: bool) -> None:
    assert message in faults.connection_error("postgresql://db/x", said).message
    assert faults.passes(said) is passes


@pytest.mark.parametrize(("sqlstate", "lost"), [("57P01", True), ("08006", True), ("40003", True), ("40001", False), ("23505", False), (None, False)])
def test_a_lost_connection_is_told_from_a_refusal(sqlstate: str | None, lost: bool) -> None:
    assert faults.is_lost(sqlstate, closed=False) is lost
    assert faults.is_lost(sqlstate, closed=True)
