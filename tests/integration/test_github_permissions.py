"""Tokens that may not see all: each missing permission is named, with what to paste; no token's text shows anywhere."""

import pytest
from doubles.github import ALL_PERMISSIONS, TOKEN, GitHubServer
from doubles.github.scenario import busy_world, deployment, forge, gather
from doubles.honesty import Gathered

from changegate.errors import ChangegateError, ForgeError, InputError
from changegate.facts import Unavailable
from changegate.forges.github import GitHub

NAMED = {
    "checks": "checks: read",
    "contents": "contents: read",
    "deployments": "deployments: read",
    "issues": "issues: read",
    "pull_requests": "pull-requests: read",
    "statuses": "statuses: read",
}


def gather_without(permission: str) -> Gathered | ForgeError:
    it = busy_world()
    it.hub.tokens["ghs_partial"] = ALL_PERMISSIONS - {permission}
    with GitHubServer(it.hub) as server:
        try:
            return gather(forge(server, token="ghs_partial"), deployment(it.repo))
        except ForgeError as error:
            return error


@pytest.mark.parametrize("permission", NAMED)
def test_a_missing_permission_is_named(permission: str) -> None:
    found = gather_without(permission)
    if isinstance(found, ForgeError):
        gaps = [Unavailable(why=found.message, remedy=found.remedy)]
    else:
        gaps = [value for change in found.changes for value in (change.tickets, change.checks) if isinstance(value, Unavailable)]
        assert len(gaps) == len(found.changes)
    for gap in gaps:
        lacking = gap.remedy.split("\n")[0]
        assert "The token lacks" in lacking
        assert NAMED[permission] in lacking
        assert "`permissions: {checks: read, contents: read, " in gap.remedy


@pytest.mark.parametrize(("permission", "lost"), [("issues", "tickets"), ("checks", "checks"), ("statuses", "checks")])
def test_what_a_permission_does_not_cover_is_still_known(permission: str, lost: str) -> None:
    found = gather_without(permission)
    assert isinstance(found, Gathered)
    for change in found.changes:
        unknown = {name for name in type(change).model_fields if isinstance(getattr(change, name), Unavailable)} - {"update_merges", "files"}
        assert unknown == {lost}


def test_no_token() -> None:
    with pytest.raises(ForgeError) as caught:
        GitHub("acme/shop", "")
    assert "CHANGEGATE_TOKEN" in caught.value.remedy
    assert "permissions: {" in caught.value.remedy


@pytest.mark.parametrize("token", ["ghs_x\n", "ghs x", "ghs_ü"])
def test_a_token_that_is_none(token: str) -> None:
    with pytest.raises(InputError) as caught:
        GitHub("acme/shop", token)
    assert token not in repr(caught.value)


def test_bad_credentials() -> None:
    it = busy_world()
    with GitHubServer(it.hub) as server, pytest.raises(ForgeError, match="401: Bad credentials") as caught:
        gather(forge(server, token="ghs_wrong"), deployment(it.repo))
    assert "ghs_wrong" not in f"{caught.value!r}{caught.value.remedy}"


def test_a_repository_that_is_not_there_or_not_visible() -> None:
    it = busy_world()
    it.repo.private = True
    for name in ("acme/shop", "acme/nothing"):
        with GitHubServer(it.hub) as server, pytest.raises(ForgeError, match="Could not resolve") as caught:
            gather(forge(server, name), deployment(it.repo))
        assert "doesn't exist, or the token may not see it" in caught.value.remedy


@pytest.mark.parametrize("name", ["acme", "acme/", "/shop", "acme/shop/x", "acme/sh op", 'acme/"', "-a/b", ""])
def test_what_is_no_repository(name: str) -> None:
    with pytest.raises(InputError):
        GitHub(name, TOKEN)


@pytest.mark.parametrize(
    "url", ["", "http://github.example/api/v3", "api.github.com", "ftp://x", "https://", "https://user:pw@host/", "https://host/?a=b"]
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(InputError):
        GitHub("acme/shop", TOKEN, api_url=url)


def test_the_token_shows_nowhere() -> None:
    it = busy_world()
    told: list[str] = []
    with GitHubServer(it.hub) as server:
        github = GitHub("acme/shop", TOKEN, api_url=server.url, sleep=server.sleep, on_request=lambda *exchange: told.append(str(exchange)))
        gather(github, deployment(it.repo))
        assert TOKEN not in repr(github)
        assert len(told) == len(server.requests)
        assert not [line for line in told if TOKEN in line]


def test_nobody_listens() -> None:
    with pytest.raises(ChangegateError, match=r"connection to GitHub at http://127\.0\.0\.1:9 broke"):
        GitHub("acme/shop", TOKEN, api_url="http://127.0.0.1:9", sleep=lambda _seconds: None).resolve_head("main")


def test_an_answer_that_does_not_come_in_time() -> None:
    it = busy_world()
    with GitHubServer(it.hub) as server:
        server.stall(at=0)
        github = GitHub("acme/shop", TOKEN, api_url=server.url, sleep=server.sleep, timeout=1.0)
        with pytest.raises(ForgeError, match="did not answer in time"):
            github.resolve_head("main")
        server.release()


def test_a_slow_answer_is_survived() -> None:
    it = busy_world()
    with GitHubServer(it.hub) as server:
        server.fail("trickle", at=0)
        assert forge(server).resolve_head("main") == it.repo.head
