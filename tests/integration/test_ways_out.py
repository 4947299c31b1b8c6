"""Following what a blocked report says, with the commands that it prints, until the gate lets go."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from doubles.github import TOKEN, GitHubServer, Hub, Pull, Repository
from support.gating import without_waiting
from support.gitshop import GOOD, GitShop

from changegate.cli import run
from changegate.errors import ExitCode

PLAN = "Closes #{issue}\n\n## Rollback plan\nSwitch the flag off; prices are back within a minute."


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> GitShop:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_EDITOR", "true")
    return GitShop(tmp_path / "shop", capsys)


def gate(shop: GitShop, *words: str) -> tuple[int, Any]:
    code = shop.gate("--base", "v1", *words)
    return code, json.loads(shop.capsys.readouterr().out)


def steps(report: Any, control: str) -> list[str]:
    """What the report says is to be done for a control."""
    return [each["step"] for each in report["todo"] if each["control"] == control]


def commands(step: str) -> list[list[str]]:
    return [each.split() for each in re.findall(r"`git ([^`]+ [^`]+)`", step)]


def follow(shop: GitShop, command: list[str], commit: str, subject: str) -> str:
    """Run one of a step's commands on a commit, and give the new commit all that the gate asks for; its name."""
    words = [word.replace("COMMIT", commit) for word in command]
    shop.git(words[0], *(["--no-edit"] if words[0] == "revert" else []), *words[1:])
    shop.git("commit", "-q", *(["--amend"] if words[0] == "revert" else []), "-m", f"{subject}\n\n{GOOD}")
    return shop.git("rev-parse", "HEAD")


LACKING = [
    ("peer-approved", GOOD.replace("Reviewed-by: Bob <bob@example.com>", "")),
    ("peer-approved", GOOD.replace("Bob <bob@", "Alice <alice@")),
    ("peer-approved", GOOD + "\nCo-authored-by: none"),
    ("ticket-linked", GOOD.replace("Ticket: SHOP-12\n", "")),
    ("rollback-plan", GOOD.replace("switch the flag off, then purge the cache", "n/a")),
    ("rollback-plan", "Ticket: SHOP-12\nReviewed-by: Bob <bob@example.com>"),
]


@pytest.mark.parametrize(("control", "body"), LACKING)
@pytest.mark.parametrize("merged", [False, True])
def test_revert_and_land_again(shop: GitShop, control: str, body: str, merged: bool) -> None:
    if merged:
        shop.git("switch", "-q", "-c", "feature")
        shop.commit("Round prices up", body)
        shop.git("switch", "-q", "main")
        shop.git("merge", "-q", "--no-ff", "feature", "-m", f"Round prices up\n\n{body}")
        bad = shop.git("rev-parse", "HEAD")
    else:
        bad = shop.commit("Round prices up", body)
    shop.commit("Meanwhile something else")
    code, report = gate(shop)
    assert code != ExitCode.ALLOWED
    (step,) = steps(report, control)
    plain, of_merge = commands(step)[:2]
    reverted = follow(shop, of_merge if merged else plain, bad, "Take it back")
    assert gate(shop)[0] == ExitCode.ALLOWED, "with the change taken back, the others may go"
    follow(shop, plain, reverted, "Round prices up again")
    assert gate(shop)[0] == ExitCode.ALLOWED
    assert (shop.path / "Round prices up.txt").exists()
    assert run(["verify", "evidence"]) == 0


def test_where_later_changes_touched_the_same_files(shop: GitShop) -> None:
    bad = shop.commit("Round prices up", "")
    (shop.path / "Round prices up.txt").write_text("changed since")
    shop.git("commit", "-q", "-a", "-m", f"Go on\n\n{GOOD}")
    later = shop.git("rev-parse", "HEAD")
    code, report = gate(shop)
    assert code == ExitCode.BLOCKED
    (step,) = steps(report, "peer-approved")
    restored = follow(shop, commands(step)[-1], bad, "Back to before")
    assert gate(shop)[0] == ExitCode.ALLOWED
    follow(shop, commands(step)[0], restored, "Both again")
    assert gate(shop)[0] == ExitCode.ALLOWED
    assert shop.git("diff", later, "HEAD") == ""


