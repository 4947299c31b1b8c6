"""Every fault × every request: what comes out is whole, or says what is missing, or is an error. Nothing is ever hidden."""

from collections.abc import Iterator

import pytest
from doubles.github import TOKEN, GitHubServer
from doubles.github.faults import KINDS
from doubles.github.scenario import busy_world, deployment, forge, gather
from doubles.honesty import Gathered, hidden

from changegate.errors import ForgeError
from changegate.forges.github import GitHub

PASSING = (
    "429",
    "primary-limit",
    "secondary-limit",
    "500",
    "502",
    "503",
    "html",
    "empty",
    "not-json",
    "null",
    "cut",
    "cut-body",
    "graphql-limit",
    "graphql-lost",
)
LASTING = ("401", "403", "404", "422", "429-long", "redirect")
REQUESTS = 5


@pytest.fixture(scope="module")
def server() -> Iterator[GitHubServer]:
    with GitHubServer(busy_world().hub, still=True) as server:
        yield server


@pytest.fixture(scope="module")
def whole(server: GitHubServer) -> Gathered:
    server.reset()
    gathered = gather(forge(server), deployment(server.hub.repositories["acme/shop"]))
    assert len(server.requests) == REQUESTS
    return gathered


def ask(server: GitHubServer) -> Gathered | ForgeError:
    try:
        return gather(forge(server), deployment(server.hub.repositories["acme/shop"]))
    except ForgeError as error:
        return error


@pytest.mark.parametrize("at", range(REQUESTS))
@pytest.mark.parametrize("kind", KINDS)
def test_no_fault_hides_anything(server: GitHubServer, whole: Gathered, kind: str, at: int) -> None:
    server.reset()
    server.fail(kind, at=at)
    found = ask(server)
    if isinstance(found, ForgeError):
        assert found.message
        assert found.remedy
        assert TOKEN not in f"{found.message}{found.remedy}{found!r}"
    else:
        assert hidden(whole, found) == []


@pytest.mark.parametrize("kind", KINDS)
def test_no_lasting_fault_hides_anything(server: GitHubServer, whole: Gathered, kind: str) -> None:
    server.reset()
    server.fail(kind, times=10**6)
    found = ask(server)
    assert isinstance(found, ForgeError) or hidden(whole, found) == []


@pytest.mark.parametrize("at", range(REQUESTS))
@pytest.mark.parametrize("kind", PASSING)
def test_a_passing_fault_is_survived(server: GitHubServer, whole: Gathered, kind: str, at: int) -> None:
    server.reset()
    server.fail(kind, at=at)
    assert ask(server) == whole


@pytest.mark.parametrize("at", range(REQUESTS))
@pytest.mark.parametrize("kind", LASTING)
def test_a_lasting_fault_is_an_error_at_once(server: GitHubServer, kind: str, at: int) -> None:
    server.reset()
    server.fail(kind, at=at)
    assert isinstance(ask(server), ForgeError)
    assert len(server.requests) == at + 1
    assert server.slept == []


@pytest.mark.parametrize("kind", PASSING)
def test_a_passing_fault_that_stays_ends_as_an_error(server: GitHubServer, kind: str) -> None:
    server.reset()
    server.fail(kind, times=10**6)
    assert isinstance(ask(server), ForgeError)
    assert len(server.requests) <= 10


@pytest.mark.parametrize(("kind", "seconds"), [("429", 7.0), ("503", 3.0), ("primary-limit", 30.0), ("secondary-limit", 60.0)])
def test_the_wait_that_github_asks_for_is_kept(server: GitHubServer, kind: str, seconds: float) -> None:
    server.reset()
    server.fail(kind)
    ask(server)
    assert server.slept == [seconds]


def test_waits_grow_and_differ(server: GitHubServer) -> None:
    server.reset()
    server.fail("502", times=4)
    ask(server)
    assert all(2.0**n <= pause <= 1.5 * 2.0**n for n, pause in enumerate(server.slept))
    assert len(server.slept) == 4


def test_a_wait_beyond_the_time_is_not_begun(server: GitHubServer) -> None:
    server.reset()
    server.fail("429-long")
    error = ask(server)
    assert isinstance(error, ForgeError)
    assert "86400 s" in error.message
    assert server.slept == []


def test_the_faults_do_something(server: GitHubServer, whole: Gathered) -> None:
    """Every kind leaves a mark on at least one request, or the tests above would prove nothing."""
    for kind in KINDS:
        marks = int(kind in {"trickle", "ends-early"})  # the one is only slow, the other hits what has further pages
        for at in range(REQUESTS):
            server.reset()
            server.fail(kind, at=at)
            marks += ask(server) != whole or bool(server.slept)
        assert marks, kind


def test_the_total_time_bounds_everything(server: GitHubServer) -> None:
    server.reset()
    server.fail("502", times=10**6)
    github = GitHub("acme/shop", TOKEN, api_url=server.url, sleep=server.sleep, now=lambda: sum(server.slept), timeout=5.0)
    with pytest.raises(ForgeError, match="within 5 attempts or 5 s"):
        github.resolve_head("main")
    assert sum(server.slept) < 5.0
    assert 2 <= len(server.requests) <= 3
