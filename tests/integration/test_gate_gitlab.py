"""The whole gate in a job of GitLab CI: what is GitLab's own, besides the scenarios that both forges share (test_parity)."""

import shutil
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from doubles.gitlab import job_token
from doubles.gitlab.faults import KINDS
from support.exhaustive import some, thin
from support.gitlab_job import JOB, PLAN, READER_TOKEN, TOKEN, Job, gitlab_job

from changegate.cli import run
from changegate.errors import ExitCode

MAINTAINER = 40


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Job]:
    with gitlab_job(tmp_path, monkeypatch, capsys) as job:
        yield job


def approved(job: Job) -> None:
    job.change().approve(job.bob).merge(by=job.alice)


def test_in_a_job_of_gitlab_the_forge_is_gitlab(job: Job) -> None:
    approved(job)
    said = job.gate()
    assert (said.code, said.report["reasons"]) == (ExitCode.ALLOWED, []), said
    assert (said.report["deployment"]["forge"], said.report["deployment"]["repository"]) == ("gitlab", "acme/shop")
    assert run(["verify", "evidence"]) == 0


# --- the token and the job ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"CHANGEGATE_TOKEN": ""}, "no token for GitLab; the job's own CI_JOB_TOKEN can't read approvals"),
        ({"CHANGEGATE_TOKEN": "", "CI_JOB_TOKEN": ""}, "no token for GitLab"),
        ({"CHANGEGATE_TOKEN": job_token(JOB)}, "holds CI_JOB_TOKEN, which can't read approvals"),
        ({"CHANGEGATE_TOKEN": "", "GITLAB_TOKEN": "own-prefix_1", "CI_JOB_TOKEN": "own-prefix_1"}, "holds CI_JOB_TOKEN, which can't read approvals"),
        ({"CHANGEGATE_TOKEN": "glcbt-of-another-job"}, "a CI_JOB_TOKEN can't read approvals"),
    ],
)
def test_without_a_token_that_reads_approvals_nothing_is_asked(job: Job, variables: dict[str, str], said: str) -> None:
    approved(job)
    job.set(**variables)
    ended = job.gate()
    assert (ended.code, said in ended.err) == (ExitCode.NOT_JUDGED, True), ended
    assert "CHANGEGATE_TOKEN" in ended.err
    assert "read_api" in ended.err
    assert ("--forge git" in ended.err) == said.startswith("no token")
    assert not any(variables[name] in ended.err for name in ("CHANGEGATE_TOKEN", "GITLAB_TOKEN") if variables.get(name))
    assert job.server.requests == []
    assert not Path("evidence").exists()


def test_gitlab_token_is_the_second_choice(job: Job) -> None:
    approved(job)
    job.set(CHANGEGATE_TOKEN="", GITLAB_TOKEN=TOKEN)
    assert job.gate().code == ExitCode.ALLOWED


@pytest.mark.parametrize("command", [("gate",), ("preview", "--change", "1"), ("outcome", "success")])
@pytest.mark.parametrize("on", ["true", "1", "T"])
def test_a_job_whose_log_shows_its_variables_is_refused(job: Job, command: tuple[str, ...], on: str) -> None:
    job.set(CI_DEBUG_TRACE=on)
    said = job.run(*command, format_="")
    assert (said.code, "prints every variable" in said.err) == (ExitCode.USAGE, True)
    assert job.server.requests == []


@pytest.mark.parametrize("place", ["policy", "folder", "owners"])
def test_other_content_under_an_id_of_the_clone_is_no_policy(job: Job, place: str) -> None:
    """What a job before this one may have left in a workspace that the runner uses again."""
    project = job.project
    policy = "version: 1\ncontrols: {peer-approved: {code-owners: true}}\n"
    project.push("main", author=job.alice, files={".changegate.yml": policy, ".gitlab/CODEOWNERS": "* @bob\n"}, message="Policy")
    project.deploy()
    base = project.head
    approved(job)
    project.write(Path("clone.git"))
    path, kind, planted = {
        "policy": (".changegate.yml", "blob", b"version: 1\nenforce: false\n"),
        "folder": (".gitlab", "tree", b""),
        "owners": (".gitlab/CODEOWNERS", "blob", b""),
    }[place]
    clone = Path("clone.git")
    said = subprocess.run(["git", "-C", str(clone), "rev-parse", f"{base}:{path}"], capture_output=True, text=True, check=True)
    plant(clone, said.stdout.strip(), kind, planted)
    ended = job.run("gate", "--workspace", "clone.git", "--head", project.head, write=False)
    said_so = f"the {kind} {said.stdout.strip()} is damaged" in ended.out + ended.err
    assert (ended.code, said_so) == (ExitCode.NOT_JUDGED, True), ended
    shutil.rmtree(clone)
    assert job.gate().code == ExitCode.ALLOWED


