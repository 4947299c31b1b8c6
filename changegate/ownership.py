"""Whose approval is missing: of a team that the policy requires, or of the owners of a changed file. Facts in, values out.

The approvals given here already count (`changegate.approvals`), so that nobody approves, as an owner, what they made.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from changegate import codeowners, codeowners_gitlab
from changegate.codeowners import CodeOwners, Demand, Owner
from changegate.codeowners_gitlab import GitLabCodeOwners
from changegate.errors import FormatError
from changegate.facts import Change, Facts, Identity, Missing, Team, Unavailable
from changegate.policy import PeerApproved


class Lack(StrEnum):
    """What is missing, or can't be told."""

    TEAM = "team"
    TEAM_UNKNOWN = "team-unknown"
    OWNER = "owner"
    OWNER_UNKNOWN = "owner-unknown"

    @property
    def unknown(self) -> bool:
        """Whether nothing may be missing, for all that is known."""
        return self in (Lack.TEAM_UNKNOWN, Lack.OWNER_UNKNOWN)


class Gap(NamedTuple):
    """One approval that is missing: what of, whose, and, where it can't be told, the step that helps."""

    lack: Lack
    observed: str
    who: str = ""
    step: str = ""


class Owners(NamedTuple):
    """Who of some people are owners, each once, and what can't be told about that."""

    people: tuple[Identity, ...]
    doubts: tuple[Unavailable, ...]


def find_owners(names: Sequence[str], facts: Facts, people: Sequence[Identity]) -> Owners:
    """Who of these people are, or are in, one of `names`: logins, and teams (`org/team`)."""
    teams = {team.name.lower(): team for team in facts.teams}
    answers = [_approved_by_owner(Owner(f"@{name}"), facts, teams, people) for name in names]
    found = {person.key: person for answer in answers if not isinstance(answer, Unavailable) for person in answer}
    return Owners(tuple(found.values()), tuple(answer for answer in answers if isinstance(answer, Unavailable)))


def teams_needed(facts: Facts, rules: PeerApproved, owners: Sequence[str] = ()) -> tuple[str, ...]:
    """The teams that are to be asked about (`org/team`, lower-case, sorted): the policy's, those that own a changed file, those among `owners`."""
    named = {name.lower() for name in rules.required_teams}
    named |= {name for owner in owners if (name := _team_of(Owner(f"@{owner}"), facts))}
    file = read_owners(facts) if rules.code_owners else None
    if file is not None and not isinstance(file, Unavailable):
        paths = {path for change in facts.changes for path in paths_of(change)}
        asked = {owner for path in paths for demand in file.demands_of(path) for owner in demand.owners}
        named |= {name for owner in asked if (name := _team_of(owner, facts))}
    return tuple(sorted(named))


def _team_of(owner: Owner, facts: Facts) -> str:
    """The team that an owner is, or may be: on GitLab a name is a person's or a group's, which alone GitLab can tell."""
    if _is_gitlab(facts):
        return owner[1:].lower() if owner.startswith("@") and not owner.startswith("@@") else ""
    return owner.team


def _is_gitlab(facts: Facts) -> bool:
    return facts.deployment.forge == "gitlab"


def read_owners(facts: Facts) -> CodeOwners | GitLabCodeOwners | Unavailable:
    """The file's rules. Without a file nothing has owners."""
    found = facts.code_owners
    if isinstance(found, Unavailable):
        return found
    if isinstance(found, Missing):
        return CodeOwners((), ())
    try:
        return _parse_gitlab(found.text) if _is_gitlab(facts) else _parse(found.text)
    except FormatError as error:
        return Unavailable(why=error.message, remedy=error.remedy)


_parse = lru_cache(maxsize=2)(codeowners.parse)  # one file speaks for all changes of a deploy
_parse_gitlab = lru_cache(maxsize=2)(codeowners_gitlab.parse)


def paths_of(change: Change) -> tuple[str, ...]:
    """Every name of every file that the change touches; none where they aren't known."""
    if isinstance(change.files, Unavailable):
        return ()
    return tuple(sorted({path for file in change.files for path in (file.path, file.was) if path}))


