"""The preview of an open pull request: the double over real HTTP, the command line as a pipeline calls it."""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from doubles.github import ALL_PERMISSIONS, TOKEN, WRITES, Account, GitHubServer, Hub, Pull, Repository
from doubles.github.faults import KINDS
from support.exhaustive import some

from changegate.cli import run
from changegate.errors import ExitCode
from changegate.forges.github import GitHub
from changegate.forges.github.checks import PREVIEW
from changegate.forges.github.notices import MARKER

PLAN = "Closes #{issue}\n\n## Rollback plan\nSwitch the flag off; prices are back within a minute."
RUN = 5_000_000_000


class Shop:
    """A repository with a deployed release, and a token that may show what it finds."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.hub.tokens[TOKEN] = ALL_PERMISSIONS | WRITES
        self.alice, self.bob, self.carol = (self.hub.user(name) for name in ("alice", "bob", "carol"))
        self.repository: Repository = self.hub.repository("acme/shop", files={"README.md": "shop\n"}, writers=(self.alice, self.bob, self.carol))
        self.repository.deploy()
        self.pull: Pull

    def change(self, author: Account | None = None, *, body: str = PLAN, fork: bool = False, title: str = "Round prices up", **more: Any) -> Pull:
        """An open change with all that it needs but an approval."""
        issue = self.repository.issue()
        self.pull = self.repository.pull(author=author or self.alice, title=title, body=body.format(issue=issue.number), fork=fork, **more)
        return self.pull.check("tests")

    def shown(self) -> dict[str, str]:
        """The check runs that previews made on the head: conclusion and text."""
        runs = self.repository.reported.get(self.pull.head, [])
        return {each.state: each.summary for each in runs if each.external_id == PREVIEW}


class Said(NamedTuple):
    """What a preview printed, and how it ended."""

    code: int
    report: Any
    errors: str


Preview = Callable[..., Said]


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def server(shop: Shop) -> Iterator[GitHubServer]:
    with GitHubServer(shop.hub) as server:
        yield server


@pytest.fixture
def preview(shop: Shop, server: GitHubServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Any) -> Preview:
    """Runs `changegate preview` as the job that GitHub runs for the pull request."""
    monkeypatch.chdir(tmp_path)
    clock = {"sleep": server.sleep, "now": lambda: sum(server.slept)}
    monkeypatch.setattr(GitHub.__init__, "__kwdefaults__", {**(GitHub.__init__.__kwdefaults__ or {}), **clock})  # no test waits by the wall clock
    for name, value in {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_API_URL": server.url,
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_RUN_ID": str(RUN),
        "CHANGEGATE_TOKEN": TOKEN,
    }.items():
        monkeypatch.setenv(name, value)

    def call(*arguments: str, number: int = 0) -> Said:
        capsys.readouterr()
        code = run(["preview", "--change", str(number or shop.pull.number), "--format", "json", "--timeout", "30", *arguments])
        printed = capsys.readouterr()
        text, _, commands = printed.out.partition("\n}\n")
        return Said(code, json.loads(text + "\n}") if text.startswith("{") else None, printed.err + commands)

    return call


def good(shop: Shop) -> None:
    shop.change().approve(shop.bob)


def unapproved(shop: Shop) -> None:
    shop.change()


def no_plan(shop: Shop) -> None:
    shop.change(body="Closes #{issue}").approve(shop.bob)


def template_only(shop: Shop) -> None:
    shop.repository.push("main", author=shop.bob, files={".github/pull_request_template.md": "## Rollback plan\nWho switches what off, and when\n"})
    shop.change(body="Closes #{issue}\n## Rollback plan\nWho switches what off, and when").approve(shop.bob)


def self_approved(shop: Shop) -> None:
    shop.change().commit(shop.bob).check("tests").approve(shop.bob)


def stale(shop: Shop) -> None:
    shop.change().approve(shop.bob).commit(shop.alice).check("tests")


def force_pushed(shop: Shop) -> None:
    shop.change().approve(shop.bob).force_push(shop.alice, keep_reviews=True).check("tests")


def changes_requested(shop: Shop) -> None:
    shop.change().approve(shop.carol).request_changes(shop.bob)


def approved_by_a_bot(shop: Shop) -> None:
    shop.change().approve(shop.hub.bot("reviewbot"))


def by_a_bot(shop: Shop) -> None:
    shop.change(shop.hub.bot("updater"), committer=shop.hub.accounts["web-flow"], signed="github").approve(shop.bob)


def by_somebody_unknown(shop: Shop) -> None:
    stranger = Account(0, "stranger", "User", "stranger@nowhere.example")
    shop.change().commit(stranger).check("tests").approve(shop.bob)


def draft(shop: Shop) -> None:
    shop.change().draft = True


def no_ticket(shop: Shop) -> None:
    shop.change(body="## Rollback plan\nSwitch the flag off and tell support.").approve(shop.bob)


def fork(shop: Shop) -> None:
    shop.change(shop.hub.user("dave"), fork=True).approve(shop.bob)


def unapproved_fork(shop: Shop) -> None:
    shop.change(shop.hub.user("dave"), fork=True)


def failing(shop: Shop) -> None:
    shop.change().check("lint", "failure").approve(shop.bob)


def failing_and_running(shop: Shop) -> None:
    shop.change().check("lint", "failure").check("slow", "in_progress").approve(shop.bob)


def running(shop: Shop) -> None:
    shop.change().check("lint", "in_progress").check("slow", "queued").approve(shop.bob)


def running_without_approval(shop: Shop) -> None:
    shop.change().check("lint", "in_progress")


def cancelled_and_running(shop: Shop) -> None:
    shop.change().check("lint", "in_progress").check("slow", "cancelled").approve(shop.bob)


def nothing_ran(shop: Shop) -> None:
    issue = shop.repository.issue()
    shop.pull = shop.repository.pull(author=shop.alice, body=PLAN.format(issue=issue.number)).approve(shop.bob)


def own_run(shop: Shop) -> None:
    shop.change().check("preview", "in_progress", run=RUN).approve(shop.bob)


def policy_at_the_head(shop: Shop) -> None:
    """A change that switches every control off for itself."""
    off = "controls:\n  peer-approved: {enabled: false}\n"
    shop.change(files={".changegate.yml": off})


def policy_at_the_base(shop: Shop) -> None:
    shop.repository.push("main", author=shop.bob, files={".changegate.yml": "controls:\n  peer-approved: {enabled: false}\n"})
    shop.change()


def base_moved_after_opening(shop: Shop) -> None:
    """The policy holds as it stands now, not as it stood when the pull request was opened."""
    shop.change().approve(shop.bob)
    shop.repository.push("main", author=shop.bob, files={".changegate.yml": "controls:\n  peer-approved: {approvals: 2}\n"})


def names_the_deployed_version(shop: Shop) -> None:
    shop.repository.tags["v1.4.0"] = shop.repository.head
    shop.change(body="Closes #{issue}\n\n## Rollback plan\nv1.4.0").approve(shop.bob)


def audit_mode(shop: Shop) -> None:
    shop.repository.push("main", author=shop.bob, files={".changegate.yml": "enforce: false\n"})
    shop.change()


@pytest.mark.parametrize(
    ("scenario", "code", "conclusion", "reasons"),
    [
        (good, ExitCode.ALLOWED, "SUCCESS", []),
        (by_a_bot, ExitCode.ALLOWED, "SUCCESS", []),
        (fork, ExitCode.ALLOWED, "SUCCESS", []),
        (running, ExitCode.ALLOWED, "SUCCESS", []),
        (own_run, ExitCode.ALLOWED, "SUCCESS", []),
        (policy_at_the_base, ExitCode.ALLOWED, "SUCCESS", []),
        (names_the_deployed_version, ExitCode.ALLOWED, "SUCCESS", []),
        (audit_mode, ExitCode.ALLOWED, "NEUTRAL", ["peer-approved/not-approved"]),
        (unapproved, ExitCode.BLOCKED, "FAILURE", ["peer-approved/not-approved"]),
        (draft, ExitCode.BLOCKED, "FAILURE", ["peer-approved/not-approved"]),
        (unapproved_fork, ExitCode.BLOCKED, "FAILURE", ["peer-approved/not-approved"]),
        (policy_at_the_head, ExitCode.BLOCKED, "FAILURE", ["peer-approved/not-approved"]),
        (running_without_approval, ExitCode.BLOCKED, "FAILURE", ["peer-approved/not-approved"]),
        (base_moved_after_opening, ExitCode.BLOCKED, "FAILURE", ["peer-approved/too-few-approvals"]),
        (no_plan, ExitCode.BLOCKED, "FAILURE", ["rollback-plan/no-plan"]),
        (template_only, ExitCode.BLOCKED, "FAILURE", ["rollback-plan/template-text"]),
        (self_approved, ExitCode.BLOCKED, "FAILURE", ["peer-approved/self-approved"]),
        (stale, ExitCode.BLOCKED, "FAILURE", ["peer-approved/stale-approval"]),
        (force_pushed, ExitCode.BLOCKED, "FAILURE", ["peer-approved/stale-approval"]),
        (changes_requested, ExitCode.BLOCKED, "FAILURE", ["peer-approved/changes-requested"]),
        (approved_by_a_bot, ExitCode.BLOCKED, "FAILURE", ["peer-approved/bot-approved"]),
        (no_ticket, ExitCode.BLOCKED, "FAILURE", ["ticket-linked/no-ticket"]),
        (failing, ExitCode.BLOCKED, "FAILURE", ["checks-passed/failed"]),
        (failing_and_running, ExitCode.BLOCKED, "FAILURE", ["checks-passed/failed"]),
        (by_somebody_unknown, ExitCode.NOT_JUDGED, "ACTION_REQUIRED", ["peer-approved/contributor-unknown"]),
        (cancelled_and_running, ExitCode.NOT_JUDGED, "ACTION_REQUIRED", ["checks-passed/unfinished"]),
        (nothing_ran, ExitCode.NOT_JUDGED, "ACTION_REQUIRED", ["checks-passed/no-checks"]),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_scenario(shop: Shop, preview: Preview, scenario: Callable[[Shop], None], code: int, conclusion: str, reasons: list[str]) -> None:
    scenario(shop)
    said = preview()
    assert (said.code, said.report["reasons"]) == (code, reasons), said
    assert set(shop.shown()) == {conclusion}
    (comment,) = shop.pull.comments
    assert comment.body.startswith(f"{MARKER}\n## ")
    assert "preview: nothing is recorded" in comment.body
    assert said.report["record"] is None
    assert said.report["preview"]["comment"].endswith(f"#issuecomment-{comment.id}")


def merged(shop: Shop) -> None:
    shop.change().approve(shop.bob).merge()


def closed(shop: Shop) -> None:
    shop.change().close()


def an_issue(shop: Shop) -> None:
    shop.change().number = 1


def base_gone(shop: Shop) -> None:
    shop.repository.branch("next")
    shop.change(base="next")
    shop.pull.commits  # noqa: B018 - as they are while the branch is there
    shop.pull._own = shop.pull.commits
    del shop.repository.branches["next"]


@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        (merged, "is merged already"),
        (closed, "is closed, and was not merged"),
        (an_issue, "acme/shop has no pull request #1"),
        (base_gone, "the branch into which #2 is to be merged is gone: next"),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_what_is_not_open_is_no_preview(shop: Shop, preview: Preview, scenario: Callable[[Shop], None], message: str) -> None:
    scenario(shop)
    said = preview()
    assert said.code == ExitCode.USAGE
    assert message in said.errors
    assert not shop.pull.comments
    assert not shop.shown()


def test_a_git_history_has_no_open_changes(shop: Shop, preview: Preview) -> None:
    shop.change()
    said = preview("--forge", "git")
    assert (said.code, "no open changes" in said.errors) == (ExitCode.USAGE, True)


@pytest.mark.parametrize("back", [0, 1])
def test_a_change_can_not_bring_its_own_policy_by_name(shop: Shop, preview: Preview, back: int) -> None:
    shop.change(files={"lax.yml": "enforce: false\n"}).commit(shop.alice).check("tests")
    said = preview("--policy", f"{shop.pull.commits[-1 - back].sha}:lax.yml")
    assert said.code == ExitCode.USAGE
    assert "would bring its own policy" in said.errors
    shop.repository.push("main", author=shop.bob, files={"lax.yml": "enforce: false\n"})
    assert preview("--policy", "main:lax.yml").code == ExitCode.ALLOWED


def test_remedies_fit_an_open_change(shop: Shop, preview: Preview) -> None:
    shop.change(body="Prices").commit(shop.carol).check("tests")
    said = preview()
    steps = {thing["control"]: (thing["who"], thing["step"]) for thing in said.report["todo"]}
    assert steps["peer-approved"] == ("someone other than alice and carol", "approve the final head")
    assert steps["rollback-plan"][1].startswith("edit the description: under a heading 'Rollback plan'")
    assert steps["ticket-linked"][1].startswith("link the issue to the change: 'Closes #123' in its description")


def test_pending_checks_are_said_and_are_nobodys_task(shop: Shop, preview: Preview) -> None:
    running(shop)
    said = preview()
    assert said.report["todo"] == []
    assert said.report["preview"]["pending"] is True
    assert said.report["preview"]["notes"] == ["checks that haven't ended yet: lint, slow. The gate judges how they end"]
    assert said.report["changes"][0]["outcomes"]["checks-passed"] == "not-applicable"
    assert "the change passes so far" in shop.pull.comments[0].body
    assert "haven't ended yet: lint, slow" in shop.shown()["SUCCESS"]


def test_a_draft_is_named(shop: Shop, preview: Preview) -> None:
    draft(shop)
    preview()
    assert ": 1 commit, a draft<br>" in shop.pull.comments[0].body


def test_the_preview_leaves_out_its_own_check_but_no_job_of_that_name(shop: Shop, preview: Preview) -> None:
    shop.change()
    assert preview().code == ExitCode.BLOCKED
    shop.pull.approve(shop.bob)
    assert preview().code == ExitCode.ALLOWED, "its own earlier failure is no check of the change"
    assert list(shop.shown()) == ["SUCCESS"], "the earlier check run is changed, not joined by another"
    shop.pull.check(PREVIEW, "failure")
    assert preview().report["reasons"] == ["checks-passed/failed"]


def test_neither_check_nor_comment(shop: Shop, preview: Preview) -> None:
    shop.change()
    said = preview("--no-check", "--no-comment")
    assert said.code == ExitCode.BLOCKED
    assert not shop.shown()
    assert not shop.pull.comments
    assert said.report["preview"]["warnings"] == []


# --- the comment ---------------------------------------------------------------------------------------------------------------


def test_one_comment_is_kept_up_to_date(shop: Shop, preview: Preview) -> None:
    shop.change()
    preview()
    before = shop.pull.comments[0].id
    shop.pull.say(shop.bob, "Looks good").approve(shop.bob)
    preview()
    bodies = {comment.id: comment.body for comment in shop.pull.comments}
    assert len(bodies) == 2
    assert "WOULD BE ALLOWED" in bodies[before]


def test_what_has_not_changed_is_not_written_again(shop: Shop, preview: Preview, server: GitHubServer) -> None:
    shop.change()
    preview("--no-check")
    server.reset()
    preview("--no-check")
    assert {asked.method for asked in server.requests} == {"POST"}
    assert {asked.path for asked in server.requests} == {"/graphql"}


@pytest.mark.parametrize("by", ["bob", "actions-of-another-app"])
def test_a_marker_in_somebody_elses_comment_is_text(shop: Shop, preview: Preview, by: str) -> None:
    shop.change()
    forger = shop.bob if by == "bob" else shop.hub.bot(by)
    shop.pull.say(forger, f"{MARKER}\n## ✅ WOULD BE ALLOWED to deploy to production")
    preview()
    forged, own = shop.pull.comments
    assert forged.body.endswith("WOULD BE ALLOWED to deploy to production")
    assert own.author is shop.hub.actions


def test_our_own_account_writes_other_things_too(shop: Shop, preview: Preview) -> None:
    shop.change().say(shop.hub.actions, f"Coverage: 81 %. See {MARKER}")
    preview()
    assert [comment.body.startswith(MARKER) for comment in shop.pull.comments] == [False, True]


def test_a_comment_that_was_deleted_is_made_anew(shop: Shop, preview: Preview) -> None:
    shop.change()
    preview()
    shop.pull.comments.clear()
    assert preview().report["preview"]["warnings"] == []
    assert len(shop.pull.comments) == 1


def test_a_comment_that_is_deleted_while_it_is_written_is_made_anew(shop: Shop, preview: Preview, server: GitHubServer) -> None:
    shop.change()
    preview("--no-check")
    asked = len(server.requests)
    shop.pull.approve(shop.bob)
    preview("--no-check", "--no-comment")
    reading = len(server.requests) - asked
    server.fail("404", at=reading + 1)  # the PATCH, after the comments were read
    said = preview("--no-check")
    assert said.report["preview"]["warnings"] == []


def test_two_runs_at_once_leave_one_comment(shop: Shop, preview: Preview, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both read that there is none; the other's comment is there when this one's is made."""
    shop.change()
    say = Pull.say

    def race(pull: Pull, by: Account, body: str) -> Pull:
        monkeypatch.setattr(Pull, "say", say)
        say(pull, shop.hub.actions, f"{MARKER}\nthe other run's")
        return say(pull, by, body)

    monkeypatch.setattr(Pull, "say", race)
    assert preview().code == ExitCode.BLOCKED
    (comment,) = shop.pull.comments
    assert "WOULD BE BLOCKED" in comment.body


