"""Linear: issues by their identifiers, in batches by team, and one by one where a batch leaves them out (moved ones answer to their old identifier).

Sources: linear.app/developers, "GraphQL", "Filtering", "Rate limiting" (a used-up limit is a 400 with the code RATELIMITED); Linear's published
schema: `issues(filter)`, `issue(id)`, which takes an identifier, `teams(filter)`. A personal key stands in the header as it is, an OAuth token as a
bearer's.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from changegate.facts import Assurance, Lookup, Ticket, TicketKind
from changegate.tickets import project_of
from changegate.trackers import not_found, reading
from changegate.trackers.absent import Absent
from changegate.trackers.http import Client, TrackerError

BATCH: Final = 100
_ISSUE: Final = "identifier title url createdAt state { name }"
_MANY: Final = (
    f"query($team: String!, $numbers: [Float!]!, $first: Int!) {{ issues(filter: {{ team: {{ key: {{ eq: $team }} }}, number: {{ in: $numbers }} }}, "
    f"first: $first, includeArchived: true) {{ nodes {{ {_ISSUE} }} }} }}"
)
_ONE: Final = f"query($id: String!) {{ issue(id: $id) {{ {_ISSUE} }} }}"
_TEAM: Final = "query($team: String!) { teams(filter: { key: { eq: $team } }, first: 1) { nodes { key } } }"
DOCUMENTS: Final = (_MANY, _ONE, _TEAM)


class Linear:
    """A `changegate.trackers.Tracker`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._absent = Absent(client.name, "team", self._sees)

    def fetch(self, keys: Sequence[str]) -> Mapping[str, Ticket]:
        """See the protocol."""
        found: dict[str, Ticket] = {}
        try:
            for team in dict.fromkeys(map(project_of, keys)):
                own = [key for key in keys if project_of(key) == team]
                for start in range(0, len(own), BATCH):
                    found |= {key: ticket for key, ticket in self._fetch(team, own[start : start + BATCH]) if key in own}
        except TrackerError as error:
            return found | {key: not_found(key, error.lookup, error.message) for key in keys if key not in found}
        return found | {key: self._fetch_one(key) for key in keys if key not in found}

    def _fetch(self, team: str, keys: Sequence[str]) -> Iterator[tuple[str, Ticket]]:
        numbers = [int(key.rpartition("-")[2]) for key in keys]
        nodes = reading.part(self._query(_MANY, {"team": team, "numbers": numbers, "first": BATCH}), "issues", "nodes")
        if not isinstance(nodes, list):
            raise reading.unreadable(f"the answer of {self._client.name}")
        for node in nodes:
            key = reading.text(node, "identifier")
            yield key, self._read(key, node)

    def _fetch_one(self, key: str) -> Ticket:
        try:
            issue = reading.part(self._query(_ONE, {"id": key}, or_none=True), "issue")
            if issue is not None:
                return self._read(key, issue)
            return self._absent.explain(key)
        except TrackerError as error:
            return not_found(key, error.lookup, error.message)

    def _sees(self, team: str) -> bool:
        return bool(reading.part(self._query(_TEAM, {"team": team}), "teams", "nodes"))

    def _query(self, document: str, variables: Mapping[str, Any], *, or_none: bool = False) -> Any:
        """The `data`; with `or_none`, None where Linear says that there is no such thing. Raises `TrackerError`."""
        reply = self._client.post("/graphql", {"query": document, "variables": dict(variables)})
        errors = reading.part(reply.body, "errors")
        if not errors and reply.status < 300:
            return reading.part(reply.body, "data")
        first = errors[0] if isinstance(errors, list) and errors else {}
        code, said = reading.text(first, "extensions", "code"), reading.text(first, "message")
        kind = f"{code} {reading.text(first, 'extensions', 'type')}".lower()
        if "authentication" in kind:
            raise TrackerError(f"{self._client.name} doesn't accept the credentials", Lookup.CREDENTIALS, remedy="")
        if "forbidden" in kind:
            raise TrackerError(f"{self._client.name} refuses the account", Lookup.FORBIDDEN, remedy="")
        if or_none and said.startswith("Entity not found"):
            return None
        lookup = Lookup.DOWN if "ratelimited" in kind else Lookup.UNREADABLE
        raise TrackerError(f"{self._client.name} answered {reply.status}: {code or said or 'no reason'}"[:200], lookup, remedy="")

    def _read(self, key: str, issue: Any) -> Ticket:
        try:
            now = reading.needed(issue, "identifier")
            url = reading.text(issue, "url")
            return Ticket(
                key=key,
                kind=TicketKind.ISSUE,
                assurance=Assurance.FORGE,
                source="",
                lookup=Lookup.FOUND,
                moved="" if now == key else now,
                title=reading.text(issue, "title"),
                url=url if url.startswith("https://linear.app/") else "",
                state=reading.needed(issue, "state", "name"),
                created_at=reading.moment(issue, "createdAt"),
            )
        except TrackerError as error:
            return not_found(key, error.lookup, f"{key}: {error.message}")
