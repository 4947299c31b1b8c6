"""emergency-declared: what an emergency needs, and what it never lifts."""

import time
from datetime import timedelta
from typing import Any

import pytest
from builders import ALICE, BOB, CAROL, DAVE, ROBOT, change, check, deploy_range, facts, hours, landed, review, sha

from changegate.controls import evaluate
from changegate.controls.emergency_declared import ID, Reason, is_incident
from changegate.decision import Decision, Outcome, Verdict
from changegate.facts import Actor, ChangeKind, CheckState, Declaration, Facts, Permission, RangeOutcome, ReviewState, Unavailable
from changegate.policy import EffectivePolicy, EmergencyRules

UNREADABLE = Unavailable(why="403")
MAINTAINER = Actor(person=CAROL, permission=Permission.MAINTAIN)
LATE = change(reviews=(review(BOB, submitted_at=hours(3.5)),))
"""Approved after the merge: by the ordinary rules that is too late."""


def declared(**differs: Any) -> Declaration:
    values: dict[str, Any] = {"reason": "the shop is down", "incident": "INC-7", "declared_by": MAINTAINER}
    return Declaration(**values | differs)


def decide(found: Facts, said: Declaration | None = None, **rules: Any) -> Decision:
    policy = EffectivePolicy(emergency=EmergencyRules(**rules))
    return evaluate(found.model_copy(update={"emergency": said or declared()}), policy)


def why(decision: Decision) -> str:
    (found,) = (each for each in decision.findings if each.control == ID)
    return found.reason


def test_what_an_emergency_lifts_is_seen_and_recorded() -> None:
    decision = decide(facts(LATE))
    assert decision.verdict is Verdict.ALLOWED_AS_EMERGENCY
    assert decision.reasons == ()
    emergency = decision.emergency
    assert emergency is not None
    assert (emergency.declared_by, [each.person for each in emergency.agreed_by]) == (CAROL, [BOB])
    assert [(each.control, each.change, each.reason) for each in emergency.lifted] == [("peer-approved", "#12", "late-approval")]
    assert emergency.review_due == hours(4) + timedelta(days=2)
    (lifted,) = (each for each in decision.findings if each.outcome is Outcome.LIFTED)
    assert lifted.observed.endswith("; lifted by the emergency INC-7")


@pytest.mark.parametrize(
    ("said", "rules", "reason"),
    [
        ({"declared_by": Actor(person=CAROL, permission=Permission.WRITE)}, {}, Reason.DECLARER_MAY_NOT),
        ({"declared_by": Actor(person=CAROL, permission=UNREADABLE)}, {}, Reason.DECLARER_UNKNOWN),
        ({"declared_by": UNREADABLE}, {}, Reason.DECLARER_UNKNOWN),
        ({"declared_by": Actor(person=ROBOT, permission=Permission.ADMIN)}, {}, Reason.DECLARER_MAY_NOT),
        ({"declared_by": Actor(person=ROBOT, permission=Permission.ADMIN)}, {"declared_by": ("robot[bot]",)}, Reason.DECLARER_MAY_NOT),
        ({}, {"declared_by": ("dave", "github:99")}, Reason.DECLARER_MAY_NOT),
        ({"declared_by": Actor(person=BOB, permission=Permission.ADMIN)}, {}, Reason.NOT_AGREED),
        ({}, {"approvals": 2}, Reason.NOT_AGREED),
        ({"named": (Actor(person=DAVE, permission=Permission.WRITE),)}, {"approvals": 2}, Reason.NOT_AGREED),
        ({"named": (Actor(person=DAVE, permission=Permission.READ),)}, {"approvals": 2, "agreement": "named"}, Reason.NOT_AGREED),
        ({"named": (Actor(person=ALICE, permission=Permission.ADMIN),)}, {"approvals": 2, "agreement": "named"}, Reason.NOT_AGREED),
        ({"named": (MAINTAINER, Actor(person=BOB, permission=Permission.WRITE))}, {"approvals": 2, "agreement": "named"}, Reason.NOT_AGREED),
        ({"named": (UNREADABLE,)}, {"approvals": 2, "agreement": "named"}, Reason.NOT_AGREED),
        ({"incident": ""}, {}, Reason.INCIDENT_MISSING),
        ({"incident": "OPS-7"}, {"incident": ("INC-#",)}, Reason.INCIDENT_MISSING),
        ({"incident": "INC-7\n"}, {"incident": ("INC-#",)}, Reason.INCIDENT_MISSING),
        ({"reason": "asap"}, {}, Reason.REASON_MISSING),
        ({"reason": "the shop is down\n::error::"}, {}, Reason.REASON_MISSING),
        ({"reason": "x" * 501}, {}, Reason.REASON_MISSING),
    ],
)
def test_what_does_not_count_lifts_nothing(said: dict[str, Any], rules: dict[str, Any], reason: Reason) -> None:
    decision = decide(facts(LATE), declared(**said), **rules)
    assert decision.verdict in (Verdict.BLOCKED, Verdict.UNKNOWN)
    assert (decision.emergency, why(decision)) == (None, reason)
    assert "peer-approved/late-approval" in decision.reasons


@pytest.mark.parametrize(
    ("said", "rules"),
    [
        ({}, {"declared_by": ("CAROL",)}),
        ({"declared_by": Actor(person=CAROL, permission=UNREADABLE)}, {"declared_by": ("github:3",)}),
        ({"named": (Actor(person=DAVE, permission=Permission.WRITE),)}, {"approvals": 2, "agreement": "named"}),
        ({"incident": "https://status.example/i/a1-b"}, {"incident": ("INC-#", "https://status.example/i/*")}),
    ],
)
def test_what_counts(said: dict[str, Any], rules: dict[str, Any]) -> None:
    assert decide(facts(LATE), declared(**said), **rules).verdict is Verdict.ALLOWED_AS_EMERGENCY