def test_a_comment_made_twice_by_a_lost_answer_stays_one(shop: Shop, preview: Preview, server: GitHubServer) -> None:
    shop.change()
    preview("--no-check", "--no-comment")
    reading = len(server.requests)
    server.fail("502", at=reading + 1)  # the double made the comment before the answer was lost
    preview("--no-check")
    assert len(shop.pull.comments) == 1


def test_our_comment_is_found_on_a_further_page(shop: Shop, preview: Preview) -> None:
    shop.change()
    for number in range(120):
        shop.pull.say(shop.bob, f"Comment {number}")
    shop.pull.say(shop.hub.actions, f"{MARKER}\nearlier")
    preview()
    own = [comment for comment in shop.pull.comments if comment.author is shop.hub.actions]
    assert len(own) == 1
    assert "WOULD BE BLOCKED" in own[0].body


@pytest.mark.parametrize("fault", ["shortened", "ends-early", "null-items", "repeated"])
def test_comments_that_did_not_all_arrive_are_not_added_to(shop: Shop, preview: Preview, server: GitHubServer, fault: str) -> None:
    shop.change()
    for number in range(120):
        shop.pull.say(shop.bob, f"Comment {number}")
    preview("--no-check", "--no-comment")
    server.fail(fault, at=len(server.requests), times=99)
    said = preview("--no-check")
    assert said.code == ExitCode.BLOCKED
    assert [warning.split(":")[0] for warning in said.report["preview"]["warnings"]] == ["not shown on the change"]
    assert len(shop.pull.comments) == 120