def test_a_revert_that_nobody_approved_is_judged(shop: GitShop) -> None:
    bad = shop.commit("Round prices up", "")
    shop.git("revert", "--no-edit", bad)
    code, report = gate(shop)
    assert (code, {each["title"] for todo in report["todo"] for each in todo["places"]}) == (ExitCode.BLOCKED, {'Revert "Round prices up"'})


def test_a_revert_of_half_a_change_takes_nothing_back(shop: GitShop) -> None:
    (shop.path / "backdoor.sh").write_text("evil")
    bad = shop.commit("Round prices up", "")
    shop.commit("Meanwhile something else")
    shop.git("revert", "--no-commit", bad)
    shop.git("checkout", "-q", bad, "--", "backdoor.sh")
    shop.git("commit", "-q", "-m", f'Revert "Round prices up"\n\nThis reverts commit {bad}.\n\n{GOOD}')
    code, report = gate(shop)
    assert (code, "peer-approved/not-approved" in report["reasons"]) == (ExitCode.BLOCKED, True)


@pytest.mark.parametrize("also", ["", "copied", "changed"])
def test_what_is_only_moved_was_not_taken_back(shop: GitShop, also: str) -> None:
    """A forge shows a moved file without its lines: who approves the move has not seen them."""
    evil = [f"steal({number})" for number in range(20)]
    source, target = shop.path / "tmp.py", shop.path / "pay.py"
    if also == "copied":
        source.write_text("pass\n")
        shop.git("add", "-A")
        shop.git("commit", "-q", "-m", f"A file\n\n{GOOD}")
    before = source.read_text() if source.exists() else None
    source.write_text("\n".join(evil))
    shop.git("add", "-A")
    shop.git("commit", "-q", "-m", "Not approved")
    if before is None:
        source.unlink()
    else:
        source.write_text(before)
    target.write_text("\n".join([*evil[:12], *(f"fine({number})" for number in range(8))] if also == "changed" else evil))
    shop.git("add", "-A")
    shop.git("commit", "-q", "-m", f"Move it\n\n{GOOD}")
    shop.commit("Something else")
    code, report = gate(shop)
    assert (code, {each["title"] for todo in report["todo"] for each in todo["places"]}) == (ExitCode.BLOCKED, {"Not approved"})
    target.unlink()
    shop.git("add", "-A")
    shop.git("commit", "-q", "-m", f"Take it away\n\n{GOOD}")
    assert gate(shop)[0] == ExitCode.ALLOWED, "now it is gone"


def test_required_checks_on_a_git_history(shop: GitShop, tmp_path: Path) -> None:
    shop.commit("Round prices up")
    (tmp_path / "p.yml").write_text("controls: {checks-passed: {required: [test]}}\n")
    _, report = gate(shop, "--policy", "p.yml")
    (step,) = steps(report, "checks-passed")
    assert "take `required` out of the policy" in step
    (tmp_path / "p.yml").write_text("controls: {checks-passed: {}}\n")
    assert gate(shop, "--policy", "p.yml")[0] == ExitCode.ALLOWED


def test_a_rewritten_branch_is_accepted_by_a_reviewed_exception(shop: GitShop) -> None:
    """The exact lines that the report says, in a central policy and on a branch from the deployed commit."""
    shop.commit("First")
    assert gate(shop)[0] == ExitCode.ALLOWED
    deployed = shop.git("rev-parse", "HEAD")
    shop.git("reset", "-q", "--hard", "v1")
    shop.commit("First, without the key")
    code, report = gate(shop)
    (step,) = steps(report, "range-intact")
    (lines,) = re.findall(r"`(rewrites: .*?)`", step)
    shop.git("switch", "-q", "-c", "accept", deployed)
    (shop.path / ".changegate.yml").write_text(f"{lines}\n")
    accept = shop.commit("Accept the rewrite")
    shop.git("switch", "-q", "main")
    assert code == ExitCode.BLOCKED
    assert gate(shop, "--policy", f"{accept}:.changegate.yml")[0] == ExitCode.ALLOWED
    assert shop.gate() == ExitCode.ALLOWED, "from here on nothing is special"
    assert run(["verify", "evidence"]) == 0