@pytest.mark.parametrize(
    "reviews",
    [
        (),
        (review(ALICE, submitted_at=hours(3.5)),),
        (review(BOB, submitted_at=hours(3.5), commit=sha("first")),),
        (review(BOB, submitted_at=hours(3.5), may_write=False),),
        (review(BOB, submitted_at=hours(3.5), may_write=UNREADABLE),),
        (review(ROBOT, submitted_at=hours(3.5)),),
        (review(BOB), review(BOB, ReviewState.DISMISSED, submitted_at=hours(3.5))),
    ],
    ids=["none", "the author", "another head", "a reader", "perhaps a reader", "a bot", "taken back"],
)
def test_an_agreement_is_measured_as_an_approval_is(reviews: Any) -> None:
    decision = decide(facts(change(reviews=reviews)))
    assert (decision.emergency, why(decision)) == (None, Reason.NOT_AGREED)


def test_nobody_agrees_while_a_contributor_is_unknown() -> None:
    """Whoever it is may be the one who approved."""
    unresolved = change(former=(UNREADABLE,), reviews=LATE.reviews)
    assert decide(facts(unresolved)).emergency is None


@pytest.mark.parametrize(
    "found",
    [
        facts(change(tickets=(), reviews=())),
        facts(change(reviews=(review(BOB, ReviewState.CHANGES_REQUESTED),))),
        facts(change(reviews=UNREADABLE)),
        facts(change(checks=UNREADABLE)),
        facts(LATE, range=deploy_range(outcome=RangeOutcome.REWRITTEN)),
        facts(change(kind=ChangeKind.UNKNOWN, unknown="two candidates")),
    ],
    ids=["no ticket", "a standing no", "unread reviews", "unread checks", "rewritten", "unknown change"],
)
def test_what_it_does_not_lift_stops_the_deploy_as_ever(found: Facts) -> None:
    strict = evaluate(found, EffectivePolicy())
    decision = decide(found)
    if why(decision) == Reason.NOT_AGREED:  # then nothing was lifted either
        assert decision.verdict is strict.verdict
        return
    assert (decision.verdict, decision.reasons, decision.emergency) == (strict.verdict, strict.reasons, None)
    assert why(decision) in (Reason.NOT_ENOUGH, Reason.NOT_NEEDED)
    assert decision.verdict is not Verdict.ALLOWED


def test_what_landed_is_compared_before_a_missing_approval_is_lifted() -> None:
    """The control itself doesn't come to that where approvals are missing, so it could be lifted together with them."""
    slipped_in = facts(change(reviews=LATE.reviews), range=deploy_range(commits=(landed(tree=sha("other")),)))
    assert evaluate(slipped_in, EffectivePolicy()).reasons == ("peer-approved/late-approval",)
    decision = decide(slipped_in)
    assert (decision.verdict, decision.reasons, decision.emergency) == (Verdict.UNKNOWN, ("peer-approved/landed-differs",), None)


@pytest.mark.parametrize("state", [CheckState.PENDING, CheckState.FAILURE])
def test_tests_that_failed_or_have_not_ended_are_lifted(state: CheckState) -> None:
    assert decide(facts(change(checks=(check(state=state),)))).verdict is Verdict.ALLOWED_AS_EMERGENCY


def test_only_what_the_policy_names_is_lifted() -> None:
    assert decide(facts(LATE), lifts=("checks-passed",)).verdict is Verdict.BLOCKED
    assert decide(facts(change(tickets=())), lifts=("ticket-linked",)).verdict is Verdict.ALLOWED_AS_EMERGENCY


def test_without_a_section_in_the_policy_there_is_none() -> None:
    decision = evaluate(facts(LATE).model_copy(update={"emergency": declared()}), EffectivePolicy())
    assert (decision.verdict, why(decision)) == (Verdict.BLOCKED, Reason.NO_RULE)


def test_one_that_is_not_needed_is_none() -> None:
    decision = decide(facts())
    assert (decision.verdict, decision.emergency, why(decision)) == (Verdict.ALLOWED, None, Reason.NOT_NEEDED)


def test_every_change_needs_its_own_agreement() -> None:
    other = change(id="#13", reviews=(), landed=(sha("other"),))
    both = facts(LATE, other, range=deploy_range(commits=(landed(), landed("other"))))
    assert why(decide(both)) == Reason.NOT_AGREED


@pytest.mark.parametrize(
    ("key", "forms", "good"),
    [
        ("INC-7", (), True),
        ("#12", (), True),
        ("https://status.example/i/1", (), True),
        ("", (), False),
        ("two words", (), False),
        ("INC-7", ("INC-#",), True),
        ("INC-", ("INC-#",), False),
        ("INC-７", ("INC-#",), False),
        ("INC.7", ("INC-#",), False),
        ("inc-7", ("INC-#",), False),
    ],
)
def test_incident_keys(key: str, forms: tuple[str, ...], good: bool) -> None:
    assert is_incident(key, forms) is good


def test_no_key_takes_long_to_compare() -> None:
    began = time.process_time()
    assert not is_incident("a" * 200_000 + "!", ("a*a",))
    assert not is_incident("a" * 200 + "!", ("*a",) * 20)
    assert time.process_time() - began < 1
