"""Trailers: git's block rules, and what the keys assert."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.facts import Identity, IdentityKind, Trailer, Unavailable
from changegate.forges import trailers


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("Fix\n\nReviewed-by: Bob <bob@example.com>\n", ["Reviewed-by=Bob <bob@example.com>"]),
        ("Fix\n\nText\n\nTicket: A-1\nRefs : #2\n\n\n", ["Ticket=A-1", "Refs=#2"]),
        ("Reviewed-by: Bob <bob@example.com>", []),  # the title is none
        ("Fix\n\nText\nTicket: SHOP-1", []),  # a paragraph of prose
        ("Fix\n\nText\nTicket: SHOP-1\nSigned-off-by: a <a@b>", ["Ticket=SHOP-1", "Signed-off-by=a <a@b>"]),  # a quarter, and one of git's own
        ("Fix\n\nReviewed-by: Bob\n\nThe end.", []),  # not the last paragraph
        ("Fix\n\nReviewers: Bob,\n  Carol\n", ["Reviewers=Bob, Carol"]),
        ("Fix\n\nTicket: A-1\n# Ticket: A-2\n", ["Ticket=A-1"]),
        ("Fix\n\nTicket: A-1\n# ------------------------ >8 ------------------------\nTicket: A-2\n", ["Ticket=A-1"]),
        ("Fix\n\nTicket:\n", ["Ticket="]),
        ("", []),
        ("\n\n\n", []),
    ],
)
def test_the_block(message: str, wanted: list[str]) -> None:
    assert [f"{trailer.key}={trailer.value}" for trailer in trailers.parse(message)] == wanted


@pytest.mark.parametrize(
    ("value", "commas", "wanted"),
    [
        ("Bob <Bob@Example.COM>", False, ["email:bob@example.com"]),
        ("Bob <bob@example.com>, Carol <carol@example.com>", False, ["email:bob@example.com", "email:carol@example.com"]),
        ("Doe, John <j@example.com>", False, ["email:j@example.com"]),
        ("Bob, Carol <carol@example.com>", True, ["name:bob", "email:carol@example.com"]),
        ("bob@example.com", False, ["email:bob@example.com"]),
        ("@bob", False, ["name:bob"]),
        ('"Bob  B" <>', False, ["name:bob b"]),
        ("Bob <bob@example.com", False, ["email:bob@example.com"]),
        ("none", True, []),
        (" , ,", True, []),
    ],
)
def test_people(value: str, commas: bool, wanted: list[str]) -> None:
    assert [person.key for person in trailers.parse_people(value, commas=commas)] == wanted


def test_reviewers_have_a_canonical_key() -> None:
    read = trailers.parse("Fix\n\nREVIEWED-BY: Bob <b@x>\napproved-By: Carol <c@x>\nreviewers: Dave <d@x>, b@x\nSigned-off-by: Alice <a@b>\n")
    assert [(via, person.key) for via, person in trailers.find_reviewers(read)] == [
        ("Reviewed-by", "email:b@x"),
        ("Approved-by", "email:c@x"),
        ("Reviewers", "email:d@x"),
        ("Reviewers", "email:b@x"),
    ]


@pytest.mark.parametrize("value", ["not yet", "?", "(nobody)", "TBD by Friday", "Bob", "@bob", "Bob <>", "@" * 60_000])
def test_a_reviewer_without_an_address_is_none(value: str) -> None:
    assert not list(trailers.find_reviewers(trailers.parse(f"Fix\n\nReviewed-by: {value}\nApproved-by: {value}\n")))


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("SHOP-1, SHOP-2", ["SHOP-1", "SHOP-2"]),
        ("#12", ["#12"]),
        ("https://tracker.example/12", ["https://tracker.example/12"]),
        ('1a2b3c4d5e6f ("cart: follow SHOP-9")', []),
        ("CVE-2026-1", []),
        ("n/a", []),
        ("group/project!12", []),
    ],
)
def test_tickets(value: str, wanted: list[str]) -> None:
    found = trailers.find_tickets([Trailer(key="fixes", value=value)])
    assert [ticket.key for ticket in found] == wanted
    assert {ticket.source for ticket in found} <= {"trailer:Fixes"}


def test_other_keys_name_no_ticket() -> None:
    assert trailers.find_tickets([Trailer(key="See", value="SHOP-1")]) == ()


def test_an_identity_is_an_address_and_a_name() -> None:
    person = trailers.identify("  Alice\n  B ", "Alice@Example.com ")
    assert person == Identity(key="email:alice@example.com", login="Alice B", aliases=("name:alice b",))
    bot = trailers.identify("renovate[bot]", "")
    assert isinstance(bot, Identity)
    assert bot.kind is IdentityKind.BOT
    assert isinstance(trailers.identify(" ", ""), Unavailable)


def test_co_authors_that_cannot_be_read_are_unavailable() -> None:
    found = trailers.find_co_authors([Trailer(key="co-authored-by", value="Bob <bob@example.com>"), Trailer(key="Co-Authored-By", value="")])
    assert isinstance(found[0], Identity)
    assert isinstance(found[1], Unavailable)


def test_a_change_id_has_gerrits_form() -> None:
    good = "I" + "0a" * 20
    assert trailers.find_change_id([Trailer(key="Change-Id", value=good), Trailer(key="Change-Id", value="x")]) == good
    assert trailers.find_change_id([Trailer(key="Change-Id", value="1a2b3c4d5e6f")]) is None


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("\n: #\t,<>@aR"))))
def test_any_message_is_read(message: str) -> None:
    read = trailers.parse(message)
    assert all("\n" not in trailer.value for trailer in read)
    list(trailers.find_reviewers(read))
    trailers.find_tickets(read)
    trailers.find_co_authors(read)
