"""Emergencies from the run to the record: on a GitHub double over real HTTP, a real directory store, the command line as a pipeline calls it."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from doubles import trackers
from doubles.github import TOKEN, GitHubServer, Hub, Pull, Repository
from doubles.github.setup import Started
from doubles.github.state import ALL_PERMISSIONS
from doubles.trackers import JiraServer
from repositories import History
from support.gating import without_waiting

from changegate.cli import run
from changegate.errors import ExitCode

PLAN = "Closes #{issue}\n\n## Rollback plan\nSwitch the flag off; prices are back within a minute."
RULES = "emergency:\n  incident: [INC-#]\n"
DECLARED = ("--emergency", "the shop is down", "--incident", "INC-7")
RUN = 4711

Gate = Callable[..., tuple[int, Any]]


class Shop:
    """A repository with a deployed release and policy, and a run that carol, who maintains it, started by hand."""

    def __init__(self, policy: str = RULES) -> None:
        self.hub = Hub()
        self.hub.tokens[TOKEN] = ALL_PERMISSIONS | {"actions", "issues:write"}
        self.alice, self.bob, self.carol = (self.hub.user(name) for name in ("alice", "bob", "carol"))
        files = {"README.md": "shop\n", ".changegate.yml": policy}
        self.repository: Repository = self.hub.repository("acme/shop", files=files, writers=(self.alice, self.bob, self.carol))
        self.repository.setup.roles["carol"] = "maintain"
        self.repository.setup.runs[RUN] = Started("carol")
        self.repository.deploy()

    def change(self) -> Pull:
        """A change with all that it needs but an approval."""
        issue = self.repository.issue()
        return self.repository.pull(author=self.alice, title="Round prices up", body=PLAN.format(issue=issue.number)).check("tests")


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def gate(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Gate]:
    """Runs the gate in the workflow run, and gives its exit code and what it printed, as JSON where it is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHANGEGATE_TOKEN", TOKEN)
    assert run(["keys", "generate"]) == 0
    runs = iter(range(RUN, RUN + 100))
    with GitHubServer(shop.hub) as server:
        without_waiting(server, monkeypatch)

        def gated(*arguments: str, form: str = "json") -> tuple[int, Any]:
            number = next(runs)
            shop.repository.setup.runs.setdefault(number, Started("carol"))
            for name, value in {"ACTIONS": "true", "REPOSITORY": "acme/shop", "RUN_ID": str(number), "RUN_ATTEMPT": "1", "ACTOR": "carol"}.items():
                monkeypatch.setenv(f"GITHUB_{name}", value)
            monkeypatch.setenv("GITHUB_API_URL", server.url)
            monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
            monkeypatch.delenv("GITHUB_OUTPUT", raising=False)
            capsys.readouterr()
            command = ["gate", "--signing-key", "changegate-key.pem", "--store", "file:evidence", "--timeout", "20", "--format", form]
            code = run([*command, "--head", shop.repository.head, *arguments])
            printed = capsys.readouterr()
            out = printed.out
            return code, json.JSONDecoder().raw_decode(out)[0] if out.startswith("{") else out + printed.err

        yield gated


