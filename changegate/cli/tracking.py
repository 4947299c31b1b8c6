"""Opens the trackers of a policy, with the credentials of the environment.

A tracker without credentials is one that can't be asked, and no usage error: each change says so, and everything else is judged.
"""

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from changegate.cli import publish
from changegate.facts import Lookup, Ticket
from changegate.tracker_rules import TrackerRules
from changegate.trackers import OpenTracker, Tracker, not_found

_NAMES: Final = {"JIRA": "Jira", "SERVICENOW": "ServiceNow", "LINEAR": "Linear"}


class _Unasked:
    """In the place of a tracker for which there are no credentials."""

    def __init__(self, why: str) -> None:
        self._why = why

    def fetch(self, keys: Sequence[str]) -> Mapping[str, Ticket]:
        return {key: not_found(key, Lookup.CREDENTIALS, self._why) for key in keys}


def has_token(rules: TrackerRules) -> bool:
    """Whether the environment holds a token for this tracker."""
    return bool(_credentials(rules)[1])


def _credentials(rules: TrackerRules) -> tuple[str, str]:
    """User and token."""
    user, token = (os.environ.get(f"CHANGEGATE_{rules.credentials}_{part}", "").strip() for part in ("USER", "TOKEN"))
    return user, token


def opener(given: Mapping[str, Any]) -> OpenTracker:
    """What opens the policy's trackers: by CHANGEGATE_<NAME>_TOKEN, and CHANGEGATE_<NAME>_USER where a user belongs to it.

    `timeout` bounds each one's time as it bounds the forge's.
    """

    def open_tracker(rules: TrackerRules) -> Tracker:
        name = rules.credentials
        user, token = _credentials(rules)
        if not token:
            return _Unasked(f"CHANGEGATE_{name}_TOKEN isn't set: nobody can ask {_NAMES[name]}")
        if not (token + user).isascii() or not (token + user).isprintable():
            return _Unasked(f"CHANGEGATE_{name}_TOKEN or CHANGEGATE_{name}_USER holds characters that no token has")
        return _open(rules, _NAMES[name], user, token, given)

    return open_tracker


def _open(rules: TrackerRules, name: str, user: str, token: str, given: Mapping[str, Any]) -> Tracker:
    # Imported here: commands without a tracker need not pay for the HTTP library.
    from changegate.trackers.http import Client, authorize
    from changegate.trackers.jira import Jira
    from changegate.trackers.linear import Linear
    from changegate.trackers.servicenow import ServiceNow

    client = Client(
        name,
        rules.url,
        authorize(user, token, bare=rules.kind == "linear" and token.startswith("lin_api_")),
        timeout=given["timeout"],
        now=time.monotonic,
        sleep=time.sleep,
        on_request=publish.request_logger(verbose=given["verbose"]),
    )
    match rules.kind:
        case "servicenow":
            return ServiceNow(client, url=rules.url, plan_field=rules.plan_field)
        case "linear":
            return Linear(client)
        case kind:
            return Jira(client, url=rules.url, cloud=kind == "jira-cloud", plan_field=rules.plan_field)
