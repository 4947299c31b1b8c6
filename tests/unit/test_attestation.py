"""Records of other evidence: as their schema says, each with a key of its own; and what is refused before anything is written."""

from datetime import date
from typing import Any

import pytest
from builders import hours
from jsonschema import Draft202012Validator

from changegate import attachment, attestation, canonical
from changegate.attestation import Claim, Kind, Period, Review, Verdict
from changegate.errors import FormatError, InputError
from changegate.evidence import idempotency
from changegate.evidence import statement as statements
from changegate.signing.dsse import EnvelopeSigner
from changegate.signing.keys import PrivateKey

TODAY = date(2026, 4, 2)
PERIOD = Period(from_=date(2026, 1, 1), to=date(2026, 3, 31))
CLAIM = Claim(type=Kind.INCIDENT, period=PERIOD, owner="carol", controls=("incident-reviewed",))
FILE = attachment.describe("post-mortem.md", b"it broke")
REVIEW = Review(reviewer="dave", decision=Verdict.APPROVED, entries=3, unknown=(), added=1, removed=0, changed=2, previous=None)


def made(claim: Claim = CLAIM, review: Review | None = None, *, log: str = "o", content: bytes = b"it broke") -> dict[str, Any]:
    return attestation.make_statement(claim, attachment.describe("post-mortem.md", content), log=log, decided=hours(1), review=review)


@pytest.mark.parametrize("review", [None, REVIEW])
def test_it_is_what_its_schema_says(review: Review | None) -> None:
    Draft202012Validator(attestation.schema()).validate(made(review=review)["predicate"])


@pytest.mark.parametrize(("place", "repository"), [("", "o"), ("acme/shop", "acme/shop")])
def test_the_card_repeats_what_was_signed(place: str, repository: str) -> None:
    statement = made(CLAIM.model_copy(update={"repository": place}))
    card = attestation.index_card(statement, EnvelopeSigner(PrivateKey.generate()).sign_record(canonical.dumps(statement)))
    assert statements.differences(statements.parse(canonical.dumps(statement)), card) == ()
    assert (card.repository, card.environment, card.decision) == (repository, "attestations", "incident")
    assert card.commit == card.facts == FILE.sha256


def test_each_part_that_matters_makes_another_key_and_the_time_does_not() -> None:
    other = Period(from_=date(2026, 2, 1), to=date(2026, 3, 31))
    statements_ = [
        made(),
        made(log="p"),
        made(content=b"it broke again"),
        made(review=REVIEW),
        made(review=REVIEW.model_copy(update={"decision": Verdict.CHANGES_REQUIRED})),
        made(review=REVIEW.model_copy(update={"reviewer": "alice"})),
        *(
            made(CLAIM.model_copy(update=each))
            for each in ({"type": Kind.OTHER}, {"repository": "r"}, {"period": other}, {"owner": "bob"}, {"controls": ()})
        ),
    ]
    assert len({idempotency.of_attestation(each) for each in statements_}) == len(statements_)
    later = attestation.make_statement(CLAIM, FILE, log="o", decided=hours(9))
    assert idempotency.of_attestation(later) == idempotency.of_attestation(made())


@pytest.mark.parametrize(
    "predicate", [None, {}, {"log": "o"}, {**made()["predicate"], "file": {"sha256": "0" * 64}}, {**made()["predicate"], "type": 1}]
)
def test_what_is_no_attestation(predicate: object) -> None:
    card = attestation.index_card(made(), b"")
    with pytest.raises(FormatError, match="no log, repository, type, file and time"):
        statements.differences(statements.parse(canonical.dumps({**made(), "predicate": predicate})), card)


def test_a_period() -> None:
    assert attestation.parse_period("2026-01-01..2026-03-31", today=TODAY) == PERIOD
    assert attestation.parse_period("2026-04-02..2026-04-02", today=TODAY).to == TODAY


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-03-31..2026-01-01", "ends before it begins"),
        ("2026-01-01..2026-04-03", "lies in the future"),
        ("2026-02-30..2026-03-01", "is no period"),
        ("2026-01-01", "is no period"),
        ("2026-01-01...2026-03-31", "is no period"),
        ("", "is no period"),
        ("２０２６-01-01..2026-03-31", "is no period"),
    ],
)
def test_no_period(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        attestation.parse_period(text, today=TODAY)


def test_controls_are_known_or_said_to_be_ones_own() -> None:
    assert attestation.check_controls(["own:CHG-07", "a", "a"], {"a"}) == ("a", "own:CHG-07")
    for wrong in (["b"], ["own:"], ["own:a b"], [], ["a", ""]):
        with pytest.raises(InputError, match="--control"):
            attestation.check_controls(wrong, {"a"})
    with pytest.raises(InputError, match="51 controls"):
        attestation.check_controls([f"own:{number}" for number in range(51)], set())


@pytest.mark.parametrize("login", ["", " ", "a b", "-a", "a\n", "ａlice", "a" * 101, "alice;rm", "@alice"])
def test_no_login(login: str) -> None:
    with pytest.raises(InputError, match="is no login"):
        attestation.check_login("--owner", login)


@pytest.mark.parametrize("login", ["alice", "alice-b", "alice@example.com", "a.b+c@example.com", "renovate[bot]", "x" * 100])
def test_a_login(login: str) -> None:
    assert attestation.check_login("--owner", login) == login


def test_a_note_is_bounded() -> None:
    assert attestation.check_note("x" * 2000)
    with pytest.raises(InputError, match="2001 characters"):
        attestation.check_note("x" * 2001)