def test_an_emergency_goes_and_is_recorded_as_one(shop: Shop, gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    shop.change().merge("squash").approve(shop.bob)
    assert gate()[0] == ExitCode.BLOCKED
    code, report = gate(*DECLARED)
    assert (code, report["verdict"], report["reasons"]) == (ExitCode.ALLOWED, "allowed-as-emergency", [])
    assert (report["emergency"]["declaredBy"], report["emergency"]["agreedBy"]) == ("carol", [{"by": "bob", "via": "approval"}])
    assert run(["verify", "evidence"]) == 0
    assert run(["replay", report["record"]["id"], "--store", "file:evidence"]) == 0
    assert "the same decision, allowed-as-emergency" in capsys.readouterr().out
    assert run(["show", report["record"]["id"], "--store", "file:evidence"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("! EMERGENCY, ALLOWED for production")
    for words in ("INC-7: the shop is down", "by carol (github:", "peer-approved/late-approval on #2", "due by 2"):
        assert words in shown


def test_the_report_says_so_on_top(shop: Shop, gate: Gate) -> None:
    shop.change().merge("squash").approve(shop.bob)
    _, text = gate(*DECLARED, form="terminal")
    assert text.startswith("! EMERGENCY, ALLOWED to deploy to production: 1 failure lifted on 1 change of 1\n")
    assert "by carol" in text
    assert "due by" in text


@pytest.mark.parametrize(
    ("started", "role", "why"),
    [
        (Started("carol"), "write", "declarer-may-not"),
        (Started("bob"), "maintain", "declarer-may-not"),
        (Started("carol", event="push"), "maintain", "declarer-unknown"),
        (Started("carol", status="completed"), "maintain", "declarer-unknown"),
        (Started("carol", attempt=2), "maintain", "declarer-unknown"),
    ],
    ids=["may only write", "another started the run", "not by hand", "an older run", "another attempt"],
)
def test_who_declares_is_who_the_forge_says(shop: Shop, gate: Gate, started: Started, role: str, why: str) -> None:
    shop.repository.setup.runs[RUN] = started
    shop.repository.setup.roles["carol"] = role
    shop.change().merge("squash").approve(shop.bob)
    code, report = gate(*DECLARED)
    assert code in (ExitCode.BLOCKED, ExitCode.NOT_JUDGED)
    assert f"emergency-declared/{why}" in report["reasons"]
    assert report["emergency"] is None


def test_without_the_permission_to_read_the_run_it_is_unknown(shop: Shop, gate: Gate) -> None:
    shop.hub.tokens[TOKEN] = ALL_PERMISSIONS
    shop.change().merge("squash").approve(shop.bob)
    code, report = gate(*DECLARED)
    assert (code, "emergency-declared/declarer-unknown" in report["reasons"]) == (ExitCode.NOT_JUDGED, True)


def test_nobody_declares_and_agrees_alone(shop: Shop, gate: Gate) -> None:
    shop.change().merge("squash").approve(shop.carol)
    code, report = gate(*DECLARED)
    assert (code, "emergency-declared/not-agreed" in report["reasons"]) == (ExitCode.BLOCKED, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--emergency", "the shop is down"), "--emergency without --incident"),
        (("--incident", "INC-7"), "belong to an emergency"),
        (("--emergency", "down\n::set-output", "--incident", "INC-7"), "control character"),
        ((*DECLARED, "--agreed-by", "nobody-at-all"), "no account 'nobody-at-all'"),
        ((*DECLARED, "--agreed-by", "../../x"), "is no login"),
    ],
)
def test_what_cannot_be_declared(shop: Shop, gate: Gate, arguments: tuple[str, ...], message: str) -> None:
    shop.change().merge("squash").approve(shop.bob)
    code, text = gate(*arguments)
    assert code == ExitCode.USAGE
    assert message in text


@pytest.mark.usefixtures("gate")
def test_a_bare_history_knows_no_emergencies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history = History()
    first = history.commit("Begin")
    history.commit("Go on")
    built = history.write(tmp_path / "work")
    work = ("--workspace", str(built.path), "--base", built.ids[first], "--head", "HEAD")
    command = ["gate", "--forge", "git", *work, "--signing-key", "changegate-key.pem", "--store", "file:other"]
    assert run([*command, *DECLARED]) == ExitCode.USAGE
    assert "knows no accounts" in capsys.readouterr().err


def labelled(shop: Shop, words: str = "The shop is down, INC-7 says why.") -> Pull:
    """A change with no approval before its merge, and a section that says why it can't wait."""
    pull = shop.change()
    pull.body += f"\n\n## Emergency\n{words}"
    return pull.merge("squash").approve(shop.bob)


@pytest.fixture
def by_label(shop: Shop) -> Shop:
    shop.repository.push("main", author=shop.alice, files={".changegate.yml": f"{RULES}  labels: [Emergency]\n"})
    shop.repository.deploy()
    return shop


def test_a_label_declares_it(by_label: Shop, gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    pull = labelled(by_label).label("emergency", by=by_label.carol)
    by_label.repository.setup.runs[RUN] = Started("alice", event="push")
    code, report = gate()
    assert (code, report["verdict"]) == (ExitCode.ALLOWED, "allowed-as-emergency")
    declared = report["emergency"]
    assert (declared["declaredBy"], declared["incident"], declared["reason"]) == ("carol", "INC-7", "The shop is down, INC-7 says why.")
    (said,) = (each["observed"] for each in report["findings"] if each["control"] == "emergency-declared")
    assert f"by the label 'emergency' on #{pull.number}" in said
    assert run(["replay", report["record"]["id"], "--store", "file:evidence"]) == 0
    assert "the same decision, allowed-as-emergency" in capsys.readouterr().out


def test_a_label_is_no_way_in_where_the_deployed_policy_names_none(shop: Shop, gate: Gate) -> None:
    labelled(shop).label("emergency", by=shop.carol)
    code, report = gate()
    assert (code, report["emergency"]) == (ExitCode.BLOCKED, None)


@pytest.mark.parametrize(
    ("by", "words", "why"),
    [
        ("alice", "The shop is down, INC-7.", "declarer-may-not"),
        ("bob", "The shop is down, INC-7.", "declarer-may-not"),
        ("ghost", "The shop is down, INC-7.", "declarer-unknown"),
        ("bot", "The shop is down, INC-7.", "declarer-may-not"),
        ("carol", "INC-7", "reason-missing"),
        ("carol", "<!-- The shop is down, INC-7. -->", "reason-missing"),
        ("carol", "The shop is down, and no key stands here.", "incident-missing"),
    ],
)
def test_a_label_is_put_by_somebody_who_may_and_says_why(by_label: Shop, gate: Gate, by: str, words: str, why: str) -> None:
    shop = by_label
    pull = labelled(shop, words)
    who = {"alice": shop.alice, "bob": shop.bob, "carol": shop.carol, "ghost": shop.carol, "bot": shop.hub.actions}[by]
    pull.label("emergency", by=who)
    if by == "ghost":
        pull.label_events = [pull.label_events[0]._replace(by=None)]
    code, report = gate()
    assert (code in (ExitCode.BLOCKED, ExitCode.NOT_JUDGED), report["emergency"]) == (True, None)
    assert f"emergency-declared/{why}" in report["reasons"]


def test_what_is_missing_and_who_puts_the_label_on_is_said(by_label: Shop, gate: Gate) -> None:
    pull = by_label.change().merge("squash").approve(by_label.bob).label("emergency", by=by_label.carol)
    (said,) = (each for each in gate()[1]["findings"] if each["control"] == "emergency-declared")
    assert said["observed"] == f"no words under a heading 'Emergency' in #{pull.number}"
    labelled(by_label).label("emergency", by=by_label.alice)
    pull.unlabel("emergency", by=by_label.carol)
    (said,) = (each for each in gate()[1]["findings"] if each["control"] == "emergency-declared")
    assert said["remedy"]["step"].startswith("somebody who may maintain the repository takes the label 'emergency' off #")


def test_who_put_the_label_last_declares(by_label: Shop, gate: Gate) -> None:
    pull = labelled(by_label).label("emergency", by=by_label.carol)
    pull.unlabel("emergency", by=by_label.carol).label("emergency", by=by_label.bob)
    code, report = gate()
    assert (code, "emergency-declared/declarer-may-not" in report["reasons"]) == (ExitCode.BLOCKED, True)


@pytest.mark.parametrize("edit", [{"body": "{words}"}, {"title": "The shop is down, INC-8"}])
def test_what_was_edited_since_the_label_nobody_declared(by_label: Shop, gate: Gate, edit: dict[str, str]) -> None:
    pull = labelled(by_label).label("emergency", by=by_label.carol)
    words = pull.body.replace("The shop is down", "I want it now")
    pull.edit(**{name: value.format(words=words) for name, value in edit.items()})
    code, report = gate()
    assert (code, "emergency-declared/declarer-unknown" in report["reasons"]) == (ExitCode.NOT_JUDGED, True)
    assert "takes the label off and puts it on again" in json.dumps(report)
    pull.unlabel("emergency", by=by_label.carol).label("emergency", by=by_label.carol)
    assert gate()[0] == ExitCode.ALLOWED


def test_more_events_than_are_read_leave_it_unknown(by_label: Shop, gate: Gate) -> None:
    pull = labelled(by_label).label("emergency", by=by_label.carol)
    pull.label_events = [pull.label_events[0]._replace(name="other")] * 999 + pull.label_events
    code, report = gate()
    assert (code, "emergency-declared/declarer-unknown" in report["reasons"]) == (ExitCode.NOT_JUDGED, True)
    pull.label_events = pull.label_events[2:]
    assert gate()[0] == ExitCode.ALLOWED


def test_a_label_nobody_needs_stops_nothing(by_label: Shop, gate: Gate) -> None:
    by_label.change().approve(by_label.bob).merge("squash").label("emergency", by=by_label.alice)
    code, report = gate()
    assert (code, report["verdict"], report["emergency"]) == (ExitCode.ALLOWED, "allowed", None)


def test_the_run_goes_before_a_label(by_label: Shop, gate: Gate) -> None:
    labelled(by_label).label("emergency", by=by_label.alice)
    code, report = gate("--emergency", "the till is down", "--incident", "INC-8")
    assert (code, report["emergency"]["incident"]) == (ExitCode.ALLOWED, "INC-8")


@pytest.mark.parametrize(
    ("event", "type_", "code"), [("workflow_dispatch", "Emergency", 0), ("push", "Emergency", 3), ("workflow_dispatch", "Story", 1)]
)
def test_a_type_of_ticket_declares_it(shop: Shop, gate: Gate, monkeypatch: pytest.MonkeyPatch, event: str, type_: str, code: int) -> None:
    with JiraServer("SHOP") as jira:
        monkeypatch.setenv("CHANGEGATE_JIRA_USER", trackers.USER)
        monkeypatch.setenv("CHANGEGATE_JIRA_TOKEN", trackers.TOKEN)
        jira.issue("SHOP-12", title="The shop is down", type=type_)
        rules = f"trackers: [{{kind: jira-cloud, url: '{jira.url}', projects: [SHOP]}}]\nemergency: {{ticket-types: [emergency]}}\n"
        shop.repository.push("main", author=shop.alice, files={".changegate.yml": rules})
        shop.repository.deploy()
        shop.repository.setup.runs[RUN] = Started("carol", event=event)
        body = "## Rollback plan\nSwitch the flag off; prices are back within a minute."
        shop.repository.pull(author=shop.alice, title="SHOP-12: Mend it", body=body).check("tests").merge("squash").approve(shop.bob)
        ended, report = gate()
    assert ended == code
    if code == ExitCode.ALLOWED:
        said = {name: report["emergency"][name] for name in ("declaredBy", "incident", "reason")}
        assert said == {"declaredBy": "carol", "incident": "SHOP-12", "reason": "The shop is down"}


def test_markup_in_a_reason_stays_text(shop: Shop, gate: Gate) -> None:
    shop.change().merge("squash").approve(shop.bob)
    nasty = "the shop is <b>down</b> ::error:: [x](http://e) @bob"
    code, text = gate("--emergency", nasty, "--incident", "INC-7", form="markdown")
    assert code == ExitCode.ALLOWED
    assert "<b>" not in text.split("::warning")[0]
    assert "](http://e)" not in text.split("::warning")[0].replace("\\](", "")


def test_an_emergency_is_carried_to_the_next_deploy(shop: Shop, gate: Gate) -> None:
    shop.change().merge("squash").approve(shop.bob)
    assert gate(*DECLARED)[0] == ExitCode.ALLOWED
    for _ in range(2):
        shop.change().approve(shop.bob).merge("squash")
        code, report = gate()
        assert code == ExitCode.ALLOWED
        (open_,) = (each for each in report["findings"] if each["control"] == "emergency-reviewed")
        assert (open_["outcome"], open_["reason"]) == ("pass", "still-open")
        assert "INC-7" in open_["observed"]


@pytest.fixture
def followup(shop: Shop, gate: Gate, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any, str]]:
    """Runs the follow-up where the gate ran: its exit code, what it printed, and what it said besides."""
    del shop, gate

    def followed(*arguments: str) -> tuple[int, Any, str]:
        capsys.readouterr()
        code = run(["followup", "--signing-key", "changegate-key.pem", "--store", "file:evidence", "--format", "json", *arguments])
        printed = capsys.readouterr()
        return code, json.loads(printed.out)["emergencies"] if printed.out.startswith("{") else None, printed.out + printed.err

    return followed


Followup = Callable[..., tuple[int, Any, str]]


def emergency(shop: Shop, gate: Gate) -> Pull:
    """One that was let go just now."""
    pull = shop.change().merge("squash").approve(shop.bob)
    assert gate(*DECLARED)[0] == ExitCode.ALLOWED
    return pull


def test_the_population_of_emergencies(shop: Shop, gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    emergency(shop, gate)
    shop.change().approve(shop.bob).merge("squash")
    gate()
    today = datetime.now(UTC).date()
    period = ("--from", str(today), "--to", str(today), "--store", "file:evidence")
    capsys.readouterr()
    assert run(["audit", "population", "--kind", "emergencies", *period, "--out", "emergencies.csv"]) == 0
    header, *rows = Path("emergencies.csv").read_text().splitlines()
    assert ("exception" in header, len(rows)) == (True, 1)
    assert "allowed-as-emergency" in rows[0]
    assert "peer-approved/late-approval" in rows[0]
    capsys.readouterr()
    (pack := Path("pack.zip")).unlink(missing_ok=True)
    assert run(["audit", "export", "--kind", "emergencies", *period, "--out", "pack.zip"]) == 0
    assert run(["verify", "pack.zip"]) == 0
    with zipfile.ZipFile(pack) as held:
        assert held.read("population.csv").count(b"allowed-as-emergency") == 1
        script = held.read("verify.py")
    Path("verify.py").write_bytes(script)
    assert subprocess.run([sys.executable, "verify.py", "pack.zip", "--key", "changegate-trust.yml"], check=False).returncode == 0
    capsys.readouterr()
    run(["audit", "readiness", "--period", f"{today}..{today}", "--store", "file:evidence"])
    assert "1 of 2 deploys went as an emergency (50.0%)" in capsys.readouterr().out


def after_the_deploy(shop: Shop) -> None:
    """The forge's clock is later than the decision's from here on."""
    shop.hub.now = datetime.now(UTC) + timedelta(minutes=1)


def test_a_review_afterwards_closes_it(shop: Shop, gate: Gate, followup: Followup) -> None:
    pull = emergency(shop, gate)
    code, (found,), _ = followup()
    assert (code, found["closed"], found["incident"]) == (ExitCode.ALLOWED, False, "INC-7")
    after_the_deploy(shop)
    pull.approve(shop.bob)
    code, (found,), _ = followup()
    assert (code, found["closed"]) == (ExitCode.ALLOWED, True)
    assert run(["verify", "evidence"]) == 0
    assert run(["show", found["followUp"][:16], "--store", "file:evidence"]) == 0
    assert followup()[1] == []
    shop.change().approve(shop.bob).merge("squash")
    code, report = gate()
    assert (code, [each for each in report["findings"] if each["control"] == "emergency-reviewed"]) == (ExitCode.ALLOWED, [])


@pytest.mark.parametrize("who", ["carol", "alice"])
def test_neither_declarer_nor_author_reviews_it(shop: Shop, gate: Gate, followup: Followup, who: str) -> None:
    pull = emergency(shop, gate)
    after_the_deploy(shop)
    if who == "carol":
        pull.approve(shop.carol)
    assert followup()[1][0]["closed"] is False
    record = followup()[1][0]["envelope"][:16]
    code, _, said = followup("--close", record, "--reviewed-by", who, "--note", "looked through it all")
    assert (code, "may not review" in said) == (ExitCode.USAGE, True)


def test_a_review_that_no_approval_can_show(shop: Shop, gate: Gate, followup: Followup) -> None:
    emergency(shop, gate)
    record = followup()[1][0]["envelope"][:16]
    assert followup("--close", "ffff0000", "--reviewed-by", "bob", "--note", "looked through it all")[0] == ExitCode.USAGE
    assert followup("--close", record, "--reviewed-by", "bob", "--note", "short")[0] == ExitCode.USAGE
    _, (found,), _ = followup("--close", record, "--reviewed-by", "bob", "--note", "looked through it all")
    assert found["closed"] is True


@pytest.fixture
def overdue(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets three days pass, by this machine's clock and the forge's."""

    def pass_(*, hub: Hub) -> None:
        later = datetime.now(UTC) + timedelta(days=3)
        monkeypatch.setattr("changegate.cli.gate._now", lambda: later)
        monkeypatch.setattr("changegate.cli.followup.now", lambda: later)
        monkeypatch.setattr("changegate.cli.appending.now", lambda: later)
        monkeypatch.setattr("changegate.forges.github.GitHub.clock", lambda _: later)
        hub.now = later

    return pass_


def test_an_overdue_review_stops_further_deploys(shop: Shop, gate: Gate, followup: Followup, overdue: Any) -> None:
    pull = emergency(shop, gate)
    overdue(hub=shop.hub)
    shop.change().approve(shop.bob).merge("squash")
    code, report = gate()
    assert (code, report["reasons"]) == (ExitCode.BLOCKED, ["emergency-reviewed/overdue"])
    code, report = gate(*DECLARED)
    assert (code, "emergency-reviewed/overdue" in report["reasons"]) == (ExitCode.BLOCKED, True), "no emergency lifts it"
    code, (found,), _ = followup()
    assert (code, found["overdue"]) == (ExitCode.BLOCKED, True)
    pull.approve(shop.bob)
    code, (found,), _ = followup()
    assert (code, found["closed"]) == (ExitCode.ALLOWED, True)
    assert gate()[0] == ExitCode.ALLOWED


def test_who_made_a_change_that_is_gone_its_record_says(shop: Shop, gate: Gate, followup: Followup) -> None:
    pull = emergency(shop, gate)
    after_the_deploy(shop)
    record = followup()[1][0]["envelope"][:16]
    del shop.repository.pulls[pull.number]
    close = ("--close", record, "--note", "looked through it all", "--reviewed-by")
    code, _, said = followup(*close, "alice")
    assert (code, "alice may not review this emergency" in said) == (ExitCode.USAGE, True)
    assert followup(*close, "bob")[1][0]["closed"] is True


def test_what_is_open_can_be_listed_without_a_key(
    shop: Shop, gate: Gate, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    emergency(shop, gate)
    monkeypatch.delenv("CHANGEGATE_TOKEN")
    listing = ("followup", "--list", "--repository", "acme/shop", "--store", "file:evidence")
    capsys.readouterr()
    assert run([*listing]) == ExitCode.ALLOWED
    assert "emergencies: 1 to review, 0 of them overdue; 0 reviewed now" in capsys.readouterr().out
    assert run([*listing, "--issue"]) == ExitCode.USAGE
    assert run([*listing, "--trust", "absent.yml"]) == ExitCode.USAGE
    Path("evidence/checkpoint").write_bytes(b"")
    assert run([*listing]) not in (ExitCode.ALLOWED, ExitCode.BLOCKED)


def test_the_tracking_issue_is_one_and_is_closed(shop: Shop, gate: Gate, followup: Followup) -> None:
    pull = emergency(shop, gate)
    assert "tracking issue: https://" in followup("--issue")[2]
    followup("--issue")
    (issue,) = (each for each in shop.repository.issues.values() if each.labels)
    assert (issue.state, "| INC-7 | production | carol |" in issue.body.replace("\\", "")) == ("OPEN", True)
    after_the_deploy(shop)
    pull.approve(shop.bob)
    followup("--issue")
    assert issue.state == "CLOSED"


def test_without_the_permission_the_issue_is_a_warning(shop: Shop, gate: Gate, followup: Followup) -> None:
    emergency(shop, gate)
    shop.hub.tokens[TOKEN] = ALL_PERMISSIONS | {"actions"}
    code, _, said = followup("--issue")
    assert (code, "issues: write" in said) == (ExitCode.ALLOWED, True)
