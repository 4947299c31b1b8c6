"""How a deploy ended, from the command line to the log and back to the next gate: on a bare git history, and on GitHub."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from doubles.github import ALL_PERMISSIONS, TOKEN, GitHubServer, Hub, Repository
from jsonschema import Draft202012Validator
from support.exhaustive import some

from changegate import finish, outcome
from changegate.cli import run
from changegate.errors import ExitCode

GOOD = "Rollback plan: switch the flag off, then purge the cache\n\nTicket: SHOP-12\nReviewed-by: Bob <bob@example.com>"


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    report: Any
    error: str


class Shop:
    """A git repository with a release v1, and a store beside it."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path, self.capsys = path, capsys
        path.mkdir()
        self.git("init", "-q", "-b", "main")
        self.commit("Open the shop", "")
        self.git("tag", "v1")

    def git(self, *arguments: str) -> str:
        person = {
            f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "alice"), ("EMAIL", "alice@example.com"))
        }
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.path), "GIT_CONFIG_NOSYSTEM": "1", **person}
        return subprocess.run(["git", *arguments], cwd=self.path, env=environment, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, subject: str, body: str = GOOD) -> str:
        self.git("commit", "-q", "--allow-empty", "-m", f"{subject}\n\n{body}")
        return self.git("rev-parse", "HEAD")

    def run(self, *arguments: str) -> Ended:
        """A command with this shop's store and key."""
        self.capsys.readouterr()
        code = run([*arguments, "--workspace", str(self.path), "--store", "file:evidence", "--signing-key", "changegate-key.pem", "--format", "json"])
        printed = self.capsys.readouterr()
        return Ended(code, json.loads(printed.out) if printed.out.startswith("{") else None, printed.err)

    def gate(self, *arguments: str) -> Ended:
        return self.run("gate", *arguments)

    def outcome(self, ending: str, *arguments: str) -> Ended:
        return self.run("outcome", ending, *arguments)

    def entries(self) -> int:
        """How many records the log has, all of which verify."""
        self.capsys.readouterr()
        assert run(["verify", "evidence"]) == 0, self.capsys.readouterr().out
        return int(Path("evidence/checkpoint").read_text().splitlines()[1])


@pytest.fixture
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory with a key, and no CI."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("CHANGEGATE_", "GITHUB_", "GITLAB_", "CI_"))]:
        monkeypatch.delenv(name)
    assert run(["keys", "generate"]) == 0


@pytest.fixture
def shop(tmp_path: Path, clean: None, capsys: pytest.CaptureFixture[str]) -> Shop:  # noqa: ARG001 - for its effect
    return Shop(tmp_path / "shop", capsys)


def shown(shop: Shop, name: str) -> Any:
    shop.capsys.readouterr()
    assert run(["show", name, "--store", "file:evidence", "--json"]) == 0
    return json.loads(shop.capsys.readouterr().out)


def test_a_success_is_on_record_and_belongs_to_its_decision(shop: Shop) -> None:
    head = shop.commit("Round prices up")
    gate = shop.gate("--base", "v1").report["record"]
    ended = shop.outcome("success", "--reason", "smoke tests passed", "--url", "https://ci.example/7", "--receipt", "o.tlog-proof")
    assert (ended.code, ended.report["outcome"], ended.report["repeated"]) == (0, "success", False), ended.error
    assert ended.report["gate"] == {"id": gate["id"], "digest": gate["digest"], "logIndex": 0}
    statement = shown(shop, ended.report["record"]["id"])["statement"]
    Draft202012Validator(outcome.schema()).validate(statement["predicate"])
    assert statement["subject"] == [{"name": "shop", "digest": {"gitCommit": head}}]
    predicate = statement["predicate"]
    assert (predicate["outcome"], predicate["reason"], predicate["url"]) == ("success", "smoke tests passed", "https://ci.example/7")
    assert predicate["gate"] == {"envelope": gate["digest"], "index": 0}
    assert predicate["previous"] == {"envelope": gate["digest"], "index": 0}
    assert run(["verify", "--receipt", "o.tlog-proof"]) == 0
    assert shop.entries() == 2


