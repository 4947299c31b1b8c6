"""policy-owner-approved: which changes need an owner, and whose approval is one."""

from typing import Any

import pytest
from builders import ALICE, BOB, CAROL, DAVE, PLAN, asserted_change, change, deployment, facts, review

from changegate.controls import evaluate as evaluate_all
from changegate.controls.policy_owner_approved import Reason, evaluate, find_touched
from changegate.decision import Finding, Outcome
from changegate.facts import (
    NOT_ASKED,
    Actor,
    Change,
    ChangedFile,
    ChangeKind,
    Declaration,
    Identity,
    IdentityKind,
    Permission,
    ReviewState,
    Run,
    Team,
    Unavailable,
)
from changegate.owner_rules import PolicyOwnerApproved
from changegate.ownership import teams_needed
from changegate.policy import Controls, EffectivePolicy, PeerApproved

PASS, FAIL, UNKNOWN, NEITHER = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN, Outcome.NOT_APPLICABLE
UNREADABLE = Unavailable(why="403", remedy="give the token members: read")
POLICY_FILE = (ChangedFile(path=".changegate.yml"),)
PLATFORM = Team(name="acme/platform", members=(CAROL,))
DEPLOY = Run(id="1", workflow_ref="acme/shop/.github/workflows/deploy.yml@refs/heads/main")
CALENDAR = {"calendars": [{"kind": "freeze", "name": "holidays", "reason": "nobody is there", "path": "ops/holidays.ics"}]}


def judge(judged: Change, peers: PeerApproved | None = None, teams: tuple[Team, ...] = (PLATFORM,), forge: str = "github", **own: Any) -> Finding:
    rules = Controls.model_validate(
        {
            "policy-owner-approved": {"owners": ["Bob", "acme/platform"]} | own,
            "peer-approved": (peers or PeerApproved()).model_dump(),
            "deploy-window": CALENDAR,
        }
    )
    return evaluate(judged, facts(judged, teams=teams, deployment=deployment(run=DEPLOY, forge=forge), policy_path="ops/policy.yml"), rules)


@pytest.mark.parametrize(
    ("path", "own", "is_touched"),
    [
        (".changegate.yml", {}, True),
        ("ops/policy.yml", {}, True),
        ("ops/holidays.ics", {}, True),
        ("CODEOWNERS", {}, True),
        ("docs/CODEOWNERS", {}, True),
        (".github/CODEOWNERS", {}, True),
        (".gitlab/CODEOWNERS", {}, True),
        (".github/workflows/deploy.yml", {"paths": []}, True),
        (".changegate.yml", {"paths": []}, True),
        (".github/workflows/other.yml", {}, True),
        (".github/workflows/other.yml", {"paths": []}, False),
        (".github/actions/gate/action.yml", {}, True),
        (".gitlab-ci.yml", {}, True),
        (".gitlab/ci/deploy.yml", {}, True),
        ("deploy/run.sh", {"paths": ["/deploy/"]}, True),
        ("app/.changegate.yml", {}, False),
        ("app/CODEOWNERS", {}, False),
        ("docs/.gitlab-ci.yml", {}, False),
        (".changegate.yml.md", {}, False),
        ("app.py", {}, False),
    ],
)
def test_what_is_of_the_gate(path: str, own: dict[str, Any], is_touched: bool) -> None:
    for file in (ChangedFile(path=path), ChangedFile(path=path, removed=True), ChangedFile(path="elsewhere", was=path)):
        found = judge(change(files=(ChangedFile(path="app.py"), file), reviews=(review(DAVE),)), **own)
        assert (found.outcome, found.reason) == ((FAIL, Reason.NOT_APPROVED) if is_touched else (NEITHER, Reason.UNTOUCHED)), found.observed


ROBOT_OWNER = Identity(key="github:5", login="bob", kind=IdentityKind.BOT)


@pytest.mark.parametrize(
    ("differs", "own", "outcome", "reason"),
    [
        ({"reviews": (review(BOB),)}, {}, PASS, Reason.APPROVED),
        ({"reviews": (review(CAROL),)}, {}, PASS, Reason.APPROVED),
        ({"reviews": (review(DAVE),)}, {}, FAIL, Reason.NOT_APPROVED),
        ({"reviews": ()}, {}, FAIL, Reason.NOT_APPROVED),
        ({"reviews": (review(BOB),)}, {"owners": ["alice", "dave"]}, FAIL, Reason.NOT_APPROVED),
        ({"reviews": (review(ALICE),)}, {"owners": ["alice"]}, FAIL, Reason.NOT_APPROVED),
        ({"reviews": (review(BOB), review(CAROL, id="r2"))}, {"approvals": 2}, PASS, Reason.APPROVED),
        ({"reviews": (review(BOB), review(DAVE, id="r2"))}, {"approvals": 2}, FAIL, Reason.NOT_APPROVED),
        ({"reviews": (review(CAROL),)}, {"approvals": 2, "owners": ["carol", "acme/platform"]}, FAIL, Reason.NOT_APPROVED),
        ({"reviews": (review(BOB, may_write=False),)}, {}, FAIL, Reason.NOT_APPROVED),
        ({"reviews": (review(BOB, ReviewState.DISMISSED),)}, {}, FAIL, Reason.NOT_APPROVED),
        ({"reviews": (review(BOB, commit="c" * 40),)}, {}, FAIL, Reason.NOT_APPROVED),
        ({"reviews": (review(ROBOT_OWNER),)}, {}, FAIL, Reason.NOT_APPROVED),
        ({"reviews": (review(BOB, may_write=UNREADABLE),)}, {}, UNKNOWN, Reason.OWNER_UNKNOWN),
        ({"reviews": UNREADABLE}, {}, UNKNOWN, Reason.REVIEWS_UNKNOWN),
        ({"reviews": (review(BOB),), "commits": UNREADABLE}, {}, UNKNOWN, Reason.REVIEWS_UNKNOWN),
        ({"reviews": (review(BOB),), "author": UNREADABLE}, {}, UNKNOWN, Reason.REVIEWS_UNKNOWN),
        ({"files": UNREADABLE}, {}, UNKNOWN, Reason.FILES_UNKNOWN),
        ({"files": NOT_ASKED}, {}, UNKNOWN, Reason.FILES_UNKNOWN),
        ({"files": NOT_ASKED, "kind": ChangeKind.DIRECT_PUSH, "reviews": ()}, {}, UNKNOWN, Reason.FILES_UNKNOWN),
    ],
)
def test_table(differs: dict[str, Any], own: dict[str, Any], outcome: Outcome, reason: Reason) -> None:
    found = judge(change(**{"files": POLICY_FILE} | differs), **own)
    assert (found.outcome, found.reason) == (outcome, reason), found.observed
    assert (found.remedy is None) == (outcome is PASS)


