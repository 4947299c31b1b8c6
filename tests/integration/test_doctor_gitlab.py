"""The doctor on GitLab: nothing to do where all is well, each weakness by its name, and what a token or a tier may not show."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from doubles.gitlab import READER_TOKEN, TOKEN, GitLabServer, Hub, Project
from doubles.gitlab.setup import DEPLOY_KEY, DEVELOPERS, MAINTAINERS, branch, variable
from doubles.gitlab.state import MAINTAINER, REPORTER
from templates_harness import fill

from changegate.cli import run

ADMIN_TOKEN = "glpat-doubles_doctor_token"
COMMIT = "c0ffee" + "0" * 34
UNASKED = {"store-readable", "key-readable"}
POLICY = "version: 1\nassurance: forge\n"
OWNERS = "* @acme/platform\n"
TEMPLATE = "## Rollback plan\n"

Edit = Callable[[dict[str, Any]], None]
Examine = Callable[..., tuple[int, dict[str, Any]]]


def pipeline(edit: Edit = lambda _jobs: None) -> str:
    jobs: dict[str, Any] = {
        "stages": ["test", "deploy"],
        "test": {"stage": "test", "script": ["make test"]},
        **fill("gate", commit=COMMIT),
        "deploy": {"stage": "deploy", "needs": ["changegate"], "environment": "production", "script": ["./deploy"]},
    }
    edit(jobs)
    return yaml.safe_dump(jobs)


def shop(content: str = "", **files: str) -> Project:
    hub = Hub()
    alice, keeper = hub.user("alice"), hub.user("project_1_bot_keeper", bot=True)
    hub.tokens[ADMIN_TOKEN] = keeper
    given = {
        ".gitlab-ci.yml": content or pipeline(),
        ".changegate.yml": POLICY,
        ".gitlab/CODEOWNERS": OWNERS,
        ".gitlab/merge_request_templates/Default.md": TEMPLATE,
        **files,
    }
    project = hub.project("acme/shop", files={name: text for name, text in given.items() if text != "-"}, developers=[alice])
    project.members[keeper.id] = MAINTAINER
    project.members[hub.tokens[TOKEN].id] = REPORTER
    return project


@pytest.fixture
def examine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Examine:
    """Runs the doctor; gives its exit code and its checks by id."""
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "CHANGEGATE_SIGNING_KEY"):
        monkeypatch.delenv(name, raising=False)

    def call(project: Project, *arguments: str, token: str = ADMIN_TOKEN, name: str = "acme/shop") -> tuple[int, dict[str, Any]]:
        monkeypatch.setenv("CHANGEGATE_TOKEN", token)
        with GitLabServer(project.hub) as server:
            capsys.readouterr()
            words = ("--forge", "gitlab", "--repository", name, "--api-url", server.api_url, "--timeout", "20", "--format", "json")
            code = run(["doctor", *words, *arguments])
            assert {request.method for request in server.requests} <= {"GET"}
        printed = capsys.readouterr()
        assert "s3cret-of-the-variable" not in printed.out + printed.err
        return code, {each["id"]: each for each in json.loads(printed.out)["checks"]} if printed.out else {"error": printed.err}

    return call


def states(found: dict[str, Any]) -> dict[str, str]:
    return {id_: each["state"] for id_, each in found.items() if each["state"] != "good" and id_ not in UNASKED}


WELL = {"token-role": "weak"}
"""The doctor's own token is a Maintainer's, else it wouldn't see this."""


def test_all_is_well(examine: Examine, tmp_path: Path) -> None:
    code, found = examine(shop())
    assert (states(found), code) == (WELL, 0)
    assert found["branch-push"]["observed"] == "nobody pushes to main: it changes by merge requests"
    assert not list(tmp_path.iterdir()), "it writes nothing"


def setting(**values: Any) -> Callable[[Project], None]:
    return lambda project: project.setup.project.update(values)


def approvals(**values: Any) -> Callable[[Project], None]:
    return lambda project: project.setup.approvals.update(values)


def put(name: str, value: Any) -> Callable[[Project], None]:
    return lambda project: setattr(project.setup, name, value)


def secrets(*more: Any) -> Callable[[Project], None]:
    return put("variables", [variable("CHANGEGATE_SIGNING_KEY", kind="file", masked=False), *more])


