"""Commit messages and commits."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.facts import Trailer
from changegate.forges.github.answer import Answer, UnreadableError
from changegate.forges.github.commits import read_commit, read_sha, subject_of, trailers_of

SHA = "a" * 40


@pytest.mark.parametrize(
    ("message", "trailers"),
    [
        ("Subject", []),
        ("Key: value", []),
        ("Subject\n\nTicket: ABC-1", [("Ticket", "ABC-1")]),
        ("Subject\r\n\r\nTicket: ABC-1\r\n", [("Ticket", "ABC-1")]),
        ("Subject\n\nText\n\nTicket: A-1\nReviewed-by: bob <b@x>", [("Ticket", "A-1"), ("Reviewed-by", "bob <b@x>")]),
        ("Subject\n\nTicket: A-1\n  and more", [("Ticket", "A-1 and more")]),
        ("Subject\n\nSee: this\nand that sentence", []),
        ("Subject\n\nTicket: A-1\n\nThe end.", []),
        ("Subject\n\nTicket: A-1\n(cherry picked from commit aaaa)", [("Ticket", "A-1")]),
        ("", []),
    ],
)
def test_trailers(message: str, trailers: list[tuple[str, str]]) -> None:
    assert trailers_of(message) == tuple(Trailer(key=key, value=value) for key, value in trailers)


@pytest.mark.parametrize(("message", "subject"), [("One\nTwo", "One"), ("\n\nOne", "One"), ("", ""), ("One\r\nTwo", "One")])
def test_subjects(message: str, subject: str) -> None:
    assert subject_of(message) == subject


@given(st.text())
def test_any_message_is_read(message: str) -> None:
    trailers_of(message)
    assert "\n" not in subject_of(message)


@pytest.mark.parametrize("value", ["", "a", "A" * 40, "a" * 41, "g" * 40, 7, None])
def test_what_is_no_object_id(value: Any) -> None:
    with pytest.raises(UnreadableError):
        read_sha(Answer({"oid": value}), "oid")


def _unasked(_document: str, _variables: Any) -> Answer:
    raise AssertionError("no further page is due")


def test_a_commit_without_authors_is_not_read() -> None:
    whole = {"totalCount": 0, "pageInfo": {"hasNextPage": False}, "nodes": []}
    commit = {
        "oid": SHA,
        "message": "x",
        "signature": None,
        "authors": whole,
        "parents": whole,
        "tree": {"oid": SHA},
        "author": None,
        "committer": None,
    }
    with pytest.raises(UnreadableError, match="names no author"):
        read_commit(_unasked, Answer(commit), "github.com")