def plant(clone: Path, name: str, kind: str, content: bytes) -> None:
    """Other content in the place of an object."""
    (clone / "objects" / name[:2] / name[2:]).write_bytes(zlib.compress(f"{kind} {len(content)}\0".encode() + content))


def test_a_shallow_clone_is_refused_before_anything_is_asked(job: Job) -> None:
    approved(job)
    job.project.write(Path("clone.git"))
    Path("clone.git/shallow").write_text(f"{job.project.head}\n")
    said = job.gate()
    assert (said.code, "GIT_DEPTH" in said.err) == (ExitCode.NOT_JUDGED, True), said
    assert job.server.requests == []


@pytest.mark.parametrize(
    ("variables", "code", "said"),
    [
        ({}, ExitCode.ALLOWED, ""),
        ({"CI_JOB_ID": "7001"}, ExitCode.NOT_JUDGED, "overrides CI_JOB_ID"),
        ({"CI_JOB_TOKEN": "glcbt-64_invented"}, ExitCode.NOT_JUDGED, "CI_JOB_TOKEN"),
    ],
    ids=["own job", "another's running job", "another token"],
)
def test_an_emergency_is_declared_by_whose_job_it_is(job: Job, variables: dict[str, str], code: ExitCode, said: str) -> None:
    project = job.project
    project.push("main", author=job.alice, files={".changegate.yml": "emergency: {incident: [INC-#]}\n"}, message="Policy")
    project.deploy()
    project.members[job.bob.id] = project.members[job.carol.id] = MAINTAINER
    project.started[JOB] = (job.bob, "running", "web")
    project.started[7001] = (job.carol, "running", "web")
    job.change().merge(by=job.alice).approve(job.carol)
    job.set(CI_PIPELINE_SOURCE="web", **variables)
    ended = job.run("gate", "--workspace", "clone.git", "--head", project.head, "--emergency", "the shop is down", "--incident", "INC-7")
    assert (ended.code, said in ended.out + ended.err) == (code, True), ended
    if code == ExitCode.ALLOWED:
        assert ended.report["emergency"]["declaredBy"] == "bob"


# --- the pipeline that deploys -----------------------------------------------------------------------------------------------


def own_job(job: Job) -> None:
    """The gate's own job runs; what follows it waits."""
    pipeline = job.hub.next_id()
    job.project.report(job.project.head, "tests", pipeline=pipeline)
    job.project.report(job.project.head, "gate", "running", pipeline=pipeline, job=JOB)
    job.project.report(job.project.head, "deploy", "created", pipeline=pipeline)
    job.project.report(job.project.head, "approve by hand", "manual", pipeline=pipeline)


def another_pipelines_job_waits(job: Job) -> None:
    own_job(job)
    job.project.report(job.project.head, "nightly", "created")


def a_job_beside_it_runs(job: Job) -> None:
    pipeline = job.hub.next_id()
    job.project.report(job.project.head, "gate", "running", pipeline=pipeline, job=JOB)
    job.project.report(job.project.head, "scan", "running", pipeline=pipeline)


def child_pipeline(job: Job, *, levels: int = 1, downstream: bool = True) -> None:
    """The gate runs in a child pipeline: the parent's trigger job waits for it."""
    parent = job.hub.next_id()
    job.project.report(job.project.head, "tests", pipeline=parent)
    bridge = job.project.report(job.project.head, "deploy-all", "running", pipeline=parent)
    job.project.report(job.project.head, "announce", "created", pipeline=parent)
    child = job.hub.next_id()
    if downstream:
        job.project.children[bridge.id] = child
    for _ in range(levels - 1):
        inner = job.project.report("0" * 40, "inner", "running", pipeline=child)
        child = job.project.children[inner.id] = job.hub.next_id()
    job.project.child_jobs[JOB] = child


def grandchild_pipeline(job: Job) -> None:
    child_pipeline(job, levels=2)


