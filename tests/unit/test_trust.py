"""The trust file: read strictly, windows kept, rotation without breaking old records."""

from contextlib import nullcontext
from datetime import datetime
from typing import Literal

import pytest
from builders import hours
from hypothesis import given
from hypothesis import strategies as st

from changegate.errors import FormatError, VerificationError
from changegate.signing.keys import EcdsaPrivateKey, PrivateKey, format_public
from changegate.trust import Identity, RecordKey, Trust, format_trust, parse, short, signer_id

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
        (f'version: 1\nlog-policy: x\nrecord-keys: [{{key: "{PEM}", use: all}}]\n', "use"),
        ("version: 1\nlog-policy: x\nidentities: [{issuer: example.com, identity: a}]\n", "issuer"),
        ("version: 1\nlog-policy: x\nidentities: [{issuer: 'https://example.com', identity: ''}]\n", "identity"),
        ("version: 1\nlog-policy: x\nidentities: [{issuer: 'https://example.com'}]\n", "identity"),
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
        "another use",
        "an issuer that is no address",
        "an empty identity",
        "no identity",
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


ISSUER = "https://token.actions.githubusercontent.com"
WORKFLOW = "https://github.com/acme/shop/.github/workflows/deploy.yml@refs/heads/main"
KEYLESS = Trust(
    log_policy=TRUST.log_policy, identities=(Identity(issuer=ISSUER, identity=WORKFLOW, until=hours(10)),), sigstore_root='{\n  "a": "b: c"\n}\n'
)


def test_every_kind_of_entry_comes_back_from_its_text() -> None:
    keys = (*TRUST.record_keys, RecordKey(key=format_public(EcdsaPrivateKey.generate().public_key), use="revocations"))
    trust = KEYLESS.model_copy(update={"record_keys": keys})
    assert parse(format_trust(trust)) == trust
    assert parse(format_trust(KEYLESS)) == KEYLESS


@pytest.mark.parametrize(
    ("pattern", "name", "good"),
    [
        (WORKFLOW, WORKFLOW, True),
        (WORKFLOW, WORKFLOW + "x", False),
        (WORKFLOW, WORKFLOW.replace(".", "x", 1), False),
        (WORKFLOW.replace("shop", "*"), WORKFLOW, True),
        (WORKFLOW.replace("shop", "*"), WORKFLOW.replace("shop", "other/shop"), False),
        (WORKFLOW.replace("main", "*"), WORKFLOW.replace("main", "main@x"), False),
        (WORKFLOW.replace("heads/main", "tags/*"), WORKFLOW, False),
        ("*", WORKFLOW, False),
        ("*@example.com", "alice@example.com", True),
    ],
)
def test_an_identity_is_who_the_pattern_says(pattern: str, name: str, *, good: bool) -> None:
    assert Identity(issuer=ISSUER, identity=pattern).matches(ISSUER, name) is good
    assert not Identity(issuer=ISSUER, identity=pattern).matches(ISSUER + "/", name)


def test_an_identity_counts_in_its_time() -> None:
    KEYLESS.check_window(signer_id(ISSUER, WORKFLOW), hours(9))
    for who, at in ((signer_id(ISSUER, WORKFLOW), hours(10)), (signer_id("https://example.com", WORKFLOW), hours(9)), (OLD.key_id, hours(9))):
        with pytest.raises(VerificationError, match="outside the time"):
            KEYLESS.check_window(who, at)
    assert short(signer_id(ISSUER, WORKFLOW)) == WORKFLOW


@pytest.mark.parametrize(("use", "records", "revocations"), [(None, True, True), ("records", True, False), ("revocations", False, True)])
def test_a_key_is_for_what_its_entry_says(use: Literal["records", "revocations"] | None, *, records: bool, revocations: bool) -> None:
    trust = Trust(log_policy="", record_keys=(RecordKey(key=format_public(NEW.public_key), use=use),))
    for revocation, good in ((False, records), (True, revocations)):
        with nullcontext() if good else pytest.raises(VerificationError, match="may not sign"):
            trust.check_use(NEW.key_id, revocation=revocation)
    with pytest.raises(VerificationError, match="may not sign"):
        KEYLESS.check_use(signer_id(ISSUER, WORKFLOW), revocation=True)


def test_a_changed_trust_has_no_memory_of_the_old_one() -> None:
    assert TRUST.public_keys
    fewer = TRUST.model_copy(update={"record_keys": TRUST.record_keys[:1]})
    assert set(fewer.public_keys) == {OLD.key_id}


@given(st.binary(max_size=200))
def test_whatever_the_bytes_only_our_error_escapes(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse(data)