def test_a_team_that_nobody_sees_is_unknown_unless_an_owner_is_known() -> None:
    unseen = (Team(name="acme/platform", members=UNREADABLE),)
    found = judge(change(files=POLICY_FILE, reviews=(review(CAROL),)), teams=unseen)
    assert (found.outcome, found.reason) == (UNKNOWN, Reason.OWNER_UNKNOWN)
    assert found.remedy is not None
    assert found.remedy.step == "give the token members: read"
    assert judge(change(files=POLICY_FILE, reviews=(review(BOB),)), teams=unseen).outcome is PASS
    assert judge(change(files=POLICY_FILE, reviews=(review(CAROL),)), teams=()).outcome is UNKNOWN


def test_on_gitlab_a_name_may_be_a_group() -> None:
    judged = change(files=POLICY_FILE, reviews=(review(CAROL),))
    teams = (Team(name="platform", members=(CAROL,)),)
    assert judge(judged, teams=teams, forge="gitlab", owners=["platform"]).outcome is PASS
    assert judge(judged, teams=teams, owners=["platform"]).outcome is FAIL


@pytest.mark.parametrize(
    ("judged", "peers", "who", "step"),
    [
        (change(files=POLICY_FILE, reviews=()), PeerApproved(), "the author, with an owner", "an owner's approval before the merge"),
        (change(files=POLICY_FILE, reviews=()), PeerApproved(approved_before="deploy"), "Bob or acme/platform", "approve the final head"),
        (change(files=POLICY_FILE, reviews=(), landed=()), PeerApproved(), "Bob or acme/platform", "approve the final head"),
        (asserted_change(files=POLICY_FILE, reviews=()), PeerApproved(), "the author, with an owner", "an owner's approval before the merge"),
    ],
)
def test_the_next_step(judged: Change, peers: PeerApproved, who: str, step: str) -> None:
    remedy = judge(judged, peers).remedy
    assert remedy is not None
    assert remedy.who == who
    assert step in remedy.step


def test_of_many_files_the_first_are_named() -> None:
    files = tuple(ChangedFile(path=f".github/workflows/{number}.yml") for number in range(5))
    assert "touches .github/workflows/0.yml, .github/workflows/1.yml, .github/workflows/2.yml and 2 more" in judge(change(files=files)).observed


def test_the_owners_teams_are_asked_about_beside_the_others() -> None:
    assert teams_needed(facts(), PeerApproved(required_teams=("acme/web",)), ("bob", "Acme/Platform")) == ("acme/platform", "acme/web")
    assert teams_needed(facts(deployment=deployment(forge="gitlab")), PeerApproved(), ("bob",)) == ("bob",)


def test_without_owners_or_switched_off_nothing_is_judged() -> None:
    judged = change(files=POLICY_FILE, description=PLAN)
    for own in (PolicyOwnerApproved(), PolicyOwnerApproved(owners=("carol",), enabled=False)):
        decision = evaluate_all(facts(judged), EffectivePolicy(controls=Controls(policy_owner_approved=own)))
        assert "policy-owner-approved" not in {each.control for each in decision.findings}


def test_no_emergency_lifts_it() -> None:
    declared = Declaration(reason="the shop is down", incident="INC-7", declared_by=Actor(person=CAROL, permission=Permission.ADMIN))
    rules = EffectivePolicy.model_validate({"controls": {"policy-owner-approved": {"owners": ["dave"]}}, "emergency": {}})
    decision = evaluate_all(facts(change(files=POLICY_FILE), emergency=declared), rules)
    assert decision.reasons == ("policy-owner-approved/not-approved",)


def test_the_workflow_of_another_forge_is_none() -> None:
    judged = change(files=(ChangedFile(path="deploy"),))
    assert find_touched(judged, facts(judged, deployment=deployment(run=Run(id="1", workflow="deploy"))), Controls()) == ()