def a_bridge_to_another_pipeline(job: Job) -> None:
    child_pipeline(job, downstream=False)


@pytest.mark.parametrize(
    ("pipeline", "reasons"),
    [
        (own_job, []),
        (child_pipeline, []),
        (grandchild_pipeline, []),
        (another_pipelines_job_waits, ["checks-passed/unfinished"]),
        (a_job_beside_it_runs, ["checks-passed/unfinished"]),
        (a_bridge_to_another_pipeline, ["checks-passed/unfinished"]),
    ],
)
def test_the_pipeline_that_deploys(job: Job, pipeline: Callable[[Job], None], reasons: list[str]) -> None:
    approved(job)
    pipeline(job)
    said = job.gate()
    assert (said.code, said.report["reasons"]) == (ExitCode.NOT_JUDGED if reasons else ExitCode.ALLOWED, reasons), said.report["findings"]


# --- what GitLab knows in its own ways ---------------------------------------------------------------------------------------


def semi_linear(job: Job) -> None:
    job.change().approve(job.bob).merge(job.alice, "semi-linear")


def squashed_with_a_merge_commit(job: Job) -> None:
    job.change().push(job.alice).status("tests").approve(job.bob).merge(job.alice, squash=True)


def the_list_lags(job: Job) -> None:
    approved(job)
    job.project.association_lag = 2


def approvals_without_times(job: Job) -> None:
    job.hub.approval_times = False
    approved(job)


def without_times_and_stale(job: Job) -> None:
    job.hub.approval_times = False
    job.change().approve(job.bob).push(job.alice).status("tests").merge()


def without_times_and_notes(job: Job) -> None:
    job.hub.approval_times = False
    job.change().approve(job.bob).merge().notes.clear()


def without_times_and_a_forged_note(job: Job) -> None:
    job.hub.approval_times = False
    request = job.change().approve(job.bob).push(job.alice).status("tests")
    request.note(job.bob, "approved this merge request").merge()


def merged_results(job: Job) -> None:
    """The pipeline ran on a merge of the head with its target, as on a merge train."""
    request = job.change().approve(job.bob)
    job.project.statuses.clear()
    request.merged_result().status("tests").merge()


def merged_results_of_an_older_head(job: Job) -> None:
    request = job.change()
    job.project.statuses.clear()
    request.merged_result().status("tests").push(job.alice).approve(job.bob).merge()


def a_fork_that_the_token_cannot_see(job: Job) -> None:
    dave = job.hub.user("dave")
    job.change(dave, fork=job.project.fork("dave/shop", visible=False)).approve(job.bob).merge(job.bob)


def a_fork_that_says_success(job: Job) -> None:
    """Its owner has its runners, its variables and every status in hand."""
    dave = job.hub.user("dave")
    job.change(dave, fork=job.project.fork("dave/shop")).approve(job.bob).merge(job.bob)


def a_fork_that_says_failure(job: Job) -> None:
    dave = job.hub.user("dave")
    job.change(dave, fork=job.project.fork("dave/shop")).status("tests", "failed").approve(job.bob).merge(job.bob)


def a_fork_whose_pipeline_a_member_ran(job: Job) -> None:
    dave = job.hub.user("dave")
    job.change(dave, fork=job.project.fork("dave/shop")).run_in_parent().status("tests").approve(job.bob).merge(job.bob)


def rebased_by_somebody_else_who_approves(job: Job) -> None:
    job.bob.public_email = job.bob.email
    request = job.change()
    approved(job)
    request.rebase(job.bob).status("tests").approve(job.bob).merge(job.alice, "ff")


def a_former_contributor_approves(job: Job) -> None:
    """Bob's commit is gone after a force-push; GitLab keeps the version that had it."""
    job.bob.public_email = job.bob.email
    job.change().push(job.bob).force_push(job.alice).status("tests").approve(job.bob).merge()


def a_former_contributor_whose_address_nobody_sees(job: Job) -> None:
    job.change().push(job.bob).force_push(job.alice).status("tests").approve(job.carol).merge()


def a_confidential_ticket(job: Job) -> None:
    job.change().approve(job.bob).merge()
    for issue in job.project.issues.values():
        issue.confidential = True