@pytest.mark.parametrize(
    ("weaken", "expected"),
    [
        (put("branches", []), {"branch-push": "bad", "evidence-force-push": "bad"}),
        (put("branches", [branch("ma*", push=DEVELOPERS), branch("main"), branch("change*")]), {"branch-push": "bad"}),
        (put("branches", [branch("*", push=MAINTAINERS)]), {"branch-push": "weak"}),
        (put("branches", [branch("*", push=DEPLOY_KEY)]), {"branch-push": "weak"}),
        (put("branches", [branch("*"), branch("main", force=True)]), {"branch-force-push": "bad"}),
        (put("branches", [branch("main"), branch("changegate-evidence", force=True)]), {"evidence-force-push": "bad"}),
        (put("branches", [branch("*", owners=False)]), {"branch-code-owners": "weak"}),
        (put("rules", []), {"branch-reviews": "bad"}),
        (
            put("rules", [{"id": 1, "rule_type": "regular", "approvals_required": 2, "protected_branches": [{"name": "v1"}]}]),
            {"branch-reviews": "bad"},
        ),
        (put("rules", [{"id": 1, "rule_type": "report_approver", "approvals_required": 2, "protected_branches": []}]), {"branch-reviews": "bad"}),
        (approvals(merge_requests_author_approval=True), {"branch-self-approval": "weak"}),
        (approvals(merge_requests_disable_committers_approval=False), {"branch-last-push": "weak"}),
        (approvals(reset_approvals_on_push=False), {"branch-stale": "weak"}),
        (approvals(disable_overriding_approvers_per_merge_request=False), {"branch-rules-editable": "weak"}),
        (setting(only_allow_merge_if_pipeline_succeeds=False), {"branch-checks": "weak"}),
        (setting(allow_merge_on_skipped_pipeline=True), {"branch-skipped": "weak"}),
        (setting(only_allow_merge_if_all_discussions_are_resolved=None), {"branch-threads": "weak"}),
        (setting(ci_pipeline_variables_minimum_override_role="developer"), {"pipeline-variables": "bad"}),
        (setting(ci_pipeline_variables_minimum_override_role="maintainer"), {"pipeline-variables": "weak"}),
        (setting(restrict_user_defined_variables=False), {"pipeline-variables": "bad"}),
        (setting(visibility="public", public_jobs=True), {"repository-visibility": "weak", "pipelines-visibility": "weak"}),
        (setting(archived=True), {"repository-archived": "bad"}),
        (put("job_token", {"inbound_enabled": False}), {"job-token": "weak"}),
        (put("environments", ["staging"]), {"environment-exists": "weak"}),
        (put("protected_environments", []), {"environment-protected": "bad"}),
        (
            put(
                "protected_environments",
                [{"name": "production", "deploy_access_levels": [DEVELOPERS], "required_approval_count": 0, "approval_rules": []}],
            ),
            {"environment-protected": "weak", "environment-reviewers": "weak"},
        ),
        (secrets(variable("CHANGEGATE_TOKEN", protected=False)), {"key-protected": "bad"}),
        (secrets(variable("CHANGEGATE_TOKEN", masked=False)), {"key-masked": "weak"}),
        (secrets(variable("CHANGEGATE_LOG_KEY", scope="*")), {"key-scope": "weak"}),
        (put("variables", []), {"key-protected": "unknown"}),
        (put("includes", [{"type": "component", "location": "gitlab.example/acme/x/gate@v1", "extra": {}}]), {"gate-pinned": "weak"}),
        (put("includes", [{"type": "component", "location": f"gitlab.example/acme/x/gate@{COMMIT}", "extra": {}}]), {}),
        (put("includes", [{"type": "file", "location": "/a.yml", "extra": {"project": "acme/ci", "ref": "main"}}]), {"gate-pinned": "weak"}),
        (put("includes", [{"type": "remote", "location": "https://x.example/a.yml", "extra": {}}]), {"gate-pinned": "weak"}),
        (put("includes", [{"type": "local", "location": "/a.yml"}, {"type": "template", "location": "Jobs/SAST.yml", "extra": {}}]), {}),
        (put("errors", ["jobs config should contain at least one visible job"]), {"workflows-readable": "unknown"}),
        (lambda project: project.setup.token.update(scopes=["read_user"]), {"token-scopes": "bad"}),
        (lambda project: project.setup.token.update(scopes=["api", "sudo"]), {"token-scopes": "weak"}),
        (lambda project: project.setup.token.update(expires_at="2000-01-01"), {"token-expiry": "weak"}),
    ],
)
def test_each_weakness_by_its_name(examine: Examine, weaken: Callable[[Project], None], expected: dict[str, str]) -> None:
    project = shop()
    weaken(project)
    code, found = examine(project)
    assert states(found) == WELL | expected
    important = any(found[id_]["important"] for id_, state in expected.items() if state == "unknown")
    assert code == (3 if important else 1 if "bad" in expected.values() else 0)
    for id_ in expected:
        assert found[id_]["remedy"], id_


def change(name: str, **values: Any) -> Edit:
    return lambda jobs: jobs[name].update(values)


def without_gate(jobs: dict[str, Any]) -> None:
    del jobs["changegate"]
    jobs["deploy"]["needs"] = ["test"]


