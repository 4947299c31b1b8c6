"""The whole gate on a bare git history: what passes, what is refused, and what is said when something is missing or broken."""

import json
import os
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from changegate.cli import run
from changegate.errors import ExitCode

GOOD = "Rollback plan: switch the flag off, then purge the cache\n\nTicket: SHOP-12\nReviewed-by: Bob <bob@example.com>"


class Shop:
    """A git repository with a release v1, written by the git binary."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.git("init", "-q", "-b", "main")
        self.commit("Open the shop", "")
        self.git("tag", "v1")

    def git(self, *arguments: str, author: str = "alice") -> str:
        person = {
            f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in (("NAME", author), ("EMAIL", f"{author}@example.com"))
        }
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.path), "GIT_CONFIG_NOSYSTEM": "1", **person}
        return subprocess.run(["git", *arguments], cwd=self.path, env=environment, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, subject: str, body: str = GOOD, *, author: str = "alice", files: dict[str, str] | None = None) -> str:
        for name, text in (files or {f"{len(subject)}.txt": subject}).items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", f"{subject}\n\n{body}", author=author)
        return self.git("rev-parse", "HEAD")


class Ended(NamedTuple):
    """How a gate ended."""

    code: int
    report: Any
    error: str


Gate = Callable[..., Ended]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop")


@pytest.fixture
def gate(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Gate:
    """Runs the gate in a directory beside the shop; each option may be given anew."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("CHANGEGATE_", "GITHUB_", "GITLAB_", "CI_"))]:
        monkeypatch.delenv(name)
    assert run(["keys", "generate"]) == 0

    def gated(**options: str | None) -> Ended:
        given = {"base": "v1", "workspace": str(shop.path), "store": "file:evidence", "signing_key": "changegate-key.pem", "format": "json"} | options
        words = [word for name, value in given.items() if value is not None for word in (f"--{name.replace('_', '-')}", value)]
        capsys.readouterr()
        code = run(["gate", *words])
        printed = capsys.readouterr()
        return Ended(code, json.loads(printed.out) if printed.out.startswith("{") else None, printed.err)

    return gated


def verify(*arguments: str) -> int:
    return run(["verify", "evidence", *arguments])