def a_ticket_of_a_project_that_the_token_cannot_see(job: Job) -> None:
    secret = job.hub.project("acme/secret")
    secret.issue()
    secret.visible = False
    job.change(body=PLAN.replace("Closes #{issue}", "For acme/secret#1")).approve(job.bob).merge()


def a_blocked_account_approved(job: Job) -> None:
    job.change().approve(job.bob).merge()
    job.bob.state = "blocked"


def a_renamed_project(job: Job) -> None:
    approved(job)
    project = job.hub.projects.pop("acme/shop")
    project.path = "acme/store"
    job.hub.projects["acme/store"], job.hub.moved["acme/shop"] = project, "acme/store"


def a_hundred_and_fifty_commits(job: Job) -> None:
    request = job.change()
    for number in range(150):
        request.push(job.carol if number < 5 else job.alice, {"a.txt": str(number)})
    request.status("tests").approve(job.bob).merge(job.alice, "merge")


def the_author_of_the_hundredth_commit_approves(job: Job) -> None:
    request = job.change()
    for number in range(150):
        request.push(job.bob if number == 0 else job.alice, {"a.txt": str(number)})
    request.status("tests").approve(job.bob).merge()


@pytest.mark.parametrize(
    ("scenario", "code", "reasons"),
    [
        (semi_linear, ExitCode.ALLOWED, []),
        (squashed_with_a_merge_commit, ExitCode.ALLOWED, []),
        (the_list_lags, ExitCode.ALLOWED, []),
        (approvals_without_times, ExitCode.ALLOWED, []),
        (without_times_and_stale, ExitCode.BLOCKED, ["peer-approved/stale-approval"]),
        (without_times_and_notes, ExitCode.NOT_JUDGED, ["peer-approved/reviewer-unknown"]),
        (without_times_and_a_forged_note, ExitCode.BLOCKED, ["peer-approved/stale-approval"]),
        (merged_results, ExitCode.ALLOWED, []),
        (merged_results_of_an_older_head, ExitCode.NOT_JUDGED, ["checks-passed/no-checks"]),
        (a_fork_that_says_success, ExitCode.NOT_JUDGED, ["checks-passed/no-checks"]),
        (a_fork_that_says_failure, ExitCode.BLOCKED, ["checks-passed/failed"]),
        (a_fork_whose_pipeline_a_member_ran, ExitCode.ALLOWED, []),
        (a_fork_that_the_token_cannot_see, ExitCode.NOT_JUDGED, ["checks-passed/checks-unknown"]),
        (rebased_by_somebody_else_who_approves, ExitCode.BLOCKED, ["peer-approved/self-approved"]),
        (a_former_contributor_approves, ExitCode.BLOCKED, ["peer-approved/self-approved"]),
        (a_former_contributor_whose_address_nobody_sees, ExitCode.NOT_JUDGED, ["peer-approved/contributor-unknown"]),
        (a_confidential_ticket, ExitCode.BLOCKED, ["ticket-linked/no-ticket"]),
        (a_ticket_of_a_project_that_the_token_cannot_see, ExitCode.NOT_JUDGED, ["ticket-linked/ticket-unknown"]),
        (a_blocked_account_approved, ExitCode.BLOCKED, ["peer-approved/reader-approved"]),
        (a_renamed_project, ExitCode.ALLOWED, []),
        (a_hundred_and_fifty_commits, ExitCode.ALLOWED, []),
        (the_author_of_the_hundredth_commit_approves, ExitCode.BLOCKED, ["peer-approved/self-approved"]),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_scenario(job: Job, scenario: Callable[[Job], None], code: int, reasons: list[str]) -> None:
    scenario(job)
    said = job.gate()
    assert (said.code, said.report and said.report["reasons"]) == (code, reasons), said
    assert run(["verify", "evidence"]) == 0


def test_a_project_in_a_subgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with gitlab_job(tmp_path, monkeypatch, capsys, "acme/web/shop") as job:
        approved(job)
        assert job.gate().code == ExitCode.ALLOWED


def test_a_tag_is_deployed_from_the_default_branch(job: Job) -> None:
    approved(job)
    job.project.tags["v2"] = job.project.head
    job.monkeypatch.delenv("CI_COMMIT_BRANCH")
    job.set(CI_COMMIT_TAG="v2", CI_COMMIT_REF_NAME="v2")
    assert job.gate().code == ExitCode.ALLOWED


def test_a_decision_is_made_again_from_its_record(job: Job) -> None:
    job.change().merge()
    assert job.gate().code == ExitCode.BLOCKED
    assert run(["replay", job.project.head, "--store", "file:evidence"]) == 0


@pytest.mark.parametrize("kind", some(KINDS, every=3))
def test_whatever_gitlab_answers_a_bad_change_does_not_pass(job: Job, kind: str) -> None:
    job.change().request_changes(job.carol).approve(job.bob).merge()
    assert job.gate("--store", "file:whole").code == ExitCode.BLOCKED
    count = len(job.server.requests)
    for at in thin((2 + sum(map(ord, kind)) % (count - 2), 0, 1), every=3):
        job.server.reset()
        job.server.fail(kind, at=at, times=1 + at % 2 * 1000)
        said = job.gate("-v")
        assert said.code in {ExitCode.BLOCKED, ExitCode.NOT_JUDGED, ExitCode.USAGE}, (at, said)
        assert "Traceback" not in said.err
        assert READER_TOKEN not in said.out + said.err
        assert "PRIVATE KEY" not in said.out + said.err


# --- code owners in sections -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code_owners", "code", "reasons"),
    [
        ("[Prices][2] @bob @carol\n*\n", ExitCode.ALLOWED, []),
        ("[Prices][2] @bob @alice\n*\n", ExitCode.BLOCKED, ["peer-approved/owner-not-approved"]),
        ("^[Prices] @alice\n*\n", ExitCode.ALLOWED, []),
        ("[Prices]\n* @bob\n[Law]\n* @alice\n", ExitCode.BLOCKED, ["peer-approved/owner-not-approved"]),
        ("* @@maintainer\n", ExitCode.NOT_JUDGED, ["peer-approved/owner-unknown"]),
        ("* @acme/web/prices\n", ExitCode.ALLOWED, []),
        ("* @acme\n", ExitCode.ALLOWED, []),
        ("* @nobody\n", ExitCode.NOT_JUDGED, ["peer-approved/owner-unknown"]),
        ("[ab]* @bob\n", ExitCode.NOT_JUDGED, ["peer-approved/owner-unknown"]),
    ],
)
def test_code_owners(job: Job, code_owners: str, code: int, reasons: list[str]) -> None:
    job.hub.groups |= {"acme": [job.bob], "acme/web/prices": [job.bob]}
    policy = "version: 1\ncontrols: {peer-approved: {code-owners: true}}\n"
    job.project.push("main", author=job.alice, files={".changegate.yml": policy, ".gitlab/CODEOWNERS": code_owners})
    job.project.deploy()
    job.change().approve(job.bob).approve(job.carol).merge()
    said = job.gate()
    assert (said.code, said.report["reasons"]) == (code, reasons), said.report["findings"]
    assert run(["replay", job.project.head, "--store", "file:evidence"]) == 0


def test_a_runner_whose_clock_is_not_gitlabs_records_nothing(job: Job) -> None:
    approved(job)
    job.server.clock_ahead = 900
    said = job.gate()
    assert (said.code, "s behind the forge's clock" in said.err) == (ExitCode.NOT_RECORDED, True), said
    assert not list(Path("evidence").rglob("*/*"))
    job.server.clock_ahead = -240
    assert job.gate().code == ExitCode.ALLOWED


@pytest.mark.parametrize(
    ("deployer", "code", "reasons"),
    [
        ("carol", ExitCode.ALLOWED, []),
        ("alice", ExitCode.BLOCKED, ["duties-separated/deployer-wrote"]),
        ("bob", ExitCode.BLOCKED, ["duties-separated/deployer-approved"]),
        ("", ExitCode.NOT_JUDGED, ["duties-separated/deployer-unknown"]),
    ],
)
def test_whoever_deploys_is_somebody_else(job: Job, deployer: str, code: ExitCode, reasons: list[str]) -> None:
    job.change().approve(job.bob).merge(job.alice)
    Path("p.yml").write_text("controls: {duties-separated: {enabled: true}}\n")
    user = {"alice": job.alice, "bob": job.bob, "carol": job.carol}.get(deployer)
    job.set(GITLAB_USER_ID=str(user.id) if user else "", GITLAB_USER_LOGIN=deployer)
    said = job.gate("--policy", "p.yml")
    assert (said.code, said.report["reasons"]) == (code, reasons), said.err
