"""The preview of an open merge request, in a merge request's pipeline: no clone is needed, and the number is the pipeline's."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from doubles.gitlab import Request
from doubles.gitlab.faults import KINDS
from support.exhaustive import some
from support.gitlab_job import JOB, PLAN, READER_TOKEN, TOKEN, Job, Said, gitlab_job

from changegate.errors import ExitCode
from changegate.forges.gitlab.checks import PREVIEW
from changegate.forges.gitlab.notices import MARKER


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Job]:
    with gitlab_job(tmp_path, monkeypatch, capsys) as job:
        job.set(CHANGEGATE_TOKEN=TOKEN, CI_PIPELINE_SOURCE="merge_request_event", CI_MERGE_REQUEST_IID="1")
        job.set(CI_MERGE_REQUEST_REF_PATH="refs/merge-requests/1/head")
        yield job


def preview(job: Job, *words: str, format_: str = "json") -> Said:
    return job.run("preview", *words, format_=format_)


def good(job: Job) -> Request:
    return job.change().approve(job.bob)


def unapproved(job: Job) -> Request:
    return job.change()


def stale(job: Job) -> Request:
    return job.change().approve(job.bob).push(job.alice).status("tests")


def self_approved(job: Job) -> Request:
    return job.change().approve(job.alice)


def no_plan(job: Job) -> Request:
    return job.change(body="Closes #{issue}").approve(job.bob)


def only_the_template(job: Job) -> Request:
    template = "## Rollback plan\nWho switches what off, and when it is done\n"
    job.project.push("main", author=job.alice, files={".gitlab/merge_request_templates/Default.md": template})
    return job.change(body=f"Closes #{{issue}}\n\n{template}").approve(job.bob)


def a_deployed_tag(job: Job) -> Request:
    job.project.tags["v1.4.0"] = job.project.head
    return job.change(body="Closes #{issue}\n\nRollback: v1.4.0").approve(job.bob)


def its_own_policy(job: Job) -> Request:
    lax = "controls: {peer-approved: {enabled: false}}\n"
    return job.change(files={".changegate.yml": lax})


def from_a_fork(job: Job) -> Request:
    return job.change(job.carol, fork=job.project.fork("carol/shop")).run_in_parent().status("tests").approve(job.bob)


def checks_still_run(job: Job) -> Request:
    return good(job).status("lint", "running")


@pytest.mark.parametrize(
    ("scenario", "code", "reasons"),
    [
        (good, ExitCode.ALLOWED, []),
        (from_a_fork, ExitCode.ALLOWED, []),
        (a_deployed_tag, ExitCode.ALLOWED, []),
        (checks_still_run, ExitCode.ALLOWED, []),
        (unapproved, ExitCode.BLOCKED, ["peer-approved/not-approved"]),
        (stale, ExitCode.BLOCKED, ["peer-approved/stale-approval"]),
        (self_approved, ExitCode.BLOCKED, ["peer-approved/self-approved"]),
        (no_plan, ExitCode.BLOCKED, ["rollback-plan/no-plan"]),
        (only_the_template, ExitCode.BLOCKED, ["rollback-plan/template-text"]),
        (its_own_policy, ExitCode.BLOCKED, ["peer-approved/not-approved"]),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_scenario(job: Job, scenario: Callable[[Job], Request], code: int, reasons: list[str]) -> None:
    request = scenario(job)
    said = preview(job)
    assert (said.code, said.report and said.report["reasons"]) == (code, reasons), said
    (status,) = [each for each in job.project.statuses if each.name == PREVIEW]
    assert (status.sha, status.status) == (request.head, "success" if code == ExitCode.ALLOWED else "failed")
    (note,) = [each for each in request.notes if not each.system]
    assert note.body.startswith(MARKER)
    assert said.report["preview"]["comment"].endswith(f"/acme/shop/-/merge_requests/1#note_{note.id}"), said.report
    assert not Path("evidence").exists()


def test_the_note_is_kept_up_to_date_and_only_its_own_is_touched(job: Job) -> None:
    request = unapproved(job).note(job.bob, f"{MARKER}\nBob's own words")
    preview(job)
    request.approve(job.bob)
    robot = job.hub.tokens[TOKEN]
    request.note(robot, f"{MARKER}\nmade at the same time")
    preview(job)
    own = [note for note in request.notes if note.author is robot]
    assert len(own) == 1
    assert "ALLOWED" in own[0].body or "would be allowed" in own[0].body
    assert [note.body for note in request.notes if note.author is job.bob and not note.system] == [f"{MARKER}\nBob's own words"]


def test_the_gate_is_not_stopped_by_a_preview_of_before(job: Job) -> None:
    request = unapproved(job)
    assert preview(job).code == ExitCode.BLOCKED
    request.approve(job.bob).merge()
    assert job.gate().code == ExitCode.ALLOWED


def test_a_token_that_only_reads_leaves_a_warning(job: Job) -> None:
    good(job)
    job.set(CHANGEGATE_TOKEN=READER_TOKEN)
    said = preview(job)
    assert said.code == ExitCode.ALLOWED
    assert [("Developer" in warning, "scope api" in warning) for warning in said.report["preview"]["warnings"]] == [(True, True)] * 2


@pytest.mark.parametrize(
    ("end", "said"), [(lambda request: request.merge(), "is merged already"), (lambda request: request.close(), "is closed, and was not merged")]
)
def test_what_is_not_open_is_not_previewed(job: Job, end: Callable[[Request], Request], said: str) -> None:
    end(good(job))
    ended = preview(job)
    assert (ended.code, said in ended.err) == (ExitCode.USAGE, True)


def test_without_a_number(job: Job) -> None:
    good(job)
    job.monkeypatch.delenv("CI_MERGE_REQUEST_IID")
    said = preview(job)
    assert (said.code, "--change is missing" in said.err) == (ExitCode.USAGE, True)
    assert preview(job, "--change", "1").code == ExitCode.ALLOWED
    assert "no merge request !7" in preview(job, "--change", "7").err


def test_its_own_job_is_no_check(job: Job) -> None:
    request = good(job)
    job.project.report(request.head, "preview", "running", job=JOB)
    assert preview(job).code == ExitCode.ALLOWED


@pytest.mark.parametrize("kind", some(KINDS, every=4))
def test_no_fault_makes_a_bad_change_pass(job: Job, kind: str) -> None:
    request = job.change(body=PLAN).request_changes(job.carol).push(job.alice).status("tests")
    preview(job)
    count = len(job.server.requests)
    for at in range(sum(map(ord, kind)) % 4, count, 4):  # each request meets a quarter of the kinds
        job.server.reset()
        job.server.fail(kind, at=at)
        said = preview(job)
        assert said.code in {ExitCode.BLOCKED, ExitCode.NOT_JUDGED, ExitCode.USAGE}, (at, said)
        assert TOKEN not in said.out + said.err
        assert "Traceback" not in said.err
        shown = [each.status for each in job.project.statuses if (each.name, each.sha) == (PREVIEW, request.head)]
        assert "success" not in shown
