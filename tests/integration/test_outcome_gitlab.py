"""How a deploy ended, in GitLab CI: GitLab follows the deployments of its jobs itself, and is told of those that the API made."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from doubles.gitlab.faults import KINDS
from support.exhaustive import some
from support.gitlab_job import READER_TOKEN, TOKEN, Job, gitlab_job

from changegate.cli import run
from changegate.errors import ExitCode


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Job]:
    """An allowed deploy, in the job that ends it."""
    with gitlab_job(tmp_path, monkeypatch, capsys) as job:
        job.set(CHANGEGATE_TOKEN=TOKEN)
        job.change().approve(job.bob).merge()
        assert job.gate().code == ExitCode.ALLOWED
        yield job


def made_by_the_api(job: Job) -> None:
    job.project.deploy(status="running", job=None)


def made_among_others(job: Job) -> None:
    job.project.deploy(status="success", job=None, sha=job.project.deployments[0].sha)
    job.project.deploy(status="created", job=None)
    job.project.deploy("staging", status="running", job=None)
    job.project.deploy(status="running")


def none_at_all(_job: Job) -> None:
    """No deployment."""


def made_by_a_job(job: Job) -> None:
    job.project.deploy(status="running")


def two_open_ones(job: Job) -> None:
    made_by_the_api(job)
    made_by_the_api(job)


def of_another_commit(job: Job) -> None:
    job.project.deploy(status="running", job=None, sha=job.project.deployments[0].sha)


@pytest.mark.parametrize(
    ("prepare", "chosen"),
    [(made_by_the_api, 1), (made_among_others, 2), (none_at_all, None), (made_by_a_job, None), (two_open_ones, None), (of_another_commit, None)],
)
@pytest.mark.parametrize(("ending", "state"), [("success", "success"), ("failure", "failed"), ("rolled-back", "failed")])
def test_the_deployment_of_this_deploy_gets_its_status(job: Job, prepare: Callable[[Job], None], chosen: int | None, ending: str, state: str) -> None:
    prepare(job)
    before = [each.status for each in job.project.deployments]
    said = job.run("outcome", ending, "-v")
    assert said.code == 0, said.err
    assert said.report["record"]["warnings"] == []
    after = [each.status for each in job.project.deployments]
    assert after == [state if number == chosen else status for number, status in enumerate(before)]
    if chosen is None:
        assert (said.report["status"], "GitLab has no deployment that belongs" in said.err) == (None, True)
    else:
        assert said.report["status"] == {"deployment": job.project.deployments[chosen].id, "state": state}
    assert run(["verify", "evidence"]) == 0


def test_a_rollback_after_a_success_is_told_too_and_what_was_before_is_live(job: Job) -> None:
    first = job.project.deployments[0].sha
    made_by_the_api(job)
    assert job.run("outcome", "success").report["status"]["state"] == "success"
    assert job.run("outcome", "rolled-back").report["status"]["state"] == "failed"
    report = job.gate().report
    assert (report["range"]["base"], report["range"]["baseSource"]) == (first, "deployment")


def test_the_screen_names_the_forge(job: Job) -> None:
    made_by_the_api(job)
    said = job.run("outcome", "success", format_="terminal")
    assert f"GitLab       deployment {job.project.deployments[-1].id} is set to success" in said.out


@pytest.mark.parametrize(
    ("token", "warned"), [(READER_TOKEN, "scope api"), ("", ""), ("glpat-revoked", "doesn't accept the token"), ("glcbt-x", "CI_JOB_TOKEN")]
)
def test_whatever_the_token_the_record_stands(job: Job, token: str, warned: str) -> None:
    made_by_the_api(job)
    job.set(CHANGEGATE_TOKEN=token)
    said = job.run("outcome", "success")
    assert (said.code, said.report["record"]["logIndex"]) == (0, 1)
    assert [warned in warning for warning in said.report["record"]["warnings"]] == ([True] if warned else [])


@pytest.mark.parametrize("kind", some(KINDS, every=4))
@pytest.mark.parametrize("at", [0, 1])
def test_whatever_gitlab_answers_the_record_stands(job: Job, kind: str, at: int) -> None:
    made_by_the_api(job)
    job.server.reset()
    job.server.fail(kind, at=at, times=1000)
    said = job.run("outcome", "success")
    assert (said.code, said.report["record"]["logIndex"]) == (0, 1), said.err
    assert len(said.report["record"]["warnings"]) <= 1
    assert TOKEN not in said.out + said.err


def test_a_clock_that_is_not_gitlabs_is_a_warning(job: Job) -> None:
    made_by_the_api(job)
    job.server.clock_ahead = 900
    said = job.run("outcome", "success")
    assert (said.code, said.report["status"]["state"]) == (0, "success")
    assert ["s behind GitLab's" in warning for warning in said.report["record"]["warnings"]] == [True]
