"""GitHub and GitHub Enterprise Server, over GraphQL and REST with PyGithub's transport.

- `client`, `faults`, `pages`: requests, what their failures mean, lists in pages;
- `answer`: strict reading; `queries`: every field that is asked for;
- `range`, `trusted`, `changes`: the port's three questions; `settings`: how the repository is set up;
- `actors`: who started a run, and what an account may do;
- `opened`: a pull request that isn't merged yet;
- `owners`, `files`, `updates`: what only some policies ask besides;
- `listed`: every deployment, for a reconciliation;
- `notices`, `deployments`: what is written, a check and a comment on it, and the status of a deployment;
- `association`, `people`, `commits`, `checks`, `tickets`, `translate`: pure rules, from JSON to facts.
"""

import re
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from changegate.access import Found
from changegate.deploys import PlatformDeploy
from changegate.errors import InputError
from changegate.facts import Actor, Change, CodeOwnersFile, Deployment, DeployRange, Known, Maybe, Run, Team
from changegate.forges import NO_NEEDS, Baseline, Needs, Notice, OpenChange, TrustedFiles
from changegate.forges.github.access import read_access
from changegate.forges.github.actors import fetch_actor, fetch_declarer, fetch_labeler
from changegate.forges.github.changes import fetch
from changegate.forges.github.client import Client, OnRequest
from changegate.forges.github.deployments import Ended, StatusSet, set_status
from changegate.forges.github.issues import put_issue
from changegate.forges.github.listed import list_deploys
from changegate.forges.github.notices import put_check, put_comment
from changegate.forges.github.opened import Asked, fetch_open, find_target
from changegate.forges.github.owners import fetch_teams, read_code_owners
from changegate.forges.github.range import Repository, resolve, resolve_revision
from changegate.forges.github.settings import read_settings, token_kind
from changegate.forges.github.trusted import read_trusted
from changegate.settings import Settings, Wanted

_REPOSITORY: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]*)/([A-Za-z0-9._-]+)")

API_URL: Final = "https://api.github.com"


def _tell_nobody(_method: str, _url: str, _status: int, _seconds: float) -> None:
    pass