def own_script(jobs: dict[str, Any]) -> None:
    """The gate as the first command of the job that deploys."""
    del jobs["changegate"]
    jobs["deploy"].update(needs=[], script=["changegate gate --environment production", "./deploy"])


def second_deploy(jobs: dict[str, Any]) -> None:
    jobs["hotfix"] = {"stage": "deploy", "environment": {"name": "Production"}, "script": ["./deploy"]}


def in_a_later_stage(jobs: dict[str, Any]) -> None:
    jobs["stages"].append("later")
    del jobs["deploy"]["needs"]
    jobs["deploy"]["stage"] = "later"


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (without_gate, {"gate-present": "bad", "gate-left-out": "bad"}),
        (own_script, {}),
        (second_deploy, {"gate-left-out": "bad"}),
        (in_a_later_stage, {"gate-needed": "weak"}),
        (change("deploy", needs=[{"job": "changegate", "optional": True}]), {"gate-left-out": "bad"}),
        (change("deploy", needs=[{"job": "changegate", "artifacts": False}]), {}),
        (change("deploy", needs=[]), {"gate-left-out": "bad"}),
        (change("deploy", when="always"), {"gate-despite": "bad"}),
        (change("deploy", rules=[{"if": "$X", "when": "always"}]), {"gate-despite": "bad"}),
        (change("changegate", allow_failure=True), {"gate-skippable": "bad"}),
        (change("changegate", allow_failure={"exit_codes": [3]}), {"gate-skippable": "bad"}),
        (change("changegate", rules=[{"if": "$X", "allow_failure": True}]), {"gate-skippable": "bad"}),
        (change("changegate", script=["changegate gate || true"]), {"gate-skippable": "bad"}),
        (change("changegate", script=["changegate gate; ./deploy"]), {"gate-skippable": "bad"}),
        (change("changegate", environment="$TARGET"), {"gate-present": "bad", "gate-left-out": "bad"}),
        (change("test", environment="$TARGET"), {"environment-computed": "unknown"}),
        (change("deploy", environment={"name": "production", "action": "stop"}), {}),
        (lambda jobs: jobs.update({"deploy-more": {"script": ["./deploy"]}}), {"deploy-environment": "weak"}),
        (lambda jobs: jobs.update(child={"trigger": {"include": "child.yml"}}), {"workflows-elsewhere": "unknown"}),
    ],
)
def test_pipelines(examine: Examine, edit: Edit, expected: dict[str, str]) -> None:
    code, found = examine(shop(pipeline(edit)))
    assert states(found) == WELL | expected
    assert code == (1 if "bad" in expected.values() else 3 if "environment-computed" in expected else 0)


def test_what_the_free_tier_lacks(examine: Examine) -> None:
    project = shop()
    project.setup.premium = False
    code, found = examine(project)
    assert states(found) == WELL | {"branch-reviews": "weak", "branch-code-owners": "weak", "environment-protected": "weak"}
    assert code == 0
    assert "peer-approved blocks the deploy" in found["branch-reviews"]["remedy"]


def test_what_a_reporter_may_not_see_is_unknown(examine: Examine) -> None:
    code, found = examine(shop(), token=READER_TOKEN)
    hidden = {"branch-push", "evidence-force-push", "branch-reviews", "environment-protected", "key-protected", "job-token"}
    assert states(found) == dict.fromkeys(hidden, "unknown")
    assert code == 3
    for id_ in hidden:
        assert "Maintainer" in found[id_]["remedy"], id_


def test_settings_that_an_older_version_lacks_are_unknown(examine: Examine) -> None:
    project = shop()
    for key in ("ci_pipeline_variables_minimum_override_role", "merge_method", "only_allow_merge_if_pipeline_succeeds"):
        del project.setup.project[key]
    code, found = examine(project)
    assert states(found) == WELL | dict.fromkeys(("pipeline-variables", "merge-method", "branch-checks"), "unknown")
    assert code == 3


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({".changegate.yml": "-"}, {"policy-valid": "weak"}),
        ({".changegate.yml": "nonsense: 1\n"}, {"policy-valid": "bad"}),
        ({".gitlab/CODEOWNERS": "-"}, {"code-owners": "weak"}),
        ({".gitlab/merge_request_templates/Default.md": "Hello"}, {"template-rollback": "weak"}),
    ],
)
def test_files(examine: Examine, files: dict[str, str], expected: dict[str, str]) -> None:
    _, found = examine(shop(**files))
    assert states(found) == WELL | expected
    assert ".github" not in json.dumps(found)


def test_a_project_that_cannot_be_seen(examine: Examine) -> None:
    project = shop()
    project.visible = False
    code, found = examine(project)
    assert (code, "404" in found["error"]) == (3, True)