# --- what the token may not do ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lacking", "named", "check", "comment"),
    [("checks:write", "`checks: write`", False, True), ("pull_requests:write", "`pull-requests: write`", True, False)],
)
def test_a_missing_permission_is_a_warning_and_the_verdict_stands(
    shop: Shop, preview: Preview, lacking: str, named: str, *, check: bool, comment: bool
) -> None:
    good(shop)
    shop.hub.tokens[TOKEN] -= {lacking}
    said = preview()
    assert said.code == ExitCode.ALLOWED
    (warning,) = said.report["preview"]["warnings"]
    assert named in warning
    assert "from a fork" in warning
    assert "::warning title=changegate%3A preview::" in said.errors
    assert (bool(shop.shown()), bool(shop.pull.comments)) == (check, comment)


def test_a_forks_token_reads_only(shop: Shop, preview: Preview) -> None:
    unapproved_fork(shop)
    shop.hub.tokens[TOKEN] = ALL_PERMISSIONS
    said = preview()
    assert said.code == ExitCode.BLOCKED
    assert len(said.report["preview"]["warnings"]) == 2


@pytest.mark.parametrize("permission", sorted(ALL_PERMISSIONS - {"metadata", "deployments", "deployments:write"}))
def test_without_a_reading_permission_nothing_passes(shop: Shop, preview: Preview, permission: str) -> None:
    good(shop)
    shop.hub.tokens[TOKEN] -= {permission}
    assert preview().code == ExitCode.NOT_JUDGED
    assert "SUCCESS" not in shop.shown()


