"""What a person copies of a checkpoint: `SIZE:ROOT`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.evidence.checkpoint import MAX_SIZE, TreeHead, format_head, parse_head


@given(st.integers(1, MAX_SIZE), st.binary(min_size=32, max_size=32))
def test_what_is_written_is_read(size: int, root: bytes) -> None:
    head = TreeHead(size, root)
    assert parse_head(format_head(head)) == head
    assert parse_head(f"{size}:{root.hex()}") == head


@pytest.mark.parametrize(
    "text",
    [
        "", "4", "4:", f"4:{'A' * 44}", f"4:{'A' * 42}=", f"4:{'A' * 42}B=", f"0:{'A' * 43}=", f"04:{'A' * 43}=", f"-4:{'A' * 43}=",
        f"{2**63}:{'A' * 43}=",
        f"4:{'A' * 43}=\n", f" 4:{'A' * 43}=", f"4:{'a' * 63}", f"4:{'A' * 64}", f"4: {'A' * 43}=", f"٤:{'A' * 43}=",
    ],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    assert parse_head(text) is None


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    head = parse_head(text)
    assert head is None or head.size > 0
