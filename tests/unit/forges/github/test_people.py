"""Identities from what GitHub and git say, as tables."""

from typing import Any

import pytest

from changegate.facts import Identity, IdentityKind, Unavailable
from changegate.forges.github.answer import Answer
from changegate.forges.github.people import Vouched, read_actor, read_author, read_co_authors, read_committer

HOST = "github.com"
BY_GITHUB = Vouched(valid=True, by_github=True)


@pytest.mark.parametrize(
    ("actor", "key", "login", "kind"),
    [
        ({"__typename": "User", "login": "alice", "databaseId": 7}, "github:7", "alice", IdentityKind.HUMAN),
        ({"__typename": "Bot", "login": "updater", "databaseId": 8}, "github:8", "updater[bot]", IdentityKind.BOT),
        ({"__typename": "Mannequin", "login": "old", "databaseId": 9}, "github:9", "old", IdentityKind.HUMAN),
        ({"__typename": "EnterpriseUserAccount", "login": "alice_corp", "user": {"databaseId": 7}}, "github:7", "alice_corp", IdentityKind.HUMAN),
    ],
)
def test_actors(actor: dict[str, Any], key: str, login: str, kind: IdentityKind) -> None:
    assert read_actor(Answer({"author": actor}), "author") == Identity(key=key, login=login, kind=kind)


@pytest.mark.parametrize(
    "actor",
    [
        None,
        {},
        {"__typename": "User", "login": "alice"},
        {"__typename": "User", "login": "alice", "databaseId": None},
        {"__typename": "User", "login": "alice", "databaseId": 0},
        {"__typename": "EnterpriseUserAccount", "login": "alice", "user": None},
        {"__typename": "Alien", "login": "alice", "databaseId": 7},
    ],
)
def test_whom_nobody_can_tell(actor: Any) -> None:
    assert isinstance(read_actor(Answer({"author": actor}), "author"), Unavailable)


def person(email: str, user: dict[str, Any] | None = None, name: str = "Somebody") -> dict[str, Any]:
    return {"name": name, "email": email, "user": user}


@pytest.mark.parametrize(
    ("written", "key", "kind"),
    [
        (person("alice@example.com", {"__typename": "User", "login": "alice", "databaseId": 7}), "github:7", IdentityKind.HUMAN),
        (person("x", {"__typename": "Bot", "login": "updater", "databaseId": 8}), "github:8", IdentityKind.BOT),
        (person("x", {"__typename": "User", "login": "updater[bot]", "databaseId": 8}), "github:8", IdentityKind.BOT),
        (person("8+updater[bot]@users.noreply.github.com"), "github:8", IdentityKind.BOT),
        (person("8+updater[bot]@users.noreply.ghe.example"), "github:8", IdentityKind.BOT),
    ],
)
def test_authors_of_commits(written: dict[str, Any], key: str, kind: IdentityKind) -> None:
    host = "ghe.example" if "ghe.example" in written["email"] else HOST
    found = read_author(Answer({"author": written}), Vouched(valid=True, by_github=False), host)
    assert isinstance(found, Identity)
    assert (found.key, found.kind) == (key, kind)


@pytest.mark.parametrize(
    "email",
    [
        "updater[bot]@users.noreply.github.com",
        "7+alice@users.noreply.github.com",
        "8+updater[bot]@users.noreply.github.com.evil",
        "8+x[bot]@evil.example",
        "",
    ],
)
def test_addresses_that_lead_to_nobody(email: str) -> None:
    found = read_author(Answer({"author": person(email, name="Dave")}), BY_GITHUB, HOST)
    assert isinstance(found, Unavailable)
    assert "Dave" in found.why


WEB_FLOW = {"__typename": "User", "login": "web-flow", "databaseId": 19864447}


@pytest.mark.parametrize("user", [WEB_FLOW, None])
@pytest.mark.parametrize(
    "vouched", [BY_GITHUB, Vouched(valid=True, by_github=False), Vouched(valid=False, by_github=True), Vouched(valid=False, by_github=False)]
)
def test_github_itself(user: dict[str, Any] | None, vouched: Vouched) -> None:
    found = read_committer(Answer({"committer": person("noreply@github.com", user, "GitHub")}), vouched, HOST)
    if vouched == BY_GITHUB:
        assert found == Identity(key="github:19864447", login="web-flow", kind=IdentityKind.PLATFORM)
    else:
        assert isinstance(found, Unavailable)


def test_a_server_of_ones_own_is_the_platform_there() -> None:
    written = Answer({"committer": person("noreply@ghe.example", {**WEB_FLOW, "databaseId": 3}, "GitHub Enterprise")})
    found = read_committer(written, BY_GITHUB, "ghe.example:8443")
    assert found == Identity(key="github:3", login="web-flow", kind=IdentityKind.PLATFORM)


def test_a_person_who_commits_by_the_web_stays_a_person() -> None:
    written = Answer({"committer": person("alice@example.com", {"__typename": "User", "login": "alice", "databaseId": 7})})
    found = read_committer(written, BY_GITHUB, HOST)
    assert isinstance(found, Identity)
    assert found.kind is IdentityKind.HUMAN


BOT = "8+updater[bot]@users.noreply.github.com"
UNSIGNED = Vouched(valid=False, by_github=False)


def test_nobody_hides_behind_a_bots_address() -> None:
    """Anybody can write it into a commit; only a verified signature stands for it."""
    written = Answer({"author": person(BOT), "committer": person(BOT)})
    assert isinstance(read_author(written, UNSIGNED, HOST), Unavailable)
    assert isinstance(read_committer(written, UNSIGNED, HOST), Unavailable)
    assert isinstance(read_author(written, BY_GITHUB, HOST), Identity)


def test_a_bot_as_co_author_hides_nobody() -> None:
    (found,) = read_co_authors([Answer(person("alice@example.com")), Answer(person(BOT))], HOST)
    assert isinstance(found, Identity)
    assert found.kind is IdentityKind.BOT
