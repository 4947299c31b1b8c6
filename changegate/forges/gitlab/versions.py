"""A merge request's commits and its diff versions: what it is, and what it was before.

GitLab makes a version of every push ("Get merge request diff versions"), and keeps the commits of each: so it can be told what an approval was of,
whether history was rewritten since, and who made commits that are no longer there.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from changegate.facts import Commit, Identity, Known, Trailer, Unavailable
from changegate.forges import trailers
from changegate.forges.answer import UnreadableError
from changegate.forges.caps import check_message, cut_line
from changegate.forges.gitlab.client import Answer, Client
from changegate.forges.gitlab.people import People, read_users

_REQUESTS_AT_ONCE: Final = 10
_COMMITS: Final = 100
_AUTHORS: Final = """
query($path: ID!, $numbers: [String!]!, $after: String) {
  project(fullPath: $path) {
    mergeRequests(iids: $numbers, first: 10) {
      nodes { iid commits(first: 100, after: $after) { pageInfo { hasNextPage endCursor } nodes { sha authorEmail author { id } } } }
    }
  }
}
"""
_MOST_PAGES: Final = 100


class Version(NamedTuple):
    """A merge request as it was after a push."""

    number: int
    head: str
    created_at: datetime
    commits: tuple[str, ...]
    """Its commits then."""


class History(NamedTuple):
    """All of a merge request's versions, the oldest first."""

    versions: tuple[Version, ...]
    former: tuple[Known[Identity], ...]
    """Who made commits that it doesn't have any more."""

    @property
    def rewritten_at(self) -> tuple[datetime, ...]:
        """When a push replaced commits: the head before it isn't among the commits after it."""
        pairs = zip(self.versions, self.versions[1:], strict=False)
        return tuple(after.created_at for before, after in pairs if before.head != after.head and before.head not in after.commits)

    @property
    def widened_at(self) -> tuple[datetime, ...]:
        """When the same head came to bring more than before: its target was changed, whatever else tells of it."""
        pairs = zip(self.versions, self.versions[1:], strict=False)
        return tuple(after.created_at for before, after in pairs if before.head == after.head and not {*after.commits} <= {*before.commits})

    def head_at(self, moment: datetime) -> str:
        """The head that somebody saw at this moment. Raises `UnreadableError` where there was none yet."""
        seen = [version.head for version in self.versions if version.created_at <= moment]
        if not seen:
            raise UnreadableError("it was given before GitLab knew any version of the change", remedy="Have the change approved again.")
        return seen[-1]


def read_history(client: Client, people: People, path: str, commits: Sequence[Answer]) -> History:
    """The versions of the merge request at `path`, whose present commits are these. Raises `UnreadableError`, `ForgeError`."""
    listed = sorted(client.list_all(f"{path}/versions"), key=lambda version: version.number("id"))
    if not listed:
        raise UnreadableError("GitLab shows no version of the merge request", remedy="Run the job again; GitLab may still be preparing it.")
    *earlier, newest = listed
    if not commits or newest.text("head_commit_sha") != commits[0].text("id"):
        raise UnreadableError("GitLab's newest diff version isn't of the merge request's commits", remedy="Run the job again in a minute.")
    details = [detail.items("commits") for detail in client.gather(lambda version: client.get(f"{path}/versions/{version.number('id')}"), earlier)]
    details.append(list(commits))
    versions = tuple(
        Version(
            number=version.number("id"),
            head=version.text("head_commit_sha"),
            created_at=version.time("created_at"),
            commits=tuple(commit.text("id") for commit in detail),
        )
        for version, detail in zip(listed, details, strict=True)
    )
    present = set(versions[-1].commits)
    gone = {commit.text("id"): commit for detail in details for commit in detail if commit.text("id") not in present}
    former = {str(person): person for commit in gone.values() for person in _people(people, commit)}
    return History(versions, tuple(former.values()))


def read_commits(people: People, listed: Sequence[Answer], trees: Mapping[str, str]) -> tuple[Commit, ...]:
    """A merge request's commits, the oldest first (GitLab lists the newest first). `trees` has the tree of those that the repository at hand has."""
    return tuple(_read_commit(people, commit, trees) for commit in reversed(listed))


def _read_commit(people: People, commit: Answer, trees: Mapping[str, str]) -> Commit:
    sha = commit.text("id")
    message = check_message(sha, commit.text("message"))
    author, committer, *co_authors = _people(people, commit)
    return Commit(
        sha=sha,
        tree=trees.get(sha, ""),
        parents=tuple(str(parent) for parent in commit.at("parent_ids").value),
        subject=cut_line(commit.text("title")),
        author=author,
        committer=committer,
        co_authors=tuple(co_authors),
        trailers=trailers.parse(message),
    )


def _people(people: People, commit: Answer) -> tuple[Known[Identity], ...]:
    """Author, committer and co-authors of a commit."""
    co_authors = trailers.co_author_lines(check_message(commit.text("id"), commit.text("message")))
    return (
        people.by_address(commit.text("author_name"), commit.text("author_email")),
        people.by_address(commit.text("committer_name"), commit.text("committer_email")),
        *(_co_author(people, each) for each in co_authors),
    )


def _co_author(people: People, line: Trailer) -> Known[Identity]:
    named = trailers.parse_people(line.value, commas=False)
    address = named[0].key.removeprefix("email:") if len(named) == 1 and named[0].key.startswith("email:") else ""
    if not address:
        return Unavailable(why="a Co-authored-by: line names nobody with an address", remedy="Make the commit anew with the co-author's address.")
    return people.by_address(named[0].login, address)


def learn_authors(client: Client, people: People, details: Sequence[Answer]) -> None:
    """Learn from GitLab which accounts the authors of these merge requests' commits are. Raises `ForgeError`."""
    for start in range(0, len(details), _REQUESTS_AT_ONCE):
        some = details[start : start + _REQUESTS_AT_ONCE]
        # The project may have been renamed, which REST forgives and GraphQL doesn't: the requests have its present path.
        path = some[0].at("references").text("full").rpartition("!")[0]
        more = _learn(client, people, path, [str(detail.number("iid")) for detail in some], None)
        for number, cursor in more.items():
            after: str | None = cursor
            for _ in range(_MOST_PAGES):
                after = _learn(client, people, path, [number], after).get(number)
                if after is None:
                    break


def _learn(client: Client, people: People, path: str, numbers: Sequence[str], after: str | None) -> Mapping[str, str]:
    """One page of each; for those that have more, where it goes on."""
    more: dict[str, str] = {}
    answer = client.query(_AUTHORS, {"path": path, "numbers": list(numbers), "after": after}).at("project").at("mergeRequests")
    for request in answer.items("nodes"):
        commits = request.at("commits")
        for commit in commits.items("nodes"):
            author, address = commit.get("author"), commit.get("authorEmail")
            if author is not None and address is not None:
                found = people.account(read_users(author.value))
                if not isinstance(found, Unavailable):
                    people.learn(str(address.value), found.identity)
        if commits.at("pageInfo").flag("hasNextPage"):
            more[request.text("iid")] = commits.at("pageInfo").text("endCursor")
    return more
