"""Which deploy is this: read from the environment of a job."""

import pytest

from changegate.facts import MISSING, Identity
from changegate.pipeline import read_pipeline

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "acme/shop",
    "GITHUB_REPOSITORY_ID": "77",
    "GITHUB_SERVER_URL": "https://github.example",
    "GITHUB_API_URL": "https://github.example/api/v3",
    "GITHUB_SHA": "a" * 40,
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_ACTOR": "alice",
    "GITHUB_ACTOR_ID": "1",
    "GITHUB_RUN_ID": "100",
    "GITHUB_RUN_ATTEMPT": "3",
    "GITHUB_WORKFLOW": "deploy",
    "GITHUB_WORKFLOW_REF": "acme/shop/.github/workflows/deploy.yml@refs/heads/main",
    "GITHUB_WORKFLOW_SHA": "b" * 40,
    "GITHUB_EVENT_NAME": "push",
}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_PROJECT_PATH": "acme/shop",
    "CI_PROJECT_ID": "77",
    "CI_SERVER_URL": "https://gitlab.example",
    "CI_API_V4_URL": "https://gitlab.example/api/v4",
    "CI_COMMIT_SHA": "a" * 40,
    "CI_COMMIT_REF_NAME": "main",
    "GITLAB_USER_ID": "2",
    "GITLAB_USER_LOGIN": "bob",
    "CI_JOB_ID": "500",
    "CI_JOB_URL": "https://gitlab.example/acme/shop/-/jobs/500",
    "CI_JOB_NAME": "gate",
    "CI_PIPELINE_SOURCE": "push",
}


def test_github() -> None:
    found = read_pipeline(GITHUB, local_run="x")
    assert (found.forge, found.repository, found.head, found.api_url) == ("github", "acme/shop", "a" * 40, "https://github.example/api/v3")
    assert found.deployer == Identity(key="github:1", login="alice")
    assert (found.run.id, found.run.attempt, found.run.url) == ("100", 3, "https://github.example/acme/shop/actions/runs/100")


def test_gitlab() -> None:
    found = read_pipeline(GITLAB, local_run="x")
    assert (found.forge, found.repository, found.head, found.ref) == ("gitlab", "acme/shop", "a" * 40, "refs/heads/main")
    assert found.deployer == Identity(key="gitlab:2", login="bob")
    assert (found.run.id, found.run.attempt, found.change) == ("500", 1, None)


@pytest.mark.parametrize(
    ("more", "ref", "change"),
    [
        ({"CI_COMMIT_BRANCH": "main"}, "refs/heads/main", None),
        ({"CI_COMMIT_TAG": "v1", "CI_COMMIT_REF_NAME": "v1"}, "refs/tags/v1", None),
        (
            {"CI_COMMIT_REF_NAME": "apples", "CI_MERGE_REQUEST_REF_PATH": "refs/merge-requests/7/head", "CI_MERGE_REQUEST_IID": "7"},
            "refs/merge-requests/7/head",
            7,
        ),
        ({"CI_MERGE_REQUEST_REF_PATH": "refs/merge-requests/7/merge", "CI_MERGE_REQUEST_IID": "7"}, "refs/merge-requests/7/merge", 7),
        ({"CI_MERGE_REQUEST_IID": "7; rm"}, "refs/heads/main", None),
        ({"CI_COMMIT_REF_NAME": ""}, "", None),
    ],
)
def test_what_a_gitlab_pipeline_runs_for(more: dict[str, str], ref: str, change: int | None) -> None:
    found = read_pipeline(GITLAB | more, local_run="x")
    assert (found.ref, found.change) == (ref, change)


def test_no_ci() -> None:
    found = read_pipeline({}, local_run="local-1")
    assert (found.forge, found.repository, found.head, found.run.id) == ("git", "", "", "local-1")


def test_odd_values_are_not_believed() -> None:
    found = read_pipeline(GITHUB | {"GITHUB_ACTOR_ID": "1; rm", "GITHUB_RUN_ATTEMPT": "-3"}, local_run="x")
    assert found.deployer == MISSING
    assert found.run.attempt == 1
