"""ServiceNow: change requests by their numbers.

Source: docs.servicenow.com, "Table API" (GET /api/now/table/{tableName}): `sysparm_display_value=all` gives each field's stored value (dates in UTC,
YYYY-MM-DD hh:mm:ss) beside what people see. A row that the account may not read is left out, but counted in `X-Total-Count`, as access rules are
applied after the query; a field that it may not read is empty, or left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from changegate.facts import Assurance, Lookup, Ticket, TicketKind
from changegate.forges.patience import read_seconds
from changegate.trackers import not_found, reading
from changegate.trackers.http import Client, TrackerError

BATCH: Final = 100
_FIELDS: Final = ("number", "short_description", "type", "state", "approval", "start_date", "end_date", "sys_created_on", "sys_id")
_TABLE: Final = "change_request"
_NO_ROW: Final = "no record found"
"""What a 404 says where the table is there, and no row matches. Any other 404 is of something else than ServiceNow's tables."""


class _Rows(NamedTuple):
    """The rows of an answer, and whether more match, which the account may not read."""

    read: tuple[tuple[str, Ticket], ...]
    hidden: bool


class ServiceNow:
    """A `changegate.trackers.Tracker`. `plan_field` is the column with the rollback plan (`backout_plan`), or empty."""

    def __init__(self, client: Client, *, url: str, plan_field: str) -> None:
        self._client, self._url, self._plan_field = client, url.rstrip("/"), plan_field

    def fetch(self, keys: Sequence[str]) -> Mapping[str, Ticket]:
        """See the protocol."""
        found: dict[str, Ticket] = {}
        try:
            for start in range(0, len(keys), BATCH):
                batch = keys[start : start + BATCH]
                rows = self._fetch(batch)
                found |= {key: ticket for key, ticket in rows.read if key in batch}
                for key in batch:
                    if key not in found:
                        found[key] = self._not_shown(key, hidden=rows.hidden and (len(batch) == 1 or self._fetch([key]).hidden))
        except TrackerError as error:
            return found | {key: not_found(key, error.lookup, error.message) for key in keys if key not in found}
        return found

    def _not_shown(self, key: str, *, hidden: bool) -> Ticket:
        if hidden:
            return not_found(key, Lookup.FORBIDDEN, f"{self._client.name} has {key}, and doesn't let the account read it")
        return not_found(key, Lookup.MISSING, f"{self._client.name} has no change request of this number that the account may read")

    def _fetch(self, keys: Sequence[str]) -> _Rows:
        fields = (*_FIELDS, *([self._plan_field] if self._plan_field else []))
        query = {
            "sysparm_query": f"numberIN{','.join(keys)}",
            "sysparm_fields": ",".join(fields),
            "sysparm_display_value": "all",
            "sysparm_exclude_reference_link": "true",
            "sysparm_limit": str(BATCH + 1),
        }
        reply = self._client.get(f"/api/now/table/{_TABLE}", query)
        if reply.status == 404 and reading.text(reply.body, "error", "message").lower() == _NO_ROW:
            return _Rows((), hidden=False)
        rows = reading.part(reply.body, "result")
        if reply.status >= 300 or not isinstance(rows, list):
            raise reading.unreadable(f"the answer of {self._client.name} ({reply.status})")
        total = read_seconds(reply.headers.get("x-total-count")) or 0
        return _Rows(tuple(self._read_all(rows)), hidden=total > len(rows))

    def _read_all(self, rows: list[Any]) -> Iterator[tuple[str, Ticket]]:
        for row in rows:
            key = reading.text(row, "number", "value")
            yield key, self._read(key, row)

    def _read(self, key: str, row: Any) -> Ticket:
        try:
            record = reading.needed(row, "sys_id", "value")
            return Ticket(
                key=key,
                kind=TicketKind.ISSUE,
                assurance=Assurance.FORGE,
                source="",
                lookup=Lookup.FOUND,
                title=reading.text(row, "short_description", "value"),
                url=f"{self._url}/nav_to.do?uri={_TABLE}.do?sys_id={record}" if record.isalnum() else "",
                state=reading.needed(row, "state", "display_value"),
                type=reading.needed(row, "type", "value"),
                approval=reading.needed(row, "approval", "value"),
                starts=_moment(row, "start_date"),
                ends=_moment(row, "end_date"),
                created_at=reading.at(reading.needed(row, "sys_created_on", "value"), "its field sys_created_on", zone=UTC),
                plan=reading.plan(row, self._plan_field, "value", always_there=True),
            )
        except TrackerError as error:
            return not_found(key, error.lookup, f"{key}: {error.message}")


def _moment(row: Any, field: str) -> datetime | None:
    """A planned time; None where nobody planned it."""
    written = reading.text(row, field, "value")
    return reading.at(written, f"its field {field}", zone=UTC) if written else None