def test_a_good_change_may_go_and_is_recorded(shop: Shop, gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    head = shop.commit("Round prices up")
    ended = gate(receipt="r.tlog-proof")
    assert (ended.code, ended.report["verdict"]) == (ExitCode.ALLOWED, "allowed")
    assert verify() == 0
    assert verify("--since", "r.tlog-proof") == 0
    assert run(["verify", "--receipt", "r.tlog-proof"]) == 0
    capsys.readouterr()
    assert run(["show", head[:8], "--store", "file:evidence", "--json", "--receipt", "again.tlog-proof"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["statement"]["subject"][0]["digest"]["gitCommit"] == head
    assert Path("again.tlog-proof").read_bytes() == Path("r.tlog-proof").read_bytes()
    assert run(["show", shown["id"], "--store", "file:evidence"]) == 0
    assert "ALLOWED" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("body", "author", "reasons"),
    [
        (GOOD, "alice", []),
        (GOOD.replace("Reviewed-by", "Approved-by"), "alice", []),
        (GOOD.replace("Ticket: SHOP-12", "Refs: #12"), "alice", []),
        (GOOD.replace("Rollback plan: switch the flag off, then purge the cache", "Rollback: v1"), "alice", []),
        (GOOD, "bob", ["peer-approved/self-approved"]),
        (GOOD.replace("bob@", "BOB@").replace("Bob", "Robert"), "bob", ["peer-approved/self-approved"]),
        (GOOD + "\nCo-authored-by: Bob <bob@example.com>", "alice", ["peer-approved/self-approved"]),
        ("Co-authored-by: Bob <bob@example.com>\n\n" + GOOD, "alice", ["peer-approved/self-approved"]),
        (GOOD.replace("Bob <bob@", "al\u200bice <elsewhere@"), "alice", ["peer-approved/self-approved"]),
        (GOOD.replace("Reviewed-by", "Signed-off-by"), "alice", ["peer-approved/not-approved"]),
        (GOOD.replace("Bob <bob@example.com>", "not yet"), "alice", ["peer-approved/not-approved"]),
        (GOOD.replace("Bob <bob@example.com>", "@" * 60_000), "alice", ["peer-approved/not-approved"]),
        (GOOD.replace("Ticket: SHOP-12\n", ""), "alice", ["ticket-linked/no-ticket"]),
        (GOOD.replace("SHOP-12", "UTF-8"), "alice", ["ticket-linked/no-ticket"]),
        (GOOD.replace("switch the flag off, then purge the cache", "n/a"), "alice", ["rollback-plan/boilerplate"]),
        ("", "alice", ["peer-approved/not-approved", "rollback-plan/no-plan", "ticket-linked/no-ticket"]),
    ],
)
def test_what_a_commit_says_decides(shop: Shop, gate: Gate, body: str, author: str, reasons: list[str]) -> None:
    shop.commit("Round prices up", body, author=author)
    ended = gate()
    assert (ended.code, ended.report["reasons"]) == (ExitCode.BLOCKED if reasons else ExitCode.ALLOWED, reasons)
    assert verify() == 0


def test_the_log_says_what_is_deployed(shop: Shop, gate: Gate) -> None:
    first = shop.commit("First")
    assert gate().report["range"]["outcome"] == "first-deploy"
    shop.commit("Second")
    ended = gate(base=None)
    assert (ended.code, ended.report["range"]["outcome"], ended.report["range"]["base"]) == (0, "ahead", first)
    assert gate(base=None).report["range"]["outcome"] == "redeploy"
    assert gate(base=None, head=first).report["range"]["outcome"] == "rollback"
    assert gate(base="v1").code == 0, "a wider range may be asked for"
    shop.commit("Third", "")
    ended = gate(base="HEAD")
    assert (ended.code, "would leave" in ended.error) == (ExitCode.USAGE, True)


def test_a_blocked_attempt_is_not_what_is_deployed(shop: Shop, gate: Gate) -> None:
    shop.commit("Bad", "")
    assert gate().code == ExitCode.BLOCKED
    assert gate(base=None).code == ExitCode.USAGE, "nothing was deployed yet, so a baseline is needed"


def test_rewritten_history_blocks_and_names_both(shop: Shop, gate: Gate) -> None:
    gone = shop.commit("First")
    assert gate().code == 0
    shop.git("reset", "-q", "--hard", "v1")
    head = shop.commit("Another first")
    ended = gate(base=None)
    assert (ended.code, ended.report["reasons"]) == (ExitCode.BLOCKED, ["range-intact/rewritten"])
    assert gone[:10] in json.dumps(ended.report)
    assert head[:10] in json.dumps(ended.report)
    assert verify() == 0


def test_the_policy_is_the_deployed_one(shop: Shop, gate: Gate) -> None:
    lax = "controls: {peer-approved: {enabled: false}, ticket-linked: {enabled: false}, rollback-plan: {enabled: false}}\n"
    shop.commit("Loosen the rules", "", files={".changegate.yml": lax})
    ended = gate()
    assert ended.code == ExitCode.BLOCKED, "a change can't judge itself"
    shop.git("tag", "v2")
    shop.commit("Later", "")
    assert gate(base="v2", environment="elsewhere").code == ExitCode.ALLOWED


def test_a_policy_file_in_the_judged_tree_is_refused(shop: Shop, gate: Gate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shop.commit("Round prices up", "", files={".changegate.yml": "enforce: false\n", "sub/p.yml": "enforce: false\n"})
    key = str(tmp_path / "changegate-key.pem")
    monkeypatch.chdir(shop.path / "sub")
    for name in ("../.changegate.yml", "p.yml", str(shop.path / ".changegate.yml")):
        ended = gate(policy=name, signing_key=key)
        assert (ended.code, "is being judged" in ended.error) == (ExitCode.USAGE, True)
    monkeypatch.chdir(tmp_path)
    ended = gate(policy=str(shop.path / ".changegate.yml"))
    assert (ended.code, "is being judged" in ended.error) == (ExitCode.USAGE, True), "wherever the gate is started"
    (tmp_path / "central.yml").write_text("enforce: false\n")
    assert gate(policy="central.yml").code == ExitCode.ALLOWED
    assert "No such file" in gate(policy="absent.yml").error


def test_a_policy_by_reference_is_never_read_from_what_is_judged(shop: Shop, gate: Gate) -> None:
    shop.commit("Loosen the rules", "", files={".changegate.yml": "enforce: false\n"})
    shop.commit("Bad", "")
    for name in ("main:.changegate.yml", "HEAD~1:.changegate.yml"):
        ended = gate(policy=name)
        assert (ended.code, "is part of this deploy" in ended.error) == (ExitCode.USAGE, True), ended.error
    assert "there is no" in gate(policy="v1:.changegate.yml").error
    shop.git("tag", "v2", "HEAD")
    shop.commit("Worse", "")
    assert gate(base="v2", policy="v2:.changegate.yml").code == ExitCode.ALLOWED, "what is deployed may be named"


def test_no_file_of_the_change_takes_the_place_of_a_reference(shop: Shop, gate: Gate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = str(tmp_path / "changegate-key.pem")
    shop.commit("Strict", files={"ops/policy.yml": "controls: {peer-approved: {approvals: 2}}\n"})
    shop.git("tag", "rules")
    shop.commit("Bad", files={"rules:ops/policy.yml": "enforce: false\n"})
    monkeypatch.chdir(shop.path)
    assert gate(base="rules", policy="rules:ops/policy.yml", signing_key=key).report["reasons"] == ["peer-approved/too-few-approvals"]
    assert "is being judged" in gate(base="rules", policy="./rules:ops/policy.yml", signing_key=key).error


def test_links_and_submodules_are_judged_too(shop: Shop, gate: Gate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = str(tmp_path / "changegate-key.pem")
    shop.commit("Bad", "")
    (tmp_path / "outside.yml").write_text("enforce: false\n")
    (shop.path / "link.yml").symlink_to(tmp_path / "outside.yml")
    (shop.path / "sub").mkdir()
    (shop.path / "sub" / ".git").write_text("gitdir: ../.git/modules/sub\n")
    (shop.path / "sub" / "p.yml").write_text("enforce: false\n")
    subprocess.run(["git", "init", "-q", str(shop.path / "central")], check=True)
    (shop.path / "central" / "p.yml").write_text("enforce: false\n")
    monkeypatch.chdir(shop.path)
    for name in ("link.yml", "sub/p.yml"):
        ended = gate(policy=name, signing_key=key)
        assert (ended.code, "is being judged" in ended.error) == (ExitCode.USAGE, True), name
    assert gate(policy="central/p.yml", signing_key=key).code == ExitCode.ALLOWED, "a checkout of another repository"


def test_going_back_only_to_what_was_deployed(shop: Shop, gate: Gate) -> None:
    """A commit in the middle of an approved change was never deployed: nobody judged it as a deploy."""
    first = shop.commit("First")
    assert gate().code == 0
    shop.git("switch", "-q", "-c", "side")
    middle = shop.commit("wip", "", files={"evil.txt": "x"})
    shop.commit("clean", "", files={"evil.txt": ""})
    shop.git("switch", "-q", "main")
    shop.git("merge", "-q", "--no-ff", "side", "-m", f"Merge\n\n{GOOD}", author="carol")
    assert gate(base=None).code == 0
    ended = gate(base=None, head=middle)
    assert (ended.code, ended.report["reasons"]) == (ExitCode.BLOCKED, ["range-intact/never-deployed"])
    judged = gate(base=first, head=middle)
    assert (judged.code, judged.report["range"]["outcome"]) == (ExitCode.BLOCKED, "ahead"), "with a wider range it is judged"
    assert gate(base=None, head=first).code == 0


def test_a_wider_range_is_judged_by_the_deployed_policy(shop: Shop, gate: Gate) -> None:
    shop.commit("Two approvals", files={".changegate.yml": "controls: {peer-approved: {approvals: 2}}\n"})
    assert gate().code == 0
    shop.commit("One approval")
    assert gate(base=None).report["reasons"] == ["peer-approved/too-few-approvals"]
    assert "peer-approved/too-few-approvals" in gate(base="v1").report["reasons"]


def test_audit_mode_records_and_stops_nothing(shop: Shop, gate: Gate, tmp_path: Path) -> None:
    shop.commit("Bad", "")
    (tmp_path / "p.yml").write_text("environments: {staging: {enforce: false}}\n")
    ended = gate(policy="p.yml", environment="staging")
    assert (ended.code, ended.report["verdict"]) == (ExitCode.ALLOWED, "blocked")
    assert gate(policy="p.yml").code == ExitCode.BLOCKED


def test_what_audit_mode_let_go_is_deployed(shop: Shop, gate: Gate, tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text("enforce: false\n")
    first = shop.commit("Bad", "")
    assert gate(policy="p.yml").code == ExitCode.ALLOWED
    second = shop.commit("Bad, too", "")
    ended = gate(policy="p.yml", base=None)
    assert (ended.code, ended.report["range"]["base"]) == (ExitCode.ALLOWED, first)
    place = ("--workspace", str(shop.path), "--store", "file:evidence", "--signing-key", "changegate-key.pem")
    assert run(["outcome", "failure", *place, "--record", ended.report["record"]["id"]]) == 0
    shop.commit("Good")
    ended = gate(base=None)
    assert (ended.code, ended.report["range"]["base"]) == (ExitCode.BLOCKED, first), "the second one failed, so it is still to be judged"
    assert second[:12] in {change["id"] for change in ended.report["changes"]}
    ended = gate(base=None, head=second, policy="p.yml")
    assert run(["outcome", "success", *place, "--record", ended.report["record"]["id"]]) == 0
    assert gate(base=None).report["range"]["base"] == second
    assert verify() == 0


def test_a_policy_may_demand_the_word_of_a_forge(shop: Shop, gate: Gate, tmp_path: Path) -> None:
    head = shop.commit("Round prices up")
    (tmp_path / "p.yml").write_text("assurance: forge\n")
    assert "range-intact/assurance-too-low" in gate(policy="p.yml").report["reasons"]
    assert gate(policy="p.yml", base=head).code == ExitCode.BLOCKED, "not even a redeploy is believed"


def test_a_malformed_policy_stops_with_file_line_and_key(shop: Shop, gate: Gate) -> None:
    shop.commit("Policy", files={".changegate.yml": "controls:\n  peer-approved:\n    aprovals: 2\n"})
    shop.git("tag", "v2")
    ended = gate(base="v2")
    assert ended.code == ExitCode.USAGE
    assert f".changegate.yml at {shop.git('rev-parse', 'v2')[:10]}:3: controls.peer-approved.aprovals: unknown key" in ended.error
    assert "Did you mean 'approvals'?" in ended.error
    assert "--policy COMMIT:.changegate.yml" in ended.error
    assert gate(base="v2", policy="v1~0:absent.yml").code == ExitCode.USAGE


def test_a_plan_that_returns_to_a_version_says_what_was_deployed_as_it(shop: Shop, gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    """By the log: the newest decision that let this version go."""
    first = shop.commit("Round prices up")
    digest, other = "ab" * 32, "cd" * 32
    assert gate(artifact=f"shop@sha256:{other}").code == ExitCode.ALLOWED
    assert gate(artifact=f"shop@sha256:{digest}").code == ExitCode.ALLOWED
    shop.commit("Round prices down", f"Rollback plan: {first[:10]}\n\nTicket: SHOP-13\nReviewed-by: Bob <bob@example.com>")
    ended = gate(base=first, artifact=f"shop@sha256:{other}")
    (plan,) = (each["observed"] for each in ended.report["findings"] if each["control"] == "rollback-plan")
    assert plan == f"names a version deployed before: '{first[:10]}', deployed as shop@sha256:{digest}"
    capsys.readouterr()
    assert run(["replay", ended.report["record"]["id"], "--store", "file:evidence"]) == 0
    assert "the same decision" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ({"workspace": "."}, ExitCode.USAGE, "not a git repository"),
        ({"workspace": "absent"}, ExitCode.USAGE, "absent"),
        ({"base": "v9"}, ExitCode.USAGE, "v9"),
        ({"base": "--all"}, ExitCode.USAGE, "--all"),
        ({"head": "nothing"}, ExitCode.USAGE, "nothing"),
        ({"base": None}, ExitCode.USAGE, "--base"),
        ({"environment": "a\nb"}, ExitCode.USAGE, "control character"),
        ({"artifact": "image:latest"}, ExitCode.USAGE, "NAME@sha256:DIGEST"),
        ({"store": "ftp://x"}, ExitCode.USAGE, "ftp"),
        ({"store": "file:"}, ExitCode.USAGE, "file:PATH"),
        ({"signing_key": None}, ExitCode.NOT_RECORDED, "no signing key"),
        ({"signing_key": "changegate-trust.yml"}, ExitCode.NOT_RECORDED, "not a PKCS#8 PEM private key"),
        ({"trust": "absent.yml"}, ExitCode.USAGE, "absent.yml"),
        ({"trust": "changegate-key.pem"}, ExitCode.USAGE, "trust file"),
        ({"timeout": "0"}, ExitCode.USAGE, "timeout"),
        ({"forge": "github"}, ExitCode.USAGE, "--repository"),
        ({"forge": "github", "repository": "acme/shop"}, ExitCode.NOT_JUDGED, "token"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else None,
)
def test_bad_input_is_named_with_its_remedy(shop: Shop, gate: Gate, options: dict[str, str | None], code: ExitCode, message: str) -> None:
    shop.commit("Round prices up")
    ended = gate(**options)
    assert (ended.code, message in ended.error) == (code, True), ended.error
    assert "Traceback" not in ended.error
    assert "→" in ended.error or "Error: " in ended.error
    assert not Path("evidence").exists()


def test_a_shallow_clone_is_refused_with_the_option_to_set(shop: Shop, gate: Gate, tmp_path: Path) -> None:
    shop.commit("Round prices up")
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{shop.path}", "shallow"], cwd=tmp_path, check=True, capture_output=True)
    ended = gate(workspace="shallow")
    assert ended.code == ExitCode.NOT_JUDGED
    assert "fetch-depth: 0" in ended.error
    assert "GIT_DEPTH: 0" in ended.error


def test_a_store_that_cant_be_written(shop: Shop, gate: Gate, tmp_path: Path) -> None:
    shop.commit("Round prices up")
    (tmp_path / "file").write_text("")
    ended = gate(store="file:file/evidence")
    assert (ended.code, "file/evidence" in ended.error or str(tmp_path) in ended.error) == (ExitCode.NOT_RECORDED, True), ended.error


def test_a_full_disk_loses_nothing(shop: Shop, gate: Gate) -> None:
    """Files may not grow: what a full disk does, at the system call."""
    shop.commit("Round prices up")
    assert gate().code == 0
    shop.commit("Another")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        ended = gate()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert ended.code == ExitCode.NOT_RECORDED, ended
    assert ended.report["record"] is None, "the engineer still sees why, and that it isn't recorded"
    assert verify() == 0
    assert gate().code == 0
    assert verify() == 0


def test_a_corrupted_store_stops_the_gate(shop: Shop, gate: Gate) -> None:
    shop.commit("Round prices up")
    assert gate().code == 0
    path = next(path for path in Path("evidence/commit").rglob("*") if path.is_file())
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(data.replace(b"changegate.log", b"changegate.lug"))
    ended = gate(base=None)
    assert (ended.code, "→" in ended.error) == (ExitCode.NOT_VERIFIED, True)
    assert verify() == ExitCode.NOT_VERIFIED
    path.write_bytes(data)
    assert verify() == 0


def test_another_key_can_not_continue_a_log(shop: Shop, gate: Gate) -> None:
    shop.commit("Round prices up")
    assert gate().code == 0
    assert run(["keys", "generate", "--out", "other.pem", "--trust", "other.yml"]) == 0
    ended = gate(signing_key="other.pem")
    assert ended.code in {ExitCode.NOT_VERIFIED, ExitCode.NOT_RECORDED}
    assert verify() == 0
    assert run(["verify", "evidence", "--trust", "other.yml"]) == ExitCode.NOT_VERIFIED


def test_after_a_rotation_the_log_goes_on(shop: Shop, gate: Gate) -> None:
    shop.commit("First")
    assert gate().code == 0
    assert run(["keys", "rotate", "--out", "new.pem"]) == 0
    shop.commit("Second")
    assert gate(base=None, signing_key="new.pem", trust="changegate-trust.yml").code == 0
    assert verify() == 0


@pytest.mark.parametrize("hours", [-24, 24])
def test_a_clock_far_off_is_refused_by_name(shop: Shop, gate: Gate, monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    from datetime import timedelta

    from changegate.cli import gate as command

    shop.commit("First")
    assert gate().code == 0
    shop.commit("Second")
    right = command._now
    monkeypatch.setattr(command, "_now", lambda: right() + timedelta(hours=hours))
    ended = gate(base=None)
    if hours < 0:
        assert (ended.code, "clock" in ended.error) == (ExitCode.NOT_RECORDED, True), ended.error
        assert verify() == 0
    else:
        monkeypatch.setattr(command, "_now", right)
        shop.commit("Third")
        ended = gate(base=None)
        assert (ended.code, "clock" in ended.error) == (ExitCode.NOT_RECORDED, True), "the log's time went ahead; whoever reads it learns of it"


@pytest.mark.parametrize("name", ["a b", 'it\'s "quoted"', "ünïcode", "$(touch pwned)", "a;b|c&d", "-rf", "::set-output name=x::y", "</td><script>"])
def test_odd_names_stay_names(shop: Shop, gate: Gate, name: str, tmp_path: Path) -> None:
    shop.commit(f"Title {name}", files={"a.txt": name})
    ended = gate(environment=f"production {name}", repository=f"acme/{name}")
    assert (ended.code, ended.report["deployment"]["environment"]) == (0, f"production {name}")
    assert verify() == 0
    assert not (tmp_path / "pwned").exists()


def test_outputs_for_the_ci(shop: Shop, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.commit("Bad", "")
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("CHANGEGATE_FORGE", "git")
    monkeypatch.setenv("CI_COMMIT_SHA", shop.git("rev-parse", "HEAD"))
    ended = gate(dotenv="gate.env")
    assert ended.code == ExitCode.BLOCKED
    lines = dict(line.split("=", 1) for line in Path("gate.env").read_text().splitlines())
    assert (lines["CHANGEGATE_DECISION"], lines["CHANGEGATE_LOG_INDEX"]) == ("blocked", "0")
    assert json.loads(lines["CHANGEGATE_REASONS"]) == ended.report["reasons"]


def test_a_decision_is_made_again_from_its_record(shop: Shop, gate: Gate, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    head = shop.commit("Bad", GOOD.replace("Reviewed-by: Bob <bob@example.com>", ""))
    assert gate().code == ExitCode.BLOCKED
    subprocess.run(["rm", "-rf", str(shop.path)], check=True)
    (tmp_path / "lax.yml").write_text("controls: {peer-approved: {enabled: false}}\n")
    capsys.readouterr()
    assert run(["replay", head[:10], "--store", "file:evidence", "--policy", "lax.yml"]) == 0
    out = capsys.readouterr().out
    assert "the same decision, blocked (peer-approved/not-approved)" in out
    assert "by lax.yml, instead: allowed" in out
    assert run(["replay", "ffff0000", "--store", "file:evidence"]) == ExitCode.USAGE
    assert run(["replay", head[:10], "--store", "file:evidence", "--policy", "absent.yml"]) == ExitCode.USAGE


@pytest.mark.parametrize("address", ["evidence:s3cr3t@127.0.0.1:9/shop.git", "u:p@s3cr3t@127.0.0.1:9/shop.git", "127.0.0.1:9/shop.git?token=s3cr3t"])
def test_a_token_in_the_stores_address_is_never_shown(shop: Shop, gate: Gate, capsys: pytest.CaptureFixture[str], address: str) -> None:
    shop.commit("Round prices up")
    store = f"git:http://{address}"
    ended = gate(store=store)
    assert ended.code == ExitCode.NOT_RECORDED
    assert "s3cr3t" not in ended.error
    for words in (["verify", store], ["show", "abcd", "--store", store]):
        capsys.readouterr()
        assert run(words) != 0
        printed = capsys.readouterr()
        assert "s3cr3t" not in printed.out + printed.err


def test_nobody_counts_twice(shop: Shop, gate: Gate, tmp_path: Path) -> None:
    (tmp_path / "two.yml").write_text("controls: {peer-approved: {approvals: 2}}\n")
    shop.commit("Round prices up", f"{GOOD}\nReviewed-by: Bob <bob@elsewhere.example>")
    assert gate(policy="two.yml").report["reasons"] == ["peer-approved/too-few-approvals"]
    shop.commit("Round them down", f"{GOOD}\nReviewed-by: Carol <carol@example.com>")
    assert gate(policy="two.yml", base="HEAD~1", environment="x").code == ExitCode.ALLOWED


def test_reviews_of_the_commits_say_nothing_of_an_evil_merge(shop: Shop, gate: Gate) -> None:
    shop.git("switch", "-q", "-c", "feature")
    shop.commit("Reviewed")
    shop.git("switch", "-q", "main")
    shop.git("merge", "-q", "--no-ff", "--no-commit", "feature")
    (shop.path / "backdoor.sh").write_text("evil")
    shop.git("add", "-A")
    shop.git("commit", "-q", "-m", "Merge", author="mallory")
    assert gate().report["reasons"] == ["peer-approved/not-approved"]


def test_a_subject_of_absurd_length_is_cut_and_recorded(shop: Shop, gate: Gate) -> None:
    shop.commit("Round prices up", files={"a.txt": "a"})
    message = f"{'x' * 500_000}\n\n{GOOD}"
    (shop.path / "message").write_text(message)
    shop.git("commit", "-q", "--allow-empty", "-F", "message")
    ended = gate()
    assert ended.code == ExitCode.ALLOWED
    assert max(len(change["title"]) for change in ended.report["changes"]) < 1100
    assert any(change["title"].endswith("… (cut)") for change in ended.report["changes"])


def test_a_message_too_long_to_read_is_unknown_and_recorded(shop: Shop, gate: Gate) -> None:
    """Whoever it names further down could have written it."""
    trailers = "\n".join(f"Reviewed-by: Bob {number} <bob{number}@example.com>" for number in range(60_000))
    (shop.path / "message").write_text(f"Round prices up\n\n{GOOD}\n{trailers}")
    shop.git("commit", "-q", "--allow-empty", "-F", "message")
    ended = gate()
    assert ended.code == ExitCode.NOT_JUDGED
    assert set(ended.report["reasons"]) == {f"{each}/change-unknown" for each in ("checks-passed", "peer-approved", "rollback-plan", "ticket-linked")}
    assert "characters, more than" in json.dumps(ended.report)
    assert verify() == 0
