"""GitLab, on gitlab.com or self-managed, on every tier: history by git, verdicts by its API (ADR 0130).

- the range, its commits and their content come from the clone that the job has, where each object is what its id says; a preview needs none;
- `client`, `faults`: requests, and what their failures mean;
- `deployments`: what is deployed now; `listed`: all deployments, for a reconciliation;
- `association`, `changes`: which merge request brought a commit, and all that is known of it;
- `versions`, `notes`, `people`, `reviews`, `checks`, `tickets`, `files`, `content`: its parts;
- `opened`, `notices`, `trusted`: a merge request that isn't merged yet;
- `settings`: how the project is set up, for the doctor.

A range costs at most 3 requests, 1 per hundred merge requests, 1 per ten, 9 for each and 2 per person; besides, 1 for each further diff version, each
issue that is only mentioned and each further hundred of commits or notes. Eight are under way at once.
"""

import re
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote

from changegate.access import Found
from changegate.deploys import PlatformDeploy
from changegate.errors import ForgeError, InputError
from changegate.facts import Actor, Assurance, Change, CodeOwnersFile, Deployment, DeployRange, Known, Maybe, Missing, RangeOutcome, Run, Team
from changegate.forges import NO_NEEDS, Baseline, Needs, Notice, OpenChange, TrustedFiles
from changegate.forges.git import Git
from changegate.forges.gitlab.access import read_access
from changegate.forges.gitlab.actors import fetch_actor, fetch_declarer, fetch_labeler
from changegate.forges.gitlab.changes import Source, fetch
from changegate.forges.gitlab.client import Client, OnRequest
from changegate.forges.gitlab.deployments import Ended, StatusSet, set_status, successes
from changegate.forges.gitlab.issues import put_issue
from changegate.forges.gitlab.listed import list_deploys
from changegate.forges.gitlab.notices import put_check, put_note
from changegate.forges.gitlab.opened import fetch_open, find_target
from changegate.forges.gitlab.owners import fetch_teams, read_code_owners
from changegate.forges.gitlab.people import People
from changegate.forges.gitlab.settings import read_settings
from changegate.forges.gitlab.trusted import find_file, read_trusted, resolve
from changegate.gitlab_settings import GitLabSettings
from changegate.settings import Wanted

API_URL: Final = "https://gitlab.com/api/v4"
_PROJECT: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)+")


