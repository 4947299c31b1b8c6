"""Changed files, CODEOWNERS, teams and update merges on the double: whole or unknown, and asked for only where they are needed."""

from typing import Any

import pytest
from doubles.github import MEMBERS_TOKEN, TOKEN, GitHubServer, Pull
from doubles.github.faults import KINDS
from doubles.github.scenario import World, deployment, forge, world

from changegate.errors import ForgeError
from changegate.facts import MISSING, NOT_ASKED, Change, ChangedFile, CodeOwnersFile, Unavailable, UpdateMerge
from changegate.forges import NO_NEEDS, Needs

FILES, UPDATES = Needs(files=True), Needs(update_merges=True)


def only_change(it: World, needs: Needs, server: GitHubServer | None = None) -> Change:
    """The one change since the deployment."""
    if server is None:
        with GitHubServer(it.hub) as own:
            return only_change(it, needs, own)
    github = forge(server)
    deploy = deployment(it.repo)
    (found,) = github.fetch_changes(deploy, github.resolve_range(deploy, requested=None, logged=None), needs)
    return found


def test_nothing_is_asked_without_need() -> None:
    it = world()
    it.repo.pull(author=it.alice).update_branch(it.bob).merge("squash")
    found = only_change(it, NO_NEEDS)
    assert found.files == NOT_ASKED
    assert found.update_merges == NOT_ASKED


def test_changed_files() -> None:
    it = world()
    it.repo.push("main", author=it.alice, files={"old.txt": "moved\n", "gone.txt": "x\n"})
    it.repo.deploy()
    it.repo.pull(author=it.alice, files={"old.txt": None, "new.txt": "moved\n", "gone.txt": None, "README.md": "# New\n", "a/b": "1"}).merge("squash")
    found = only_change(it, FILES).files
    assert not isinstance(found, Unavailable)
    assert set(found) == {
        ChangedFile(path="new.txt", was="old.txt"),
        ChangedFile(path="gone.txt", removed=True),
        *(ChangedFile(path=path) for path in ("README.md", "a/b")),
    }


