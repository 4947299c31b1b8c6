"""`GitHub.read_trusted` against the double: the policy's exact bytes, and the templates in every place and spelling."""

from collections.abc import Iterator

import pytest
from doubles.github import GitHubServer
from doubles.github.scenario import POLICY_PATH, World, forge, world

from changegate.errors import ForgeError, InputError
from changegate.facts import MISSING, Unavailable


@pytest.fixture
def it() -> World:
    return world()


@pytest.fixture
def server(it: World) -> Iterator[GitHubServer]:
    with GitHubServer(it.hub) as server:
        yield server


@pytest.mark.parametrize("path", ["changegate.yml", ".github/changegate.yml", "ops/deep/changegate.yml", "docs/p.yml"])
@pytest.mark.parametrize("content", [b"", b"version: 1\n", "name: Bücher \U0001f4da\r\n".encode(), b"x" * 100_000])
def test_the_policy_as_it_stands_at_the_commit(it: World, server: GitHubServer, path: str, content: bytes) -> None:
    at = it.repo.push("main", author=it.alice, files={path: content})
    it.repo.push("main", author=it.alice, files={path: "something: else\n"})
    assert forge(server).read_trusted(at, path).policy == content
    assert len(server.requests) == 1


@pytest.mark.parametrize("path", ["none.yml", ".github/none.yml", "nowhere/none.yml", "no/where/none.yml"])
def test_no_policy(it: World, server: GitHubServer, path: str) -> None:
    assert forge(server).read_trusted(it.repo.head, path).policy == MISSING


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"\x00\x01", "is no text"), (b"caf\xe9\n", "is not the file's bytes"), (b"x" * 600_000, "cuts"), (b"\xff\xfea\x00", "is no text")],
)
def test_a_policy_that_does_not_come_whole(it: World, server: GitHubServer, content: bytes, why: str) -> None:
    it.repo.push("main", author=it.alice, files={POLICY_PATH: content})
    with pytest.raises(ForgeError, match=why):
        forge(server).read_trusted(it.repo.head, POLICY_PATH)


def test_a_folder_is_no_policy(it: World, server: GitHubServer) -> None:
    with pytest.raises(ForgeError, match="no file"):
        forge(server).read_trusted(it.repo.head, ".github")


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "a\nb"])
def test_what_is_no_path(it: World, server: GitHubServer, path: str) -> None:
    with pytest.raises(InputError):
        forge(server).read_trusted(it.repo.head, path)


@pytest.mark.parametrize("folder", ["", "docs/", ".github/"])
@pytest.mark.parametrize(
    "name",
    [
        "pull_request_template.md",
        "PULL_REQUEST_TEMPLATE.md",
        "Pull_Request_Template.txt",
        "pull_request_template",
        "PULL_REQUEST_TEMPLATE/one.md",
        "pull_request_template/ONE.md",
    ],
)
def test_templates_in_every_place_and_spelling(it: World, server: GitHubServer, folder: str, name: str) -> None:
    it.repo.push("main", author=it.alice, files={".github/pull_request_template.md": None, f"{folder}{name}": "## Plan\n", "other_template.md": "no"})
    assert forge(server).read_trusted(it.repo.head, POLICY_PATH).templates == ("## Plan\n",)


def test_all_templates(it: World, server: GitHubServer) -> None:
    more = {f".github/PULL_REQUEST_TEMPLATE/{number}.md": str(number) for number in range(9)}
    it.repo.push("main", author=it.alice, files=more)
    templates = forge(server).read_trusted(it.repo.head, POLICY_PATH).templates
    assert templates == (*map(str, range(9)), "## Rollback plan\n")
    assert len(server.requests) == 2


def test_no_templates(it: World, server: GitHubServer) -> None:
    it.repo.push("main", author=it.alice, files={".github/pull_request_template.md": None})
    assert forge(server).read_trusted(it.repo.head, POLICY_PATH).templates == ()


def test_templates_without_number_are_not_known(it: World, server: GitHubServer) -> None:
    it.repo.push("main", author=it.alice, files={f"docs/pull_request_template/{number}.md": "x" for number in range(51)})
    assert isinstance(forge(server).read_trusted(it.repo.head, POLICY_PATH).templates, Unavailable)


def test_a_binary_template_is_not_known(it: World, server: GitHubServer) -> None:
    it.repo.push("main", author=it.alice, files={"pull_request_template.md": b"\x00"})
    found = forge(server).read_trusted(it.repo.head, POLICY_PATH)
    assert isinstance(found.templates, Unavailable)
    assert found.policy == b"version: 1\n"