def test_the_record_is_shown_to_a_person_and_a_commit_still_names_its_decision(shop: Shop) -> None:
    head = shop.commit("Round prices up")
    gate = shop.gate("--base", "v1").report["record"]
    record = shop.outcome("failure", "--reason", "smoke \x1b[31mtests", "--started", "2026-01-01T10:00:00+02:00").report["record"]
    shop.capsys.readouterr()
    assert run(["show", record["id"], "--store", "file:evidence"]) == 0
    page = shop.capsys.readouterr().out
    for part in (
        "✗ FAILED in production",
        f"gate         {gate['digest']}, index 0",
        r"reason       smoke \x1b[31mtests",
        "2026-01-01T08:00:00Z",
        head,
    ):
        assert part in page.replace(",\n             ", ", "), page
    assert shown(shop, head[:10])["digest"] == gate["digest"]
    assert run(["replay", head[:10], "--store", "file:evidence"]) == 0


@pytest.mark.parametrize(
    ("endings", "codes", "entries"),
    [
        (("success", "success"), (0, 0), 2),
        (("failure", "failure", "failure"), (0, 0, 0), 2),
        (("success", "rolled-back", "rolled-back", "success"), (0, 0, 0, 0), 3),
        (("failure", "rolled-back"), (0, 0), 3),
        (("rolled-back", "rolled-back"), (0, 0), 2),
        (("success", "failure"), (0, ExitCode.USAGE), 2),
        (("failure", "success"), (0, ExitCode.USAGE), 2),
        (("rolled-back", "success"), (0, ExitCode.USAGE), 2),
        (("success", "rolled-back", "failure"), (0, 0, ExitCode.USAGE), 3),
    ],
)
def test_which_outcomes_go_together(shop: Shop, endings: tuple[str, ...], codes: tuple[int, ...], entries: int) -> None:
    shop.commit("Round prices up")
    shop.gate("--base", "v1")
    found = [shop.outcome(ending) for ending in endings]
    assert tuple(each.code for each in found) == codes, [each.error for each in found]
    assert shop.entries() == entries
    for each, before in zip(found, range(len(found)), strict=True):
        repeated = endings[before] in endings[:before] and each.code == 0
        assert each.report is None or each.report["repeated"] is repeated
        assert each.code == 0 or "is recorded as" in each.error


@pytest.mark.parametrize(("ending", "code"), [("failure", ExitCode.USAGE), ("success", 0)])
def test_of_two_jobs_at_the_same_time_the_log_takes_one(shop: Shop, monkeypatch: pytest.MonkeyPatch, ending: str, code: int) -> None:
    shop.commit("Round prices up")
    shop.gate("--base", "v1")
    assert shop.outcome("success").code == 0
    monkeypatch.setattr(finish, "_endings", lambda _reader, _gate, _verify: ())  # what a job sees that looked before the other one appended
    ended = shop.outcome(ending)
    assert (ended.code, "is recorded as success" in ended.error) == (code, code != 0)
    assert shop.entries() == 2


def test_the_next_gate_starts_from_what_is_live(shop: Shop) -> None:
    first = shop.commit("First")
    shop.gate("--base", "v1")
    shop.outcome("success")
    shop.commit("Second")
    assert shop.gate().report["range"]["base"] == first
    third = shop.commit("Third")
    report = shop.gate().report
    assert (report["range"]["base"], report["range"]["commits"]) == (first, 2), "nobody knows yet whether the second is live"
    shop.outcome("failure")
    assert shop.gate().report["range"]["base"] == first
    shop.outcome("success")
    shop.commit("Fourth")
    assert shop.gate().report["range"]["base"] == third
    shop.outcome("success")
    shop.outcome("rolled-back")
    assert (report := shop.gate().report["range"])["base"] == third, report


