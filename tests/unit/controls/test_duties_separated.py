"""duties-separated: who may deploy what."""

from typing import Any, Literal

import pytest
from builders import ALICE, BOB, CAROL, DAVE, change, facts, review, ticket

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


def asked_by(*people: Maybe[Identity]) -> dict[str, Any]:
    return {**BY_BOB, "tickets": tuple(ticket(f"acme/shop#{number}", requested_by=each) for number, each in enumerate(people, 1))}


def apart(*whom: Literal["author", "approver", "deployer"]) -> DutiesSeparated:
    return DutiesSeparated(enabled=True, requester_is_not=whom)


@pytest.mark.parametrize(
    ("of", "rules", "reason"),
    [
        (asked_by(DAVE), apart("author", "approver", "deployer"), Reason.SEPARATED),
        (asked_by(ALICE), apart("author"), Reason.REQUESTER_WROTE),
        (asked_by(ALICE), apart("approver", "deployer"), Reason.SEPARATED),
        (asked_by(BOB), apart("approver"), Reason.REQUESTER_APPROVED),
        (asked_by(BOB), apart("author", "deployer"), Reason.SEPARATED),
        ({**asked_by(BOB), **BY_BOTH}, apart("approver"), Reason.SEPARATED),
        (asked_by(CAROL), apart("deployer"), Reason.REQUESTER_DEPLOYS),
        (asked_by(DAVE, ALICE), apart("author"), Reason.REQUESTER_WROTE),
        (asked_by(DAVE, UNREADABLE), apart("author"), Reason.REQUESTER_UNKNOWN),
        (asked_by(ALICE, UNREADABLE), apart("author"), Reason.REQUESTER_WROTE),
        (asked_by(MISSING), apart("author"), Reason.REQUESTER_UNKNOWN),
        (asked_by(), apart("author"), Reason.REQUESTER_UNKNOWN),
        ({**BY_BOB, "tickets": UNREADABLE}, apart("author"), Reason.REQUESTER_UNKNOWN),
        (asked_by(UNREADABLE), DutiesSeparated(enabled=True), Reason.SEPARATED),
    ],
)
def test_who_asked_for_it(of: dict[str, Any], rules: DutiesSeparated, reason: Reason) -> None:
    judged = change(**of)
    found = evaluate(judged, deployed_by(CAROL, facts(judged)), Controls(duties_separated=rules))
    assert found.reason == reason, found.observed
    assert (found.remedy is None) == (reason is Reason.SEPARATED)
