"""Commitments: what they hide, what opens them, and that nothing else does."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.errors import FormatError, VerificationError
from changegate.openings import Kind, choose, commit, find_tokens, format_openings, hides_people, open_json, open_value, parse_openings
from changegate.policy import EffectivePolicy, Privacy

SALT = bytes(range(32))
TEXT = st.text(st.characters(codec="utf-8"))


def test_a_token_is_hmac_sha256_cut_to_128_bits() -> None:
    # echo -en 'p-\0alice' | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102…1f
    assert commit(Kind.NAME, "alice", SALT).token == "p-" + "daae66a6af009a71f992045d604bc9c3"


@given(st.lists(st.tuples(st.sampled_from(Kind), TEXT, st.binary(min_size=32, max_size=32))))
def test_a_file_is_read_as_it_was_written(values: list[tuple[Kind, str, bytes]]) -> None:
    made = tuple(commit(*each) for each in values)
    data = format_openings(made)
    assert parse_openings(data) == made
    assert format_openings(parse_openings(data)) == data


@given(st.sampled_from(Kind), TEXT, TEXT, st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_another_salt_another_value_and_another_kind_have_another_token(kind: Kind, one: str, other: str, salt: bytes, more: bytes) -> None:
    made = commit(kind, one, salt).token
    assert (commit(kind, other, salt).token == made) is (one == other)
    assert (commit(kind, one, more).token == made) is (salt == more)
    assert len({commit(each, one, salt).token for each in Kind}) == len(Kind)


@pytest.mark.parametrize(
    ("edit", "error"),
    [
        (lambda said: said | {"is": "bob"}, VerificationError),
        (lambda said: said | {"salt": "00" * 32}, VerificationError),
        (lambda said: said | {"token": "p-" + "0" * 32}, VerificationError),
        (lambda said: said | {"salt": "00"}, FormatError),
        (lambda said: said | {"token": "q-" + "0" * 32}, FormatError),
        (lambda said: said | {"more": 1}, FormatError),
        (lambda _: ["is"], FormatError),
        (lambda said: said | {"is": 1}, FormatError),
    ],
)
def test_an_opening_that_was_edited_is_refused(edit: object, error: type[Exception]) -> None:
    said = json.loads(format_openings([commit(Kind.NAME, "alice", SALT)]))
    assert callable(edit)
    with pytest.raises(error):
        parse_openings(json.dumps(edit(said)).encode())


@given(st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(FormatError, VerificationError):
        parse_openings(data)


def test_only_whole_tokens_are_opened_and_the_rest_stays() -> None:
    alice, title = commit(Kind.NAME, "alice", SALT), commit(Kind.TEXT, 'Say "hi"', SALT)
    names = {each.token: each for each in (alice, title)}
    said = {"a": [f"approved by {alice.token}, who", 1, None, {"b": f"SHOP-1 {title.token}"}], "c": f"x{alice.token}", "d": f"{alice.token}0"}
    opened = {"a": ["approved by alice, who", 1, None, {"b": 'SHOP-1 Say "hi"'}], "c": f"x{alice.token}", "d": f"{alice.token}0"}
    assert open_value(said, names) == opened
    assert json.loads(open_json(json.dumps(said).encode(), names)) == opened
    assert find_tokens(json.dumps(said)) == {alice.token, title.token}
    assert choose([title, alice, alice], frozenset({alice.token})) == (alice,)


def test_half_of_a_character_is_no_value() -> None:
    made = commit(Kind.NAME, "alice", bytes(32))
    line = json.dumps({"is": "\ud800", "salt": made.salt.hex(), "token": made.token}).encode()
    with pytest.raises(FormatError, match="half of a character"):
        parse_openings(line)


def test_only_a_policy_that_hides_people_makes_tokens_of_names() -> None:
    assert hides_people({"policy": {"effective": EffectivePolicy(privacy=Privacy(pseudonymise_people=True)).model_dump(mode="json")}})
    assert not hides_people({"policy": {"effective": EffectivePolicy().model_dump(mode="json")}})
    assert not any(map(hides_people, ({}, {"policy": {"effective": None}}, None, [])))
