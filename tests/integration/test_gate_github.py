"""The whole gate on GitHub: a stateful double over real HTTP, a real directory store, the command line as a pipeline calls it."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from doubles.github import MEMBERS_TOKEN, TOKEN, Account, GitHubServer, Hub, Pull, Repository
from support.gating import without_waiting

from changegate.cli import run
from changegate.errors import ExitCode

PLAN = "Closes #{issue}\n\n## Rollback plan\nSwitch the flag off; prices are back within a minute."


class Shop:
    """A repository with a deployed release, and what its tests need to say."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.hub = Hub()
        self.alice, self.bob, self.carol = (self.hub.user(name) for name in ("alice", "bob", "carol"))
        self.repository: Repository = self.hub.repository("acme/shop", files={"README.md": "shop\n"}, writers=(self.alice, self.bob, self.carol))
        self.repository.deploy()

    def change(self, author: Account | None = None, *, title: str = "Round prices up", body: str = PLAN) -> Pull:
        """A change with all that it needs but an approval."""
        issue = self.repository.issue()
        return self.repository.pull(author=author or self.alice, title=title, body=body.format(issue=issue.number)).check("tests")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture
def gate(shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Any]]:
    """Runs the gate and gives its exit code and what it printed, as JSON where it is."""
    monkeypatch.chdir(shop.root)
    monkeypatch.setenv("CHANGEGATE_TOKEN", TOKEN)
    assert run(["keys", "generate"]) == 0
    with GitHubServer(shop.hub) as server:
        without_waiting(server, monkeypatch)

        def gated(*arguments: str, head: str = "") -> tuple[int, Any]:
            capsys.readouterr()
            code = run(
                [
                    *("gate", "--forge", "github", "--repository", "acme/shop", "--api-url", server.url, "--signing-key", "changegate-key.pem"),
                    *("--store", "file:evidence", "--format", "json", "--timeout", "20", "--head", head or shop.repository.head, *arguments),
                ]
            )
            printed = capsys.readouterr()
            return code, json.loads(printed.out) if printed.out.startswith("{") else printed.err

        gated.server = server  # type: ignore[attr-defined]
        yield gated


def approved(shop: Shop) -> None:
    shop.change().approve(shop.bob).merge("squash", by=shop.alice)


def unapproved(shop: Shop) -> None:
    shop.change().merge("squash", by=shop.bob)


def approved_by_a_committer(shop: Shop) -> None:
    shop.change().commit(shop.bob).check("tests").approve(shop.bob).merge("merge")


def approved_by_a_co_author(shop: Shop) -> None:
    shop.change().commit(shop.alice, co_authors=(shop.bob,)).check("tests").approve(shop.bob).merge("rebase")


def approved_then_pushed(shop: Shop) -> None:
    shop.change().approve(shop.bob).commit(shop.alice).check("tests").merge("squash")


def approved_then_changes_requested(shop: Shop) -> None:
    shop.change().approve(shop.bob).request_changes(shop.bob).merge("squash")


def changes_requested_then_approved(shop: Shop) -> None:
    shop.change().request_changes(shop.bob).approve(shop.bob).merge("squash")


def dismissed(shop: Shop) -> None:
    shop.change().approve(shop.bob).dismiss(shop.bob).merge("squash")


def approved_by_a_reader(shop: Shop) -> None:
    shop.change().approve(shop.hub.user("mallory")).merge("squash")


def approved_by_a_bot(shop: Shop) -> None:
    shop.change().approve(shop.hub.bot("reviewbot")).merge("squash")


def late(shop: Shop) -> None:
    shop.change().merge("squash").approve(shop.bob)


def force_pushed(shop: Shop) -> None:
    shop.change().approve(shop.bob).force_push(shop.alice, keep_reviews=True).check("tests").merge("squash")


def direct_push(shop: Shop) -> None:
    shop.repository.push("main", author=shop.alice, files={"hotfix.txt": "x\n"}, message="Hotfix")


def no_ticket(shop: Shop) -> None:
    shop.change(body="## Rollback plan\nSwitch the flag off and tell support.").approve(shop.bob).merge("squash")


def ticket_is_a_pull_request(shop: Shop) -> None:
    other = shop.change().approve(shop.bob).merge("squash")
    shop.change(body=PLAN.replace("{issue}", str(other.number))).approve(shop.bob).merge("squash")


