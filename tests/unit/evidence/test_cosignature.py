"""Cosignatures: the published example, both directions, and what merging takes and leaves."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.evidence import BEGIN, KEY, ORIGIN, key_of

from changegate.errors import FormatError, VerificationError
from changegate.evidence import checkpoint, cosignature, merkle, note

# tlog-cosignature's example: its signature line, and the message that it says is signed.
LINE = "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n".encode()
TEXT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
MESSAGE = f"cosignature/v1\ntime 1679315147\n{TEXT}".encode()
# tlog-witness's example of an answer.
ANSWER = (
    "— witness.example/w1 CMp+6LWBU0anHGH5aNDTJkH/gj79sG+T6+iP2ThYN5krrDJbR1HDnucjL39QsZTSvVjyQLrdk3DXDqI5G2HgLatVs0pWh6Up69HVOw==\n"
    "— witness.example/w1 I7rEps0pvK2UqkS2gSpVUDhrhVtQV9lgF6pRrWAvjJHjyWpW7VcE3SiOlVlbQNt64vWhO+DlkL0+UfzuOBMh9ChdMkP1vi/lCAsmlw==\n"
    "— witness.example/w2 AWui8Sk55XjYLOijihBjhqEH6nS1ndDymE0a+6idX7pLcnoB+dhnz0854aLZgrrKbYKA7nC3HNJhm/kWl7oJlqU3rXXvpysAdyP3wQ==\n"
).encode()
SIGNED = checkpoint.sign(checkpoint.Checkpoint(ORIGIN, 1, merkle.leaf_hash(b"x")), KEY)
WITNESS = key_of(100)
WITNESS_KEY = cosignature.witness_key("witness.example/w0", WITNESS.public_key)
OTHER_KEY = cosignature.witness_key("witness.example/w1", key_of(101).public_key)


def cosigned(number: int = 0, signed: bytes = SIGNED, at: datetime = BEGIN) -> note.NoteSignature:
    return cosignature.cosign(signed, f"witness.example/w{number}", key_of(100 + number), at)


@pytest.mark.parametrize("data", [LINE, ANSWER])
def test_the_published_lines_are_read_and_come_back(data: bytes) -> None:
    assert cosignature.format_lines(cosignature.parse_lines(data)) == data


def test_the_published_line_is_of_its_time_and_form() -> None:
    (line,) = cosignature.parse_lines(LINE)
    assert cosignature.time_of(line) == datetime.fromtimestamp(1679315147, UTC)
    assert len(line.value) == 8 + 64


def test_what_is_signed_is_the_published_message() -> None:
    made = cosignature.cosign(TEXT.encode() + b"\n" + LINE, "witness.example.com/w1", WITNESS, datetime.fromtimestamp(1679315147, UTC))
    WITNESS.public_key.verify(made.value[8:], MESSAGE)
    assert made.value[:8] == (1679315147).to_bytes(8, "big")
    key = cosignature.witness_key("witness.example.com/w1", WITNESS.public_key)
    assert made.key_id == key.key_id
    assert note.verify(note.Note(TEXT, (made,)), [key]) == {key}


def test_a_cosignature_is_no_signature_of_the_log_and_the_other_way_round() -> None:
    plain = note.verifier_key("witness.example/w0", WITNESS.public_key)
    assert plain.key_id != WITNESS_KEY.key_id
    text = note.parse_note(SIGNED).text
    forged = note.NoteSignature(plain.name, plain.key_id, cosigned().value)
    with pytest.raises(VerificationError):
        note.verify(note.Note(text, (forged,)), [plain])


@pytest.mark.parametrize("time", [2**63, 2**64 - 1])
def test_a_time_beyond_the_limit_is_refused(time: int) -> None:
    text = note.parse_note(SIGNED).text
    value = time.to_bytes(8, "big") + WITNESS.sign(b"cosignature/v1\ntime %d\n%b" % (time, text.encode()))
    with pytest.raises(VerificationError):
        note.verify(note.Note(text, (note.NoteSignature(WITNESS_KEY.name, WITNESS_KEY.key_id, value),)), [WITNESS_KEY])
    with pytest.raises(FormatError):
        cosignature.time_of(note.NoteSignature(WITNESS_KEY.name, WITNESS_KEY.key_id, value))


def test_merging_appends_and_changes_nothing_before() -> None:
    merged = cosignature.merge(SIGNED, [cosigned(0), cosigned(1)], [WITNESS_KEY, OTHER_KEY])
    assert merged.startswith(SIGNED)
    assert len(note.parse_note(merged).signatures) == 3
    assert cosignature.merge(merged, [cosigned(0)], [WITNESS_KEY, OTHER_KEY]) == merged


def test_merging_takes_one_of_each_known_witness_that_holds() -> None:
    bad = note.NoteSignature(WITNESS_KEY.name, WITNESS_KEY.key_id, bytes(72))
    other = checkpoint.sign(checkpoint.Checkpoint(ORIGIN, 1, merkle.leaf_hash(b"y")), KEY)
    for refused in (bad, cosigned(1), cosigned(0, signed=other)):
        assert cosignature.merge(SIGNED, [refused], [WITNESS_KEY]) == SIGNED
    assert cosignature.merge(SIGNED, [bad, cosigned(0)], [WITNESS_KEY]).startswith(SIGNED)
    planted = note.format_note(note.Note(note.parse_note(SIGNED).text, (*note.parse_note(SIGNED).signatures, bad)))
    assert cosignature.merge(planted, [cosigned(0)], [WITNESS_KEY]) == cosignature.merge(SIGNED, [cosigned(0)], [WITNESS_KEY])


@given(st.binary(max_size=300))
def test_lines_of_any_bytes_raise_nothing_but_our_own(data: bytes) -> None:
    with suppress(FormatError):
        assert cosignature.format_lines(cosignature.parse_lines(data)) == data


@given(st.binary(max_size=100))
def test_a_time_of_any_bytes_raises_nothing_but_our_own(value: bytes) -> None:
    with suppress(FormatError):
        assert cosignature.time_of(note.NoteSignature("w", bytes(4), value)).tzinfo is UTC