def test_in_doubt_a_rollback_is_judged_as_from_the_lower_version(shop: Shop) -> None:
    """The older record may be of the newer commit: of what may be live, the range that brings most holds."""
    first = shop.commit("First")
    shop.gate("--base", "v1")
    shop.outcome("success")
    shop.commit("Second")
    shop.gate()
    shop.outcome("success")
    assert shop.gate("--head", first).report["range"]["outcome"] == "rollback"
    shop.commit("Third")
    report = shop.gate().report
    assert (report["range"]["base"], report["range"]["commits"]) == (first, 2)
    assert shop.gate("--head", first).report["range"]["outcome"] == "rollback", "and one that removes commits says so"


def test_which_decision_is_meant(shop: Shop) -> None:
    head = shop.commit("Round prices up")
    assert "the log is empty" in shop.outcome("success").error
    shop.gate("--base", "v1", "--environment", "staging")
    for arguments in ((), ("--head", "v1"), ("--environment", "qa"), ("--repository", "acme/other")):
        ended = shop.outcome("success", *arguments)
        assert (ended.code, "no gate decision of commit" in ended.error) == (ExitCode.USAGE, True), ended.error
    record = shop.gate("--base", "v1").report["record"]
    assert shop.outcome("success", "--head", head[:12]).report["gate"]["id"] == record["id"]
    by_id = shop.outcome("rolled-back", "--record", record["id"].upper())
    assert by_id.report["gate"]["id"] == record["id"]
    through = shop.outcome("rolled-back", "--record", by_id.report["record"]["id"])
    assert (through.report["repeated"], through.report["gate"]["id"]) == (True, record["id"]), "an outcome's id leads to its decision"
    for name, words in ((record["id"], "is a deploy of shop to production"), ("ffffffff", "no such record"), ("ab", "too short")):
        ended = shop.outcome("success", "--record", name, "--environment", "staging")
        assert (ended.code, words in ended.error) == (ExitCode.USAGE, True), ended.error


def test_a_blocked_decision_has_no_outcome(shop: Shop) -> None:
    shop.commit("Bad", "")
    blocked = shop.gate("--base", "v1")
    assert blocked.code == ExitCode.BLOCKED
    for arguments in ((), ("--record", blocked.report["record"]["id"])):
        ended = shop.outcome("success", *arguments)
        assert (ended.code, "is blocked, so nothing was deployed" in ended.error) == (ExitCode.USAGE, True), ended.error
    failed = shop.outcome("failure", "--dotenv", "outputs.env")
    assert (failed.code, failed.report) == (ExitCode.ALLOWED, None)
    assert "nothing to record: the gate decision of" in failed.error
    assert "CHANGEGATE_OUTCOME=\n" in Path("outputs.env").read_text()
    assert shop.entries() == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--finished", "2999-01-01T00:00:00Z"), "in the future"),
        (("--started", "2998-01-01T00:00:00Z"), "later than the end"),
        (("--finished", "2001-01-01T00:00:00Z"), "before the gate allowed it"),
        (("--finished", "2026-13-01T00:00:00Z"), "no time as RFC 3339"),
        (("--finished", "2026-01-01T00:00:00"), "no time as RFC 3339"),
        (("--started", "yesterday"), "no time as RFC 3339"),
        (("--started", "0001-01-01T00:00:00+23:59"), "no time as RFC 3339"),
        (("--reason", "x" * 2001), "more than 2000"),
        (("--url", "javascript:alert(1)"), "no web address"),
        (("--environment-url", "shop"), "no web address"),
        (("--origin", "elsewhere"), "not 'elsewhere'"),
    ],
)
def test_a_claim_that_cant_be_true_is_refused(shop: Shop, arguments: tuple[str, ...], words: str) -> None:
    shop.commit("Round prices up")
    shop.gate("--base", "v1")
    ended = shop.outcome("success", *arguments)
    assert (ended.code, words in ended.error) == (ExitCode.USAGE, True), ended.error
    assert shop.entries() == 1