def no_plan(shop: Shop) -> None:
    shop.change(body="Closes #{issue}").approve(shop.bob).merge("squash")


def checks_failed(shop: Shop) -> None:
    shop.change().check("lint", "failure").approve(shop.bob).merge("squash")


def no_checks(shop: Shop) -> None:
    issue = shop.repository.issue()
    shop.repository.pull(author=shop.alice, body=PLAN.format(issue=issue.number)).approve(shop.bob).merge("squash")


def plan_names_a_deployed_tag(shop: Shop) -> None:
    shop.repository.tags["v1.4.0"] = shop.repository.head
    shop.repository.annotated.add("v1.4.0")
    shop.change(body="Closes #{issue}\n\nRollback: v1.4.0").approve(shop.bob).merge("squash")


def plan_names_a_tag_that_was_never_deployed(shop: Shop) -> None:
    pull = shop.change(body="Closes #{issue}\n\nRollback: v9").approve(shop.bob).merge("squash")
    shop.repository.tags["v9"] = pull.landed[-1]


def unapproved_then_reverted(shop: Shop) -> None:
    before = dict(shop.repository.commits[shop.repository.head].files)
    shop.change().merge("squash", by=shop.bob)
    after = shop.repository.commits[shop.repository.head].files
    issue = shop.repository.issue()
    undo = {path: before.get(path) for path in after if before.get(path) != after[path]}
    shop.repository.pull(author=shop.alice, files=undo, body=PLAN.format(issue=issue.number)).check("tests").approve(shop.bob).merge("squash")


def hidden_behind_a_bots_address(shop: Shop) -> None:
    """Alice's commit on a bot's change, under the bot's address, then approved by her."""
    bot = shop.hub.bot("updater")
    issue = shop.repository.issue()
    pull = shop.repository.pull(author=bot, body=PLAN.format(issue=issue.number)).commit(bot, {"backdoor.txt": "x\n"}).check("tests")
    pull.approve(shop.alice).merge("squash")


def only_mentioned(shop: Shop) -> None:
    shop.change(body="See #{issue}\n\n## Rollback plan\nSwitch the flag off and tell support.").approve(shop.bob).merge("squash")


def merged_by_hand_onto_a_newer_base(shop: Shop) -> None:
    """The approved change, merged on somebody's machine with a file that nobody saw."""
    repo, pull = shop.repository, shop.change().approve(shop.bob)
    approved(shop)
    pull.merge_by_hand(shop.bob, {**repo.commits[repo.head].files, **repo.commits[pull.head].files, "backdoor.sh": b"evil"})


def others_work_dropped_by_a_merge_by_hand(shop: Shop) -> None:
    """The merge has the approved tree; the change that landed in between is gone."""
    repo, pull = shop.repository, shop.change().approve(shop.bob)
    approved(shop)
    pull.merge_by_hand(shop.alice, repo.commits[pull.head].files)


def merged_by_the_forge_onto_a_newer_base(shop: Shop) -> None:
    pull = shop.change().approve(shop.bob)
    approved(shop)
    pull.merge("merge", by=shop.alice)


def nothing_new(shop: Shop) -> None:
    """The deployed commit again."""


