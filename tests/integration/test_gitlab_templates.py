"""The templates for GitLab CI: what their jobs are, and what their scripts do on the double."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self
from xml.etree import ElementTree as ET

import certifi
import pytest
import yaml
from actions_harness import load
from doubles import trackers
from doubles.gitlab import READER_TOKEN, TOKEN, GitLabServer, Hub, Request, job_token
from doubles.trackers import JiraServer
from support.exhaustive import EXHAUSTIVE, some, thin
from support.githttp import GitServer
from templates_harness import ROOT, TEMPLATES, Ran, Runner, fill, snapshot, specification

from changegate.cli import run

PLAN = "Closes #{issue}\n\n## Rollback plan\nSwitch the flag off; prices are back within a minute."
COMMIT = "c0ffee" + "0" * 34
SOMETHING: dict[str, dict[str, Any]] = {
    "gate": {},
    "preview": {},
    "outcome": {"needs": ["changegate", "deploy"]},
    "verify": {"trust": "trust.yml"},
    "evidence": {"trust": "trust.yml"},
    "followup": {},
}
OWN = {"job", "stage", "image", "commit", "source"}
PLACE = {"server-url", "repository", "proxy", "no-proxy", "ca-file"}
"""What variables say on GitHub, where nobody who starts a run can override them."""
SECRETS = {"token", "signing-key", "key-passphrase", "log-key", "log-key-passphrase"}


class Job:
    """Jobs of the shop's pipelines, on a shell runner."""

    def __init__(self, folder: Path, installed: Path, server: GitLabServer, source: tuple[Path, str]) -> None:
        self.folder, self.server, self.source = folder, server, source
        self.runner, self.clone_url = Runner(folder, installed), ""
        self.hub = server.hub
        self.alice, self.bob = self.hub.user("alice"), self.hub.user("bob")
        files = {"README.md": "shop\n", ".changegate.yml": "emergency: {incident: [INC-#]}\n"}
        self.project = self.hub.project("acme/shop", files=files, developers=(self.alice, self.bob))
        self.project.deploy()
        assert run(["keys", "generate", "--out", f"{folder}/changegate-key.pem", "--trust", f"{folder}/changegate-trust.yml"]) == 0

    def change(self) -> Request:
        body = PLAN.replace("{issue}", str(self.project.issue().iid))
        return self.project.request(author=self.alice, title='Round "prices" up | </td> ]]> \x1b[0K', description=body).status("test")

    def run(self, template: str, name: str = "", *, variables: dict[str, str] | None = None, **inputs: Any) -> Ran:
        jobs = fill(template, source=str(self.source[0]), commit=self.source[1], **{**SOMETHING[template], **inputs})
        given = {
            "GITLAB_CI": "true",
            "CI_PROJECT_PATH": "acme/shop",
            "CI_PROJECT_ID": str(self.project.id),
            "CI_SERVER_URL": self.server.url,
            "CI_API_V4_URL": self.server.api_url,
            "CI_COMMIT_SHA": self.project.head,
            "CI_COMMIT_BRANCH": "main",
            "CI_JOB_ID": "5000000000",
            "CI_JOB_URL": f"{self.server.url}/acme/shop/-/jobs/5000000000",
            "CI_JOB_TOKEN": job_token(5000000000),
            "CI_PIPELINE_SOURCE": "push",
            "GITLAB_USER_ID": str(self.alice.id),
            "GITLAB_USER_LOGIN": "alice",
            "CHANGEGATE_TOKEN": READER_TOKEN,
            "CHANGEGATE_SIGNING_KEY": str(self.folder / "changegate-key.pem"),
        }
        host = self.server.url.removeprefix("http://")
        url = self.clone_url or f"http://gitlab-ci-token:glcbt-64_of-the-job@{host}/acme/shop.git"
        job = jobs[name] if name else next(iter(jobs.values()))
        return self.runner.run(job, self.project.write(self.folder / "clone.git"), given | (variables or {}), url=url)

    def gate(self, **more: Any) -> Ran:
        return self.run("gate", store=f"file:{self.folder}/evidence", **more)


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("source")
    return folder, snapshot(folder)


