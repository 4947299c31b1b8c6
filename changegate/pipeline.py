"""Which deploy is this? Read from the CI's environment variables, given as a mapping.

Sources: GitHub, "Variables reference" (default environment variables of a workflow run); GitLab, "Predefined CI/CD variables reference".
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from changegate.facts import MISSING, Identity, Maybe, Run


class Pipeline(NamedTuple):
    """What the CI says of the job that runs us. Empty texts where it says nothing."""

    forge: str
    """The forge to ask: `github` in GitHub Actions, `gitlab` in GitLab CI; else `git`, the repository at hand."""
    repository: str
    repository_id: str
    server_url: str
    api_url: str
    head: str
    ref: str
    """The whole name: `refs/heads/main`, `refs/tags/v1`, `refs/merge-requests/7/head`."""
    deployer: Maybe[Identity]
    run: Run
    change: int | None = None
    """The open change that the job runs for, where the CI says it by a variable."""


def read_pipeline(environ: Mapping[str, str], *, local_run: str) -> Pipeline:
    """The job's context. `local_run` names the run where no CI does."""
    if environ.get("GITHUB_ACTIONS") == "true":
        return _github(environ)
    if environ.get("GITLAB_CI") == "true":
        return _gitlab(environ)
    return Pipeline("git", "", "", "", "", "", "", MISSING, Run(id=local_run, trigger="local"))


def _github(environ: Mapping[str, str]) -> Pipeline:
    get = environ.get
    server, repository, run = get("GITHUB_SERVER_URL", ""), get("GITHUB_REPOSITORY", ""), get("GITHUB_RUN_ID", "")
    return Pipeline(
        forge="github",
        repository=repository,
        repository_id=get("GITHUB_REPOSITORY_ID", ""),
        server_url=server,
        api_url=get("GITHUB_API_URL", ""),
        head=get("GITHUB_SHA", ""),
        ref=get("GITHUB_REF", ""),
        deployer=_person("github", get("GITHUB_ACTOR_ID", ""), get("GITHUB_ACTOR", "")),
        run=Run(
            id=run,
            attempt=_count(get("GITHUB_RUN_ATTEMPT", "")),
            url=f"{server}/{repository}/actions/runs/{run}" if server and run else "",
            workflow=get("GITHUB_WORKFLOW", ""),
            workflow_ref=get("GITHUB_WORKFLOW_REF", ""),
            workflow_sha=get("GITHUB_WORKFLOW_SHA", ""),
            trigger=get("GITHUB_EVENT_NAME", ""),
        ),
    )


def _gitlab(environ: Mapping[str, str]) -> Pipeline:
    get = environ.get
    return Pipeline(
        forge="gitlab",
        repository=get("CI_PROJECT_PATH", ""),
        repository_id=get("CI_PROJECT_ID", ""),
        server_url=get("CI_SERVER_URL", ""),
        api_url=get("CI_API_V4_URL", ""),
        head=get("CI_COMMIT_SHA", ""),
        ref=_gitlab_ref(environ),
        deployer=_person("gitlab", get("GITLAB_USER_ID", ""), get("GITLAB_USER_LOGIN", "")),
        # GitLab gives a retried job a new id; there are no attempts of one job.
        run=Run(id=get("CI_JOB_ID", ""), url=get("CI_JOB_URL", ""), workflow=get("CI_JOB_NAME", ""), trigger=get("CI_PIPELINE_SOURCE", "")),
        change=_number(get("CI_MERGE_REQUEST_IID", "")),
    )


def _gitlab_ref(environ: Mapping[str, str]) -> str:
    """What the pipeline runs for: a tag, a merge request (whose CI_COMMIT_REF_NAME is its source branch), or a branch."""
    if environ.get("CI_COMMIT_TAG"):
        return f"refs/tags/{environ['CI_COMMIT_TAG']}"
    if environ.get("CI_MERGE_REQUEST_REF_PATH"):
        return environ["CI_MERGE_REQUEST_REF_PATH"]
    branch = environ.get("CI_COMMIT_BRANCH") or environ.get("CI_COMMIT_REF_NAME")
    return f"refs/heads/{branch}" if branch else ""


def _person(forge: str, number: str, login: str) -> Maybe[Identity]:
    return Identity(key=f"{forge}:{number}", login=login or number) if re.fullmatch(r"[0-9]+", number) else MISSING


def _count(text: str) -> int:
    return int(text) if re.fullmatch(r"[1-9][0-9]{0,5}", text) else 1


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[1-9][0-9]{0,8}", text) else None
