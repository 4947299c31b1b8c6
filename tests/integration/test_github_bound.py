"""How many requests a deploy costs: at most 2 + 2 per hundred commits + 1 per twenty-five changes."""

import pytest
from bench.requests import measure


@pytest.mark.parametrize("method", ["squash", "merge", "rebase"])
@pytest.mark.parametrize("changes", [1, 10, 26, 100])
def test_requests_stay_within_the_bound(changes: int, method: str) -> None:
    measured = measure(changes, method)
    assert measured.requests <= measured.bound
