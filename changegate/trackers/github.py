"""GitHub Issues of other repositories than the deployed one's, or behind another forge: by their numbers, many in one query.

Source: GitHub's GraphQL schema: `repository(owner, name)` is null where there is none that the account may see, `issueOrPullRequest(number)` where
it has no such number (errors of the type NOT_FOUND). A used-up limit is an answer of 200 with an error of the type RATE_LIMITED.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from changegate.facts import Assurance, Lookup, Ticket, TicketKind
from changegate.tickets import project_of
from changegate.trackers import not_found, reading
from changegate.trackers.http import Client, TrackerError

BATCH: Final = 50
_LARGEST: Final = 2**31 - 1
"""A GraphQL Int. A number above it is no issue's, and would spoil the query for the others."""
_ISSUE: Final = "__typename ... on Issue { title url state createdAt repository { nameWithOwner } number }"


def document(numbers: Sequence[int]) -> str:
    """The query for these numbers of one repository."""
    asked = " ".join(f"i{number}: issueOrPullRequest(number: {number}) {{ {_ISSUE} }}" for number in numbers)
    return f"query($owner: String!, $name: String!) {{ repository(owner: $owner, name: $name) {{ id {asked} }} }}"


class GitHubIssues:
    """A `changegate.trackers.Tracker`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def fetch(self, keys: Sequence[str]) -> Mapping[str, Ticket]:
        """See the protocol."""
        found: dict[str, Ticket] = {}
        for repository in dict.fromkeys(map(project_of, keys)):
            own = [key for key in keys if project_of(key) == repository]
            for start in range(0, len(own), BATCH):
                batch = own[start : start + BATCH]
                try:
                    found |= self._fetch(repository, batch)
                except TrackerError as error:
                    found |= {key: not_found(key, error.lookup, error.message) for key in batch}
        return found

    def _fetch(self, repository: str, keys: Sequence[str]) -> Mapping[str, Ticket]:
        owner, _, name = repository.partition("/")
        numbers = {key: int(key.rpartition("#")[2]) for key in keys}
        asked = sorted({number for number in numbers.values() if number <= _LARGEST})
        reply = self._client.post("/graphql", {"query": document(asked), "variables": {"owner": owner, "name": name}})
        refused = self._refusals(reply.body)
        answer = reading.part(reply.body, "data", "repository")
        if not isinstance(answer, dict):
            raise refused.get(("repository",)) or reading.unreadable(f"the answer of {self._client.name} ({reply.status})")
        return {key: self._read(key, answer, refused.get(("repository", f"i{number}")), number) for key, number in numbers.items()}

    def _refusals(self, body: Any) -> Mapping[tuple[str, ...], TrackerError]:
        """By path. Raises `TrackerError` for one that is of the whole query."""
        errors = reading.part(body, "errors")
        found: dict[tuple[str, ...], TrackerError] = {}
        for each in errors if isinstance(errors, list) else ():
            kind, path = reading.text(each, "type").upper(), reading.part(each, "path")
            place = tuple(map(str, path)) if isinstance(path, list) else ()
            error = self._refusal(kind, place, reading.text(each, "message"))
            if not place:
                raise error
            found[place] = error
        return found

    def _refusal(self, kind: str, place: tuple[str, ...], said: str) -> TrackerError:
        match kind:
            case "NOT_FOUND" if place == ("repository",):
                return TrackerError(f"{self._client.name} shows the account no such repository", Lookup.FORBIDDEN, remedy="")
            case "NOT_FOUND":
                return TrackerError(f"{self._client.name} has no such issue that the account may see", Lookup.MISSING, remedy="")
            case "FORBIDDEN" | "INSUFFICIENT_SCOPES":
                return TrackerError(f"{self._client.name} refuses the account: {said}"[:200], Lookup.FORBIDDEN, remedy="")
            case "RATE_LIMITED":
                return TrackerError(f"{self._client.name} answers no more queries for now", Lookup.DOWN, remedy="")
            case _:
                return TrackerError(f"{self._client.name} answered: {kind or said or 'no reason'}"[:200], Lookup.UNREADABLE, remedy="")

    def _read(self, key: str, answer: Mapping[str, Any], refusal: TrackerError | None, number: int) -> Ticket:
        try:
            if number > _LARGEST:
                raise TrackerError(f"{self._client.name} has no such issue", Lookup.MISSING, remedy="")
            issue = answer.get(f"i{number}")
            if refusal is not None or not isinstance(issue, dict):
                raise refusal or reading.unreadable("the issue")
            if reading.needed(issue, "__typename") != "Issue":
                return Ticket(key=key, kind=TicketKind.CHANGE, assurance=Assurance.FORGE, source="", lookup=Lookup.FOUND)
            written = reading.part(issue, "number")
            if not isinstance(written, int):
                raise reading.unreadable("its field number")
            now = f"{reading.needed(issue, 'repository', 'nameWithOwner')}#{written}"
            return Ticket(
                key=key,
                kind=TicketKind.ISSUE,
                assurance=Assurance.FORGE,
                source="",
                lookup=Lookup.FOUND,
                moved="" if now.casefold() == key.casefold() else now,
                title=reading.text(issue, "title"),
                url=reading.address(issue, "url"),
                state=reading.needed(issue, "state").lower(),
                created_at=reading.moment(issue, "createdAt"),
            )
        except TrackerError as error:
            return not_found(key, error.lookup, f"{key}: {error.message}")