def test_what_cant_be_recorded(shop: Shop, tmp_path: Path) -> None:
    shop.commit("Round prices up")
    shop.gate("--base", "v1")
    assert run(["outcome", "success", "--store", "file:evidence", "--workspace", str(shop.path)]) == ExitCode.NOT_RECORDED, "no key"
    assert run(["outcome", "finished"]) == ExitCode.USAGE
    (tmp_path / "file").write_text("")
    assert run(["outcome", "success", "--store", "file:file/x", "--signing-key", "changegate-key.pem"]) == ExitCode.NOT_RECORDED
    assert shop.entries() == 1


def test_after_a_rotation(shop: Shop) -> None:
    shop.commit("Round prices up")
    record = shop.gate("--base", "v1").report["record"]
    assert run(["keys", "rotate", "--out", "new.pem"]) == 0
    shop.capsys.readouterr()
    words = ["outcome", "success", "--store", "file:evidence", "--record", record["id"], "--signing-key", "new.pem", "--repository", "shop"]
    assert run(words) in {ExitCode.NOT_VERIFIED, ExitCode.NOT_RECORDED}, "the new key alone knows nothing of the old one"
    assert run([*words, "--trust", "changegate-trust.yml"]) == 0
    assert "✓ SUCCEEDED in production" in shop.capsys.readouterr().out
    assert shop.entries() == 2


