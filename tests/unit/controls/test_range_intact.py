"""range-intact, and the decision as a whole."""

from typing import Any

import pytest
from builders import BASE, DAVE, LANDED, asserted_change, change, deploy_range, facts, landed, review, sha

from changegate.controls import CHANGE_CONTROLS, evaluate
from changegate.controls.range_intact import Reason
from changegate.decision import Decision, Outcome, Verdict, decide
from changegate.facts import Assurance, BaseSource, ChangedFile, ChangeKind, Facts, RangeOutcome
from changegate.owner_rules import PolicyOwnerApproved
from changegate.policy import Controls, DutiesSeparated, EffectivePolicy, PeerApproved, Rewrite
from changegate.window_rules import DeployWindow, WeeklyWindow

FORGE = EffectivePolicy(assurance=Assurance.FORGE)


def nothing(**differs: Any) -> Facts:
    """A deploy that brings no change."""
    return facts().model_copy(update={"changes": (), "range": deploy_range(**{"commits": ()} | differs)})


def deploy_findings(decision: Decision) -> list[tuple[Outcome, str]]:
    return [(each.outcome, each.reason) for each in decision.findings if each.change is None]


@pytest.mark.parametrize(
    ("found", "policy", "outcome", "reason"),
    [
        pytest.param(facts(), FORGE, Outcome.PASS, Reason.AHEAD, id="ahead"),
        pytest.param(facts(range=deploy_range(outcome=RangeOutcome.FIRST_DEPLOY)), FORGE, Outcome.PASS, Reason.FIRST_DEPLOY, id="first deploy"),
        pytest.param(nothing(outcome=RangeOutcome.REDEPLOY), FORGE, Outcome.PASS, Reason.REDEPLOY, id="redeploy"),
        pytest.param(nothing(outcome=RangeOutcome.ROLLBACK, head=BASE, base=LANDED), FORGE, Outcome.PASS, Reason.ROLLBACK, id="rollback"),
        pytest.param(nothing(outcome=RangeOutcome.ROLLBACK), FORGE, Outcome.FAIL, Reason.NEVER_DEPLOYED, id="back to what was never deployed"),
        pytest.param(nothing(outcome=RangeOutcome.REWRITTEN), FORGE, Outcome.FAIL, Reason.REWRITTEN, id="rewritten"),
        pytest.param(nothing(commits=(landed(),)), FORGE, Outcome.UNKNOWN, Reason.COMMITS_UNACCOUNTED, id="a commit of no change"),
        pytest.param(facts(change(), change(id="#13")), FORGE, Outcome.UNKNOWN, Reason.COMMITS_UNACCOUNTED, id="a commit of two changes"),
        pytest.param(
            facts(change(landed=(sha("landed"), sha("other")))),
            FORGE,
            Outcome.UNKNOWN,
            Reason.COMMITS_UNACCOUNTED,
            id="a commit from outside the range",
        ),
        pytest.param(facts(asserted_change()), FORGE, Outcome.FAIL, Reason.ASSURANCE_TOO_LOW, id="a change only asserted"),
        pytest.param(
            nothing(outcome=RangeOutcome.REDEPLOY, assurance=Assurance.ASSERTED),
            FORGE,
            Outcome.FAIL,
            Reason.ASSURANCE_TOO_LOW,
            id="a range only asserted",
        ),
        pytest.param(facts(asserted_change()), EffectivePolicy(), Outcome.PASS, Reason.AHEAD, id="asserted is enough by default"),
    ],
)
def test_table(found: Facts, policy: EffectivePolicy, outcome: Outcome, reason: Reason) -> None:
    assert deploy_findings(evaluate(found, policy)) == [(outcome, reason)]


ALWAYS = WeeklyWindow(kind="allow", name="always", reason="somebody is there", hours=("mon-sun",))
EVERYTHING = EffectivePolicy(
    controls=Controls(
        duties_separated=DutiesSeparated(enabled=True),
        deploy_window=DeployWindow(weekly=(ALWAYS,)),
        policy_owner_approved=PolicyOwnerApproved(owners=("bob",)),
    )
)
"""Every control is on."""


def test_a_good_deploy_is_allowed_by_every_control() -> None:
    found = facts(change(files=(ChangedFile(path="app.py"),)))
    decision = evaluate(found.model_copy(update={"deployment": found.deployment.model_copy(update={"deployer": DAVE})}), EVERYTHING)
    assert decision.verdict is Verdict.ALLOWED
    assert [each.control for each in decision.findings if each.change] == list(CHANGE_CONTROLS)


