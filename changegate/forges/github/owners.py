"""Code owners and teams: asked about only where the policy needs them."""

from collections.abc import Sequence
from typing import Final

from changegate.errors import ForgeError
from changegate.facts import MISSING, CodeOwnersFile, Identity, Known, Maybe, Missing, Team, Unavailable
from changegate.forges.github.answer import Answer, UnreadableError
from changegate.forges.github.client import Client
from changegate.forges.github.pages import batches, read_all
from changegate.forges.github.queries import MEMBERS, TEAMS_AT_ONCE, teams
from changegate.forges.github.range import Repository
from changegate.forges.github.trusted import read_first

_PLACES: Final = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where GitHub looks, in its order ("About code owners", CODEOWNERS file location)."""
_MEMBERS_READ: Final = (
    "Check the team's name. A job's own token may never see teams: pass the token of a GitHub App, or a fine-grained one, "
    "that has the organization permission `Members: read` besides its others."
)


def read_code_owners(client: Client, repository: Repository, commit: str) -> Maybe[CodeOwnersFile]:
    """The protocol's `read_code_owners`. One request."""
    try:
        found = read_first(client, repository, commit, _PLACES)
        if isinstance(found, Missing):
            return MISSING
        path, content = found
        return CodeOwnersFile(path=path, commit=commit, text=content.decode("utf-8"))
    except ForgeError as gap:
        return Unavailable(why=gap.message, remedy=gap.remedy)


def fetch_teams(client: Client, names: Sequence[str]) -> tuple[Team, ...]:
    """The protocol's `fetch_teams`. One request for twenty teams, and one for each further hundred members."""
    return tuple(team for some in batches(names, TEAMS_AT_ONCE) for team in _fetch_some(client, some))


def _fetch_some(client: Client, names: Sequence[str]) -> list[Team]:
    try:
        answer = client.query(teams(names))
    except ForgeError as gap:
        return [Team(name=name, members=Unavailable(why=gap.message, remedy=gap.remedy)) for name in names]
    return [Team(name=name, members=_members(client, answer, f"t{index}", name)) for index, name in enumerate(names)]


def _members(client: Client, answer: Answer, alias: str, name: str) -> Known[tuple[Identity, ...]]:
    try:
        team = answer.at(alias).at("team")
        if team.text("combinedSlug").lower() != name.lower():
            raise UnreadableError(f"GitHub answered for another team than {name}", remedy="Run the job again.")
        return tuple(
            Identity(key=f"github:{member.number('databaseId')}", login=member.text("login")) for member in read_all(client.query, team, MEMBERS)
        )
    except UnreadableError as gap:
        return Unavailable(why=f"the team {name} can't be seen: {gap.message}", remedy=_MEMBERS_READ)
    except ForgeError as gap:
        return Unavailable(why=gap.message, remedy=gap.remedy)
