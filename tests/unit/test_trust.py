"""The trust file: read strictly, windows kept, rotation without breaking old records."""

from datetime import datetime

import pytest
from builders import hours
from hypothesis import given
from hypothesis import strategies as st

from changegate.errors import FormatError, VerificationError
from changegate.signing.keys import PrivateKey, format_public
from changegate.trust import RecordKey, Trust, format_trust, parse

OLD, NEW = PrivateKey.generate(), PrivateKey.generate()
TRUST = Trust(
    log_policy="log example.com/log+00000000+AA==\nquorum none\n",
    record_keys=(
        RecordKey(key=format_public(OLD.public_key), until=hours(10)),
        RecordKey(key=format_public(NEW.public_key), from_=hours(8)),
    ),
)


def test_it_comes_back_from_its_text() -> None:
    assert parse(format_trust(TRUST)) == TRUST


def test_the_keys_go_by_their_ids() -> None:
    assert set(TRUST.public_keys) == {OLD.key_id, NEW.key_id}


@pytest.mark.parametrize(
    ("key", "at", "good"),
    [
        (OLD, hours(0), True),
        (OLD, hours(9), True),
        (OLD, hours(10), False),
        (NEW, hours(7), False),
        (NEW, hours(8), True),
        (NEW, hours(10_000), True),
    ],
)
def test_a_key_counts_in_its_time(key: PrivateKey, at: datetime, *, good: bool) -> None:
    if good:
        TRUST.check_window(key.key_id, at)
    else:
        with pytest.raises(VerificationError, match="outside the time"):
            TRUST.check_window(key.key_id, at)


PEM = format_public(OLD.public_key).replace("\n", "\\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "trust file"),
        ("- a", "trust file"),
        ("{", "not YAML"),
        ("version: 1\nlog-policy: x\n", "record-keys"),
        ("version: 1\nlog-policy: x\nrecord-keys: []\n", "record-keys"),
        (f'version: 2\nlog-policy: x\nrecord-keys: [{{key: "{PEM}"}}]\n', "version"),
        (f'version: 1\nlog-policy: x\nrecord-keys: [{{key: "{PEM}", form: 2026-01-01T00:00:00Z}}]\n', "form"),
        (f'version: 1\nlog-policy: x\nrecord-keys: [{{key: "{PEM}", until: 2026-01-01}}]\n', "until"),
        ("version: 1\nlog-policy: x\nrecord-keys: [{key: nonsense}]\n", "not a PEM public key"),
        ("a: &a [x]\nb: [*a, *a]\n", "trust file"),
    ],
    ids=[
        "empty",
        "a list",
        "no YAML",
        "no keys",
        "an empty list of keys",
        "a newer version",
        "a key misspelt",
        "a date for a time",
        "no PEM",
        "aliases",
    ],
)
def test_what_is_no_trust_file(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        parse(text.encode())


@given(st.binary(max_size=200))
def test_whatever_the_bytes_only_our_error_escapes(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse(data)
