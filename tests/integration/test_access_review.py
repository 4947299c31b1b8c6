"""Access reviews over the doubles: who may do what, compared with the last review, signed off by a reviewer; nothing unseen is left out silently."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from doubles.github.scenario import World
from doubles.github.server import GitHubServer
from doubles.github.well_set_up import ADMIN_TOKEN, with_access
from doubles.gitlab import TOKEN, GitLabServer
from doubles.gitlab import scenario as gitlab_scenario
from doubles.gitlab.state import MAINTAINER

from changegate import access
from changegate.cli import run
from changegate.evidence.revocations import Revocation
from changegate.evidence.verify import verify_store
from changegate.stores import open_store
from changegate.trust import parse

WHEN = ("--owner", "carol", "--period", "2026-01-01..2026-03-31")
LOG = ("--store", "file:evidence", "--signing-key", "changegate-key.pem")
Hub = tuple[World, GitHubServer]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHANGEGATE_TOKEN", ADMIN_TOKEN)
    assert run(["keys", "generate"]) == 0
    it = with_access()
    with GitHubServer(it.hub) as server:
        yield it, server


def review(server: GitHubServer, *words: str) -> int:
    return run(["attest", "access-review", "--from", "github", "--repository", "acme/shop", "--api-url", server.url, *LOG, *words])


def listed(file: str = "review.json") -> access.Access:
    return access.parse_access(Path(file).read_bytes())


def rows(found: access.Access) -> set[tuple[str, str, str, str]]:
    return {(each.part, each.holder.value, each.name, each.right.value) for each in found.entries}


EXPECTED = {
    ("collaborators", "user", "alice", "push"),
    ("collaborators", "user", "alice", "approve"),
    ("collaborators", "user", "alice", "administer"),
    ("collaborators", "user", "bob", "push"),
    ("collaborators", "user", "bob", "approve"),
    ("teams", "group", "devs", "push"),
    ("teams", "group", "devs", "approve"),
    ("teams", "group", "owners", "push"),
    ("teams", "group", "owners", "approve"),
    ("teams", "group", "owners", "administer"),
    ("teams", "group", "releasers", "push"),
    ("teams", "group", "releasers", "approve"),
    ("teams", "group", "releasers", "administer"),
    ("deploy keys", "deploy-key", "5 mirror", "push"),
    ("apps", "app", "deployer", "push"),
    ("apps", "app", "renovate", "administer"),
    ("branches/main/branch protection", "user", "alice", "bypass"),
    ("branches/main/ruleset 'main'", "role", "admins", "bypass"),
    ("environments/production", "user", "alice", "deploy"),
    ("environments/production", "user", "bob", "deploy"),
    ("environments/production", "role", "admins", "bypass"),
    ("environments/staging", "role", "writers", "deploy"),
}


def test_all_that_github_shows_is_listed(hub: Hub) -> None:
    assert review(hub[1], "--out", "review.json") == 0
    found = listed()
    assert rows(found) == EXPECTED
    assert found.unknown == ()
    how = {each.name: each.how for each in found.entries if each.part == "collaborators"}
    assert how == {"alice": "role admin, direct", "bob": "role write, by team or organization"}
    assert not Path("evidence").exists()


def test_what_the_reviewer_saw_is_what_is_recorded(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    it, server = hub
    assert review(server, "--out", "review.json") == 0
    it.repo.setup.collaborators["carol"] = ("admin", "direct")  # after the reviewer's look
    capsys.readouterr()
    words = ("--file", "review.json", "--reviewer", "carol", "--decision", "approved", *WHEN, *LOG, "--format", "json")
    assert run(["attest", "access-review", *words]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["attestation"]["review"] | {"previous": None} == {
        "reviewer": "carol",
        "decision": "approved",
        "entries": len(EXPECTED),
        "unknown": [],
        **dict.fromkeys(("added", "removed", "changed"), 0),
        "previous": None,
    }
    assert said["attestation"]["controls"] == ["access-reviewed"]
    assert run(["show", said["record"], "--store", "file:evidence", "--attachment", "back.json"]) == 0
    assert "approved, by carol" in capsys.readouterr().out
    assert Path("back.json").read_bytes() == Path("review.json").read_bytes()
    assert verify_store(open_store("file:evidence"), parse(Path("changegate-trust.yml").read_bytes())).problems == []


def test_the_next_review_says_what_changed_since(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    it, server = hub
    sign = ("--reviewer", "carol", *WHEN)
    assert review(server, "--decision", "approved", *sign) == 0
    it.repo.setup.collaborators["bob"] = ("push", "direct")
    del it.repo.setup.teams["devs"]
    it.repo.setup.keys.clear()
    it.repo.setup.environments["staging"].admins_bypass = True
    capsys.readouterr()
    assert review(server, "--decision", "changes-required", *sign) == 0
    page = capsys.readouterr().out
    assert "1 added, 3 removed, 2 changed" in page
    for line in (
        "  ~ push       user bob: role write, direct (was: role write, by team or organization)",
        "  - deploy keys: push       deploy-key 5 mirror: may write, made 2026-01-05",
        "  + bypass     role admins: admins may bypass its protection",
    ):
        assert line in page
    assert run(["audit", "population", "--from", "2020-01-01", "--to", "2099-12-31", "--kind", "attestations", *LOG[:2], "--out", "all.json"]) == 0
    units = json.loads(Path("all.json").read_text())["units"]
    assert [(unit["outcome"], unit["approved_by"], unit["repository"]) for unit in units] == [
        ("approved", "carol", "acme/shop"), ("changes-required", "carol", "acme/shop"),
    ]  # fmt: skip


def test_what_the_token_may_not_see_is_named_and_approved_by_nobody(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    it, server = hub
    it.hub.tokens[ADMIN_TOKEN] -= {"administration", "organization_administration", "actions"}
    it.repo.setup.may_push = False
    assert review(server, "--out", "review.json") == 0
    page = capsys.readouterr().out
    unknown = {each.part for each in listed().unknown}
    assert unknown == {"collaborators", "teams", "deploy keys", "environments", "apps", "branches/main", "branches/main/ruleset 'main'"}
    assert all(f"? {part}: " in page for part in unknown)
    assert review(server, "--reviewer", "carol", "--decision", "approved", *WHEN) == 2
    assert "7 parts could not be read" in capsys.readouterr().err
    assert not Path("evidence").exists()
    assert review(server, "--reviewer", "carol", "--decision", "approved-in-part", *WHEN, "--format", "json") == 0
    said = json.loads(capsys.readouterr().out)
    assert {each.partition(": ")[0] for each in said["attestation"]["review"]["unknown"]} == unknown
    it.hub.tokens[ADMIN_TOKEN] |= {"administration", "organization_administration", "actions"}
    it.repo.setup.may_push = True
    assert review(server) == 0
    assert "0 added, 0 removed, 0 changed" in capsys.readouterr().out  # of what nobody could read nothing is new


class Ended:
    """Every key was revoked before the log's first entry."""

    def of(self, key_id: str) -> Revocation:
        return Revocation(key_id, "b" * 64, -1, datetime(2026, 1, 1, tzinfo=UTC), "stolen")