@pytest.mark.parametrize(
    ("scenario", "code", "reasons"),
    [
        (approved, ExitCode.ALLOWED, []),
        (changes_requested_then_approved, ExitCode.ALLOWED, []),
        (nothing_new, ExitCode.ALLOWED, []),
        (merged_by_the_forge_onto_a_newer_base, ExitCode.ALLOWED, []),
        (merged_by_hand_onto_a_newer_base, ExitCode.NOT_JUDGED, ["peer-approved/merged-by-hand"]),
        (others_work_dropped_by_a_merge_by_hand, ExitCode.NOT_JUDGED, ["peer-approved/merged-by-hand"]),
        (plan_names_a_deployed_tag, ExitCode.ALLOWED, []),
        (plan_names_a_tag_that_was_never_deployed, ExitCode.BLOCKED, ["rollback-plan/too-short"]),
        (unapproved_then_reverted, ExitCode.ALLOWED, []),
        (hidden_behind_a_bots_address, ExitCode.NOT_JUDGED, ["peer-approved/contributor-unknown"]),
        (only_mentioned, ExitCode.BLOCKED, ["ticket-linked/only-mentioned"]),
        (unapproved, ExitCode.BLOCKED, ["peer-approved/not-approved"]),
        (approved_by_a_committer, ExitCode.BLOCKED, ["peer-approved/self-approved"]),
        (approved_by_a_co_author, ExitCode.BLOCKED, ["peer-approved/self-approved"]),
        (approved_then_pushed, ExitCode.BLOCKED, ["peer-approved/stale-approval"]),
        (approved_then_changes_requested, ExitCode.BLOCKED, ["peer-approved/changes-requested"]),
        (dismissed, ExitCode.BLOCKED, ["peer-approved/dismissed-approval"]),
        (approved_by_a_reader, ExitCode.BLOCKED, ["peer-approved/reader-approved"]),
        (approved_by_a_bot, ExitCode.BLOCKED, ["peer-approved/bot-approved"]),
        (late, ExitCode.BLOCKED, ["peer-approved/late-approval"]),
        (force_pushed, ExitCode.BLOCKED, ["peer-approved/stale-approval"]),
        (
            direct_push,
            ExitCode.NOT_JUDGED,
            ["checks-passed/no-checks", "peer-approved/direct-push", "rollback-plan/no-plan", "ticket-linked/no-ticket"],
        ),
        (no_ticket, ExitCode.BLOCKED, ["ticket-linked/no-ticket"]),
        (ticket_is_a_pull_request, ExitCode.BLOCKED, ["ticket-linked/not-a-ticket"]),
        (no_plan, ExitCode.BLOCKED, ["rollback-plan/no-plan"]),
        (checks_failed, ExitCode.BLOCKED, ["checks-passed/failed"]),
        (no_checks, ExitCode.NOT_JUDGED, ["checks-passed/no-checks"]),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_scenario(shop: Shop, gate: Callable[..., Any], scenario: Callable[[Shop], None], code: int, reasons: list[str]) -> None:
    scenario(shop)
    ended, report = gate()
    assert (ended, report["reasons"]) == (code, reasons), report
    assert run(["verify", "evidence"]) == 0, "every decision is on record, and the log is whole"


def test_a_deployment_that_the_log_did_not_let_go_is_not_believed(shop: Shop, gate: Callable[..., Any]) -> None:
    """Whoever may write can make a deployment that says success."""
    approved(shop)
    good = shop.repository.head
    assert gate()[0] == ExitCode.ALLOWED
    shop.repository.deploy()
    direct_push(shop)
    assert gate()[0] != ExitCode.ALLOWED
    shop.repository.deploy()
    code, report = gate()
    assert (code != ExitCode.ALLOWED, report["range"]["outcome"], report["range"]["base"]) == (True, "ahead", good)


@pytest.mark.parametrize("how", ["a deployment that anybody who may write can make", "a rollback, which needs no approval"])
def test_an_older_version_brings_back_no_older_policy(shop: Shop, gate: Callable[..., Any], how: str) -> None:
    def policy(text: str) -> None:
        pull = shop.repository.pull(author=shop.alice, files={".changegate.yml": text}, body=PLAN.format(issue=shop.repository.issue().number))
        pull.check("tests").approve(shop.bob).merge("squash")
        assert gate()[0] == ExitCode.ALLOWED
        shop.repository.deploy()

    policy("enforce: false\n")
    lax = shop.repository.head
    policy("enforce: true\n")
    strict = shop.repository.head
    unapproved(shop)
    assert gate()[0] == ExitCode.BLOCKED
    if how.startswith("a rollback"):
        assert gate(head=lax)[1]["range"]["outcome"] == "rollback"
    shop.repository.deploy(sha=lax)
    code, report = gate()
    assert (code, report["enforced"], report["range"]["base"]) == (ExitCode.BLOCKED, True, lax)
    assert report["policy"] == f".changegate.yml at {strict[:10]}"


def test_going_back_to_what_was_deployed_before_the_log_began(shop: Shop, gate: Callable[..., Any]) -> None:
    first = shop.repository.head
    approved(shop)
    middle = shop.repository.head
    approved(shop)
    shop.repository.deploy()
    code, report = gate(head=middle)
    assert (code, report["reasons"]) == (ExitCode.BLOCKED, ["range-intact/never-deployed"])
    code, report = gate(head=first)
    assert (code, report["range"]["outcome"], report["range"]["removed"]) == (ExitCode.ALLOWED, "rollback", 2)


def test_audit_mode_lets_go_and_the_next_range_begins_there(shop: Shop, gate: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "audit.yml").write_text("enforce: false\n")
    approved(shop)
    assert gate()[0] == ExitCode.ALLOWED
    unapproved(shop)
    bad = shop.repository.head
    assert gate("--policy", "audit.yml")[0] == ExitCode.ALLOWED
    shop.repository.deploy()
    approved(shop)
    code, report = gate()
    assert (code, report["range"]["base"]) == (ExitCode.ALLOWED, bad)


# --- rules that a policy asks for ------------------------------------------------------------------------------------------------

IGNORE_UPDATES = "{ignore-update-merges: true}"
TEAM = "{required-teams: [acme/payments]}"
OWNERS = "{code-owners: true}"


def deploy_with(shop: Shop, rules: str, codeowners: str | None = None) -> None:
    """A deployed release whose policy has these rules for peer-approved."""
    files: dict[str, str | bytes | None] = {".changegate.yml": f"version: 1\ncontrols: {{peer-approved: {rules}}}\n"}
    if codeowners is not None:
        files["CODEOWNERS"] = codeowners
    shop.repository.push("main", author=shop.alice, files=files)
    shop.repository.deploy()


def updated(shop: Shop, resolved: dict[str, str | bytes | None] | None = None) -> None:
    pull = shop.change().approve(shop.bob)
    shop.change(shop.carol, title="Another").approve(shop.bob).merge("squash")
    pull.update_branch(shop.bob, resolved=resolved).check("tests").merge("squash")


def updated_and_tampered(shop: Shop) -> None:
    updated(shop, {"README.md": "not reviewed\n"})


def approved_by_no_member(shop: Shop) -> None:
    shop.hub.team("acme/payments", shop.carol)
    approved(shop)


def approved_by_a_member(shop: Shop) -> None:
    shop.hub.team("acme/payments", shop.bob)
    approved(shop)


def rewrites_the_owners(shop: Shop) -> None:
    """The change makes its own reviewer the owner: what is deployed still says carol."""
    issue = shop.repository.issue()
    pull = shop.repository.pull(author=shop.alice, files={"CODEOWNERS": "* @bob\n", "a.txt": "a"}, body=PLAN.format(issue=issue.number))
    pull.check("tests").approve(shop.bob).merge("squash")


def owners_own_change(shop: Shop) -> None:
    shop.change(shop.carol).approve(shop.bob).merge("squash")


@pytest.mark.parametrize(
    ("rules", "codeowners", "scenario", "token", "code", "reasons"),
    [
        (IGNORE_UPDATES, None, updated, TOKEN, ExitCode.ALLOWED, []),
        (IGNORE_UPDATES, None, updated_and_tampered, TOKEN, ExitCode.BLOCKED, ["peer-approved/self-approved"]),
        ("{}", None, updated, TOKEN, ExitCode.BLOCKED, ["peer-approved/self-approved"]),
        (TEAM, None, approved_by_a_member, MEMBERS_TOKEN, ExitCode.ALLOWED, []),
        (TEAM, None, approved_by_no_member, MEMBERS_TOKEN, ExitCode.BLOCKED, ["peer-approved/team-not-approved"]),
        (TEAM, None, approved_by_a_member, TOKEN, ExitCode.NOT_JUDGED, ["peer-approved/team-unknown"]),
        (TEAM, None, approved, MEMBERS_TOKEN, ExitCode.NOT_JUDGED, ["peer-approved/team-unknown"]),
        (OWNERS, "* @bob\n", approved, TOKEN, ExitCode.ALLOWED, []),
        (OWNERS, None, approved, TOKEN, ExitCode.ALLOWED, []),
        (OWNERS, "* @carol\n", approved, TOKEN, ExitCode.BLOCKED, ["peer-approved/owner-not-approved"]),
        (OWNERS, "* @carol\n", rewrites_the_owners, TOKEN, ExitCode.BLOCKED, ["peer-approved/owner-not-approved"]),
        (OWNERS, "* @carol\n", owners_own_change, TOKEN, ExitCode.BLOCKED, ["peer-approved/owner-not-approved"]),
        (OWNERS, "* @acme/payments\n", approved_by_a_member, MEMBERS_TOKEN, ExitCode.ALLOWED, []),
        (OWNERS, "* @acme/payments\n", approved_by_a_member, TOKEN, ExitCode.NOT_JUDGED, ["peer-approved/owner-unknown"]),
        (OWNERS, "* docs@example.com\n", approved, TOKEN, ExitCode.NOT_JUDGED, ["peer-approved/owner-unknown"]),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_rules_of_the_policy(
    shop: Shop,
    gate: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    rules: str,
    codeowners: str | None,
    scenario: Callable[[Shop], None],
    token: str,
    code: int,
    reasons: list[str],
) -> None:
    monkeypatch.setenv("CHANGEGATE_TOKEN", token)
    deploy_with(shop, rules, codeowners)
    scenario(shop)
    ended, report = gate()
    assert (ended, report["reasons"]) == (code, reasons), report
    assert run(["verify", "evidence"]) == 0


@pytest.mark.parametrize("kind", ["401", "403", "404", "422"])
def test_a_teams_request_that_fails_lets_nothing_through(shop: Shop, gate: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setenv("CHANGEGATE_TOKEN", MEMBERS_TOKEN)
    deploy_with(shop, TEAM)
    approved_by_a_member(shop)
    server: GitHubServer = gate.server  # type: ignore[attr-defined]
    assert gate()[0] == ExitCode.ALLOWED
    asked_for_team = next(at for at, asked in enumerate(server.requests) if asked.body and "organization(" in asked.body["query"])
    server.reset()
    server.fail(kind, at=asked_for_team, times=20)
    ended, report = gate("--store", "file:another")
    assert (ended, report["reasons"]) == (ExitCode.NOT_JUDGED, ["peer-approved/team-unknown"])


@pytest.mark.parametrize("rules", [IGNORE_UPDATES, TEAM, OWNERS])
def test_a_decision_by_these_rules_is_made_again_from_its_record(shop: Shop, gate: Callable[..., Any], rules: str) -> None:
    deploy_with(shop, rules, "* @bob\n")
    scenario = updated if rules == IGNORE_UPDATES else approved
    scenario(shop)
    gate()
    assert run(["replay", shop.repository.head, "--store", "file:evidence"]) == 0


@pytest.mark.parametrize(("ahead", "said"), [(900, "s behind the forge's clock"), (-900, "s ahead of the forge's clock")])
@pytest.mark.parametrize("how", [(), ("--submit-only", "--trust", "changegate-trust.yml")], ids=["append", "submit"])
def test_a_runner_whose_clock_is_not_githubs_records_nothing(
    shop: Shop, gate: Callable[..., Any], ahead: int, said: str, how: tuple[str, ...]
) -> None:
    approved(shop)
    gate.server.clock_ahead = ahead  # type: ignore[attr-defined]
    code, report = gate(*how)
    assert (code, report["verdict"]) == (ExitCode.NOT_RECORDED, "not-recorded")
    assert said in report["notRecorded"]
    assert not list(Path("evidence").rglob("*/*"))


def test_a_clock_within_the_bound_is_as_good_as_githubs(shop: Shop, gate: Callable[..., Any]) -> None:
    approved(shop)
    for ahead in (240, -240):
        gate.server.clock_ahead = ahead  # type: ignore[attr-defined]
        assert gate()[0] == ExitCode.ALLOWED


def test_outside_a_ci_the_commit_is_the_one_that_is_checked_out(
    shop: Shop, gate: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    approved(shop)
    words = ("gate", "--forge", "github", "--repository", "acme/shop", "--api-url", gate.server.url, "--store", "file:evidence")  # type: ignore[attr-defined]
    assert run([*words, "--signing-key", "changegate-key.pem", "--workspace", str(tmp_path)]) == ExitCode.USAGE
    assert "is not a git repository" in capsys.readouterr().err
    git = ("git", "-C", str(tmp_path), "-c", "user.name=alice", "-c", "user.email=alice@example.com")
    for arguments in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "Elsewhere"]):
        subprocess.run([*git, *arguments], check=True)
    checked_out = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    assert run([*words, "--signing-key", "changegate-key.pem", "--workspace", str(tmp_path)]) != ExitCode.ALLOWED
    assert checked_out in capsys.readouterr().err, "which GitHub doesn't have, whatever its own HEAD is"
