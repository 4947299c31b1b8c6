"""Code owners and groups: asked about only where the policy needs them."""

from collections.abc import Sequence
from urllib.parse import quote

from changegate.errors import ForgeError
from changegate.facts import MISSING, CodeOwnersFile, Identity, Known, Maybe, Team, Unavailable
from changegate.forges.answer import UnreadableError, known
from changegate.forges.gitlab.client import Client
from changegate.forges.gitlab.faults import NotFoundError
from changegate.forges.gitlab.people import People
from changegate.forges.gitlab.trusted import read_file

_PLACES = ("CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
"""Where GitLab looks, in its order ("Code Owners", Use Code Owners)."""


def read_code_owners(client: Client, project: str, commit: str) -> Maybe[CodeOwnersFile]:
    """The protocol's `read_code_owners`."""
    for path in _PLACES:
        try:
            return CodeOwnersFile(path=path, commit=commit, text=read_file(client, project, commit, path).decode("utf-8"))
        except NotFoundError:
            continue
        except (ForgeError, UnicodeDecodeError) as gap:
            remedy = gap.remedy if isinstance(gap, ForgeError) else "Write the file in UTF-8."
            return Unavailable(why=f"{path}: {gap}", remedy=remedy)
    return MISSING


def fetch_teams(client: Client, people: People, names: Sequence[str]) -> tuple[Team, ...]:
    """The protocol's `fetch_teams`: a team is a group (or subgroup), by its whole path, with those it inherits."""
    return tuple(Team(name=name, members=_members(client, people, name)) for name in names)


def _members(client: Client, people: People, name: str) -> Known[tuple[Identity, ...]]:
    def read() -> tuple[Identity, ...]:
        found = []
        for member in client.list_all(f"/groups/{quote(name, safe='')}/members/all"):
            if member.text("state") == "active":
                identity = people.identity(member)
                if isinstance(identity, Unavailable):
                    raise UnreadableError(f"a member of {name} can't be told: {identity.why}", remedy=identity.remedy)
                found.append(identity)
        return tuple(found)

    return known(read)
