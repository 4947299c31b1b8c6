"""What a question asks for: no text from outside is ever more than a word."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.errors import InputError
from changegate.portal.terms import MAX_QUESTION, Asked, Field, encode, parse_question, words

ALL = tuple(Field)


@given(st.text())
def test_a_term_is_of_plain_letters_and_its_beginning_is_the_texts(text: str) -> None:
    assert re.fullmatch(r"[a-z0-9_]*", encode(text))
    short = text.strip().casefold()[:200]
    assert all(encode(text).startswith(encode(short[:length].rstrip())) for length in range(len(short)))


@given(st.text(max_size=20), st.text(max_size=20))
def test_other_texts_are_other_terms(one: str, other: str) -> None:
    assert (encode(one) == encode(other)) == (one.strip().casefold() == other.strip().casefold())


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("SHOP-12", (Asked(encode("shop-12"), ALL, begins=False),)),
        ("ticket:SHOP-*", (Asked(encode("shop-"), (Field.TICKET,), begins=True),)),
        ("person:Alice  prices", (Asked("alice", (Field.PERSON,), begins=False), Asked("prices", ALL, begins=False))),
        ("3f2a91c", (Asked("3f2a91c", ALL, begins=True),)),
        ("commit:3F2A91C0", (Asked("3f2a91c0", (Field.COMMIT,), begins=True),)),
        ("person:3f2a91c", (Asked("3f2a91c", (Field.PERSON,), begins=False),)),
        ("environment:production repository:shop", (Asked("production", (Field.PLACE,), begins=False), Asked("shop", (Field.PLACE,), begins=False))),
        ("https://example.com", (Asked(encode("https://example.com"), ALL, begins=False),)),
        ("person:", (Asked(encode("person:"), ALL, begins=False),)),
        ("", ()),
        (" * ", ()),
    ],
)
def test_a_question(question: str, asked: tuple[Asked, ...]) -> None:
    assert parse_question(question) == asked


@pytest.mark.parametrize("question", ["x" * (MAX_QUESTION + 1), "a " * 13])
def test_a_question_has_bounds(question: str) -> None:
    with pytest.raises(InputError, match="more than 300 characters or 12 words"):
        parse_question(question)


def test_words_of_a_title() -> None:
    assert list(words("Fix the basket's total, round-up (v2.1) – čeština!")) == ["Fix", "the", "basket's", "total", "round-up", "v2.1", "čeština"]
