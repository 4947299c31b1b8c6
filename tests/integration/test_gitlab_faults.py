"""Every fault × every request: what comes out is whole, or says what is missing, or is an error. Nothing is ever hidden.

Requests go out several at once, so a fault at a number may hit one or another of those that are under way together; all of them are hit by some.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from doubles.gitlab import READER_TOKEN, GitLabServer
from doubles.gitlab.faults import KINDS
from doubles.gitlab.scenario import deployment, forge, gather, small_world
from doubles.honesty import Gathered, hidden
from support.exhaustive import thin

from changegate.errors import ForgeError, InputError

PASSING = ("429", "429-reset", "500", "502", "503", "html", "empty", "not-json", "null", "cut", "cut-body")
LASTING = ("401", "403", "404", "422", "redirect")


class Asking:
    """The double with the small world, and how it is asked. The range is that of an undisturbed run, for git alone makes it."""

    def __init__(self, server: GitLabServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.deployment = deployment(server.hub.projects["acme/shop"])
        self.whole = gather(forge(server, folder), self.deployment)

    def ask(self) -> Gathered | ForgeError:
        self.server.slept.clear()
        try:
            return self.whole._replace(changes=forge(self.server, None).fetch_changes(self.deployment, self.whole.range))
        except ForgeError as error:
            return error


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    it = small_world()
    with GitLabServer(it.hub, still=True) as server:
        yield Asking(server, it.project.write(tmp_path_factory.mktemp("clone")))


@pytest.fixture
def whole(asking: Asking) -> Gathered:
    return asking.whole


def requests(asking: Asking) -> int:
    """How many there are where nothing goes wrong."""
    asking.server.reset()
    asking.ask()
    return len(asking.server.requests)


@pytest.mark.parametrize("kind", KINDS)
def test_no_fault_hides_anything(asking: Asking, whole: Gathered, kind: str) -> None:
    # What is refused or tried again is so whatever was asked; what is changed in an answer matters by the answer.
    often = 4 if kind in (*PASSING, *LASTING) and kind != "404" else 1
    for at in thin(range(0, requests(asking), often), every=6):
        asking.server.reset()
        asking.server.fail(kind, at=at)
        found = asking.ask()
        if isinstance(found, Gathered):
            assert [gap for gap in hidden(whole, found) if not _harmless(gap, kind)] == [], at
        else:
            assert found.message
            assert found.remedy
            assert READER_TOKEN not in f"{found.message}{found.remedy}{found!r}"


def _harmless(gap: str, kind: str) -> bool:
    """A review's id names its author where he is known; and an issue that isn't there is GitLab's 404, which costs a ticket and passes nothing."""
    return "].id:" in gap or (kind == "404" and gap.startswith("!1.tickets:"))


@pytest.mark.parametrize("kind", KINDS)
def test_no_lasting_fault_hides_anything(asking: Asking, whole: Gathered, kind: str) -> None:
    asking.server.reset()
    asking.server.fail(kind, times=10**6)
    found = asking.ask()
    assert not isinstance(found, Gathered) or hidden(whole, found) == []


@pytest.mark.parametrize("kind", PASSING)
def test_a_passing_fault_is_survived(asking: Asking, whole: Gathered, kind: str) -> None:
    for at in range(1, requests(asking), 6):
        asking.server.reset()
        asking.server.fail(kind, at=at)
        assert asking.ask() == whole, at


@pytest.mark.parametrize("kind", LASTING)
def test_a_lasting_fault_is_not_asked_about_again(asking: Asking, kind: str) -> None:
    asking.server.reset()
    asking.server.fail(kind)
    assert isinstance(asking.ask(), ForgeError)
    assert (len(asking.server.requests), asking.server.slept) == (1, [])


@pytest.mark.parametrize("kind", PASSING)
def test_a_passing_fault_that_stays_ends_as_an_error(asking: Asking, kind: str) -> None:
    asking.server.reset()
    asking.server.fail(kind, times=10**6)
    assert isinstance(asking.ask(), ForgeError)
    assert len(asking.server.requests) <= 10


@pytest.mark.parametrize(("kind", "seconds"), [("429", 7.0), ("503", 3.0), ("429-reset", 30.0)])
def test_the_wait_that_gitlab_asks_for_is_kept(asking: Asking, kind: str, seconds: float) -> None:
    asking.server.reset()
    asking.server.fail(kind)
    asking.ask()
    assert asking.server.slept[0] == seconds


def test_a_wait_beyond_the_time_is_not_begun(asking: Asking) -> None:
    asking.server.reset()
    asking.server.fail("429-long")
    error = asking.ask()
    assert isinstance(error, ForgeError)
    assert "86400 s" in error.message
    assert asking.server.slept == []


def test_only_what_is_left_over_is_asked_about_again(asking: Asking) -> None:
    """The direct push pays for the lag's retries, the change beside it doesn't."""
    asking.server.reset()
    asking.ask()
    paths = [asked.path for asked in asking.server.requests]
    repeated = {path.partition("?")[0].removeprefix("/api/v4/projects/acme%2Fshop") for path in paths if paths.count(path) > 1}
    assert repeated == {"/merge_requests", f"/repository/commits/{asking.whole.range.head}/merge_requests"}
    assert asking.server.slept == [1.0, 2.0, 4.0]


def test_the_faults_do_something(asking: Asking, whole: Gathered) -> None:
    """Every kind leaves a mark on at least one request, or the tests above would prove nothing."""
    due = {
        "401",
        "403",
        "404",
        "500",
        "cut",
        "shortened",
        "emptied",
        "repeated",
        "doubled",
        "null-items",
        "never-ends",
        "null-users",
        "null-shas",
        "null-lists",
    }
    for kind in due:
        asking.server.reset()
        asking.server.fail(kind, times=10**6)
        assert asking.ask() != whole, kind


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at", [0, 1])
def test_no_fault_hides_what_is_deployed(asking: Asking, whole: Gathered, kind: str, at: int) -> None:
    asking.server.reset()
    asking.server.fail(kind, at=at)
    with suppress(ForgeError, InputError):
        assert forge(asking.server, asking.folder).resolve_range(asking.deployment, requested=None, logged=None) == whole.range
