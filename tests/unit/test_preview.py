"""The preview's use case, on facts made by hand."""

from collections.abc import Sequence
from typing import Any

import pytest
from builders import BASE, FIRST, HEAD, change, check, deployment, hours, sha
from support.gating import no_tracker

from changegate.decision import Outcome, Verdict
from changegate.errors import PolicyError
from changegate.facts import MISSING, BaseSource, CheckState, Known, Missing, Team, Unavailable, Version
from changegate.forges import Needs, Notice, OpenChange, TrustedFiles
from changegate.preview import PENDING, Previewed, judge_open

POLICY = b"version: 1\n"
CONTROLS = (b"ticket-linked", b"peer-approved", b"rollback-plan", b"checks-passed")
OFF = b"controls: {%s}" % b", ".join(b"%s: {enabled: false}" % name for name in CONTROLS)


class Reviewing:
    """One open change, and what its base branch holds."""

    name = "github"

    def __init__(self, policy: bytes | Missing = POLICY, *, deployed: Known[str | Missing] = BASE, **differs: Any) -> None:
        self.policy = policy
        self.read_at: list[str] = []
        self.open = OpenChange(
            change(**{"landed": (), "merged_at": MISSING} | differs), draft=False, head=HEAD, deployed=deployed, ref="refs/pull/12/head"
        )

    def resolve_head(self, commit: str) -> str:
        return sha(commit)

    def read_trusted(self, commit: str, policy_path: str, *, next_at: str = "") -> TrustedFiles:
        self.read_at.append(f"{next_at}:{policy_path}, untrusted" if next_at else f"{commit}:{policy_path}")
        return TrustedFiles(self.policy, (), (Version(commit=BASE, names=("v1.4.0",)),), self.policy)

    def read_code_owners(self, commit: str) -> Missing:
        self.read_at.append(f"{commit}:CODEOWNERS")
        return MISSING

    def fetch_teams(self, names: Sequence[str]) -> tuple[Team, ...]:
        return tuple(Team(name=name, members=()) for name in names)

    def find_target(self, number: int) -> str:
        assert number == 12
        return BASE

    def fetch_open_change(self, number: int, target: str, needs: Needs, *, environment: str, run: str) -> OpenChange:
        assert (number, target, environment, run) == (12, BASE, "production", "100")
        self.needs = needs
        return self.open

    def put_check(self, head: str, notice: Notice) -> str:
        raise AssertionError(f"judging shows nothing: {head} {notice}")

    def put_comment(self, number: int, notice: Notice) -> str:
        raise AssertionError(f"judging shows nothing: {number} {notice}")


def preview(forge: Reviewing) -> Previewed:
    return judge_open(12, deployment(head=""), forge, policy_file=None, now=lambda: hours(4), open_tracker=no_tracker)


def test_the_policy_is_read_at_the_base_and_the_head_is_judged() -> None:
    forge = Reviewing()
    judged = preview(forge)
    assert forge.read_at == [f"{BASE}:.changegate.yml", f"{HEAD}:.changegate.yml, untrusted"]
    assert judged.decision.verdict is Verdict.ALLOWED
    assert (judged.facts.deployment.head, judged.facts.deployment.ref) == (HEAD, "refs/pull/12/head")
    assert (judged.facts.range.base, judged.facts.range.base_source, judged.facts.range.commits) == (BASE, BaseSource.OPTION, ())


def test_code_owners_are_read_at_the_base_and_files_are_asked_for() -> None:
    forge = Reviewing(b"controls: {peer-approved: {code-owners: true, ignore-update-merges: true}}\n")
    preview(forge)
    assert forge.needs == Needs(update_merges=True, files=True)
    assert forge.read_at == [f"{BASE}:.changegate.yml", f"{HEAD}:.changegate.yml, untrusted", f"{BASE}:CODEOWNERS"]


def test_a_policy_with_every_control_off_is_no_approval() -> None:
    with pytest.raises(PolicyError, match="every control is off for production"):
        preview(Reviewing(OFF))


@pytest.mark.parametrize(
    ("states", "verdict", "reason", "pending"),
    [
        ((CheckState.SUCCESS, CheckState.SKIPPED), Verdict.ALLOWED, "passed", 0),
        ((CheckState.SUCCESS, CheckState.PENDING), Verdict.ALLOWED, PENDING, 1),
        ((CheckState.PENDING, CheckState.PENDING), Verdict.ALLOWED, PENDING, 2),
        ((CheckState.FAILURE, CheckState.PENDING), Verdict.BLOCKED, "failed", 0),
        ((CheckState.CANCELLED, CheckState.PENDING), Verdict.UNKNOWN, "unfinished", 0),
        ((CheckState.UNKNOWN, CheckState.PENDING), Verdict.UNKNOWN, "unfinished", 0),
        ((), Verdict.UNKNOWN, "no-checks", 0),
    ],
)
def test_only_what_is_still_running_is_pending(states: tuple[CheckState, ...], verdict: Verdict, reason: str, pending: int) -> None:
    judged = preview(Reviewing(checks=tuple(check(f"check-{number}", state) for number, state in enumerate(states))))
    found = next(finding for finding in judged.decision.findings if finding.control == "checks-passed")
    assert (judged.decision.verdict, found.reason, len(judged.pending)) == (verdict, reason, pending)
    assert (found.outcome is Outcome.NOT_APPLICABLE) == bool(pending)
    if reason == "no-checks":
        assert found.remedy is not None
        assert found.remedy.step.startswith("where they are about to start, wait for their end and run the preview again; else run its tests")


def test_pending_checks_of_an_older_commit_keep_nobody_waiting() -> None:
    judged = preview(Reviewing(checks=(check(), check("slow", CheckState.PENDING, commit=FIRST))))
    assert (judged.decision.verdict, judged.pending) == (Verdict.ALLOWED, ())


def test_unreadable_reviews_stay_unknown_and_name_the_preview() -> None:
    judged = preview(Reviewing(reviews=Unavailable(why="GitHub said 502")))
    (finding,) = judged.decision.stopping
    assert (judged.decision.verdict, finding.reason) == (Verdict.UNKNOWN, "reviews-unknown")
    assert finding.remedy is not None
    assert finding.remedy.step.startswith("run the preview again")


@pytest.mark.parametrize("deployed", [MISSING, Unavailable(why="403")])
def test_without_a_deployed_version_a_bare_name_is_no_plan(deployed: Missing | Unavailable) -> None:
    bare = "## Rollback plan\nv1.4.0"
    assert preview(Reviewing(description=bare)).decision.verdict is Verdict.ALLOWED
    judged = preview(Reviewing(description=bare, deployed=deployed))
    assert judged.decision.reasons == ("rollback-plan/too-short",)
    assert "only names a version doesn't count here" in judged.notes[0]