def test_one_failing_change_of_many_blocks() -> None:
    good, bad = change(), change(id="#13", landed=(sha("second"),), reviews=())
    decision = evaluate(facts(good, bad, range=deploy_range(commits=(landed(), landed("second")))), EffectivePolicy())
    assert decision.verdict is Verdict.BLOCKED
    assert decision.reasons == ("peer-approved/not-approved",)


def test_unknown_comes_before_blocked() -> None:
    decision = evaluate(facts(change(reviews=(), checks=())), EffectivePolicy())
    assert decision.verdict is Verdict.UNKNOWN
    assert decision.reasons == ("checks-passed/no-checks", "peer-approved/not-approved")


def test_a_change_that_is_not_known_is_unknown_to_every_control() -> None:
    decision = evaluate(facts(change(kind=ChangeKind.UNKNOWN, unknown="two changes claim this commit")), EVERYTHING)
    assert {each.reason for each in decision.stopping} == {"change-unknown"}
    assert len(decision.stopping) == len(CHANGE_CONTROLS)


def test_a_control_that_is_off_says_nothing() -> None:
    policy = EffectivePolicy(controls=Controls(peer_approved=PeerApproved(enabled=False)))
    decision = evaluate(facts(change(reviews=(review(may_write=False),))), policy)
    assert decision.verdict is Verdict.ALLOWED
    assert "peer-approved" not in {each.control for each in decision.findings}


def test_no_findings_are_no_approval() -> None:
    with pytest.raises(ValueError, match="at least one finding"):
        decide(())


def rewritten(**differs: Any) -> Facts:
    """A deploy of one change from a branch that doesn't hold what is deployed."""
    return facts(range=deploy_range(**{"outcome": RangeOutcome.REWRITTEN, "removed": (landed("gone"),)} | differs))


def accepts(was: str, to: str) -> EffectivePolicy:
    return EffectivePolicy(rewrites=(Rewrite(was=was, to=to, reason="a key was committed, and removed"),))


@pytest.mark.parametrize(
    ("found", "policy", "outcome", "reason"),
    [
        pytest.param(rewritten(), accepts(BASE, LANDED), Outcome.PASS, Reason.REWRITE_ACCEPTED, id="accepted by name"),
        pytest.param(rewritten(), EffectivePolicy(), Outcome.FAIL, Reason.REWRITTEN, id="no exception"),
        pytest.param(rewritten(), accepts(LANDED, LANDED), Outcome.FAIL, Reason.REWRITTEN, id="from another commit"),
        pytest.param(rewritten(), accepts(BASE, BASE), Outcome.FAIL, Reason.REWRITTEN, id="to a commit that isn't brought"),
        pytest.param(nothing(outcome=RangeOutcome.REWRITTEN), accepts(BASE, LANDED), Outcome.FAIL, Reason.REWRITTEN, id="what it brings isn't known"),
        pytest.param(
            nothing(outcome=RangeOutcome.REWRITTEN, commits=(landed(),)),
            accepts(BASE, LANDED),
            Outcome.UNKNOWN,
            Reason.COMMITS_UNACCOUNTED,
            id="of a rewrite, a commit of no change",
        ),
        pytest.param(facts(), accepts(BASE, LANDED), Outcome.PASS, Reason.AHEAD, id="nothing was rewritten"),
    ],
)
def test_an_accepted_rewrite(found: Facts, policy: EffectivePolicy, outcome: Outcome, reason: Reason) -> None:
    decision = evaluate(found, policy)
    assert deploy_findings(decision) == [(outcome, reason)]


def test_what_an_accepted_rewrite_brings_is_judged() -> None:
    found = facts(change(reviews=()), range=rewritten().range)
    assert evaluate(found, accepts(BASE, LANDED)).reasons == ("peer-approved/not-approved",)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (rewritten(), f"rewrites: [{{from: {BASE}, to: {LANDED}, reason:"),
        (rewritten(base_source=BaseSource.OPTION), "give --base"),
        (nothing(outcome=RangeOutcome.REWRITTEN), f"git push origin {BASE}:refs/heads/deployed-before"),
    ],
)
def test_the_step_for_a_rewritten_branch(found: Facts, says: str) -> None:
    (finding,) = (each for each in evaluate(found, EffectivePolicy()).findings if each.change is None)
    assert finding.remedy is not None
    assert says in finding.remedy.step
