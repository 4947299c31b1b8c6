"""Stateful doubles of Jira (Cloud and Data Center), ServiceNow and Linear over real HTTP, for what changegate asks of them.

Their answers have the shapes of the vendors' pages: Jira's error collection, ServiceNow's `value` and `display_value` of each field, Linear's
GraphQL, executed over the part of its schema that is used.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from graphql import GraphQLError, build_schema, graphql_sync

from doubles import faults
from doubles.serving import Asked, Double, Reply

USER, TOKEN = "robot@example.com", "tracker-token"
BASIC = "Basic " + base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
PAGE = b"<!doctype html><title>Sign in</title>"
KINDS: Mapping[str, faults.Fault] = {
    "401": faults.fixed(401, {"errorMessages": ["no"]}),
    "403": faults.fixed(403, {"errorMessages": ["no"]}),
    "captcha": faults.fixed(403, {}, X_Authentication_Denied_Reason="CAPTCHA_CHALLENGE; login-url=http://x"),
    "403 limit": faults.fixed(403, {"message": "API rate limit exceeded"}, X_RateLimit_Remaining="0"),
    "429": faults.fixed(429, {}, Retry_After="3"),
    "500": faults.fixed(500, {"errorMessages": ["broken"]}),
    "html": faults.fixed(200, PAGE),
    "html 503": faults.fixed(503, PAGE),
    "redirect": faults.fixed(302, {}, Location="https://login.example.com/sso"),
    "cut": faults.fixed(faults.CUT, {}),
    "cut in the middle": lambda status, body, headers: (status, body, {**headers, "X-Cut": "1"}),
    "a list": faults.fixed(200, []),
    "nothing": faults.fixed(200, {}),
    "404": faults.fixed(404, {"message": "no Route matched with those values"}),
    "null": faults.fixed(200, b"null"),
    "no fields": faults.nulls("fields", "value", "state", "display_value"),
    "huge": faults.fixed(200, b'{"issues": ["' + b"x" * 17 * 1024 * 1024 + b'"]}'),
}


@dataclass
class Issue:
    """A ticket of any tracker."""

    key: str
    title: str = "Round prices up"
    type: str = "Story"
    status: str = "In Progress"
    created: str = "2025-01-05T10:15:03.000+0100"
    hidden: bool = False
    """Whether an access rule keeps it from the account."""
    former: str = ""
    """The key before it was moved."""
    fields: dict[str, Any] = field(default_factory=dict)


class Tracker(Double):
    """What the doubles have in common."""

    kinds: ClassVar[Mapping[str, faults.Fault]] = KINDS

    def __init__(self, *projects: str) -> None:
        super().__init__()
        self.issues: dict[str, Issue] = {}
        self.visible = set(projects)

    def issue(self, key: str, **differs: Any) -> Issue:
        """A ticket; good, but for what differs."""
        self.issues[key] = Issue(key, **differs)
        return self.issues[key]

    def find(self, key: str) -> Issue | None:
        """By its key, or the one that it had."""
        found = next((each for each in self.issues.values() if key in {each.key, each.former}), None)
        return found if found is not None and not found.hidden and re.sub("-[0-9]+$", "", found.key) in self.visible else None


class JiraServer(Tracker):
    """Jira. Cloud takes a user with a token; Data Center a personal access token."""

    def __init__(self, *projects: str, cloud: bool = True) -> None:
        super().__init__(*projects)
        self.cloud = cloud
        self.public = False
        """Whether its projects are open to everybody, so that wrong credentials are answered, too."""

    def answer(self, asked: Asked, token: str) -> Reply:
        """What Jira would answer."""
        if token == (BASIC if self.cloud else TOKEN):
            return self._answer(asked)
        if self.public:
            return self._answer(asked)._replace(
                headers={"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"} if self.cloud else {"X-AUSERNAME": "anonymous"}
            )
        return Reply(401, {"errorMessages": ["Client must be authenticated to access this resource."]}, {})

    def _answer(self, asked: Asked) -> Reply:
        path = urlsplit(asked.path).path
        if asked.method == "POST" and path == "/rest/api/2/issue/bulkfetch" and self.cloud:
            found = [self.find(key) for key in asked.body["issueIdsOrKeys"]]
            return Reply(200, {"issueErrors": [], "issues": [_jira(each) for each in found if each]}, {})
        if asked.method == "POST" and path == "/rest/api/2/search" and not self.cloud:
            assert asked.body["validateQuery"] is False, "else one unknown key refuses the whole query"
            keys = re.fullmatch(r"key in \(([A-Z0-9_, -]+)\)", asked.body["jql"])
            assert keys, asked.body["jql"]
            found = [self.find(key) for key in keys[1].split(", ")]
            issues = [_jira(each) for each in found if each]
            return Reply(200, {"startAt": 0, "maxResults": 100, "total": len(issues), "issues": issues}, {})
        if match := re.fullmatch(r"/rest/api/2/issue/([A-Z0-9_-]+)", path):
            issue = self.find(match[1])
            return Reply(200, _jira(issue), {}) if issue else _missing("Issue does not exist or you do not have permission to see it.")
        if match := re.fullmatch(r"/rest/api/2/project/([A-Z0-9_]+)", path):
            return Reply(200, {"key": match[1]}, {}) if match[1] in self.visible else _missing(f"No project could be found with key '{match[1]}'.")
        return Reply(405, {}, {})


def _missing(words: str) -> Reply:
    return Reply(404, {"errorMessages": [words], "errors": {}}, {})


def _jira(issue: Issue) -> dict[str, Any]:
    fields = {"summary": issue.title, "issuetype": {"name": issue.type}, "status": {"name": issue.status}, "created": issue.created}
    return {"id": "10001", "key": issue.key, "self": "https://jira.example.com/rest/api/2/issue/10001", "fields": fields | issue.fields}


class ServiceNowServer(Tracker):
    """ServiceNow's table of change requests."""

    empty_is_404 = False
    """Whether no matching row is a 404, as in older versions."""

    def answer(self, asked: Asked, token: str) -> Reply:
        """What ServiceNow would answer."""
        if token != BASIC:
            return Reply(401, {"error": {"message": "User Not Authenticated", "detail": "Required to provide Auth"}, "status": "failure"}, {})
        parts = urlsplit(asked.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if parts.path != "/api/now/table/change_request":
            return Reply(400, {"error": {"message": f"Invalid table {parts.path}", "detail": None}, "status": "failure"}, {})
        assert query["sysparm_display_value"] == "all"
        wanted = query["sysparm_query"].removeprefix("numberIN").split(",")
        matching = [self.issues[key] for key in wanted if key in self.issues]
        if not matching and self.empty_is_404:
            return Reply(404, {"error": {"message": "No Record found", "detail": "Record doesn't exist or ACL restricts"}, "status": "failure"}, {})
        rows = [self._row(issue, query["sysparm_fields"].split(",")) for issue in matching if not issue.hidden]
        return Reply(200, {"result": rows}, {"X-Total-Count": str(len(matching))})

    def _row(self, issue: Issue, columns: list[str]) -> dict[str, Any]:
        stored = {
            "number": issue.key,
            "short_description": issue.title,
            "type": "normal",
            "state": "-1",
            "approval": "approved",
            "start_date": "2025-01-05 08:00:00",
            "end_date": "2036-01-05 08:00:00",
            "sys_created_on": "2025-01-05 09:15:03",
            "sys_id": "46e18c0fa9fe19810066a0083f76bd56",
            "backout_plan": "",
        } | issue.fields
        shown = {"state": "Implement", "sys_created_on": "05/01/2025 10:15:03"}
        return {name: {"value": stored[name], "display_value": shown.get(name, stored[name])} for name in columns if stored.get(name) is not None}


LINEAR = build_schema("""
scalar DateTime
type WorkflowState { name: String! }
type Issue { identifier: String! title: String! url: String! createdAt: DateTime! description: String state: WorkflowState! }
type IssueConnection { nodes: [Issue!]! }
type Team { key: String! }
type TeamConnection { nodes: [Team!]! }
input StringComparator { eq: String }
input NumberComparator { in: [Float!] }
input TeamFilter { key: StringComparator }
input IssueFilter { team: TeamFilter number: NumberComparator }
type Query {
  issue(id: String!): Issue!
  issues(filter: IssueFilter, first: Int, includeArchived: Boolean): IssueConnection!
  teams(filter: TeamFilter, first: Int): TeamConnection!
}
""")
"""The part of Linear's schema that is used."""


class LinearServer(Tracker):
    """Linear's GraphQL. A key is in the header as it is."""

    def answer(self, asked: Asked, token: str) -> Reply:
        """What Linear would answer."""
        if token != f"lin_api_{TOKEN}":
            error = {
                "message": "Authentication required, not authenticated",
                "extensions": {"code": "AUTHENTICATION_ERROR", "type": "authentication error"},
            }
            return Reply(400, {"errors": [error]}, {})
        done = graphql_sync(LINEAR, asked.body["query"], root_value=self, variable_values=asked.body["variables"])
        answer: dict[str, Any] = {"data": done.data}
        if done.errors:
            answer["errors"] = [{"message": each.message, "extensions": {"code": "INPUT_ERROR"}} for each in done.errors]
        return Reply(200, answer, {})

    def issue_of(self, issue: Issue) -> dict[str, Any]:
        """As GraphQL shows it."""
        url = f"https://linear.app/acme/issue/{issue.key}/round-prices-up"
        created = "2025-01-05T09:15:03.000Z"
        return {"identifier": issue.key, "title": issue.title, "url": url, "createdAt": created, "state": {"name": issue.status}}


def _resolve_issue(server: LinearServer, _info: Any, id: str) -> dict[str, Any]:  # noqa: A002 - the schema's name
    found = server.find(id)
    if found is None:
        raise GraphQLError("Entity not found: Issue - Could not find referenced Issue.")
    return server.issue_of(found)


def _resolve_issues(server: LinearServer, _info: Any, filter: Any, first: int, includeArchived: bool) -> dict[str, Any]:  # noqa: A002, N803
    assert includeArchived
    team, numbers = filter["team"]["key"]["eq"], filter["number"]["in"]
    found = [each for key, each in server.issues.items() if team in server.visible and key in {f"{team}-{int(number)}" for number in numbers}]
    return {"nodes": [server.issue_of(each) for each in found[:first]]}


def _resolve_teams(server: LinearServer, _info: Any, filter: Any, first: int) -> dict[str, Any]:  # noqa: A002
    return {"nodes": [{"key": key} for key in sorted(server.visible) if key == filter["key"]["eq"]][:first]}


assert LINEAR.query_type is not None
for _name, _resolver in (("issue", _resolve_issue), ("issues", _resolve_issues), ("teams", _resolve_teams)):
    LINEAR.query_type.fields[_name].resolve = _resolver
