"""Which merge request brought a commit: every way to merge, and every way around it."""

from collections.abc import Mapping, Sequence

import pytest

from changegate.facts import RangeCommit
from changegate.forges.answer import UnreadableError
from changegate.forges.gitlab.association import Landing, Request, explain, settle, unite

PROJECT, BRANCH = 7, "main"


def history(*commits: str) -> tuple[RangeCommit, ...]:
    """`"b:a"` is a commit with its parents, the oldest first; the last is the head."""
    made = []
    for text in commits:
        sha, _, parents = text.partition(":")
        made.append(RangeCommit(sha=sha, tree=sha, parents=tuple(parents.split(",")) if parents else (), subject=sha))
    return tuple(made)


def landing(commits: Sequence[RangeCommit]) -> Landing:
    return Landing.of(PROJECT, BRANCH, commits, commits[-1].sha)


def request(
    number: int = 1, *, merge: str = "", squash: str = "", head: str = "", state: str = "merged", project: int = PROJECT, branch: str = BRANCH
) -> Request:
    return Request(number, state, project, branch, merge, squash, head)


def settled(commits: Sequence[RangeCommit], requests: Sequence[Request], own: Mapping[int, Sequence[str]]) -> dict[str, int]:
    return dict(settle(requests, own, landing(commits)).by_commit)


def test_a_merge_commit_brings_itself_and_its_own_commits() -> None:
    commits = history("a:base", "b:a", "m:base,b")
    assert settled(commits, [request(merge="m", head="b")], {1: ["a", "b"]}) == {"a": 1, "b": 1, "m": 1}


def test_what_came_by_the_merge_and_is_not_its_own_is_nobodys() -> None:
    commits = history("a:base", "x:a", "m:base,x")
    assert settled(commits, [request(merge="m", head="a")], {1: ["a"]}) == {"a": 1, "m": 1}


def test_a_squash_with_a_merge_commit_brings_the_two() -> None:
    commits = history("s:base", "m:base,s")
    assert settled(commits, [request(merge="m", squash="s", head="b")], {1: ["a", "b"]}) == {"s": 1, "m": 1}


def test_a_squashed_requests_own_commits_on_the_branch_came_by_other_means() -> None:
    commits = history("a:base", "s:a")
    assert settled(commits, [request(squash="s", head="b")], {1: ["a", "b"]}) == {"s": 1}


def test_a_fast_forward_brings_its_commits_up_to_its_head() -> None:
    commits = history("a:base", "b:a", "later:b")
    assert settled(commits, [request(head="b")], {1: ["a", "b", "later"]}) == {"a": 1, "b": 1}


def test_a_commit_of_two_fast_forwarded_requests_came_with_the_first() -> None:
    commits = history("a:base", "b:a", "c:b")
    requests = [request(1, head="b"), request(2, head="c")]
    assert settled(commits, requests, {1: ["a", "b"], 2: ["a", "b", "c"]}) == {"a": 1, "b": 1, "c": 2}


def test_a_request_of_the_same_head_is_disputed() -> None:
    commits = history("a:base")
    found = settle([request(1, head="a"), request(2, head="a")], {1: ["a"], 2: ["a"]}, landing(commits))
    assert found.by_commit == {}
    assert found.disputed == {"a": (1, 2)}
    assert explain("a", (), found.disputed, landing(commits)) == "it is in !1 and !2, and nothing says which of them brought it"


def test_a_request_whose_tip_is_elsewhere_brings_nothing() -> None:
    commits = history("a:base")
    assert settled(commits, [request(merge="gone", head="a")], {1: ["a"]}) == {}


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        (request(state="opened", head="a"), "it is only in !1, which is opened and not merged"),
        (request(state="closed", head="a"), "it is only in !1, which is closed and not merged"),
        (request(project=8, head="a"), "it is only in !1 of another project"),
        (request(branch="stable", head="a"), "it is only in !1, which was merged into stable and not into main"),
        (request(merge="elsewhere"), "it is in !1, but did not come to main by that merge"),
    ],
)
def test_why_no_request_is_named(listed: Request, said: str) -> None:
    commits = history("a:base")
    assert not landing(commits).holds(listed)
    assert explain("a", [listed], {}, landing(commits)) == said


def test_two_answers_about_one_request_must_agree() -> None:
    assert unite([request(1)], [request(1), request(2)]) == (request(1), request(2))
    with pytest.raises(UnreadableError, match="different things about !1"):
        unite([request(1, head="a")], [request(1, head="b")])