def test_a_review_that_a_revoked_key_signed_is_compared_with_by_nobody(
    hub: Hub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert review(hub[1], "--reviewer", "carol", "--decision", "approved", *WHEN) == 0
    assert review(hub[1]) == 0
    assert "0 added, 0 removed, 0 changed" in capsys.readouterr().out
    monkeypatch.setattr("changegate.cli.access_review.revocations.find", lambda *_, **__: Ended())
    assert review(hub[1]) == 0
    assert "the log holds no earlier review" in capsys.readouterr().out


def test_without_a_trust_file_nothing_in_a_log_is_compared_with(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert review(hub[1], "--reviewer", "carol", "--decision", "approved", *WHEN) == 0
    Path("changegate-trust.yml").rename("elsewhere.yml")
    assert review(hub[1]) == 2
    assert "no trust file says whom to believe" in capsys.readouterr().err
    assert review(hub[1], "--trust", "elsewhere.yml") == 0


def test_an_earlier_review_that_was_changed_is_named(hub: Hub) -> None:
    assert review(hub[1], "--reviewer", "carol", "--decision", "approved", *WHEN) == 0
    (kept,) = Path("evidence/facts").rglob("*.json.gz")
    kept.chmod(0o644)
    kept.write_bytes(gzip.compress(gzip.decompress(kept.read_bytes()).replace(b"bob", b"eve")))
    assert review(hub[1]) == 5


def test_a_review_in_a_form_of_its_own_is_compared_with_by_nobody(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    Path("review.pdf").write_bytes(b"%PDF-1.7")
    words = ("--type", "access-review", "--file", "review.pdf", "--control", "access-reviewed", "--repository", "acme/shop")
    assert run(["attest", *words, *WHEN, *LOG]) == 0
    assert review(hub[1]) == 0
    assert "the log holds no earlier review" in capsys.readouterr().out


def test_a_persons_apps_are_unknown(hub: Hub) -> None:
    hub[0].repo.setup.personal = True
    assert review(hub[1], "--out", "review.json") == 0
    assert [each.part for each in listed().unknown] == ["apps"]


def test_a_long_list_is_read_to_its_end(hub: Hub) -> None:
    it, server = hub
    it.repo.setup.teams |= {f"team-{number}": "push" for number in range(250)}
    assert review(server, "--out", "review.json") == 0
    assert len({each.name for each in listed().entries if each.part == "teams"}) == 253


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "where is the list from"),
        (("--from", "github", "--file", "x"), "where is the list from"),
        (("--from", "github", "--reviewer", "carol"), "belong together"),
        (("--from", "github", "--decision", "approved"), "belong together"),
        (("--from", "github", "--reviewer", "carol", "--decision", "approved"), "--period is missing"),
        (("--from", "github", "--reviewer", "carol x", "--decision", "approved", *WHEN), "is no login"),
        (("--from", "github", "--reviewer", "carol", "--decision", "approved-in-part", *WHEN), "nothing to leave out"),
        (("--file", "changegate-trust.yml"), "access list"),
        (("--file", "nowhere"), "No such file"),
    ],
)
def test_bad_words(hub: Hub, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--repository", "acme/shop", "--api-url", hub[1].url) if "--from" in words else ()
    assert run(["attest", "access-review", *words, *asked, *LOG]) == 2
    assert said in capsys.readouterr().err
    assert not Path("evidence").exists()


def test_a_repository_that_can_not_be_seen_is_no_review(hub: Hub) -> None:
    hub[0].repo.private = True
    assert review(hub[1], "--out", "review.json") == 3
    assert not Path("review.json").exists()


def test_all_that_gitlab_shows_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHANGEGATE_TOKEN", TOKEN)
    it = gitlab_scenario.world()
    project = it.project
    with GitLabServer(it.hub) as server:
        words = [
            "attest",
            "access-review",
            "--from",
            "gitlab",
            "--repository",
            "acme/shop",
            "--api-url",
            server.api_url,
            *LOG,
            "--out",
            "review.json",
        ]
        assert run(words) == 0
        assert {each.part for each in listed().unknown} == {"branches", "environments", "deploy keys", "deploy tokens", "access tokens"}
        project.members[it.hub.tokens[TOKEN].id] = MAINTAINER
        project.setup.inherited.add(it.carol.id)
        assert run(words) == 0
    found = listed()
    assert found.unknown == ()
    assert rows(found) >= {
        ("members", "user", "alice", "push"),
        ("members", "user", "carol", "approve"),
        ("branches/main", "role", "Developers + Maintainers", "merge"),
        ("branches/changegate-*", "role", "Maintainers", "push"),
        ("environments/production", "role", "Maintainers", "deploy"),
        ("environments/production", "role", "anybody who may deploy", "approve"),
        ("deploy keys", "deploy-key", "1 mirror", "push"),
        ("deploy tokens", "token", "1 images", "push"),
        ("access tokens", "token", "1 release bot", "administer"),
        ("access tokens", "token", "3 pusher", "push"),
    }
    how = {(each.part, each.name): each.how for each in found.entries}
    assert how["members", "carol"] == "role Developer, inherited"
    assert how["members", "alice"] == "role Developer, direct"
    assert how["access tokens", "3 pusher"] == "role Developer, write_repository, until 2026-12-31"
    assert not any(each.right is access.Right.PUSH and each.part == "branches/main" for each in found.entries)  # no one pushes to it


def test_on_gitlab_free_developers_deploy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHANGEGATE_TOKEN", TOKEN)
    it = gitlab_scenario.world()
    it.project.setup.premium = False
    with GitLabServer(it.hub) as server:
        words = [
            "attest",
            "access-review",
            "--from",
            "gitlab",
            "--repository",
            "acme/shop",
            "--api-url",
            server.api_url,
            *LOG,
            "--out",
            "review.json",
        ]
        assert run(words) == 0
    assert ("environments", "role", "Developers", "deploy") in rows(listed())
