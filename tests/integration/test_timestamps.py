"""Timestamps by a real authority (`openssl ts`) on loopback: good ones, every kind of bad one, and what verification makes of them."""

import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.authority import Authority, serving
from support.evidence import KEY, ORIGIN, MemoryStore, believe, environment
from support.records import TRUST, append_signed

from changegate.cli.attesting import attest
from changegate.errors import ChangegateError, FormatError, StoreError, VerificationError
from changegate.evidence import layout, timestamps
from changegate.evidence.commit import parse_commit
from changegate.evidence.findings import Report
from changegate.evidence.log import Log
from changegate.evidence.verify_timestamps import verify_timestamps
from changegate.trust import Trust, format_trust, parse

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is the authority")
DATA = b"a checkpoint"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority") / "good")


@pytest.fixture(scope="module")
def token(authority: Authority) -> bytes:
    return authority.stamp(timestamps.make_request(DATA).body)


def trusting(authority: Authority, required: str = "optional") -> Trust:
    return Trust.model_validate(TRUST.model_dump() | {"timestamp_authorities": (authority.pem,), "timestamps": required})


def log_now(store: MemoryStore, ahead: timedelta = timedelta(0)) -> Log:
    return Log(store, KEY, ORIGIN, environment(now=datetime.now(UTC) + ahead), vouch=believe)


def attested(store: MemoryStore, number: int, trust: Trust, url: str, ahead: timedelta = timedelta(0)) -> tuple[str, ...]:
    """As the gate does; the warnings."""
    log = log_now(store, ahead)
    receipt = append_signed(log, number)
    return attest(receipt, log, trust, open_store=lambda: store, open_log=lambda: log_now(store, ahead), timestamp_url=url).warnings


def found(store: MemoryStore, trust: Trust, commits: int) -> tuple[list[str], list[str]]:
    """What verification says of the timestamps: problems and notes."""
    report = Report()
    verify_timestamps(store, trust, commits, report)
    return [f"{each.what}: {each.where}" for each in report.problems], [each.what for each in report.notes]


def test_a_good_timestamp_says_when(authority: Authority, token: bytes) -> None:
    at = timestamps.verify(token, DATA, (authority.root,))
    assert abs(at - datetime.now(UTC)) < timedelta(minutes=5)


def test_a_timestamp_is_fetched_with_its_nonce(authority: Authority) -> None:
    with serving(authority.stamp) as url:
        kept = timestamps.fetch(url, DATA, (authority.root,), seconds=10)
    timestamps.verify(kept, DATA, (authority.root,))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda token: token[:-20], "not an RFC 3161 response"),
        (lambda token: token[: len(token) // 2], "not an RFC 3161 response"),
        (lambda _token: b"", "not an RFC 3161 response"),
        (lambda _token: b"not a token", "not an RFC 3161 response"),
        (lambda _token: b"\x30\x03\x02\x01\x02", "not an RFC 3161 response"),
        (lambda _token: b"0" * (timestamps.MAX_BYTES + 1), "larger than"),
        (lambda token: token.replace(token[-40:-30], bytes(10)), "no trusted authority's"),
    ],
)
def test_a_damaged_token_is_refused(authority: Authority, token: bytes, spoil: Callable[[bytes], bytes], says: str) -> None:
    with pytest.raises((FormatError, VerificationError), match=says):
        timestamps.verify(spoil(token), DATA, (authority.root,))


def test_a_refusal_of_the_authority_is_no_timestamp(authority: Authority) -> None:
    with pytest.raises(ChangegateError, match="timestamp: "):
        timestamps.verify(b"\x30\x05\x30\x03\x02\x01\x02", DATA, (authority.root,))


def test_other_bytes_another_nonce_another_authority_are_refused(authority: Authority, token: bytes, tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="other bytes"):
        timestamps.verify(token, b"another checkpoint", (authority.root,))
    with pytest.raises(VerificationError, match="another request"):
        timestamps.verify(token, DATA, (authority.root,), nonce=1)
    with pytest.raises(VerificationError, match="no trusted authority's"):
        timestamps.verify(token, DATA, (Authority(tmp_path / "other").root,))


def test_an_expired_certificate_or_one_for_something_else_is_refused(tmp_path: Path) -> None:
    expired = Authority(tmp_path / "expired", days=-5)
    with pytest.raises(VerificationError, match="no trusted authority's"):
        timestamps.verify(expired.stamp(timestamps.make_request(DATA).body), DATA, (expired.root,))
    server = Authority(tmp_path / "server", usage=ExtendedKeyUsageOID.SERVER_AUTH)
    with pytest.raises(subprocess.CalledProcessError):  # openssl itself signs with no such certificate
        server.stamp(timestamps.make_request(DATA).body)


