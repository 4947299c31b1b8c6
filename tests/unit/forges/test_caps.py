"""Texts of any size: what is kept, and that a reference cut in two names nothing."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.forges.answer import UnreadableError
from changegate.forges.caps import MARK, MAX_DESCRIPTION, MAX_FILES, MAX_LINE, MAX_MESSAGE, check_files, check_message, cut_description, cut_line


@pytest.mark.parametrize(("cut", "most"), [(cut_line, MAX_LINE), (cut_description, MAX_DESCRIPTION)])
def test_what_fits_is_kept_and_what_does_not_is_marked(cut: Callable[[str], str], most: int) -> None:
    assert cut("x" * most) == "x" * most
    assert cut("é " * most).removesuffix(MARK).rstrip() == ("é " * (most // 2)).rstrip()
    assert cut("x" * (most + 1)) == MARK


@pytest.mark.parametrize("name", ["SHOP-123", "#123", "acme/shop#123", "v1.4.1", "3f2a91c0b1d5e6f708192a3b4c5d6e7f80910213"])
@pytest.mark.parametrize("shown", [1, 3, -1])
def test_no_part_of_a_name_is_left(name: str, shown: int) -> None:
    lead = "a" * (MAX_LINE - len(name[:shown]) - 1)
    assert cut_line(f"{lead} {name}") == f"{lead}{MARK}"


@given(st.text(min_size=MAX_LINE, max_size=MAX_LINE + 300))
def test_the_beginning_is_kept_and_only_whole_words(text: str) -> None:
    kept = cut_line(text)
    assert len(kept) <= MAX_LINE + len(MARK)
    if kept != text:
        assert kept.endswith(MARK)
        before = kept.removesuffix(MARK)
        assert text.startswith(before)
        assert not before or text[len(before)].isspace()


def test_what_must_be_whole_is_refused() -> None:
    assert check_message("a" * 40, "x" * MAX_MESSAGE) == "x" * MAX_MESSAGE
    with pytest.raises(UnreadableError, match="characters, more than"):
        check_message("a" * 40, "x" * (MAX_MESSAGE + 1))
    assert check_files("#7", MAX_FILES) == MAX_FILES
    with pytest.raises(UnreadableError, match="3001 files"):
        check_files("#7", MAX_FILES + 1)
