"""GitLab issues of other projects than the deployed one's, or behind another forge: by their numbers, a hundred at a time.

Source: docs.gitlab.com, "Issues API": `GET /projects/:id/issues` with `iids[]`; what isn't there, or is confidential, is left out. A project that the
account may not see is a 404, as one that isn't there.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from changegate.facts import Assurance, Lookup, Ticket, TicketKind
from changegate.tickets import project_of
from changegate.trackers import not_found, reading
from changegate.trackers.http import Client, TrackerError

BATCH: Final = 100
_STATES: Final = {"opened": "open"}
"""As people see them, and as on GitHub."""


class GitLabIssues:
    """A `changegate.trackers.Tracker`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def fetch(self, keys: Sequence[str]) -> Mapping[str, Ticket]:
        """See the protocol."""
        found: dict[str, Ticket] = {}
        for project in dict.fromkeys(map(project_of, keys)):
            own = [key for key in keys if project_of(key) == project]
            for start in range(0, len(own), BATCH):
                batch = own[start : start + BATCH]
                try:
                    found |= self._fetch(project, batch)
                except TrackerError as error:
                    found |= {key: not_found(key, error.lookup, error.message) for key in batch}
        return found

    def _fetch(self, project: str, keys: Sequence[str]) -> Mapping[str, Ticket]:
        numbers = {key: key.rpartition("#")[2] for key in keys}
        query = {"iids[]": sorted(set(numbers.values())), "per_page": str(BATCH), "scope": "all", "state": "all"}
        reply = self._client.get(f"/projects/{quote(project, safe='')}/issues", query)
        if reply.status == 404:
            raise TrackerError(f"{self._client.name} shows the account no project {project}", Lookup.FORBIDDEN, remedy="")
        if reply.status >= 300 or not isinstance(reply.body, list):
            raise reading.unreadable(f"the answer of {self._client.name} ({reply.status})")
        rows = {str(reading.part(each, "iid")): each for each in reply.body}
        missing = f"{self._client.name} has no such issue that the account may see"
        return {
            key: self._read(key, project, rows[number]) if number in rows else not_found(key, Lookup.MISSING, f"{key}: {missing}")
            for key, number in numbers.items()
        }

    def _read(self, key: str, project: str, issue: Any) -> Ticket:
        try:
            now = reading.needed(issue, "references", "full")
            if now.rpartition("#")[0].casefold() != project.casefold():
                raise reading.unreadable("its field references.full")
            state = reading.needed(issue, "state")
            return Ticket(
                key=key,
                kind=TicketKind.ISSUE,
                assurance=Assurance.FORGE,
                source="",
                lookup=Lookup.FOUND,
                title=reading.text(issue, "title"),
                url=reading.address(issue, "web_url"),
                state=_STATES.get(state, state),
                type=reading.text(issue, "issue_type"),
                created_at=reading.moment(issue, "created_at"),
            )
        except TrackerError as error:
            return not_found(key, error.lookup, f"{key}: {error.message}")
