"""The doctor on the double, end to end: nothing to do where all is well, each weakness by its name, and what a token may not see."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from doubles.github import ALL_PERMISSIONS, GitHubServer
from doubles.github.scenario import World
from doubles.github.setup import PULL_REQUEST, Classic, Environment, Ruleset
from doubles.github.well_set_up import ADMIN_TOKEN, COMMIT, DEPLOY, edit, well_set_up
from doubles.trackers import BASIC, TOKEN, USER, JiraServer

from changegate import doctor
from changegate.cli import run
from changegate.errors import ForgeError
from changegate.facts import MISSING
from changegate.forges.github import GitHub
from changegate.settings import Wanted

UNASKED = {"store-readable", "key-readable"}


@pytest.fixture
def examine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Runs the doctor; gives its exit code and its checks by id."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.delenv("CHANGEGATE_SIGNING_KEY", raising=False)

    def call(it: World, *arguments: str, token: str = ADMIN_TOKEN, name: str = "acme/shop") -> tuple[int, dict[str, Any]]:
        monkeypatch.setenv("CHANGEGATE_TOKEN", token)
        with GitHubServer(it.hub) as server:
            capsys.readouterr()
            code = run(["doctor", "--repository", name, "--api-url", server.url, "--timeout", "20", "--format", "json", *arguments])
            asked = {request.method for request in server.requests}
            assert all("mutation" not in request.body["query"] for request in server.requests if request.method == "POST")
        assert asked <= {"GET", "POST"}
        printed = capsys.readouterr()
        return code, {each["id"]: each for each in json.loads(printed.out)["checks"]} if printed.out else {"error": printed.err}

    return call


def states(found: dict[str, Any]) -> dict[str, str]:
    return {id_: each["state"] for id_, each in found.items() if each["state"] != "good" and id_ not in UNASKED}


def test_all_is_well(examine: Callable[..., tuple[int, dict[str, Any]]], tmp_path: Path) -> None:
    code, found = examine(well_set_up())
    assert states(found) == {}
    assert code == 0
    assert found["branch-reviews"]["observed"] == "main requires an approval (ruleset 'main')"
    assert not list(tmp_path.iterdir()), "it writes nothing"


def ruleset(it: World, name: str) -> Ruleset:
    return next(each for each in it.repo.setup.rulesets if each.name == name)


def pull_request(**parameters: Any) -> Callable[[World], None]:
    def weaken(it: World) -> None:
        ruleset(it, "main").pull_request = {**PULL_REQUEST, **parameters}

    return weaken


def rules(name: str, *kinds: str) -> Callable[[World], None]:
    def weaken(it: World) -> None:
        ruleset(it, name).rules = kinds

    return weaken


def bypass(name: str) -> Callable[[World], None]:
    def weaken(it: World) -> None:
        ruleset(it, name).bypass = [{"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}]

    return weaken


def setup(**values: Any) -> Callable[[World], None]:
    def weaken(it: World) -> None:
        for key, value in values.items():
            assert hasattr(it.repo.setup, key)
            setattr(it.repo.setup, key, value)

    return weaken


def environment(**values: Any) -> Callable[[World], None]:
    def weaken(it: World) -> None:
        it.repo.setup.environments["production"] = Environment("production", **values)

    return weaken


def workflow(old: str, new: str) -> Callable[[World], None]:
    return lambda it: edit(it, old, new)


def policy(text: str) -> Callable[[World], None]:
    return lambda it: edit(it, "assurance: forge\n", f"assurance: forge\n{text}", ".changegate.yml")


def no_rulesets(it: World) -> None:
    it.repo.setup.rulesets.clear()


def gone(path: str) -> Callable[[World], None]:
    def weaken(it: World) -> None:
        it.repo.push("main", author=it.alice, files={path: None}, message="Remove")

    return weaken


def strangers_code(it: World) -> None:
    edit(it, "on:\n  push:\n    branches: [main]", "on: [pull_request_target]")
    edit(it, "make test", "git fetch origin ${{ github.event.pull_request.head.sha }}")


GATE = f"changegate/changegate@{COMMIT}"
WEAKNESSES: list[tuple[Callable[[World], None], dict[str, str], int]] = [
    (setup(archived=True), {"repository-archived": "bad"}, 1),
    (setup(public=True), {"repository-visibility": "weak"}, 0),
    (setup(may_push=False), {"token-push": "weak"}, 0),
    (setup(may_push=None), {"token-push": "unknown"}, 0),
    (pull_request(required_approving_review_count=0), {"branch-reviews": "bad"}, 1),
    (pull_request(dismiss_stale_reviews_on_push=False), {"branch-stale": "weak"}, 0),
    (pull_request(require_last_push_approval=False), {"branch-last-push": "weak"}, 0),
    (pull_request(require_code_owner_review=False), {"branch-code-owners": "weak"}, 0),
    (rules("main", "deletion"), {"branch-force-push": "bad"}, 1),
    (rules("main", "non_fast_forward"), {"branch-deletion": "bad"}, 1),
    (bypass("main"), {"branch-bypass": "weak"}, 0),
    (rules("evidence", "deletion"), {"evidence-force-push": "bad"}, 1),
    (rules("evidence", "non_fast_forward"), {"evidence-deletion": "bad"}, 1),
    (bypass("evidence"), {"evidence-bypass": "weak"}, 0),
    (lambda it: setattr(ruleset(it, "main"), "branches", ("*",)), {"evidence-pull-request": "bad"}, 1),
    (
        no_rulesets,
        {
            **dict.fromkeys(("branch-reviews", "branch-force-push", "branch-deletion", "evidence-force-push", "evidence-deletion"), "bad"),
            **dict.fromkeys(("branch-stale", "branch-last-push", "branch-code-owners", "branch-bypass", "evidence-bypass"), "weak"),
        },
        1,
    ),
    (lambda it: it.repo.setup.environments.clear(), {"environment-exists": "bad"}, 1),
    (environment(reviewers=0), {"environment-reviewers": "weak"}, 0),
    (environment(prevent_self_review=False), {"environment-self-review": "weak"}, 0),
    (environment(branches=None), {"environment-branches": "bad"}, 1),
    (environment(branches=("*",)), {"environment-branches": "bad"}, 1),
    (environment(branches="protected"), {"environment-branches": "weak"}, 0),
    (environment(branches=("main", "release/*")), {"environment-branches": "weak"}, 0),
    (environment(admins_bypass=True), {"environment-admins": "weak"}, 0),
    (environment(admins_bypass=None), {"environment-admins": "unknown"}, 0),
    (workflow(f"uses: {GATE}", "uses: acme/other@main"), {"gate-present": "bad", "gate-left-out": "bad"}, 1),
    (workflow(f"- uses: {GATE}", f"- run: ./deploy.sh early\n      - uses: {GATE}"), {"gate-late": "weak"}, 0),
    (workflow(f"- uses: {GATE}", f"- continue-on-error: true\n        uses: {GATE}"), {"gate-skippable": "bad"}, 1),
    (workflow(f"- uses: {GATE}", f"- if: github.actor != 'bob'\n        uses: {GATE}"), {"gate-skippable": "bad"}, 1),
    (workflow("- run: ./deploy.sh", "- if: ${{ always() }}\n        run: ./deploy.sh"), {"gate-despite": "weak"}, 0),
    (workflow(COMMIT, "v0.1.0"), {"gate-pinned": "weak"}, 0),
    (workflow("  environment: production\n          sign", "  environment: staging\n          sign"), {"gate-environment": "bad"}, 1),
    (
        workflow("    environment: production\n    permissions", "    permissions"),
        {"gate-present": "bad", "gate-outside": "bad", "key-exposed": "bad"},
        1,
    ),
    (workflow("make test", "make test KEY=${{ secrets.CHANGEGATE_SIGNING_KEY }}"), {"key-exposed": "bad"}, 1),
    (workflow("permissions: {}", "env: {K: \"${{ secrets['changegate_signing_key'] }}\"}\npermissions: {}"), {"key-exposed": "bad"}, 1),
    (
        strangers_code,
        {"pull-request-target": "bad"},
        1,
    ),
    (workflow("      statuses: read\n", ""), {"gate-permissions": "bad"}, 1),
    (workflow("      issues: read\n", "      issues: write\n"), {"permissions-wide": "weak"}, 0),
    (workflow("    permissions:\n      contents: read\n", "    permissions: write-all\n"), {"permissions-wide": "weak"}, 0),
    (
        workflow("environment: production\n    permissions:", "environment: ${{ inputs.where }}\n    permissions:"),
        {"gate-present": "bad"},
        1,
    ),
    (workflow("jobs:\n", "jobs:\n  ship:\n    uses: other/flows/.github/workflows/ship.yml@main\n"), {"workflows-elsewhere": "unknown"}, 0),
    (
        workflow("jobs:\n", "jobs:\n  ship:\n    environment: ${{ inputs.where }}\n    steps: [{run: ./ship}]\n"),
        {"environment-computed": "unknown"},
        3,
    ),
    (workflow("jobs:\n", "jobs:\n  deploy-it:\n    steps: [{run: ./ship}]\n"), {"deploy-environment": "weak"}, 0),
    (workflow("jobs:\n", "jobs: [\n"), {"workflows-readable": "unknown", "gate-present": "bad"}, 3),
    (gone(".changegate.yml"), {"policy-valid": "weak"}, 0),
    (policy("enforced: true\n"), {"policy-valid": "bad"}, 1),
    (policy("enforce: false\n"), {"policy-enforced": "bad"}, 1),
    (policy("environments: {production: {controls: {peer-approved: {enabled: false}}}}\n"), {"policy-peer-approved": "bad"}, 1),
    (policy("controls: {peer-approved: {permission: any, approved-before: deploy}}\n"), {"policy-permission": "weak", "policy-late": "weak"}, 0),
    (policy("controls: {rollback-plan: {min-words: 1}, checks-passed: {ignore: [e2e]}}\n"), {"policy-plan": "weak", "policy-ignore": "weak"}, 0),
    (lambda it: edit(it, "assurance: forge", "assurance: asserted", ".changegate.yml"), {"policy-assurance": "weak"}, 0),
    (gone(".github/pull_request_template.md"), {"template-rollback": "weak"}, 0),
    (gone(".github/CODEOWNERS"), {"code-owners": "weak"}, 0),
    (lambda it: edit(it, "/.github/ @acme/platform", "/.github/", ".github/CODEOWNERS"), {"code-owners": "weak"}, 0),
]


@pytest.mark.parametrize(("weaken", "expected", "code"), WEAKNESSES, ids=lambda value: "+".join(value) if isinstance(value, dict) else "")
def test_each_weakness_is_found_by_name(
    examine: Callable[..., tuple[int, dict[str, Any]]], weaken: Callable[[World], object], expected: dict[str, str], code: int
) -> None:
    it = well_set_up()
    weaken(it)
    ended, found = examine(it)
    assert states(found) == expected
    assert ended == code
    for id_ in expected:
        assert found[id_]["remedy"], id_
        assert found[id_]["why"], id_


def test_a_renamed_repository_is_led_on(examine: Callable[..., tuple[int, dict[str, Any]]]) -> None:
    it = well_set_up()
    it.repo.setup.former_names = ("acme/store",)
    code, found = examine(it, name="acme/store")
    assert states(found) == {"repository-name": "weak"}
    assert code == 0


def test_classic_protection_counts_and_its_bypasses_are_named(examine: Callable[..., tuple[int, dict[str, Any]]]) -> None:
    it = well_set_up()
    it.repo.setup.rulesets = [each for each in it.repo.setup.rulesets if each.name != "main"]
    it.repo.setup.classic["main"] = Classic()
    assert states(examine(it)[1]) == {}
    it.repo.setup.classic["main"] = Classic(enforce_admins=False, allowances=("alice",))
    _, found = examine(it)
    assert states(found) == {"branch-bypass": "weak"}
    assert "admins (branch protection), alice (branch protection)" in found["branch-bypass"]["observed"]
    it.repo.setup.classic["main"] = Classic(approvals=None, force_pushes=True, deletions=True)
    assert {id_ for id_, state in states(examine(it)[1]).items() if state == "bad"} == {"branch-reviews", "branch-force-push", "branch-deletion"}


def test_a_plan_without_branch_protection_has_none(examine: Callable[..., tuple[int, dict[str, Any]]]) -> None:
    it = well_set_up()
    it.repo.setup.plan_has_protection = False
    assert states(examine(it)[1]) == {}
    it.repo.setup.rulesets.clear()
    assert examine(it)[1]["branch-reviews"]["state"] == "bad"


def test_a_job_that_needs_a_gated_one_is_gated(examine: Callable[..., tuple[int, dict[str, Any]]]) -> None:
    it = well_set_up()
    edit(it, "      - run: ./deploy.sh\n", "  ship:\n    needs: [deploy]\n    environment: Production\n    steps: [{run: ./ship}]\n")
    assert states(examine(it)[1]) == {}
    edit(it, "needs: [deploy]", "needs: [deploy]\n    if: ${{ !cancelled() || failure() }}")
    assert states(examine(it)[1]) == {"gate-left-out": "bad"}


HIDDEN: dict[str, set[str]] = {
    "administration": {"branch-bypass", "evidence-bypass", "evidence-pull-request"},
    "actions": {"environment-exists"},
    "deployments": {"token-deployments"},
    "issues": {"token-issues"},
    "checks": {"token-checks"},
    "statuses": {"token-statuses"},
    "pull_requests": {"token-pull-requests"},
}


@pytest.mark.parametrize("permission", HIDDEN)
def test_what_a_token_may_not_see_is_unknown(examine: Callable[..., tuple[int, dict[str, Any]]], permission: str) -> None:
    it = well_set_up()
    it.hub.tokens["ghs_partial"] = it.hub.tokens[ADMIN_TOKEN] - {permission}
    code, found = examine(it, token="ghs_partial")
    assert states(found) == dict.fromkeys(HIDDEN[permission], "unknown")
    assert code == 3
    named = permission.replace("_", "-")
    assert any(named in found[id_]["remedy"] or "repository admin" in found[id_]["remedy"] for id_ in HIDDEN[permission])


def test_nothing_is_good_that_could_not_be_seen(examine: Callable[..., tuple[int, dict[str, Any]]]) -> None:
    it = well_set_up()
    it.repo.setup.rulesets.clear()
    it.hub.tokens["ghs_job"] = ALL_PERMISSIONS - {"contents"}
    code, found = examine(it, token="ghs_job")
    assert code == 3
    good = {id_ for id_, each in found.items() if each["state"] == "good"}
    assert {id_.partition("-")[0] for id_ in good} == {"repository", "token"}
    assert found["branch-reviews"]["state"] == "unknown"
    assert "administration: read" in found["branch-reviews"]["remedy"]


WANTED = Wanted("production", "", "changegate-evidence", ".changegate.yml")


def judged(server: GitHubServer) -> tuple[doctor.Check, ...]:
    """The checks, read without the command line and without waiting."""
    github = GitHub("acme/shop", ADMIN_TOKEN, api_url=server.url, sleep=server.sleep, timeout=1000)
    return doctor.judge(github.read_settings(WANTED), WANTED, doctor.Local(MISSING, MISSING, datetime(2026, 1, 5, tzinfo=UTC)))


@pytest.mark.parametrize("kind", ["403", "404", "html", "null"])
def test_a_fault_at_any_request_is_seen(kind: str) -> None:
    it = well_set_up()
    with GitHubServer(it.hub) as server:
        assert doctor.exit_code(judged(server)) == 0
        paths = [asked.path.partition("?")[0] for asked in server.requests]
        for at in range(len(paths)):
            server.reset()
            server.fail(kind, at=at, times=5)
            try:
                checks = judged(server)
            except ForgeError:
                continue
            weaker = {check.state for check in checks if check.id not in UNASKED} - {doctor.State.GOOD}
            # Where rulesets that nobody bypasses say all, classic protection can only add to them.
            assert weaker or paths[at].endswith("/main/protection"), paths[at]


def test_a_bad_token_ends_it(examine: Callable[..., tuple[int, dict[str, Any]]]) -> None:
    code, found = examine(well_set_up(), token="ghs_wrong")
    assert code == 3
    assert "401" in found["error"]


def test_store_and_key(examine: Callable[..., tuple[int, dict[str, Any]]], tmp_path: Path) -> None:
    assert run(["keys", "generate"]) == 0
    code, found = examine(well_set_up(), "--store", "file:evidence", "--signing-key", "changegate-key.pem")
    assert states(found) == {"store-kind": "weak"}
    assert found["key-trusted"]["state"] == "good"
    assert not {id_ for id_ in found if id_.startswith("evidence-")}
    assert code == 0
    assert not (tmp_path / "evidence").exists()
    assert run(["keys", "generate", "--out", "other.pem", "--trust", "other.yml"]) == 0
    code, found = examine(well_set_up(), "--signing-key", "other.pem")
    assert states(found) == {"key-trusted": "bad"}
    code, found = examine(well_set_up(), "--signing-key", "absent.pem")
    assert found["key-readable"]["state"] == "bad"
    assert code == 1


HOSTILE = "ev\x1b[31mil ::error::x ##[command]y |`<b>@bob\u202e"


@pytest.mark.parametrize("format_", ["terminal", "markdown", "json"])
def test_hostile_names_stay_text(format_: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    it = well_set_up()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHANGEGATE_TOKEN", ADMIN_TOKEN)
    ruleset(it, "main").name = HOSTILE
    it.repo.push("main", author=it.alice, files={f".github/workflows/{HOSTILE}.yml": "jobs: [", DEPLOY: None}, message="Evil")
    with GitHubServer(it.hub) as server:
        run(["doctor", "--repository", "acme/shop", "--api-url", server.url, "--format", format_])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "##[" not in out
    assert not [line for line in out.splitlines() if line.lstrip().startswith("::")]
    if format_ == "markdown":
        assert "<b>" not in out
    if format_ == "terminal":
        assert all(len(line) <= 80 for line in out.splitlines() if "https://" not in line)


@pytest.mark.parametrize(
    ("projects", "token", "state", "code"),
    [
        ("[SHOP, OPS]", TOKEN, "good", 0),
        ("[SHOP, SECRET]", TOKEN, "bad", 1),
        ("[SHOP]", "wrong", "bad", 1),
        ("[SHOP]", "", "unknown", 0),
    ],
)
def test_the_trackers_of_the_policy_are_asked(
    projects: str, token: str, state: str, code: int, examine: Callable[..., tuple[int, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHANGEGATE_JIRA_USER", USER)
    monkeypatch.setenv("CHANGEGATE_JIRA_TOKEN", token)
    it = well_set_up()
    with JiraServer("SHOP", "OPS") as jira:
        rules = f'assurance: forge\ntrackers: [{{kind: jira-cloud, url: "{jira.url}", projects: {projects}}}]'
        edit(it, "assurance: forge", rules, ".changegate.yml")
        ended, found = examine(it)
        assert bool(jira.requests) is bool(token)
    assert (ended, found["tracker-jira-cloud"]["state"]) == (code, state)
    assert BASIC not in json.dumps(found)
    assert TOKEN not in json.dumps(found)