def test_an_accepted_rewrite_hides_no_change(shop: GitShop, tmp_path: Path) -> None:
    shop.commit("First")
    assert gate(shop)[0] == ExitCode.ALLOWED
    shop.git("reset", "-q", "--hard", "v1")
    shop.commit("Smuggled", "")
    shop.commit("First, without the key")
    _, report = gate(shop)
    (lines,) = re.findall(r"`(rewrites: .*?)`", steps(report, "range-intact")[0])
    (tmp_path / "p.yml").write_text(f"{lines}\n")
    code, report = gate(shop, "--policy", "p.yml")
    assert (code, report["reasons"]) == (ExitCode.BLOCKED, ["peer-approved/not-approved", "rollback-plan/no-plan", "ticket-linked/no-ticket"])


# --- GitHub ----------------------------------------------------------------------------------------------------------------------


class HubShop:
    """A deployed repository on the double."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.alice, self.bob, self.carol = (self.hub.user(name) for name in ("alice", "bob", "carol"))
        self.repository: Repository = self.hub.repository("acme/shop", files={"README.md": "shop\n"}, writers=(self.alice, self.bob, self.carol))
        self.repository.deploy()

    def change(self, files: dict[str, str | bytes | None] | None = None, body: str = PLAN, check: str = "success") -> Pull:
        body = body.format(issue=self.repository.issue().number)
        return self.repository.pull(author=self.alice, files=files or {"prices.txt": "up\n"}, body=body).check("tests", check)

    def files(self) -> dict[str, bytes]:
        return dict(self.repository.commits[self.repository.head].files)

    def return_to(self, before: dict[str, bytes]) -> None:
        """An approved change that brings back all of the content from then."""
        now = self.files()
        different = {path: before.get(path) for path in now.keys() | before.keys() if now.get(path) != before.get(path)}
        self.change(dict(different)).approve(self.bob).merge("squash")


@pytest.fixture
def hub_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[tuple[HubShop, Callable[..., Any]]]:
    shop = HubShop()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHANGEGATE_TOKEN", TOKEN)
    assert run(["keys", "generate"]) == 0
    with GitHubServer(shop.hub) as server:
        without_waiting(server, monkeypatch)

        def gated(*words: str) -> tuple[int, Any]:
            capsys.readouterr()
            where = ("--forge", "github", "--repository", "acme/shop", "--api-url", server.url, "--store", "file:evidence")
            code = run(["gate", *where, "--signing-key", "changegate-key.pem", "--format", "json", "--head", shop.repository.head, *words])
            printed = capsys.readouterr()
            return code, json.loads(printed.out) if printed.out else printed.err

        yield shop, gated


def late(shop: HubShop) -> None:
    shop.change().merge("squash", by=shop.bob).approve(shop.bob)


def stale(shop: HubShop) -> None:
    shop.change().approve(shop.bob).commit(shop.alice).check("tests").merge("squash")


def requested(shop: HubShop) -> None:
    shop.change().request_changes(shop.bob).merge("squash").approve(shop.bob)


def pushed(shop: HubShop) -> None:
    shop.repository.push("main", author=shop.alice, files={"hotfix.txt": "x\n"}, message="Hotfix")


def by_hand(shop: HubShop) -> None:
    pull = shop.change().approve(shop.bob)
    shop.change({"other.txt": "x\n"}).approve(shop.bob).merge("squash")
    repo = shop.repository
    pull.merge_by_hand(shop.alice, {**repo.commits[repo.head].files, **repo.commits[pull.head].files, "backdoor.sh": b"evil"})


def failed(shop: HubShop) -> None:
    shop.change(check="failure").approve(shop.bob).merge("squash")


@pytest.mark.parametrize("bad", [late, stale, requested, pushed, by_hand, failed], ids=lambda each: each.__name__)
@pytest.mark.parametrize("meanwhile", [False, True])
def test_a_merged_change_is_reverted_and_brought_back(
    hub_gate: tuple[HubShop, Callable[..., Any]], bad: Callable[[HubShop], None], meanwhile: bool
) -> None:
    shop, gated = hub_gate
    before = shop.files()
    bad(shop)
    after = shop.files()
    if meanwhile:
        shop.change({"meanwhile.txt": "x\n"}).approve(shop.bob).merge("squash")
    code, report = gated()
    assert code != ExitCode.ALLOWED
    told = [each["step"] for each in report["todo"] if each["control"] in ("peer-approved", "checks-passed")]
    assert all(
        "revert it by a change that passes" in each and "git restore --source COMMIT^" in each for each in told if "on the final head" not in each
    )
    shop.return_to(before)
    code, report = gated()
    assert (code, report["reasons"]) == (ExitCode.ALLOWED, [])
    shop.repository.deploy()
    shop.return_to(after)
    code, report = gated()
    assert (code, report["reasons"]) == (ExitCode.ALLOWED, [])


def test_what_can_still_be_given_after_the_merge(hub_gate: tuple[HubShop, Callable[..., Any]]) -> None:
    """A plan, an older issue and a check: each step says so, and each is enough."""
    shop, gated = hub_gate
    old = shop.repository.issue()
    pull = shop.repository.pull(author=shop.alice, files={"a.txt": "a\n"}, body="").approve(shop.bob).merge("squash")
    code, report = gated()
    told = {each["control"]: each["step"] for each in report["todo"]}
    assert code == ExitCode.NOT_JUDGED
    assert "edit the description" in told["rollback-plan"]
    assert "link the issue" in told["ticket-linked"]
    assert "or on the commit that landed" in told["checks-passed"]
    pull.body = PLAN.format(issue=old.number)
    pull.check("tests")
    assert gated()[0] == ExitCode.ALLOWED


def test_a_ticket_in_retrospect_or_an_older_one(hub_gate: tuple[HubShop, Callable[..., Any]]) -> None:
    shop, gated = hub_gate
    old = shop.repository.issue()
    pull = shop.change(body="{issue}").approve(shop.bob).merge("squash")
    pull.body = PLAN.format(issue=shop.repository.issue().number)
    code, report = gated()
    assert (code, report["reasons"]) == (ExitCode.BLOCKED, ["ticket-linked/created-late"])
    assert "opened before the merge" in report["todo"][0]["step"]
    pull.body = PLAN.format(issue=old.number)
    assert gated()[0] == ExitCode.ALLOWED


def test_keys_that_nobody_looks_up(hub_gate: tuple[HubShop, Callable[..., Any]], tmp_path: Path) -> None:
    shop, gated = hub_gate
    shop.change(body="SHOP-12\n\nRollback plan: switch the flag off, then purge the cache").approve(shop.bob).merge("squash")
    (tmp_path / "p.yml").write_text("assurance: forge\ncontrols: {ticket-linked: {projects: [SHOP]}}\n")
    code, report = gated("--policy", "p.yml")
    assert (code, report["reasons"]) == (ExitCode.BLOCKED, ["ticket-linked/not-looked-up"])
    assert "take one of the two out" in report["todo"][0]["step"]
    (tmp_path / "p.yml").write_text("controls: {ticket-linked: {projects: [SHOP]}}\n")
    assert gated("--policy", "p.yml")[0] == ExitCode.ALLOWED


def test_a_rewritten_branch_on_github(hub_gate: tuple[HubShop, Callable[..., Any]], tmp_path: Path) -> None:
    shop, gated = hub_gate
    fork = shop.repository.head
    shop.change().approve(shop.bob).merge("squash")
    assert gated()[0] == ExitCode.ALLOWED
    shop.repository.deploy()
    shop.repository.branches["main"] = fork
    shop.change({"prices.txt": "down\n"}).approve(shop.bob).merge("squash")
    code, report = gated()
    assert (code, report["reasons"]) == (ExitCode.BLOCKED, ["range-intact/rewritten"])
    (lines,) = re.findall(r"`(rewrites: .*?)`", report["todo"][0]["step"])
    (tmp_path / "p.yml").write_text(f"{lines}\n")
    assert gated("--policy", "p.yml")[0] == ExitCode.ALLOWED
    shop.repository.deploy()
    shop.change({"more.txt": "x\n"}).approve(shop.bob).merge("squash")
    assert gated()[0] == ExitCode.ALLOWED