def test_a_replayed_answer_is_refused(authority: Authority, token: bytes) -> None:
    with serving(lambda _query: token) as url, pytest.raises(VerificationError, match="another request"):
        timestamps.fetch(url, DATA, (authority.root,), seconds=10)


@pytest.mark.parametrize(("kind", "status"), [("text/html", 200), ("application/timestamp-reply", 500), ("text/plain", 302)])
def test_what_is_no_authority_is_refused(authority: Authority, kind: str, status: int) -> None:
    with serving(authority.stamp, kind, status) as url, pytest.raises(StoreError, match="no timestamp authority"):
        timestamps.fetch(url, DATA, (authority.root,), seconds=10)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(at=st.integers(0, 4000), byte=st.binary(max_size=3))
def test_any_bytes_raise_nothing_but_our_own(authority: Authority, token: bytes, at: int, byte: bytes) -> None:
    with suppress(FormatError, VerificationError):
        timestamps.verify(token[:at] + byte + token[at + 1 :], DATA, (authority.root,))


def test_a_log_whose_commits_are_timestamped_is_whole(authority: Authority) -> None:
    store, trust = MemoryStore(), trusting(authority, "required")
    with serving(authority.stamp) as url:
        for number in range(3):
            assert attested(store, number, trust, url) == ()
    assert found(store, trust, 3) == ([], [])
    assert sorted(key for key in store.objects if key.startswith(layout.TIMESTAMPS)) == ["timestamp/001", "timestamp/002", "timestamp/003"]
    assert found(store, TRUST, 3) == ([], ["timestamps aren't checked"])


def test_an_authority_that_is_down_is_a_warning_unless_it_is_required(authority: Authority) -> None:
    store, url = MemoryStore(), "http://127.0.0.1:1"
    (warning,) = attested(store, 0, trusting(authority), url)
    assert warning.startswith("recorded, but without a timestamp: ")
    assert found(store, trusting(authority), 1) == ([], [])
    with pytest.raises(StoreError, match="in the log, but without the timestamp"):
        attested(store, 1, trusting(authority, "required"), url)
    assert found(store, trusting(authority, "required"), 2) == (["a commit has no timestamp: commit/001 and later"], [])
    with serving(authority.stamp) as up:
        attested(store, 2, trusting(authority, "required"), up)
    assert found(store, trusting(authority, "required"), 3) == ([], []), "a later commit's timestamp covers the earlier ones"


@pytest.mark.parametrize("ahead", [timedelta(hours=-1), timedelta(hours=1)])
def test_a_commit_that_claims_another_time_is_found(authority: Authority, ahead: timedelta) -> None:
    store, trust = MemoryStore(), trusting(authority)
    with serving(authority.stamp) as url:
        attested(store, 0, trust, url, ahead)
    assert found(store, trust, 1) == (["a commit's time isn't the authority's: timestamp/001"], [])


def test_a_timestamp_of_another_commit_a_damaged_one_and_one_of_none_are_found(authority: Authority) -> None:
    store, trust = MemoryStore(), trusting(authority, "required")
    with serving(authority.stamp) as url:
        for number in range(2):
            attested(store, number, trust, url)
    first, second = (store.objects[layout.timestamp_key(number)] for number in (1, 2))
    store.objects |= {"timestamp/001": second, "timestamp/002": first[:-9], "timestamp/003": first, "timestamp/1": first, "timestamp/x/001": first}
    problems, _ = found(store, trust, 2)
    assert problems == [
        "a timestamp can't be trusted: timestamp/001",
        "a timestamp can't be trusted: timestamp/002",
        "a timestamp belongs to no commit: timestamp/003",
        "a timestamp belongs to no commit: timestamp/1",
        "a timestamp belongs to no commit: timestamp/x/001",
        "a commit has no timestamp: commit/001 and later",
    ]
    assert parse_commit(store.objects[layout.commit_key(1)]).number == 1


def test_the_trust_file_keeps_authorities(authority: Authority) -> None:
    trust = trusting(authority, "required")
    assert parse(format_trust(trust)) == trust
    assert parse(format_trust(trust)).authorities == (authority.root,)
    with pytest.raises(FormatError, match="no timestamp-authorities"):
        parse(format_trust(TRUST) + b"timestamps: required\n")
    with pytest.raises(FormatError, match="trust file"):
        parse(format_trust(TRUST) + b"timestamp-authorities: [nonsense]\n")