class GitHub:
    """The `github` forge: a repository on GitHub, or on a GitHub Enterprise Server by its API URL (`https://HOST/api/v3`).

    `timeout` bounds all requests and waits together, in seconds of `now`. `on_request` is told of every exchange, without the token.
    Raises `InputError` where repository, token or URL can't be right.
    """

    name = "github"

    def __init__(
        self,
        repository: str,
        token: str,
        *,
        api_url: str = API_URL,
        timeout: float = 600.0,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        on_request: OnRequest = _tell_nobody,
    ) -> None:
        named = _REPOSITORY.fullmatch(repository)
        if not named:
            raise InputError(f"{repository!r} is no repository of GitHub", remedy="Pass it as owner/name, as GITHUB_REPOSITORY has it.")
        self._repository = Repository(named[1], named[2])
        self._client = Client(token, api_url=api_url, timeout=timeout, now=now, sleep=sleep, on_request=on_request)
        self._teams: dict[str, Team] = {}
        self._token_kind = token_kind(token)
        self._host = urlsplit(api_url).netloc.lower().removeprefix("api.")

    def __repr__(self) -> str:
        return f"GitHub('{self._repository.owner}/{self._repository.name}', {self._client!r})"

    def clock(self) -> datetime | None:
        """GitHub's clock; see `Forge.clock`."""
        return self._client.clock()

    def resolve_head(self, commit: str) -> str:
        """The full id of the commit that a revision names. Raises `InputError` where there is no such commit."""
        return resolve_revision(self._client, self._repository, commit)

    def resolve_range(
        self, deployment: Deployment, *, requested: str | None, logged: Baseline | None, believe_deployments: bool = True
    ) -> DeployRange:
        """Every commit between what is deployed and the head; see `Forge.resolve_range`."""
        return resolve(self._client, self._repository, deployment, requested=requested, logged=logged, believe_deployments=believe_deployments)

    def read_trusted(self, commit: str, policy_path: str, *, next_at: str = "") -> TrustedFiles:
        """The policy file and the description templates at `commit`; see `Forge.read_trusted`."""
        return read_trusted(self._client, self._repository, commit, policy_path, next_at=next_at)

    def fetch_changes(self, deployment: Deployment, deploy_range: DeployRange, needs: Needs = NO_NEEDS) -> tuple[Change, ...]:
        """The changes that brought the range's commits; see `Forge.fetch_changes`."""
        return fetch(self._client, self._repository, deployment, deploy_range, self._host, needs)

    def read_code_owners(self, commit: str) -> Maybe[CodeOwnersFile]:
        """The CODEOWNERS file at `commit`; see `Forge.read_code_owners`."""
        return read_code_owners(self._client, self._repository, commit)

    def fetch_teams(self, names: Sequence[str]) -> tuple[Team, ...]:
        """The teams with their members; see `Forge.fetch_teams`. Each is asked about once in a run."""
        due = [name for name in dict.fromkeys(names) if name not in self._teams]
        self._teams.update((team.name, team) for team in fetch_teams(self._client, due))
        return tuple(self._teams[name] for name in names)

    def fetch_declarer(self, run: Run) -> Known[Actor]:
        """Who started this workflow run; see `Declaring.fetch_declarer`."""
        return fetch_declarer(self._client, self._repository, run)

    def fetch_labeler(self, change: str, label: str) -> Known[Actor]:
        """Who put this label on a pull request; see `Declaring.fetch_labeler`."""
        return fetch_labeler(self._client, self._repository, change, label)

    def fetch_actor(self, login: str) -> Known[Actor]:
        """The account of this login; see `Declaring.fetch_actor`."""
        return fetch_actor(self._client, self._repository, login)

    def read_settings(self, wanted: Wanted) -> Settings:
        """How the repository is set up around the gate; see `SettingsReader.read_settings`."""
        return read_settings(self._client, self._repository, wanted, self._token_kind)

    def read_access(self, branches: Sequence[str] = ()) -> Found:
        """Who may push, approve, deploy, administer and bypass, as far as the token shows it; see `AccessReader.read_access`."""
        return read_access(self._client, self._repository, branches)

    def find_target(self, number: int) -> str:
        """The tip of an open pull request's base branch; see `Reviewing.find_target`."""
        return find_target(self._client, self._repository, number)

    def fetch_open_change(self, number: int, target: str, needs: Needs, *, environment: str, run: str) -> OpenChange:
        """The open pull request of this number; see `Reviewing.fetch_open_change`."""
        asked = Asked(number, target, environment, run)
        return fetch_open(self._client, self._repository, asked, self._host, needs)

    def put_check(self, head: str, notice: Notice) -> str:
        """A check run on a commit; see `Reviewing.put_check`."""
        return put_check(self._client, self._repository, head, notice)

    def put_comment(self, number: int, notice: Notice) -> str:
        """A comment on a pull request; see `Reviewing.put_comment`."""
        return put_comment(self._client, self._repository, number, notice)

    def put_issue(self, title: str, text: str, *, is_open: bool) -> str:
        """The one tracking issue; see `Tracking.put_issue`."""
        return put_issue(self._client, self._repository, title, text, is_open=is_open)

    def list_deploys(self, since: datetime) -> tuple[PlatformDeploy, ...]:
        """The repository's deployments since then, to every environment, the newest first. Raises `ForgeError` where the list isn't whole."""
        return list_deploys(self._client, self._repository, since)

    def set_deployment_status(self, ended: Ended) -> StatusSet | None:
        """Say how a deploy ended on the deployment that belongs to it; None where GitHub has none. Raises `ForgeError`."""
        return set_status(self._client, self._repository, ended)
