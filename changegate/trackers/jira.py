"""Jira: issues by their keys, in batches, and one by one where a batch leaves them out (moved ones have another key by now).

Sources: developer.atlassian.com, Jira Cloud platform REST API v2, "Bulk fetch issues" (at most 100; what isn't found, or mayn't be seen, is left
out), "Get issue", "Get project"; Jira Data Center REST API, "Search using search request" (`validateQuery: false`: unknown keys match nothing).
Version 2 of the API gives texts as wiki markup and not as a document tree.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from changegate.facts import Assurance, Lookup, Ticket, TicketKind
from changegate.trackers import not_found, reading
from changegate.trackers.absent import Absent
from changegate.trackers.http import Client, TrackerError

BATCH: Final = 100
_KEY: Final = re.compile(r"[A-Z][A-Z0-9_]{1,19}-[1-9][0-9]{0,9}", re.ASCII)


class Jira:
    """A `changegate.trackers.Tracker`. `url` is where people look at issues; `plan_field` the id of the field with the rollback plan, or empty."""

    def __init__(self, client: Client, *, url: str, cloud: bool, plan_field: str) -> None:
        self._client, self._cloud, self._plan_field = client, cloud, plan_field
        # Behind Atlassian's gateway for tokens with scopes there is no page to look at.
        self._pages = "" if url.startswith("https://api.atlassian.com/") else f"{url.rstrip('/')}/browse/"
        self._absent = Absent(client.name, "project", self._sees)

    def fetch(self, keys: Sequence[str]) -> Mapping[str, Ticket]:
        """See the protocol."""
        found: dict[str, Ticket] = {}
        fault: TrackerError | None = None
        for start in range(0, len(keys), BATCH):
            batch = keys[start : start + BATCH]
            try:
                if fault is None:
                    found |= {key: ticket for key, ticket in self._fetch(batch) if key in batch}
            except TrackerError as error:
                fault = error
        for key in keys:
            if key not in found:
                found[key] = not_found(key, fault.lookup, fault.message) if fault else self._fetch_one(key)
        return found

    def _fetch(self, keys: Sequence[str]) -> Iterator[tuple[str, Ticket]]:
        if self._cloud:
            reply = self._client.post("/rest/api/2/issue/bulkfetch", {"issueIdsOrKeys": list(keys), "fields": self._fields})
        else:
            search = {"jql": f"key in ({', '.join(keys)})", "fields": self._fields, "maxResults": BATCH, "validateQuery": False}
            reply = self._client.post("/rest/api/2/search", search)
        issues = reading.part(reply.body, "issues")
        if reply.status >= 300 or not isinstance(issues, list):
            return  # each is asked for by itself, and says what is the matter
        for issue in issues:
            key = reading.text(issue, "key")
            if _KEY.fullmatch(key):
                yield key, self._read(key, issue)

    def _fetch_one(self, key: str) -> Ticket:
        try:
            reply = self._client.get(f"/rest/api/2/issue/{key}", {"fields": ",".join(self._fields)})
            if reply.status == 200:
                return self._read(key, reply.body)
            if reply.status != 404:
                raise reading.unreadable(f"the answer of {self._client.name} ({reply.status})")
            return self._absent.explain(key)
        except TrackerError as error:
            return not_found(key, error.lookup, error.message)

    def _sees(self, project: str) -> bool:
        return self._client.get(f"/rest/api/2/project/{project}").status == 200

    @property
    def _fields(self) -> list[str]:
        return ["summary", "issuetype", "status", "created", *([self._plan_field] if self._plan_field else [])]

    def _read(self, key: str, issue: Any) -> Ticket:
        """One issue, under the key by which it was asked for; `moved` is the one that it has now."""
        fields = reading.part(issue, "fields")
        try:
            now = reading.needed(issue, "key")
            return Ticket(
                key=key,
                kind=TicketKind.ISSUE,
                assurance=Assurance.FORGE,
                source="",
                lookup=Lookup.FOUND,
                moved="" if now == key else now,
                title=reading.text(fields, "summary"),
                url=self._pages + now if self._pages and _KEY.fullmatch(now) else "",
                state=reading.needed(fields, "status", "name"),
                type=reading.needed(fields, "issuetype", "name"),
                created_at=reading.moment(fields, "created"),
                plan=reading.plan(fields, self._plan_field, always_there=False),
            )
        except TrackerError as error:
            return not_found(key, error.lookup, f"{key}: {error.message}")
