"""duties-separated: who may deploy what."""

import pytest
from builders import ALICE, BOB, CAROL, change, facts, review

from changegate.controls.duties_separated import Reason, evaluate
from changegate.decision import Outcome
from changegate.facts import MISSING, Facts, Identity, Maybe, Unavailable
from changegate.policy import Controls, DutiesSeparated, PeerApproved

BY_BOB = {"reviews": (review(BOB),)}
BY_BOTH = {"reviews": (review(BOB), review(CAROL))}
UNREADABLE = Unavailable(why="403")


def deployed_by(deployer: Maybe[Identity], found: Facts) -> Facts:
    return found.model_copy(update={"deployment": found.deployment.model_copy(update={"deployer": deployer})})


@pytest.mark.parametrize(
    ("deployer", "of", "rules", "approvals", "outcome", "reason"),
    [
        (CAROL, BY_BOB, DutiesSeparated(enabled=True), 1, Outcome.PASS, Reason.SEPARATED),
        (ALICE, BY_BOB, DutiesSeparated(enabled=True), 1, Outcome.FAIL, Reason.DEPLOYER_WROTE),
        (BOB, BY_BOB, DutiesSeparated(enabled=True), 1, Outcome.FAIL, Reason.DEPLOYER_APPROVED),
        (BOB, BY_BOTH, DutiesSeparated(enabled=True), 1, Outcome.PASS, Reason.SEPARATED),
        (BOB, BY_BOTH, DutiesSeparated(enabled=True), 2, Outcome.FAIL, Reason.DEPLOYER_APPROVED),
        (ALICE, BY_BOB, DutiesSeparated(enabled=True, deployer_is_not=("approver",)), 1, Outcome.PASS, Reason.SEPARATED),
        (BOB, BY_BOB, DutiesSeparated(enabled=True, deployer_is_not=("author",)), 1, Outcome.PASS, Reason.SEPARATED),
        (MISSING, BY_BOB, DutiesSeparated(enabled=True), 1, Outcome.UNKNOWN, Reason.DEPLOYER_UNKNOWN),
        (CAROL, {**BY_BOB, "commits": UNREADABLE}, DutiesSeparated(enabled=True), 1, Outcome.UNKNOWN, Reason.AUTHORS_UNKNOWN),
        (CAROL, {**BY_BOB, "author": UNREADABLE}, DutiesSeparated(enabled=True), 1, Outcome.UNKNOWN, Reason.AUTHORS_UNKNOWN),
        (ALICE, {**BY_BOB, "commits": UNREADABLE}, DutiesSeparated(enabled=True), 1, Outcome.FAIL, Reason.DEPLOYER_WROTE),
        (CAROL, {"reviews": UNREADABLE}, DutiesSeparated(enabled=True), 1, Outcome.PASS, Reason.SEPARATED),
    ],
)
def test_table(deployer: Maybe[Identity], of: dict[str, object], rules: DutiesSeparated, approvals: int, outcome: Outcome, reason: Reason) -> None:
    judged = change(**of)
    found = evaluate(judged, deployed_by(deployer, facts(judged)), Controls(duties_separated=rules, peer_approved=PeerApproved(approvals=approvals)))
    assert (found.outcome, found.reason) == (outcome, reason), found.observed
    assert (found.remedy is None) == (outcome is Outcome.PASS)


def test_a_deployer_is_known_by_any_of_their_keys() -> None:
    judged = change(**BY_BOB)
    deployer = Identity(key="github:999", login="bob", aliases=tuple(BOB.keys))
    found = evaluate(judged, deployed_by(deployer, facts(judged)), Controls(duties_separated=DutiesSeparated(enabled=True)))
    assert found.reason == Reason.DEPLOYER_APPROVED
