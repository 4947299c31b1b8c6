"""Every single value of every answer spoilt in turn: nulled, left out, or of another kind. The facts stay honest.

The answers are recorded once from the double and given again without HTTP, so that thousands of spoilt ones take seconds.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest
from doubles.github import TOKEN, GitHubServer
from doubles.github.scenario import busy_world, deployment, forge, gather
from doubles.github.state import HOST, Repository
from doubles.honesty import Gathered, hidden, places
from support.exhaustive import thin

from changegate.errors import ChangegateError, ForgeError
from changegate.forges.github import GitHub
from changegate.forges.github.answer import Answer, graft
from changegate.forges.github.client import Client
from changegate.forges.github.faults import explain_refusal

MEANS_NONE = {
    # Where GitHub's null is an answer of its own, it can't be told from a fault; each errs to the strict side, and is tested by name elsewhere.
    "signature",  # unsigned
    "statusCheckRollup",  # no checks at all, which is unknown to the judgement
    "user",  # an e-mail without an account
    "app",
    "workflowRun",  # a check run that is no Action's
    "startedAt",  # queued, so the newest
    "completedAt",
    "targetUrl",
    "logUrl",
    "policy",
    "verification",  # unsigned, so none of GitHub's own commits
}
NOT_READ = {"avatar_url", "files"}


class Replayed:
    """Gives recorded answers in their order, one of them spoilt."""

    def __init__(self, answers: list[Any]) -> None:
        self.answers = iter(answers)

    def _next(self) -> Any:
        body = next(self.answers, None)
        if body is None:
            raise ForgeError("A request that was not recorded", remedy="None: the test ends here.")
        return body

    def query(self, _document: str, _variables: Mapping[str, Any] | None = None) -> Answer:
        return graft(self._next(), explain_refusal)

    def get(self, _path: str, _parameters: Mapping[str, str | int]) -> Answer:
        return Answer(self._next())

    def wait(self, _seconds: float) -> bool:
        return True


@pytest.fixture(scope="module")
def recorded() -> Iterator[tuple[Repository, list[Any], Gathered]]:
    it = busy_world()
    with GitHubServer(it.hub) as server:
        whole = gather(forge(server), deployment(it.repo))
        yield it.repo, list(server.answers), whole


def replay(repo: Repository, answers: list[Any]) -> Gathered | ChangegateError:
    github = GitHub(repo.name, TOKEN, api_url=f"http://{HOST}")
    github._client = cast("Client", Replayed(answers))
    try:
        return gather(github, deployment(repo))
    except ChangegateError as error:
        return error


def spots(answers: list[Any]) -> Iterator[tuple[int, tuple[str | int, ...]]]:
    """One place of each shape in every answer: the same field in another item of a list would be read by the same code."""
    for number, answer in enumerate(answers):
        seen: set[tuple[str, ...]] = set()
        for place in places(answer):
            shape = tuple("*" if isinstance(step, int) or step[1:].isdigit() else step for step in place)
            if shape not in seen:
                seen.add(shape)
                yield number, place


def spoil(answers: list[Any], number: int, place: tuple[str | int, ...], how: str) -> list[Any]:
    spoilt = [copy.deepcopy(answer) if index == number else answer for index, answer in enumerate(answers)]
    value = spoilt[number]
    for step in place[:-1]:
        value = value[step]
    if how == "gone":
        del value[place[-1]]
    else:
        value[place[-1]] = {"null": None, "text": "?", "number": -7, "list": []}[how]
    return spoilt


def test_the_recording_replays(recorded: tuple[Repository, list[Any], Gathered]) -> None:
    repo, answers, whole = recorded
    assert replay(repo, copy.deepcopy(answers)) == whole


@pytest.mark.parametrize("how", ["null", "gone"])
def test_no_value_that_is_not_there_hides_anything(recorded: tuple[Repository, list[Any], Gathered], how: str) -> None:
    repo, answers, whole = recorded
    lies = []
    for number, place in spots(answers):
        last = place[-1]
        if how == "null" and (last in MEANS_NONE or (place[0] == "commits" and last in {"committer", "login"})):
            continue  # in a comparison, a committer without an account is nobody, and not GitHub
        found = replay(repo, spoil(answers, number, place, how))
        if not isinstance(found, ChangegateError) and (gaps := hidden(whole, found)):
            lies.append((number, place, gaps[:2]))
    assert lies == []


@pytest.mark.parametrize("how", ["text", "number", "list"])
def test_no_value_of_another_kind_raises_anything_but_our_errors(recorded: tuple[Repository, list[Any], Gathered], how: str) -> None:
    repo, answers, _ = recorded
    for number, place in thin(list(spots(answers)), every=3):
        replay(repo, spoil(answers, number, place, how))