def test_in_gitlab_the_gates_dotenv_names_the_decision(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("CHANGEGATE_FORGE", "git")
    monkeypatch.setenv("CI_PROJECT_PATH", "acme/shop")
    monkeypatch.setenv("CI_JOB_ID", "500")
    monkeypatch.setenv("CI_COMMIT_SHA", shop.commit("Round prices up"))
    record = shop.gate("--base", "v1", "--dotenv", "gate.env").report["record"]
    monkeypatch.setenv("CI_JOB_ID", "501")
    monkeypatch.setenv("CI_JOB_URL", "https://gitlab.example/acme/shop/-/jobs/501")
    assert "no gate decision of run 501" in shop.outcome("success").error, "another job is another run"
    for line in Path("gate.env").read_text().splitlines():
        monkeypatch.setenv(*line.split("=", 1))
    ended = shop.outcome("success", "--dotenv", "outcome.env")
    assert ended.report["gate"]["id"] == record["id"]
    lines = dict(line.split("=", 1) for line in Path("outcome.env").read_text().splitlines())
    assert (lines["CHANGEGATE_OUTCOME"], lines["CHANGEGATE_OUTCOME_LOG_INDEX"], lines["CHANGEGATE_OUTCOME_RECORD_DIGEST"]) == (
        "success", "1", ended.report["record"]["digest"],
    )  # fmt: skip
    run_of_it = shown(shop, ended.report["record"]["id"])["statement"]["predicate"]["deployment"]["run"]
    assert (run_of_it["id"], run_of_it["url"]) == ("501", "https://gitlab.example/acme/shop/-/jobs/501")


# --- GitHub --------------------------------------------------------------------------------------------------------------------


class OnGitHub:
    """A repository on GitHub whose workflow run 991 deploys an approved change."""

    def __init__(self, server: GitHubServer, repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.server, self.repository, self.monkeypatch, self.capsys = server, repository, monkeypatch, capsys

    def job(self, run_id: int = 991, attempt: int = 1) -> None:
        values = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_API_URL": self.server.url,
            "GITHUB_REPOSITORY": "acme/shop",
            "GITHUB_SHA": self.repository.head,
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_RUN_ID": str(run_id),
            "GITHUB_RUN_ATTEMPT": str(attempt),
            "CHANGEGATE_SIGNING_KEY": "changegate-key.pem",
            "CHANGEGATE_STORE": "file:evidence",
            "CHANGEGATE_FORMAT": "json",
            "CHANGEGATE_TOKEN": TOKEN,
            "CHANGEGATE_TIMEOUT": "20",
        }
        for name, value in values.items():
            self.monkeypatch.setenv(name, value)

    def run(self, *arguments: str) -> Ended:
        self.capsys.readouterr()
        code = run(list(arguments))
        printed = self.capsys.readouterr()
        text, _, rest = printed.out.partition("\n::")
        return Ended(code, json.loads(text) if text.startswith("{") else None, rest + printed.err)


@pytest.fixture
def on_github(clean: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[OnGitHub]:  # noqa: ARG001 - for its effect
    hub = Hub()
    alice, bob = hub.user("alice"), hub.user("bob")
    repository = hub.repository("acme/shop", files={"README.md": "shop\n"}, writers=(alice, bob))
    repository.deploy()
    body = "Closes #{issue}\n\n## Rollback plan\nSwitch the flag off; prices are back within a minute."
    with GitHubServer(hub) as server:
        it = OnGitHub(server, repository, monkeypatch, capsys)
        for _ in range(2):
            repository.pull(author=alice, body=body.format(issue=repository.issue().number)).check("tests").approve(bob).merge("squash", by=alice)
        it.job()
        yield it


def made_by_the_run(it: OnGitHub) -> None:
    it.repository.deploy(states=("in_progress",), run=991)


def made_by_the_run_among_others(it: OnGitHub) -> None:
    it.repository.deploy(states=("in_progress",), run=990)
    it.repository.deploy(states=("in_progress",), run=991)
    it.repository.deploy(states=("in_progress",), run=9911)
    it.repository.deploy("staging", states=("in_progress",), run=991)


def made_by_hand_and_open(it: OnGitHub) -> None:
    it.repository.deploy(states=())


def none_at_all(_it: OnGitHub) -> None:
    """No deployment."""


def of_another_run(it: OnGitHub) -> None:
    it.repository.deploy(states=("in_progress",), run=990)


def two_open_ones(it: OnGitHub) -> None:
    it.repository.deploy(states=())
    it.repository.deploy(states=())


def of_another_commit(it: OnGitHub) -> None:
    it.repository.deploy(sha=it.repository.deployments[0].sha, states=("in_progress",), run=991)


@pytest.mark.parametrize(
    ("prepare", "chosen"),
    [
        (made_by_the_run, 1),
        (made_by_the_run_among_others, 2),
        (made_by_hand_and_open, 1),
        (none_at_all, None),
        (of_another_run, None),
        (two_open_ones, None),
        (of_another_commit, None),
    ],
)
@pytest.mark.parametrize(("ending", "states"), [("success", ["SUCCESS"]), ("failure", ["FAILURE"]), ("rolled-back", ["FAILURE", "INACTIVE"])])
def test_the_deployment_of_this_run_gets_its_status(
    on_github: OnGitHub, prepare: Callable[[OnGitHub], None], chosen: int | None, ending: str, states: list[str]
) -> None:
    prepare(on_github)
    assert on_github.run("gate").code == 0
    before = [list(each.statuses) for each in on_github.repository.deployments]
    ended = on_github.run("outcome", ending, "--environment-url", "https://shop.example", "-v")
    assert ended.code == 0, ended.error
    record = ended.report["record"]
    assert (record["warnings"], record["logIndex"]) == ([], 1)
    for number, (deployed, old) in enumerate(zip(on_github.repository.deployments, before, strict=True)):
        new = deployed.statuses[len(old) :]
        if number != chosen:
            assert not [each for each in new if each.state != "INACTIVE"]
            continue
        assert [each.state for each in new] == states
        assert {each.description for each in new} == {f"changegate record {record['id']}, {ending}; log {record['checkpoint']} of {record['origin']}"}
        assert {(each.log_url, each.environment_url) for each in new} == {
            ("https://github.com/acme/shop/actions/runs/991", "https://shop.example"),
        }
        assert ended.report["status"] == {"deployment": deployed.id, "state": states[-1].lower()}
    assert chosen is not None or (ended.report["status"] is None and "no deployment that belongs" in ended.error)
    assert run(["verify", "evidence"]) == 0


def test_a_rollback_from_another_run_finds_the_deployment_and_what_was_before_is_live(on_github: OnGitHub) -> None:
    first = on_github.repository.deployments[0].sha
    on_github.repository.deploy(states=("in_progress",), run=991)
    gate = on_github.run("gate").report["record"]
    assert on_github.run("outcome", "success").report["status"]["state"] == "success"
    on_github.job(run_id=1200)
    assert "no gate decision of run 1200" in on_github.run("outcome", "rolled-back").error
    assert on_github.run("outcome", "rolled-back", "--record", gate["id"]).report["status"]["state"] == "inactive"
    report = on_github.run("gate").report
    assert (report["range"]["base"], report["range"]["baseSource"]) == (first, "deployment")


def test_another_attempt_is_another_deploy(on_github: OnGitHub) -> None:
    on_github.run("gate")
    on_github.run("outcome", "failure")
    on_github.job(attempt=2)
    assert "run 991, attempt 2," in on_github.run("outcome", "success").error
    on_github.run("gate")
    assert on_github.run("outcome", "success").code == 0


def test_a_missing_permission_is_a_warning_and_the_record_stands(on_github: OnGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    on_github.repository.deploy(states=("in_progress",), run=991)
    on_github.run("gate")
    on_github.server.hub.tokens["ghs_reader"] = ALL_PERMISSIONS - {"deployments:write"}
    monkeypatch.setenv("CHANGEGATE_TOKEN", "ghs_reader")
    ended = on_github.run("outcome", "success")
    (warning,) = ended.report["record"]["warnings"]
    assert (ended.code, "deployments: write" in warning) == (0, True)
    assert ended.error.startswith("warning title=changegate::"), "as an annotation, too"
    monkeypatch.setenv("CHANGEGATE_TOKEN", TOKEN)
    again = on_github.run("outcome", "success")
    assert (again.report["repeated"], again.report["status"]["state"]) == (True, "success"), "a repeat sets what couldn't be set"


@pytest.mark.parametrize(("ahead", "said"), [(900, "s behind GitHub's"), (-900, "s ahead of GitHub's"), (240, ""), (-240, "")])
@pytest.mark.parametrize("allowed", [True, False], ids=["with a status", "refused"])
def test_a_clock_that_is_not_githubs_is_a_warning(
    on_github: OnGitHub, monkeypatch: pytest.MonkeyPatch, ahead: int, said: str, *, allowed: bool
) -> None:
    on_github.repository.deploy(states=("in_progress",), run=991)
    on_github.run("gate")
    if not allowed:
        on_github.server.hub.tokens["ghs_reader"] = ALL_PERMISSIONS - {"deployments:write"}
        monkeypatch.setenv("CHANGEGATE_TOKEN", "ghs_reader")
    on_github.server.clock_ahead = ahead
    ended = on_github.run("outcome", "success")
    assert ended.code == 0
    clocks = [each for each in ended.report["record"]["warnings"] if "recorded by a wrong clock" in each]
    assert [said in each for each in clocks] == ([True] if said else [])
    assert len(ended.report["record"]["warnings"]) == len(clocks) + (not allowed)


@pytest.mark.parametrize(
    "kind", some(["401", "403", "404", "422", "not-json", "other-json", "null", "html", "cut", "500", "redirect", "emptied"], every=3)
)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_whatever_github_answers_the_record_stands(on_github: OnGitHub, monkeypatch: pytest.MonkeyPatch, kind: str, at: int) -> None:
    on_github.repository.deploy(states=("in_progress",), run=991)
    on_github.run("gate")
    monkeypatch.setenv("CHANGEGATE_TIMEOUT", "1")  # too short for a pause: no try is repeated
    on_github.server.fail(kind, at=at, times=1000)
    ended = on_github.run("outcome", "success")
    assert ended.code == 0, ended.error
    assert ended.report["record"]["logIndex"] == 1
    assert len(ended.report["record"]["warnings"]) <= 1
    assert ended.report["record"]["warnings"] or kind in {"other-json", "emptied"} or ended.report["status"] is not None


def test_without_a_token_the_record_stands(on_github: OnGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    on_github.run("gate")
    monkeypatch.setenv("CHANGEGATE_TOKEN", "")
    ended = on_github.run("outcome", "success")
    assert (ended.code, "token" in ended.report["record"]["warnings"][0]) == (0, True)