class GitLab:
    """The `gitlab` forge: a project on a GitLab server, with a whole clone of it at `workspace` (None: enough for a preview and an outcome).

    `job_token` is the job's own (CI_JOB_TOKEN), by which GitLab says whose job it is. `timeout` bounds all requests and waits together, in seconds
    of `now`. `on_request` is told of every exchange, without the token.
    Raises `InputError` where project, token or URL can't be right, `ForgeError` where token or clone can't do.
    """

    name: Final = "gitlab"

    def __init__(
        self,
        project: str,
        token: str,
        *,
        workspace: Path | None,
        job_token: str = "",
        api_url: str = API_URL,
        timeout: float = 600.0,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        on_request: OnRequest = lambda _method, _url, _status, _seconds: None,
    ) -> None:
        if not _PROJECT.fullmatch(project):
            raise InputError(f"{project!r} is no project of GitLab", remedy="Pass its whole path, group/project, as CI_PROJECT_PATH has it.")
        self._path, self._project = project, quote(project, safe="")
        client = partial(Client, api_url=api_url, timeout=timeout, now=now, sleep=sleep, on_request=on_request)
        self._client = client(token)
        self._job = client(job_token, of_job=True) if job_token else None
        self._people = People(self._client, self._project)
        self._clone = Git(workspace, timeout=timeout) if workspace is not None else None

    def __repr__(self) -> str:
        return f"GitLab('{self._path}', {self._client!r})"

    def clock(self) -> datetime | None:
        """GitLab's clock; see `Forge.clock`."""
        return self._client.patience.clock()

    def resolve_head(self, commit: str) -> str:
        """The full id of the commit that a revision names: in the clone where there is one; see `Forge.resolve_head`."""
        return resolve(self._client, self._project, commit) if self._clone is None else self._clone.resolve_head(commit)

    def resolve_range(
        self, deployment: Deployment, *, requested: str | None, logged: Baseline | None, believe_deployments: bool = True
    ) -> DeployRange:
        """Every commit between what is deployed and the head; see `Forge.resolve_range`."""
        if self._clone is None:
            raise InputError("a range on GitLab is read from a clone, and there is none", remedy="Run the gate in a whole clone (GIT_DEPTH: 0).")
        head = self._clone.resolve_head(deployment.head)
        if resolve(self._client, self._project, head) != head:
            raise ForgeError(f"GitLab answered for another commit than {head}", remedy="Run the job again.")
        found = next(successes(self._client, self._project, deployment.environment), None) if believe_deployments else None
        resolved = self._clone.resolve_range(deployment, requested=requested, logged=found.baseline if found else logged)
        update: dict[str, object] = {"assurance": Assurance.FORGE}
        if resolved.outcome is RangeOutcome.ROLLBACK:
            times = [each.at for each in successes(self._client, self._project, deployment.environment) if each.baseline.commit == head]
            update |= {"head_deployed_at": min(times)} if times else {}
        return self._clone.mark_clean_merges(resolved).model_copy(update=update)

    def read_trusted(self, commit: str, policy_path: str, *, next_at: str = "") -> TrustedFiles:
        """The policy file and the description templates at `commit`; see `Forge.read_trusted`."""
        if self._clone is not None and all(self._clone.has_commit(each) for each in (commit, next_at) if each):
            return self._clone.read_trusted(commit, policy_path, next_at=next_at)
        return read_trusted(self._client, self._project, commit, policy_path, next_at=next_at)

    def fetch_changes(self, deployment: Deployment, deploy_range: DeployRange, needs: Needs = NO_NEEDS) -> tuple[Change, ...]:
        """The changes that brought the range's commits; see `Forge.fetch_changes`."""
        trees = {commit.sha: commit.tree for commit in deploy_range.commits}
        return fetch(self._source(needs, deployment.run.id, trees), deployment, deploy_range)

    def _source(self, needs: Needs, job: str, trees: dict[str, str]) -> Source:
        return Source(self._client, self._people, self._project, self._path, job, needs, trees)

    def read_code_owners(self, commit: str) -> Maybe[CodeOwnersFile]:
        """The CODEOWNERS file at `commit`; see `Forge.read_code_owners`."""

        def find(path: str) -> bytes | Missing:
            if self._clone is not None and self._clone.has_commit(commit):
                return self._clone.read_trusted(commit, path).policy
            return find_file(self._client, self._project, commit, path)

        return read_code_owners(find, commit)

    def fetch_teams(self, names: Sequence[str]) -> tuple[Team, ...]:
        """The groups with their members; see `Forge.fetch_teams`."""
        return fetch_teams(self._client, self._people, names)

    def fetch_declarer(self, run: Run) -> Known[Actor]:
        """Who started this job; see `Declaring.fetch_declarer`."""
        return fetch_declarer(self._client, self._people, self._project, run, self._job)

    def fetch_labeler(self, change: str, label: str) -> Known[Actor]:
        """Who put this label on a merge request; see `Declaring.fetch_labeler`."""
        return fetch_labeler(self._client, self._people, self._project, change, label)

    def fetch_actor(self, login: str) -> Known[Actor]:
        """The account of this login; see `Declaring.fetch_actor`."""
        return fetch_actor(self._client, self._people, login)

    def find_target(self, number: int) -> str:
        """The tip of an open merge request's target branch; see `Reviewing.find_target`."""
        return find_target(self._source(NO_NEEDS, "", {}), number)

    def fetch_open_change(self, number: int, target: str, needs: Needs, *, environment: str, run: str) -> OpenChange:  # noqa: ARG002 - the protocol's
        """The open merge request of this number; see `Reviewing.fetch_open_change`."""
        return fetch_open(self._source(needs, run, {}), number, environment)

    def put_issue(self, title: str, text: str, *, is_open: bool) -> str:
        """The one tracking issue; see `Tracking.put_issue`."""
        return put_issue(self._client, self._project, title, text, is_open=is_open)

    def list_deploys(self, since: datetime) -> tuple[PlatformDeploy, ...]:
        """The project's deployments since then, to every environment, the newest first. Raises `ForgeError` where the list isn't whole."""
        return list_deploys(self._client, self._project, self._path, since)

    def put_check(self, head: str, notice: Notice) -> str:
        """A status on a commit; see `Reviewing.put_check`."""
        return put_check(self._client, self._project, head, notice)

    def put_comment(self, number: int, notice: Notice) -> str:
        """A note on a merge request; see `Reviewing.put_comment`."""
        return put_note(self._client, self._project, number, notice, f"{self._client.root}/{self._path}/-/merge_requests/{number}")

    def read_settings(self, wanted: Wanted) -> GitLabSettings:
        """How the project is set up, as far as the token shows it. Raises `ForgeError` where not even the project can be seen."""
        return read_settings(self._client, self._project, self._path, wanted)

    def read_access(self, branches: Sequence[str] = ()) -> Found:  # noqa: ARG002 - the protocol's: every protected branch is listed anyway
        """Who may push, merge, approve, deploy and administer, as far as the token shows it; see `AccessReader.read_access`."""
        return read_access(self._client, self._project, self._path)

    def set_deployment_status(self, ended: Ended) -> StatusSet | None:
        """Say how a deploy ended on the deployment that was made for it by the API; None where there is none. Raises `ForgeError`."""
        return set_status(self._client, self._project, ended)