def find_gaps(change: Change, facts: Facts, rules: PeerApproved, approvers: Sequence[Identity]) -> tuple[Gap, ...]:
    """All that is missing or unknown, for approvals by these people."""
    teams = {team.name.lower(): team for team in facts.teams}
    gaps = list(_missing_teams(rules, teams, approvers))
    if rules.code_owners:
        gaps += _missing_owners(change, facts, teams, approvers)
    return tuple(gaps)


def _missing_teams(rules: PeerApproved, teams: dict[str, Team], approvers: Sequence[Identity]) -> Iterator[Gap]:
    for name in rules.required_teams:
        spoken = _approvers_of_team(name.lower(), teams, approvers)
        if isinstance(spoken, Unavailable):
            yield Gap(Lack.TEAM_UNKNOWN, f"who is in the team {name} can't be told: {spoken.why}", step=spoken.remedy)
        elif not spoken:
            yield Gap(Lack.TEAM, f"no approval by a member of {name}", who=f"a member of {name}")


def _missing_owners(change: Change, facts: Facts, teams: dict[str, Team], approvers: Sequence[Identity]) -> Iterator[Gap]:
    """A gap for each set of owners of whom none approved, with the files that they own.

    1. The file and the list of changed files must be known as a whole.
    2. Of each path (a renamed file has two) the owners are looked up; a path without owners needs none.
    3. As many owners' approvals as it asks for are enough: one, unless a section of GitLab's says otherwise.
       Where an owner can't be told apart from the approvers, it is unknown whether it is there.
    """
    owners = read_owners(facts)
    if isinstance(owners, Unavailable):
        yield Gap(Lack.OWNER_UNKNOWN, f"the code owners can't be read: {owners.why}", step=owners.remedy)
        return
    if isinstance(change.files, Unavailable):
        yield Gap(Lack.OWNER_UNKNOWN, f"the changed files can't be read: {change.files.why}", step=change.files.remedy)
        return
    owned: dict[Demand, list[str]] = {}
    for path in paths_of(change):
        for demand in owners.demands_of(path):
            owned.setdefault(demand, []).append(path)
    skipped = f" (lines of CODEOWNERS skipped as invalid: {', '.join(map(str, owners.skipped))})" if owners.skipped else ""
    for demand, paths in owned.items():
        spoken = [_approved_by_owner(owner, facts, teams, approvers) for owner in demand.owners]
        by = {person.key for answer in spoken if not isinstance(answer, Unavailable) for person in answer}
        if len(by) >= demand.needed:
            continue
        listed, of = " or ".join(demand.owners), _few(paths) + (f" (section {demand.section})" if demand.section else "")
        doubts = [answer for answer in spoken if isinstance(answer, Unavailable)]
        if doubts:
            why = "; ".join(dict.fromkeys(doubt.why for doubt in doubts))
            yield Gap(Lack.OWNER_UNKNOWN, f"whether an owner of {of} approved can't be told: {why}{skipped}", step=doubts[0].remedy)
        else:
            found = f"no approval by an owner of {of}" if demand.needed == 1 else f"{len(by)} of {demand.needed} approvals by owners of {of}"
            yield Gap(Lack.OWNER, f"{found}: {listed}{skipped}", who=listed)


def _approved_by_owner(owner: Owner, facts: Facts, teams: dict[str, Team], approvers: Sequence[Identity]) -> tuple[Identity, ...] | Unavailable:
    """Who of the approvers is, or is one of, this owner."""
    team = _team_of(owner, facts)
    if team:
        return _approvers_of_team(team, teams, approvers)
    if owner.login:
        return tuple(person for person in approvers if person.login.lower() == owner.login)
    if owner.startswith("@@"):
        return Unavailable(why=f"who has the role {owner} isn't asked", remedy="Name the owner in CODEOWNERS by @login or @group.")
    return Unavailable(why=f"the forge doesn't say whose address {owner} is", remedy="Name the owner in CODEOWNERS by @login or @org/team.")


def _approvers_of_team(name: str, teams: dict[str, Team], approvers: Sequence[Identity]) -> tuple[Identity, ...] | Unavailable:
    team = teams.get(name)
    if team is None:
        return Unavailable(why=f"{name} was not asked for", remedy="Run the gate with the policy that needs it.")
    if isinstance(team.members, Unavailable):
        return team.members
    members = {key for member in team.members for key in member.keys}
    return tuple(person for person in approvers if person.keys & members)


def _few(paths: Sequence[str]) -> str:
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