def test_without_deployments_only_a_bare_version_does_not_count(shop: Shop, preview: Preview) -> None:
    names_the_deployed_version(shop)
    shop.hub.tokens[TOKEN] -= {"deployments"}
    said = preview()
    assert said.report["reasons"] == ["rollback-plan/too-short"]
    assert "what is deployed to production can't be read" in said.report["preview"]["notes"][0]


# --- faults and hostile texts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", some(sorted(KINDS), every=3))
@pytest.mark.parametrize("at", [0, 1, 2, 3, 4])
def test_no_fault_makes_a_bad_change_pass(shop: Shop, preview: Preview, server: GitHubServer, fault: str, at: int) -> None:
    shop.change(body="Prices").check("lint", "failure").commit(shop.bob).check("lint", "failure").approve(shop.bob)
    server.fail(fault, at=at, times=99)
    said = preview()
    assert said.code in {ExitCode.BLOCKED, ExitCode.NOT_JUDGED, ExitCode.USAGE}
    assert "SUCCESS" not in shop.shown()
    assert not [comment for comment in shop.pull.comments if "WOULD BE ALLOWED" in comment.body]


@pytest.mark.parametrize("moment", ["merged", "pushed"])
def test_a_change_that_moves_while_it_is_read_is_not_judged(shop: Shop, server: GitHubServer, preview: Preview, moment: str) -> None:
    good(shop)
    note = server.note

    def move(asked: Any) -> Any:
        if len(server.requests) == 3:  # between the head's name and its facts
            if moment == "merged":
                shop.pull.merge()
            else:
                shop.pull.commit(shop.alice)
        return note(asked)

    server.note = move  # type: ignore[method-assign]  # the double's own hook, between two requests
    said = preview()
    assert said.code == ExitCode.NOT_JUDGED
    assert ("merged" if moment == "merged" else "pushed to") + " while it was read" in said.errors.replace("was merged while", "merged while")


