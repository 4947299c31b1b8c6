"""Samples that anybody can draw again."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.audit import sampling
from changegate.errors import InputError

UNITS = st.lists(st.text(max_size=8), unique=True, max_size=40)


@given(UNITS, st.integers(0, 50), st.text(max_size=5))
def test_the_order_of_the_list_has_no_say_and_a_larger_sample_holds_the_smaller(units: list[str], size: int, seed: str) -> None:
    drawn = sampling.draw(units, size, seed)
    assert len(drawn) == min(size, len(units))
    assert drawn == sampling.draw(units[::-1], size, seed) == sampling.draw(units, size + 3, seed)[: len(drawn)]


def test_a_known_score() -> None:
    """As `printf 'abc\\nb' | sha256sum` prints it."""
    assert sampling.score("abc", "b") == "0e16846c4141ad06c28edcad703544aa92974f9d2c6e12159c775aa51da4ae2b"


def test_a_unit_that_comes_twice_is_refused() -> None:
    with pytest.raises(InputError, match="twice"):
        sampling.draw(["a", "a"], 1, "s")
    with pytest.raises(InputError, match="twice"):
        sampling.draw_stratified([("a", "x"), ("a", "y")], 2, "s")


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 200), min_size=1, max_size=8), st.integers(1, 60))
def test_each_stratum_gives_its_part_and_no_more_than_it_has(sizes: dict[str, int], size: int) -> None:
    strata = {name: count for name, count in sizes.items() if count}
    if sum(strata.values()) > size and size < len(strata):
        with pytest.raises(InputError, match="strata"):
            sampling.allocate(sizes, size)
        return
    parts = sampling.allocate(sizes, size)
    assert sum(parts.values()) == min(size, sum(strata.values()))
    assert all(1 <= parts[name] <= count for name, count in strata.items())
    assert parts.keys() == strata.keys()


@pytest.mark.parametrize(
    ("population", "confidence", "tolerable"), [(1000, 0.95, 0.1), (250, 0.9, 0.05), (40, 0.95, 0.1), (12, 0.99, 0.5), (1, 0.9, 0.1)]
)
def test_the_proposed_size_is_the_least_that_does(population: int, confidence: float, tolerable: float) -> None:
    bad = math.ceil(tolerable * population)

    def missed(size: int) -> Fraction:
        """No exception among `size` of all, counted."""
        return Fraction(math.comb(population - bad, size), math.comb(population, size))

    size = sampling.size_for(population, confidence=confidence, tolerable=tolerable)
    assert missed(size) <= 1 - confidence
    assert missed(size - 1) > 1 - confidence


def test_sizes_that_are_known() -> None:
    assert sampling.size_for(1000, confidence=0.95, tolerable=0.1) == 29
    assert sampling.size_for(0, confidence=0.95, tolerable=0.1) == 0
