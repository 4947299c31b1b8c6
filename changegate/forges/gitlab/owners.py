"""Code owners and groups: asked about only where the policy needs them."""

from collections.abc import Callable, Sequence
from urllib.parse import quote

from changegate.errors import ForgeError, InputError
from changegate.facts import MISSING, CodeOwnersFile, Identity, Known, Maybe, Missing, Team, Unavailable
from changegate.forges.answer import UnreadableError, known
from changegate.forges.gitlab.client import Client
from changegate.forges.gitlab.people import People

_PLACES = ("CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
"""Where GitLab looks, in its order ("Code Owners", Use Code Owners)."""


def read_code_owners(find: Callable[[str], bytes | Missing], commit: str) -> Maybe[CodeOwnersFile]:
    """The protocol's `read_code_owners`; `find` reads a file at the commit."""
    for path in _PLACES:
        try:
            content = find(path)
            if not isinstance(content, Missing):
                return CodeOwnersFile(path=path, commit=commit, text=content.decode("utf-8"))
        except UnicodeDecodeError:
            return Unavailable(why=f"{path} isn't in UTF-8", remedy="Write the file in UTF-8.")
        except (ForgeError, InputError) as gap:
            return Unavailable(why=f"{path}: {gap.message}", remedy=gap.remedy)
    return MISSING


def fetch_teams(client: Client, people: People, names: Sequence[str]) -> tuple[Team, ...]:
    """The protocol's `fetch_teams`: a team is a group (or subgroup) by its whole path, with those it inherits; or, as an owner, one person."""
    return tuple(Team(name=name, members=_members(client, people, name)) for name in names)


def _members(client: Client, people: People, name: str) -> Known[tuple[Identity, ...]]:
    def read() -> tuple[Identity, ...]:
        found = []
        if "/" not in name:  # people and groups share their names
            for user in client.list_all("/users", username=name):
                if user.text("username").casefold() == name.casefold():
                    identity = people.identity(user)
                    if isinstance(identity, Unavailable):
                        raise UnreadableError(identity.why, remedy=identity.remedy)
                    return (identity,)
        for member in client.list_all(f"/groups/{quote(name, safe='')}/members/all"):
            if member.text("state") == "active":
                identity = people.identity(member)
                if isinstance(identity, Unavailable):
                    raise UnreadableError(f"a member of {name} can't be told: {identity.why}", remedy=identity.remedy)
                found.append(identity)
        return tuple(found)

    return known(read)