HOSTILE = "Fix @bob | </td> ![x](http://evil.example/p.png) ::error::x ##[error]y <!-- #1 `@carol`"


def test_titles_and_branches_stay_text(shop: Shop, preview: Preview) -> None:
    shop.change(title=HOSTILE, head_ref="@alice/<img src=x>|#1")
    said = preview()
    assert not [line for line in said.errors.splitlines() if line.lstrip().startswith("::error::")]
    for text in (shop.pull.comments[0].body, shop.shown()["FAILURE"]):
        inside = text.removeprefix(MARKER)
        assert "@bob" not in inside
        assert "@carol" not in inside
        assert "@alice" not in inside
        assert "<!--" not in inside
        assert "<img" not in inside
        assert "](http://evil" not in inside


def test_a_very_long_report_fits(shop: Shop, preview: Preview) -> None:
    shop.change(title="&" * 200, body="&<>" * 20000).approve(shop.bob)
    assert preview().report["preview"]["warnings"] == []
    assert len(shop.pull.comments[0].body) <= 65536


def test_the_adapter_shows_the_run(shop: Shop, preview: Preview) -> None:
    good(shop)
    preview()
    (run_,) = (each for each in shop.repository.reported[shop.pull.head] if each.external_id == PREVIEW)
    assert run_.details_url == f"https://github.example/acme/shop/actions/runs/{RUN}"
    assert run_.title == "WOULD BE ALLOWED: the change passes"
    assert isinstance(GitHub("acme/shop", TOKEN), GitHub)
