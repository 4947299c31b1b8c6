"""Which waivers count, and what they lift."""

from datetime import date, timedelta
from typing import Any

import pytest
from builders import BOB, change, check, commit, facts, hours, review, sha

from changegate.controls import evaluate
from changegate.decision import Decision, Outcome, Verdict
from changegate.facts import CheckState, Facts, Identity, ReviewState, Unavailable, Waiver
from changegate.policy import EffectivePolicy

UNREADABLE = Unavailable(why="403")
NO_TICKET = change(tickets=())


def waiver(**differs: Any) -> Waiver:
    values: dict[str, Any] = {
        "envelope": "ab" * 32,
        "index": 3,
        "control": "ticket-linked",
        "change": "12",
        "head": sha("head"),
        "environment": "",
        "until": date(2026, 3, 2),
        "reason": "the tracker was down",
        "requested_by": "alice",
        "approved_by": "carol",
        "decided": hours(1),
    }
    return Waiver(**values | differs)


def decide(found: Facts, *waivers: Waiver) -> Decision:
    return evaluate(found.model_copy(update={"waivers": waivers}), EffectivePolicy())


def test_what_a_waiver_lifts_is_seen_and_recorded() -> None:
    decision = decide(facts(NO_TICKET), waiver())
    assert decision.verdict is Verdict.ALLOWED
    ((used,), refused) = decision.waivers, decision.refused
    assert (used.waiver, refused) == (waiver(), ())
    assert [(each.control, each.change, each.reason) for each in used.lifted] == [("ticket-linked", "#12", "no-ticket")]
    (lifted,) = (each for each in decision.findings if each.outcome is Outcome.LIFTED)
    assert "approved by carol" in lifted.observed


@pytest.mark.parametrize(
    ("differs", "why"),
    [
        ({"until": date(2026, 3, 1)}, "it ended with 2026-03-01"),
        ({"decided": hours(4) + timedelta(minutes=6)}, "made in the future"),
        ({"approved_by": "Alice"}, "Alice requested and approved it"),
        ({"requested_by": "bob", "approved_by": "ALICE"}, "who made #12 or a part of it"),
        ({"requested_by": "bob", "approved_by": "github:1"}, "who made #12 or a part of it"),
        ({"requested_by": "bob", "approved_by": "1"}, "who made #12 or a part of it"),
        ({"requested_by": "bob@example.com", "approved_by": "alice@example.com"}, "name the approver by login"),
        ({"requested_by": "bob", "approved_by": "bob@example.com"}, "it can't be told whether bob@example.com, who approved it, is bob"),
        ({"head": sha("first")}, f"it was given for {sha('first')[:12]}, and #12 is at {sha('head')}"),
        ({"head": ""}, "it was given for , and #12 is at"),
        ({"defect": "the signature doesn't hold"}, "the signature doesn't hold"),
    ],
)
def test_what_does_not_count_is_named_with_the_reason(differs: dict[str, Any], why: str) -> None:
    decision = decide(facts(NO_TICKET), waiver(**differs))
    assert (decision.verdict, decision.waivers) == (Verdict.BLOCKED, ())
    (refused,) = decision.refused
    assert why in refused.why


AT_HOME = Identity(key="email:alice@example.com", login="Alice", aliases=("alice", "email:al@example.org"))


@pytest.mark.parametrize(
    ("approver", "why"),
    [
        ("carol@example.com", ""),
        ("alice@example.com", "who made #12"),
        ("AL@example.org", "who made #12"),
        ("carol", "name the approver by mail address"),
        ("alice", "who made #12"),
    ],
)
def test_on_a_bare_history_people_are_their_addresses(approver: str, why: str) -> None:
    commits = (commit("head", author=AT_HOME, committer=AT_HOME),)
    found = facts(change(author=AT_HOME, commits=commits, tickets=()))
    requester = "bob@example.com" if "@" in approver else "bob"
    decision = decide(found, waiver(requested_by=requester, approved_by=approver))
    assert [why in each.why for each in decision.refused] == ([True] if why else [])
    assert bool(decision.waivers) == (not why)


def test_one_for_a_head_that_is_not_known_is_none() -> None:
    decision = decide(facts(change(tickets=(), head=UNREADABLE)), waiver())
    assert [each.why for each in decision.refused] == ["which commit is at the head of #12 can't be told: 403"]


def test_a_clock_that_is_a_little_behind_does_no_harm() -> None:
    assert decide(facts(NO_TICKET), waiver(decided=hours(4) + timedelta(minutes=4))).verdict is Verdict.ALLOWED


@pytest.mark.parametrize(
    "differs",
    [
        {"control": "peer-approved"},
        {"change": "13"},
        {"change": "", "environment": "staging"},
        {"environment": "staging"},
        {"change": ""},
    ],
    ids=["another control", "another change", "another environment", "the change elsewhere", "no scope at all"],
)
def test_one_for_something_else_is_none(differs: dict[str, Any]) -> None:
    decision = decide(facts(NO_TICKET), waiver(**differs))
    assert (decision.verdict, decision.waivers, decision.refused) == (Verdict.BLOCKED, (), ())


def test_one_that_counts_beside_one_that_does_not() -> None:
    ended = waiver(envelope="cd" * 32, until=date(2026, 3, 1))
    decision = decide(facts(NO_TICKET), ended, waiver())
    assert decision.verdict is Verdict.ALLOWED
    assert [each.waiver.envelope for each in decision.waivers] == ["ab" * 32]


def test_one_for_an_environment_holds_for_all_its_changes() -> None:
    other = change(id="#13", tickets=(), landed=(sha("other"),))
    decision = decide(facts(NO_TICKET, other), waiver(change="", environment="production"))
    assert [each.change for each in decision.waivers[0].lifted] == ["#12", "#13"]


@pytest.mark.parametrize(
    ("found", "control", "reason"),
    [
        (change(reviews=(review(BOB, ReviewState.CHANGES_REQUESTED),)), "peer-approved", "changes-requested"),
        (change(reviews=UNREADABLE), "peer-approved", "reviews-unknown"),
        (change(tickets=UNREADABLE), "ticket-linked", "ticket-unknown"),
        (change(checks=UNREADABLE), "checks-passed", "checks-unknown"),
    ],
)
def test_what_no_waiver_lifts(found: Any, control: str, reason: str) -> None:
    decision = decide(facts(found), waiver(control=control))
    assert f"{control}/{reason}" in decision.reasons
    assert decision.waivers == ()


def test_what_landed_is_compared_before_a_missing_approval_is_lifted() -> None:
    found = facts(change(reviews=(), head_tree=sha("other")))
    assert decide(found, waiver(control="peer-approved")).reasons == ("peer-approved/landed-differs",)


def test_an_unknown_contributor_may_be_the_approver() -> None:
    decision = decide(facts(change(tickets=(), former=(UNREADABLE,))), waiver())
    assert "can't be told whether carol" in decision.refused[0].why


def test_checks_that_have_not_ended_may_be_waived() -> None:
    found = facts(change(checks=(check(state=CheckState.PENDING),)))
    assert decide(found, waiver(control="checks-passed")).verdict is Verdict.ALLOWED
