"""Whose approval is missing: of a team that the policy requires, or of the owners of a changed file. Facts in, values out.

The approvals given here already count (`changegate.approvals`), so that nobody approves, as an owner, what they made.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from changegate import codeowners
from changegate.codeowners import CodeOwners, Owner
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


def teams_needed(facts: Facts, rules: PeerApproved) -> tuple[str, ...]:
    """The teams that are to be asked about (`org/team`, lower-case, sorted): the policy's, and those that own a changed file."""
    named = {name.lower() for name in rules.required_teams}
    owners = read_owners(facts) if rules.code_owners else None
    if isinstance(owners, CodeOwners):
        paths = {path for change in facts.changes for path in paths_of(change)}
        named |= {owner.team for path in paths for owner in owners.owners_of(path) if owner.team}
    return tuple(sorted(named))


def read_owners(facts: Facts) -> CodeOwners | Unavailable:
    """The file's rules. Without a file nothing has owners."""
    found = facts.code_owners
    if isinstance(found, Unavailable):
        return found
    if isinstance(found, Missing):
        return CodeOwners((), ())
    try:
        return _parse(found.text)
    except FormatError as error:
        return Unavailable(why=error.message, remedy=error.remedy)


_parse = lru_cache(maxsize=2)(codeowners.parse)  # one file speaks for all changes of a deploy


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
        spoken = _approved_by_team(name.lower(), teams, approvers)
        if isinstance(spoken, Unavailable):
            yield Gap(Lack.TEAM_UNKNOWN, f"who is in the team {name} can't be told: {spoken.why}", step=spoken.remedy)
        elif not spoken:
            yield Gap(Lack.TEAM, f"no approval by a member of {name}", who=f"a member of {name}")


def _missing_owners(change: Change, facts: Facts, teams: dict[str, Team], approvers: Sequence[Identity]) -> Iterator[Gap]:
    """A gap for each set of owners of whom none approved, with the files that they own.

    1. The file and the list of changed files must be known as a whole.
    2. Of each path (a renamed file has two) the owners are looked up; a path without owners needs none.
    3. One owner's approval is enough. Where an owner can't be told apart from the approvers, it is unknown whether it is there.
    """
    owners = read_owners(facts)
    if isinstance(owners, Unavailable):
        yield Gap(Lack.OWNER_UNKNOWN, f"the code owners can't be read: {owners.why}", step=owners.remedy)
        return
    if isinstance(change.files, Unavailable):
        yield Gap(Lack.OWNER_UNKNOWN, f"the changed files can't be read: {change.files.why}", step=change.files.remedy)
        return
    owned: dict[tuple[Owner, ...], list[str]] = {}
    for path in paths_of(change):
        named = owners.owners_of(path)
        if named:
            owned.setdefault(named, []).append(path)
    skipped = f" (lines of CODEOWNERS skipped as invalid: {', '.join(map(str, owners.skipped))})" if owners.skipped else ""
    for named, paths in owned.items():
        answers = [_approved_by_owner(owner, teams, approvers) for owner in named]
        if any(answer is True for answer in answers):
            continue
        listed, of = " or ".join(named), _few(paths)
        doubts = [answer for answer in answers if isinstance(answer, Unavailable)]
        if doubts:
            why = "; ".join(dict.fromkeys(doubt.why for doubt in doubts))
            yield Gap(Lack.OWNER_UNKNOWN, f"whether an owner of {of} approved can't be told: {why}{skipped}", step=doubts[0].remedy)
        else:
            yield Gap(Lack.OWNER, f"no approval by an owner of {of}: {listed}{skipped}", who=listed)


def _approved_by_owner(owner: Owner, teams: dict[str, Team], approvers: Sequence[Identity]) -> bool | Unavailable:
    if owner.team:
        return _approved_by_team(owner.team, teams, approvers)
    if owner.login:
        return any(person.login.lower() == owner.login for person in approvers)
    return Unavailable(why=f"the forge doesn't say whose address {owner} is", remedy="Name the owner in CODEOWNERS by @login or @org/team.")


def _approved_by_team(name: str, teams: dict[str, Team], approvers: Sequence[Identity]) -> bool | Unavailable:
    team = teams.get(name)
    if team is None:
        return Unavailable(why=f"{name} was not asked for", remedy="Run the gate with the policy that needs it.")
    if isinstance(team.members, Unavailable):
        return team.members
    members = {key for member in team.members for key in member.keys}
    return any(person.keys & members for person in approvers)


def _few(paths: Sequence[str]) -> str:
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
