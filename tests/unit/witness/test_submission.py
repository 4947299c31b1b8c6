"""The body of add-checkpoint: the published example, round trips, refusals, any bytes."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.errors import FormatError
from changegate.witness import submission

# tlog-witness's example of a request.
EXAMPLE = (
    "old 20852014\n"
    "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n"
    "jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n"
    "5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n"
    "/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n"
    "\n"
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n"
).encode()
HASH = b"PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n"
CHECKPOINT = EXAMPLE.partition(b"\n\n")[2]


def test_the_published_request_is_read_and_comes_back() -> None:
    parsed = submission.parse_submission(EXAMPLE)
    assert (parsed.old, len(parsed.proof), parsed.checkpoint) == (20852014, 4, CHECKPOINT)
    assert submission.format_submission(parsed) == EXAMPLE


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"old 0\n",
        b"old 0\n\n",
        b"old  0\n\n" + CHECKPOINT,
        b"old 00\n\n" + CHECKPOINT,
        b"old -1\n\n" + CHECKPOINT,
        b"old 9223372036854775808\n\n" + CHECKPOINT,
        b"Old 0\n\n" + CHECKPOINT,
        b"old 0\r\n\r\n" + CHECKPOINT,
        b"old 1\nAAAA\n\n" + CHECKPOINT,
        b"old 1\n" + HASH[:-2] + b"\n\n" + CHECKPOINT,
        b"old 1\n" + HASH.replace(b"w=", b"x=") + b"\n" + CHECKPOINT,
        b"old 1\n" + HASH * 64 + b"\n" + CHECKPOINT,
        b"old 1\n" + HASH + CHECKPOINT,
        EXAMPLE + b"x",
        EXAMPLE + b"\n" * submission.MAX_BYTES,
    ],
)
def test_what_is_no_request_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        submission.parse_submission(data)


@pytest.mark.parametrize("size", [0, 1, 20852163, 2**63 - 1])
def test_a_size_comes_back(size: int) -> None:
    assert submission.parse_size(submission.format_size(size)) == size


@pytest.mark.parametrize("data", [b"", b"1", b"01\n", b"-1\n", b"1\n\n", b" 1\n", b"9223372036854775808\n", "١\n".encode()])
def test_what_is_no_size_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        submission.parse_size(data)


@given(
    st.one_of(
        st.binary(max_size=400), st.builds(lambda at, byte: EXAMPLE[:at] + byte + EXAMPLE[at + 1 :], st.integers(0, 400), st.binary(max_size=2))
    )
)
def test_any_bytes_raise_nothing_but_our_own(data: bytes) -> None:
    with suppress(FormatError):
        assert submission.format_submission(submission.parse_submission(data)) == data
    with suppress(FormatError):
        assert submission.format_size(submission.parse_size(data)) == data