@pytest.fixture
def job(tmp_path: Path, shared_temp: Path, source: tuple[Path, str]) -> Iterator[Job]:
    with GitLabServer(Hub()) as server:
        yield Job(tmp_path, shared_temp, server, source)


def cases(ran: Ran) -> dict[str, int]:
    suite = ET.parse(ran.report / "findings.xml").getroot()[0]
    return {name: int(suite.attrib[name]) for name in ("failures", "errors")}


# --- what is said of them ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["docs/gitlab-ci.md", "README.md"])
def test_the_pipelines_in_the_documentation_fit_the_templates(page: str) -> None:
    blocks = [
        yaml.safe_load(each) for each in re.findall(r"^```yaml\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    ]
    included = [each for block in blocks for each in block.get("include", [])]
    assert included
    for each in included:
        name, commit = re.fullmatch(r"\$CI_SERVER_FQDN/changegate/changegate/(\w+)@([0-9a-f]{40})", each["component"]).groups()  # type: ignore[union-attr]
        assert each["inputs"]["commit"] == commit
        fill(name, **each["inputs"])


# --- what they are -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TEMPLATES)
def test_its_jobs_are_valid(name: str, tmp_path: Path) -> None:
    file = tmp_path / "jobs.yml"
    file.write_text(yaml.safe_dump(fill(name, commit=COMMIT, **SOMETHING[name])))
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci", str(file)]
    ran = subprocess.run(check, check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("name", ["gate", "outcome", "verify", "evidence", "followup"])
def test_nothing_lets_a_pipeline_go_on_without_it(name: str) -> None:
    for job in fill(name, commit=COMMIT, **SOMETHING[name]).values():
        assert (job["allow_failure"], job["interruptible"], job["retry"]) == (False, False, 0)
        assert all(rule.get("when", "on_success") in {"on_success", "on_failure"} for rule in job["rules"])


@pytest.mark.parametrize("name", ["gate", "outcome", "verify", "evidence", "followup"])
def test_what_decides_is_never_read_from_a_clone_that_others_used(name: str) -> None:
    assert all(job["variables"]["GIT_STRATEGY"] == "clone" for job in fill(name, commit=COMMIT, **SOMETHING[name]).values())


@pytest.mark.parametrize(("token", "code"), [(job_token(5), 0), ("another", 128)])
def test_a_mirror_that_is_not_public_is_read_with_the_jobs_own_token(token: str, code: int, tmp_path: Path, source: tuple[Path, str]) -> None:
    (tmp_path / "changegate").mkdir()
    subprocess.run(["git", "clone", "-q", "--bare", str(source[0]), str(tmp_path / "changegate/changegate.git")], check=True)
    with GitServer(tmp_path, token=token, user="gitlab-ci-token") as url, Everything() as proxy:
        ran = fetch_source(tmp_path, source[1], f"{url}/acme/shop.git", {"CI_SERVER_URL": url, "HTTP_PROXY": proxy.url, "http_proxy": proxy.url})
    assert ran.returncode == code, ran.stderr
    assert ("fatal: " in ran.stderr) == bool(code)
    assert "glcbt-64" not in ran.stderr + ran.stdout
    assert not any(proxy.seen), "only what needs no token is asked through what a variable names"


@pytest.mark.parametrize("inputs", [{}, {"server_url": "https://gitlab.example", "repository": "acme/shop"}])
def test_the_jobs_token_goes_to_no_server_that_a_variable_names(tmp_path: Path, source: tuple[Path, str], inputs: dict[str, str]) -> None:
    with Everything() as evil:
        ran = fetch_source(tmp_path, source[1], "https://gitlab.example/acme/shop.git", {"CI_SERVER_URL": evil.url}, source=evil.url, **inputs)
    assert ran.returncode in ({2, 128} if not inputs else {128}), ran.stderr
    assert not any(evil.seen)


class Everything:
    """A server, or a proxy, that knows nobody; `seen` is the credentials that it was sent, empty where none."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        seen = self.seen

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append(self.headers.get("Authorization", "") + self.headers.get("PRIVATE-TOKEN", ""))
                self.send_response(401)
                self.send_header("WWW-Authenticate", "Basic")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def fetch_source(folder: Path, commit: str, clone: str, variables: dict[str, str], **inputs: str) -> "subprocess.CompletedProcess[str]":
    """The part of a job that fetches changegate, in a clone of that address."""
    subprocess.run(["git", "init", "-q", str(folder / "project")], check=True)
    subprocess.run(["git", "-C", str(folder / "project"), "remote", "add", "origin", clone.replace("://", "://gitlab-ci-token:x@")], check=True)
    written, fetch, _ = fill("gate", commit=commit, **inputs)["changegate"]["script"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), "CI_JOB_TOKEN": job_token(5), **variables}
    script = ["bash", "-c", written + fetch]
    return subprocess.run(script, check=False, capture_output=True, text=True, env=environment, cwd=folder / "project", timeout=60)


def test_the_gate_holds_the_environment() -> None:
    job = fill("gate", commit=COMMIT, environment="staging")["changegate"]
    assert job["environment"] == {"name": "staging", "action": "prepare"}
    assert job["resource_group"] == "staging"
    assert job["variables"]["GIT_DEPTH"] == "0"
    assert "needs" not in job, "an empty list would start it before the tests"
    assert job["dependencies"] == [], "an earlier job's dotenv report would win over GitLab's own variables"
    assert fill("gate", commit=COMMIT, dependencies=["build"])["changegate"]["dependencies"] == ["build"]


@pytest.mark.parametrize(
    ("name", "action"), [("gate", "action.yml"), *((name, f"actions/{name}/action.yml") for name in ("preview", "outcome", "verify", "followup"))]
)
def test_its_inputs_are_the_actions(name: str, action: str) -> None:
    actions, own = load(ROOT / action)["inputs"], specification(name)
    more = {"preview": {"allow-failure", "needs"}, "outcome": {"needs", "if"}, "gate": {"if", "dependencies"}}.get(name, {"if"})
    assert actions.keys() - SECRETS - {"outcome"} == own.keys() - OWN - PLACE - more
    for key in actions.keys() & own.keys():
        assert ("default" in own[key]) == (actions[key].get("required") != "true"), key


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_input_is_used_and_no_secret_is_one(name: str) -> None:
    text = (ROOT / f"templates/{name}.yml").read_text()
    used = set(re.findall(r"\$\[\[ inputs\.([a-z-]+) \]\]", text))
    assert used == specification(name).keys()
    assert not SECRETS & used


def test_all_fetch_and_install_alike() -> None:
    scripts = [job["script"] for name in TEMPLATES for job in fill(name, commit=COMMIT, **SOMETHING[name]).values()]
    assert len({script[1] for script in scripts}) == 1


@pytest.mark.parametrize("commit", ["main", "v1", COMMIT[:39], f"{COMMIT}\nx"])
def test_only_a_full_commit_is_installed(commit: str) -> None:
    with pytest.raises(AssertionError, match="commit"):
        fill("gate", commit=commit)


# --- what they do ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("approved", "verdict"), [(True, "allowed"), (False, "blocked")])
def test_a_deploy(job: Job, approved: bool, verdict: str) -> None:
    request = job.change()
    (request.approve(job.bob) if approved else request).merge()
    ran = job.gate()
    assert ran.code == (0 if approved else 1), ran.log
    assert ran.dotenv["CHANGEGATE_DECISION"] == verdict
    assert json.loads(ran.dotenv["CHANGEGATE_REASONS"]) == ([] if approved else ["peer-approved/not-approved"])
    assert cases(ran) == {"failures": 0 if approved else 1, "errors": 0}
    assert "&lt;/td&gt;" in (ran.report / "report.md").read_text()
    assert (ran.report / "gate-receipt.txt").read_text().startswith("c2sp.org/tlog-proof@v1\n")
    assert not any(secret in ran.log for secret in (READER_TOKEN, "PRIVATE KEY", "glcbt-"))


@pytest.mark.exhaustive
def test_its_sections_are_the_only_ones(job: Job) -> None:
    job.change().merge()
    found = re.findall("\x1b\\[0Ksection_(start|end):[0-9]+:([a-z_]+)(?:\\[collapsed=true\\])?\r\x1b\\[0K", job.gate().log)
    assert found == [(edge, f"changegate_{name}") for name in ("install", "report") for edge in ("start", "end")]


def test_what_cannot_be_judged(job: Job) -> None:
    job.change().approve(job.bob).merge()
    job.project.statuses.clear()
    ran = job.gate()
    assert (ran.code, ran.dotenv["CHANGEGATE_DECISION"]) == (3, "unknown"), ran.log
    assert cases(ran) == {"failures": 0, "errors": 1}


@pytest.mark.exhaustive
def test_what_is_not_even_asked_is_an_error(job: Job) -> None:
    ran = job.gate(variables={"CHANGEGATE_TOKEN": ""})
    assert (ran.code, ran.dotenv["CHANGEGATE_DECISION"]) == (3, ""), ran.log
    assert cases(ran) == {"failures": 0, "errors": 1}


CHOOSING: list[dict[str, str]] = [
    {"CHANGEGATE_FORGE": "git"},
    {"CHANGEGATE_STORE": "file:elsewhere"},
    {"CHANGEGATE_POLICY": "main:.changegate.yml"},
    {"CHANGEGATE_API_URL": "https://evil.example/api/v4"},
    {"CHANGEGATE_ENVIRONMENT": "staging", "CHANGEGATE_HEAD": "HEAD~1", "CHANGEGATE_BASE": "HEAD"},
    {"GITLAB_CI": "false"},
    {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "evil/shop", "GITHUB_API_URL": "https://evil.example"},
    {"CHANGEGATE_DOTENV": "/dev/null", "CHANGEGATE_SUBMIT_ONLY": "true"},
]


@pytest.mark.parametrize("variables", CHOOSING if EXHAUSTIVE else [{name: value for each in CHOOSING for name, value in each.items()}])
def test_a_pipelines_variables_choose_nothing(job: Job, variables: dict[str, str]) -> None:
    job.change().merge()
    ran = job.gate(variables=variables, format="json")
    assert (ran.code, ran.dotenv["CHANGEGATE_DECISION"]) == (1, "blocked"), ran.log
    assert (job.folder / "evidence").is_dir()


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "variables",
    [
        {"CI_API_V4_URL": "http://127.0.0.1:9/api/v4"},
        {"PYTHONPATH": "/nowhere", "PYTHONHOME": "/nowhere"},
        {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "remote.origin.url", "GIT_CONFIG_VALUE_0": "https://evil.example/acme/shop.git"},
    ],
)
def test_where_it_runs_and_whom_it_asks_no_variable_says(job: Job, variables: dict[str, str]) -> None:
    job.change().merge()
    ran = job.gate(variables=variables)
    assert (ran.code, ran.dotenv["CHANGEGATE_DECISION"]) == (1, "blocked"), ran.log


@pytest.mark.parametrize("variables", [{"CI_SERVER_URL": "https://evil.example"}, {"CI_PROJECT_PATH": "mallory/shop"}])
@pytest.mark.parametrize("template", thin(TEMPLATES, every=2))
def test_another_server_or_project_than_the_clones_is_refused(job: Job, template: str, variables: dict[str, str]) -> None:
    """The token would go to the one, and the other's approvals would count."""
    ran = job.run(template, variables=variables)
    assert (ran.code, "the clone was fetched from" in ran.log) == (2, True), ran.log
    assert READER_TOKEN not in ran.log
    assert "glcbt-" not in ran.log
    assert not job.server.requests


def test_no_variable_says_who_answers_as_the_forge(job: Job) -> None:
    job.change().merge()
    with Everything() as proxy:
        every = dict.fromkeys(("HTTP_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"), proxy.url)
        ran = job.gate(variables={**every, "REQUESTS_CA_BUNDLE": "/nowhere.pem", "SSL_CERT_FILE": "/nowhere.pem", "GIT_SSL_CAINFO": "/nowhere.pem"})
    assert (ran.code, ran.dotenv["CHANGEGATE_DECISION"]) == (1, "blocked"), ran.log
    assert not any(proxy.seen)
    assert "no heed is paid to http_proxy https_proxy HTTP_PROXY ALL_PROXY SSL_CERT_FILE REQUESTS_CA_BUNDLE" in ran.log


@pytest.mark.exhaustive
def test_the_template_names_proxy_and_authorities(job: Job) -> None:
    job.change().approve(job.bob).merge()
    with Everything() as proxy:
        ran = job.gate(proxy=proxy.url)
        assert (ran.code, any(READER_TOKEN in each for each in proxy.seen)) == (3, True), ran.log
        ran = job.gate(proxy=proxy.url, no_proxy="127.0.0.1", ca_file=certifi.where())
        assert ran.code == 0, ran.log
    for file in ("/nowhere.pem", "README.md"):
        ran = job.gate(ca_file=file)
        assert (ran.code, "The input ca-file names" in ran.log) == (2, True), ran.log


@pytest.mark.exhaustive
def test_a_runner_that_clones_from_elsewhere_is_told_the_place(job: Job) -> None:
    job.change().approve(job.bob).merge()
    job.clone_url = "http://gitlab.internal:8080/acme/shop.git"
    assert job.gate().code == 2
    ran = job.gate(server_url=f"{job.server.url}/", repository="acme/shop", variables={"CI_SERVER_URL": "https://evil.example"})
    assert (ran.code, ran.dotenv["CHANGEGATE_DECISION"]) == (0, "allowed"), ran.log
    ran = job.gate(repository="acme/shop")
    assert (ran.code, "give the template's inputs server-url and repository" in ran.log) == (2, True), ran.log


@pytest.mark.exhaustive
def test_a_failed_job_is_not_taken_for_the_gates_own(job: Job) -> None:
    job.change().approve(job.bob).merge()
    job.project.report(job.project.head, "security-scan", "failed", job=4711)
    ran = job.gate(variables={"CI_JOB_ID": "4711"})
    assert (ran.code, "security-scan" in ran.log) == (1, True), ran.log


def test_another_commit_than_the_one_that_is_checked_out_is_refused(job: Job) -> None:
    earlier = job.project.head
    job.change().merge()
    ran = job.gate(variables={"CI_COMMIT_SHA": earlier})
    assert (ran.code, "a variable of the pipeline overrides it" in ran.log) == (2, True), ran.log
    assert not job.server.requests


@pytest.mark.exhaustive
def test_a_traced_job_is_refused(job: Job) -> None:
    ran = job.gate(variables={"CI_DEBUG_TRACE": "true"})
    assert (ran.code, "CI_DEBUG_TRACE" in ran.log) == (2, True), ran.log


@pytest.mark.exhaustive
def test_an_input_is_text(job: Job) -> None:
    job.change().approve(job.bob).merge()
    ran = job.gate(environment='eu\'; $(touch pwned) `touch pwned` "$HOME" \\', base=job.project.branches["main"] + "~1", variables={})
    assert ran.code in (0, 1, 3), ran.log
    assert not list(job.folder.rglob("pwned"))
    assert "$(touch pwned)" in ran.log


def test_a_tracker_is_asked_with_the_projects_credentials(job: Job) -> None:
    with JiraServer("SHOP") as jira:
        jira.issue("SHOP-12")
        rules = f"trackers: [{{kind: jira-cloud, url: '{jira.url}', projects: [SHOP]}}]\n"
        job.project.push("main", author=job.alice, files={".changegate.yml": rules})
        job.project.deploy()
        body = "## Rollback plan\nSwitch the flag off; prices are back within a minute."
        job.project.request(author=job.alice, title="SHOP-12: round up", description=body).status("test").approve(job.bob).merge()
        ran = job.gate(variables={"CHANGEGATE_JIRA_USER": trackers.USER, "CHANGEGATE_JIRA_TOKEN": trackers.TOKEN})
    assert (ran.code, ran.dotenv["CHANGEGATE_DECISION"]) == (0, "allowed"), ran.log
    assert trackers.TOKEN not in ran.log


def test_an_input_on_two_lines_is_refused(job: Job) -> None:
    ran = job.gate(artifact="a@sha256:1\nEND_OF_INPUT")
    assert (ran.code, "line break" in ran.log) == (2, True), ran.log


def test_another_commit_of_changegate_is_not_run(job: Job) -> None:
    job.source = job.source[0], COMMIT
    assert job.gate().code == 128


def test_a_preview_is_shown_on_the_merge_request(job: Job) -> None:
    request = job.change()
    variables = {"CHANGEGATE_PREVIEW_TOKEN": TOKEN, "CHANGEGATE_TOKEN": "", "CI_MERGE_REQUEST_IID": str(request.iid)}
    for _ in range(2):
        ran = job.run("preview", variables=variables)
        assert ran.code == 1, ran.log
    assert ran.dotenv["CHANGEGATE_DECISION"] == "blocked"
    assert len([note for note in request.notes if "changegate preview" in note.body]) == 1
    assert cases(ran)["failures"] == 1


def test_the_outcome_and_the_verification(job: Job) -> None:
    job.change().approve(job.bob).merge()
    gate = job.gate()
    store = f"file:{job.folder}/evidence"
    ended = job.run("outcome", "changegate outcome: failure", store=store, reason="it's $HOME", variables=gate.dotenv)
    assert ended.code == 0, ended.log
    assert ended.dotenv["CHANGEGATE_OUTCOME"] == "failure"
    assert ended.dotenv["CHANGEGATE_OUTCOME_LOG_INDEX"] == "1"
    assert not ended.dotenv.keys() & gate.dotenv.keys()
    head = (job.folder / "evidence/checkpoint").read_text(encoding="utf-8").splitlines()
    since = f"{head[1]}:{head[2]}"
    assert job.run("verify", store=store, trust=f"{job.folder}/changegate-trust.yml", since=since).code == 0
    verified = job.run("verify", store=store, trust=f"{job.folder}/changegate-trust.yml", share="50%", jobs="1")
    assert verified.code == 0, verified.log
    card = next(each for each in (job.folder / "evidence").rglob("*") if each.is_file() and each.stat().st_size > 500)
    card.chmod(0o600)
    card.write_bytes(card.read_bytes()[:-1])
    assert job.run("verify", store=store, trust=f"{job.folder}/changegate-trust.yml").code == 5


@pytest.mark.parametrize("exceptions", some([True, False], every=2))
def test_the_evidence_of_a_period(job: Job, exceptions: bool) -> None:
    """In the hub's own time, which is not today's: the period is named."""
    job.change().approve(job.bob).merge()
    assert job.gate().code == 0
    if exceptions:
        job.project.deploy()  # another one, of which no record says anything
    today = datetime.now(UTC).date()
    period: dict[str, Any] = {"from_": (today - timedelta(days=2)).isoformat(), "to": today.isoformat()}
    place: dict[str, Any] = {"store": f"file:{job.folder}/evidence", "trust": f"{job.folder}/changegate-trust.yml"}
    ran = job.run("evidence", **place, **period, sample="1", seed="the auditor's word")
    made = {path.name for path in ran.report.iterdir()}
    assert made == {"population.csv", "population.csv.ipe.json", "reconciliation.json", "pack.zip"}, ran.log
    assert ran.code == (0 if json.loads((ran.report / "reconciliation.json").read_text())["exceptions"] == [] else 1), ran.log
    assert run(["verify", str(ran.report / "pack.zip"), "--trust", f"{job.folder}/changegate-trust.yml"]) == 0
    alone = job.run("evidence", **place, **period, reconcile="false", variables={"CHANGEGATE_TOKEN": ""})
    assert (alone.code, (alone.report / "reconciliation.json").exists()) == (0, False), alone.log


@pytest.mark.exhaustive
def test_evidence_is_of_last_month_by_default_and_of_a_sound_store_alone(job: Job) -> None:
    job.change().approve(job.bob).merge()
    assert job.gate().code == 0
    place: dict[str, Any] = {"store": f"file:{job.folder}/evidence", "trust": f"{job.folder}/changegate-trust.yml", "reconcile": "false"}
    ran = job.run("evidence", **place)
    last = datetime.now(UTC).date().replace(day=1) - timedelta(days=1)
    assert ran.code == 0, ran.log
    ipe = json.loads((ran.report / "population.csv.ipe.json").read_text())
    assert (ran.code, ipe["from"][:10], ipe["rows"]) == (0, last.replace(day=1).isoformat(), 0), ran.log
    assert job.run("evidence", **place, since="1:" + "A" * 43 + "=").code == 5
    assert job.run("evidence", **place, from_="2026-02-31", to="2026-01-01").code == 2


@pytest.mark.exhaustive
def test_an_emergency_and_its_review(job: Job) -> None:
    carol = job.hub.user("carol")
    job.project.members[carol.id] = 40
    job.project.started[5000000000] = (carol, "running", "web")
    request = job.change().merge().approve(job.bob)
    store = f"file:{job.folder}/evidence"
    reason = 'the shop\'s down: $(touch pwned) "now"'
    gate = job.gate(variables={"CHANGEGATE_EMERGENCY": reason, "CHANGEGATE_INCIDENT": "INC-7"})
    assert (gate.code, gate.dotenv["CHANGEGATE_DECISION"]) == (0, "allowed-as-emergency"), gate.log
    token = {"CHANGEGATE_TOKEN": TOKEN}
    first = job.run("followup", store=store, issue="true", variables=token)
    assert (first.code, "1 to review, 0 of them overdue" in first.log) == (0, True), first.log
    assert "tracking issue: http" in first.log, first.log
    job.hub.now = datetime.now(UTC) + timedelta(minutes=1)
    request.unapprove(job.bob).approve(job.bob)
    second = job.run("followup", store=store, issue="true", variables=token)
    assert (second.code, "1 reviewed now" in second.log) == (0, True), second.log
    (tracked,) = (each for each in job.project.issues.values() if each.labels)
    assert (tracked.state, tracked.labels) == ("closed", ("changegate-followup",))
    assert TOKEN not in first.log + second.log
    assert not list(job.folder.rglob("pwned"))


@pytest.mark.exhaustive
def test_an_emergency_that_a_pushed_pipeline_declares_is_none(job: Job) -> None:
    job.project.started[5000000000] = (job.alice, "running", "push")
    job.change().merge().approve(job.bob)
    gate = job.gate(variables={"CHANGEGATE_EMERGENCY": "the shop is down", "CHANGEGATE_INCIDENT": "INC-7"})
    assert gate.code == 3, gate.log
    assert "not by hand" in gate.log
