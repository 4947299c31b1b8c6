"""Faults on the pages after the first, of every list that has some."""

from collections.abc import Iterator

import pytest
from doubles.github import GitHubServer
from doubles.github.scenario import deployment, forge, gather, paged_world
from doubles.honesty import Gathered, hidden
from support.exhaustive import some

from changegate.errors import ForgeError

KINDS = ("shortened", "emptied", "repeated", "doubled", "ends-early", "never-ends", "null-items", "null-users")
REQUESTS = 17


@pytest.fixture(scope="module")
def server() -> Iterator[GitHubServer]:
    with GitHubServer(paged_world().hub, still=True) as server:
        yield server


@pytest.fixture(scope="module")
def whole(server: GitHubServer) -> Gathered:
    server.reset()
    gathered = gather(forge(server), deployment(server.hub.repositories["acme/shop"]))
    assert len(server.requests) == REQUESTS
    return gathered


@pytest.mark.parametrize("at", range(REQUESTS))
@pytest.mark.parametrize("kind", some(KINDS, every=4))
def test_no_fault_of_a_page_hides_anything(server: GitHubServer, whole: Gathered, kind: str, at: int) -> None:
    server.reset()
    server.fail(kind, at=at)
    try:
        found = gather(forge(server), deployment(server.hub.repositories["acme/shop"]))
    except ForgeError:
        return
    assert hidden(whole, found) == []


def test_ends_early_is_noticed(server: GitHubServer, whole: Gathered) -> None:
    server.reset()
    server.fail("ends-early", times=REQUESTS)
    with pytest.raises(ForgeError, match="brought 20 of 23"):
        gather(forge(server), deployment(server.hub.repositories["acme/shop"]))
    assert whole
