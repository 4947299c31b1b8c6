"""A GitHub of our own for the tests: stateful, over real HTTP, held to GitHub's published schemas by tests/conformance.

`state` is what GitHub would hold and how to build it, `graphql`, `rest` and `settings` answer from it, `server` serves it and orders `faults`.
"""

from doubles.github.pull import Pull
from doubles.github.server import GitHubServer
from doubles.github.state import ADMIN_PERMISSIONS, ALL_PERMISSIONS, MEMBERS_TOKEN, TOKEN, WEB_FLOW, WRITES, Account, Hub, Issue, Repository
from doubles.objects import Person

__all__ = [
    "ADMIN_PERMISSIONS",
    "ALL_PERMISSIONS",
    "MEMBERS_TOKEN",
    "TOKEN",
    "WEB_FLOW",
    "WRITES",
    "Account",
    "GitHubServer",
    "Hub",
    "Issue",
    "Person",
    "Pull",
    "Repository",
]
