"""How many requests a deploy costs on GitLab: 3, 1 per hundred changes, 1 per ten, 9 per change and 2 per person, at most."""

import pytest
from bench.requests import measure_on_gitlab


@pytest.mark.parametrize("method", ["squash", "merge"])
@pytest.mark.parametrize("changes", [1, 11, 60])
def test_requests_stay_within_the_bound(changes: int, method: str) -> None:
    measured = measure_on_gitlab(changes, method)
    assert measured.requests <= measured.bound