@pytest.mark.parametrize("count", [1, 100, 101, 250])
def test_changed_files_come_in_pages(count: int) -> None:
    it = world()
    it.repo.pull(author=it.alice, files={f"f{number}": "x" for number in range(count)}).merge("squash")
    with GitHubServer(it.hub) as server:
        found = only_change(it, FILES, server).files
        pages = [asked.path for asked in server.requests if "/files?" in asked.path]
    assert not isinstance(found, Unavailable)
    assert len(found) == count
    assert len(pages) == -(-count // 100)


def test_more_files_than_github_lists_are_unknown() -> None:
    it = world()
    it.repo.pull(author=it.alice, files={f"f{number}": "x" for number in range(3001)}).merge("squash")
    with GitHubServer(it.hub) as server:
        found = only_change(it, FILES, server).files
        assert not [asked for asked in server.requests if "/files?" in asked.path]
    assert isinstance(found, Unavailable)
    assert "3001 files" in found.why


WHOLE = {"filename": "a", "status": "modified"}


@pytest.mark.parametrize(
    "listed",
    [
        [],
        [WHOLE],
        [WHOLE, WHOLE],
        [WHOLE, WHOLE | {"filename": "b"}, WHOLE | {"filename": "c"}],
        [WHOLE, None],
        [WHOLE, {"filename": "b"}],
        [WHOLE, {"filename": "b", "status": "moved"}],
        [WHOLE, {"filename": "b", "status": "renamed"}],
        [WHOLE, {"filename": 7, "status": "added"}],
        {"message": "odd"},
    ],
)
def test_a_list_of_files_that_is_not_whole_is_unknown(listed: Any) -> None:
    it = world()
    it.repo.pull(author=it.alice, files={"a": "1", "b": "2"}).merge("squash")
    with GitHubServer(it.hub) as server:
        only_change(it, FILES, server)
        at = next(number for number, asked in enumerate(server.requests) if "/files?" in asked.path)
        server.reset()
        server.replace(listed, at=at)
        assert isinstance(only_change(it, FILES, server).files, Unavailable)


@pytest.mark.parametrize("place", [".github/", "", "docs/"])
def test_code_owners_in_their_places(place: str) -> None:
    it = world()
    places = [".github/", "", "docs/"]
    later = places[places.index(place) :]
    at = it.repo.push("main", author=it.alice, files={f"{each}CODEOWNERS": f"* @{each}\n" for each in later})
    with GitHubServer(it.hub) as server:
        found = forge(server).read_code_owners(at)
        assert len(server.requests) == 1
    assert found == CodeOwnersFile(path=f"{place}CODEOWNERS", commit=at, text=f"* @{place}\n")


def test_no_code_owners() -> None:
    it = world()
    at = it.repo.push("main", author=it.alice, files={"CODEOWNERS/x": "a folder", ".github/codeowners": "* @bob", "src/CODEOWNERS": "* @bob"})
    with GitHubServer(it.hub) as server:
        assert forge(server).read_code_owners(at) == MISSING


@pytest.mark.parametrize("content", [b"#" * 600_000, b"\x00", b"\xff\xfe* @bob"])
def test_code_owners_that_can_not_be_read(content: bytes) -> None:
    it = world()
    at = it.repo.push("main", author=it.alice, files={".github/CODEOWNERS": content, "CODEOWNERS": "* @bob\n"})
    with GitHubServer(it.hub) as server:
        assert isinstance(forge(server).read_code_owners(at), Unavailable)


def test_teams() -> None:
    it = world()
    it.hub.team("Acme/payments", it.bob, it.carol)
    it.hub.team("acme/many", *(it.hub.user(f"user{number}") for number in range(230)))
    with GitHubServer(it.hub) as server:
        github = forge(server, token=MEMBERS_TOKEN)
        payments, many = github.fetch_teams(["acme/payments", "acme/many"])
        assert len(server.requests) == 3  # one for both, two further pages
        github.fetch_teams(["acme/many", "acme/payments"])
        assert len(server.requests) == 3, "asked once in a run"
    assert not isinstance(payments.members, Unavailable)
    assert not isinstance(many.members, Unavailable)
    assert {member.key for member in payments.members} == {f"github:{it.bob.id}", f"github:{it.carol.id}"}
    assert len(many.members) == 230


@pytest.mark.parametrize("token", [TOKEN, MEMBERS_TOKEN])
def test_a_team_that_can_not_be_seen_names_the_permission(token: str) -> None:
    it = world()
    if token == TOKEN:
        it.hub.team("acme/nobody-sees", it.bob)
    it.hub.team("acme/other", it.bob)
    with GitHubServer(it.hub) as server:
        unseen, elsewhere = forge(server, token=token).fetch_teams(["acme/nobody-sees", "nowhere/team"])
    for team in (unseen, elsewhere):
        assert isinstance(team.members, Unavailable)
        assert "`Members: read`" in team.members.remedy


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at", [0, 1])
def test_a_teams_request_that_fails_brings_no_members(kind: str, at: int) -> None:
    """Whatever comes back: the very members, or unknown. Nobody is ever put in."""
    it = world()
    members = [it.hub.user(f"user{number}") for number in range(101)]
    it.hub.team("acme/payments", *members)
    with GitHubServer(it.hub) as server:
        server.fail(kind, at=at, times=20)
        (team,) = forge(server, token=MEMBERS_TOKEN).fetch_teams(["acme/payments"])
    if not isinstance(team.members, Unavailable):
        assert {member.key for member in team.members} == {f"github:{member.id}" for member in members}


@pytest.mark.parametrize("kind", KINDS)
def test_a_files_or_owners_request_that_fails_hides_nothing(kind: str) -> None:
    it = world()
    it.repo.push("main", author=it.alice, files={"CODEOWNERS": "* @carol\n"})
    it.repo.deploy()
    it.repo.pull(author=it.alice, files={f"f{number}": "x" for number in range(150)}).merge("squash")
    with GitHubServer(it.hub) as server:
        github = forge(server)
        deploy = deployment(it.repo)
        found_range = github.resolve_range(deploy, requested=None, logged=None)
        before = len(server.requests)
        github.fetch_changes(deploy, found_range, FILES)
        last = len(server.requests) - before - 1
        server.fail(kind, at=last, times=20)
        try:
            (change,) = forge(server).fetch_changes(deploy, found_range, FILES)
        except ForgeError:
            return
        assert isinstance(change.files, Unavailable) or len(change.files) == 150
        owners = forge(server).read_code_owners(found_range.base)
        assert isinstance(owners, Unavailable) or (isinstance(owners, CodeOwnersFile) and owners.text == "* @carol\n")


# --- update merges ---------------------------------------------------------------------------------------------------------------

START = {"src/a/one": "1\n", "src/a/two": "2\n", "src/b/three": "3\n", "top": "t\n"}


def updated(ours: dict[str, Any], theirs: dict[str, Any], resolved: dict[str, Any] | None = None, signed: str = "github") -> tuple[World, Pull]:
    """A change whose base moved on and was merged into it by the button."""
    it = world()
    it.repo.push("main", author=it.alice, files=START)
    it.repo.deploy()
    pull = it.repo.pull(author=it.alice, files=ours).approve(it.bob)
    it.repo.push("main", author=it.carol, files=theirs)
    it.repo.deploy()
    return it, pull.update_branch(it.bob, resolved=resolved, signed=signed).merge("squash")


@pytest.mark.parametrize(
    ("ours", "theirs", "resolved", "clean"),
    [
        ({"new": "n"}, {"other": "o"}, None, True),
        ({"src/a/one": "x"}, {"src/a/two": "y"}, None, True),
        ({"src/a/one": "x", "src/b/three": None}, {"src/a/two": None, "src/c/d/e": "z"}, None, True),
        ({"src/a/one": None, "src/a/two": "y"}, {"src/b/three": None}, None, True),
        ({"top": "x"}, {"top": "x"}, None, True),
        ({"top": "x"}, {"top": "y"}, None, False),
        ({"top": "x"}, {"top": "y"}, {"top": "both\n"}, False),
        ({"top": "x"}, {"other": "o"}, {"backdoor": "!"}, False),
        ({"src/a/one": "x"}, {"src/a/two": "y"}, {"src/a/two": "2\n"}, False),
        ({"src/a/one": "x"}, {"src/a/two": "y"}, {"src/a/one": "1\n"}, False),
        ({"src/a/one": "x"}, {"src/a/two": "y"}, {"src/b/three": "!"}, False),
        ({"src/a/one": "x"}, {"src/a/two": "y"}, {"src/b/three": None}, False),
    ],
)
def test_what_an_update_merge_holds(ours: dict[str, Any], theirs: dict[str, Any], resolved: dict[str, Any] | None, clean: bool) -> None:
    it, pull = updated(ours, theirs, resolved)
    assert only_change(it, UPDATES).update_merges == (UpdateMerge(commit=pull.head, clean=clean),)


def test_a_merge_that_is_not_githubs_is_no_update_merge() -> None:
    it, _ = updated({"new": "n"}, {"other": "o"}, signed="")
    assert only_change(it, UPDATES).update_merges == ()


def test_a_merge_of_another_branch_is_no_update_merge() -> None:
    """GitHub's API merges any branch, and signs it."""
    it = world()
    it.repo.branch("side")
    it.repo.push("side", author=it.carol, files={"side": "s"})
    pull = it.repo.pull(author=it.alice)
    web_flow = it.hub.accounts["web-flow"]
    pull.head = it.repo.merge_commit(pull.head, it.repo.branches["side"], "Merge branch 'side'", it.alice, web_flow, "github").sha
    pull.merge("squash")
    assert only_change(it, UPDATES).update_merges == ()


@pytest.mark.parametrize("kind", KINDS)
def test_a_faulty_answer_never_proves_a_resolved_merge_clean(kind: str) -> None:
    it, _ = updated({"src/a/one": "x"}, {"src/a/two": "y"}, {"src/a/two": "mine\n"})
    with GitHubServer(it.hub) as server:
        github = forge(server)
        deploy = deployment(it.repo)
        found_range = github.resolve_range(deploy, requested=None, logged=None)
        before = len(server.requests)
        github.fetch_changes(deploy, found_range, UPDATES)
        used = len(server.requests) - before
        for at in range(2, used):
            server.reset()
            server.fail(kind, at=at, times=20)
            try:
                (change,) = forge(server).fetch_changes(deploy, found_range, UPDATES)
            except ForgeError:
                continue
            merges = change.update_merges
            assert isinstance(merges, Unavailable) or all(each.clean is not True for each in merges)
