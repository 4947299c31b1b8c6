"""peer-approved, as a table: what was there, what is found."""

from typing import Any

import pytest
from builders import (
    ALICE,
    BASE,
    BOB,
    CAROL,
    FIRST,
    HEAD,
    ROBOT,
    WEB_FLOW,
    asserted_change,
    change,
    commit,
    deploy_range,
    facts,
    hours,
    landed,
    review,
    sha,
)
from hypothesis import given
from hypothesis import strategies as st

from changegate.controls.peer_approved import Reason, evaluate
from changegate.decision import Outcome
from changegate.facts import MISSING, Change, ChangeKind, Facts, Identity, Retarget, Review, ReviewState, Unavailable
from changegate.policy import PeerApproved

GONE = Unavailable(why="the account was deleted")
REQUESTED, DISMISSED, COMMENTED = ReviewState.CHANGES_REQUESTED, ReviewState.DISMISSED, ReviewState.COMMENTED
PASS, FAIL, UNKNOWN = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN
TWO = PeerApproved(approvals=2)
LATE_OK = PeerApproved(approved_before="deploy")


def retarget(at: float, before: str = "stage", after: str = "main") -> Retarget:
    return Retarget(at=hours(at), before=before, after=after)


CASES: list[tuple[str, dict[str, Any], PeerApproved, Outcome, Reason]] = [
    ("a peer approved the final head in time", {}, PeerApproved(), PASS, Reason.APPROVED),
    ("no review at all", {"reviews": ()}, PeerApproved(), FAIL, Reason.NOT_APPROVED),
    ("a comment is no approval", {"reviews": (review(state=COMMENTED),)}, PeerApproved(), FAIL, Reason.NOT_APPROVED),
    ("the author approved", {"reviews": (review(ALICE),)}, PeerApproved(), FAIL, Reason.SELF_APPROVED),
    ("a committer approved", {"commits": (commit(committer=BOB),)}, PeerApproved(), FAIL, Reason.SELF_APPROVED),
    ("a co-author approved", {"commits": (commit(co_authors=(BOB,)),)}, PeerApproved(), FAIL, Reason.SELF_APPROVED),
    ("the opener approved commits of others", {"author": BOB}, PeerApproved(), FAIL, Reason.SELF_APPROVED),
    ("the author of one commit of two approved", {"commits": (commit("first", author=BOB), commit())}, PeerApproved(), FAIL, Reason.SELF_APPROVED),
    (
        "an alias is the same person",
        {"author": Identity(key="email:a@x", login="a", aliases=("name:bob",)), "reviews": (review(Identity(key="name:bob", login="bob")),)},
        PeerApproved(),
        FAIL,
        Reason.SELF_APPROVED,
    ),
    ("the merger may be anybody", {"merged_by": ALICE}, PeerApproved(), PASS, Reason.APPROVED),
    ("the forge's own merge identity is no contributor", {"commits": (commit(committer=WEB_FLOW),)}, PeerApproved(), PASS, Reason.APPROVED),
    ("a bot approved", {"reviews": (review(ROBOT),)}, PeerApproved(), FAIL, Reason.BOT_APPROVED),
    ("a bot's change needs a peer like any other", {"author": ROBOT, "commits": (commit(author=ROBOT),)}, PeerApproved(), PASS, Reason.APPROVED),
    ("a reader approved", {"reviews": (review(may_write=False),)}, PeerApproved(), FAIL, Reason.READER_APPROVED),
    ("a reader approved and the policy takes it", {"reviews": (review(may_write=False),)}, PeerApproved(permission="any"), PASS, Reason.APPROVED),
    ("whether he may write is not known", {"reviews": (review(may_write=GONE),)}, PeerApproved(), UNKNOWN, Reason.REVIEWER_UNKNOWN),
    ("an older head was approved", {"reviews": (review(commit=FIRST),)}, PeerApproved(), FAIL, Reason.STALE_APPROVAL),
    ("which head was approved is not known", {"reviews": (review(commit=GONE),)}, PeerApproved(), UNKNOWN, Reason.REVIEWER_UNKNOWN),
    ("force-pushed after the approval", {"force_pushed_at": (hours(2.5),)}, PeerApproved(), FAIL, Reason.STALE_APPROVAL),
    ("force-pushed at the very time of the approval", {"force_pushed_at": (hours(2),)}, PeerApproved(), FAIL, Reason.STALE_APPROVAL),
    ("force-pushed before the approval", {"force_pushed_at": (hours(1),)}, PeerApproved(), PASS, Reason.APPROVED),
    ("force-pushes are not known", {"force_pushed_at": GONE}, PeerApproved(), UNKNOWN, Reason.REVIEWER_UNKNOWN),
    ("retargeted after the approval", {"retargeted": (retarget(2.5),)}, PeerApproved(), FAIL, Reason.STALE_APPROVAL),
    ("retargeted at the very time of the approval", {"retargeted": (retarget(2),)}, PeerApproved(), FAIL, Reason.STALE_APPROVAL),
    ("retargeted before the approval", {"retargeted": (retarget(1),)}, PeerApproved(), PASS, Reason.APPROVED),
    ("retargeted before and after the approval", {"retargeted": (retarget(1), retarget(2.5))}, PeerApproved(), FAIL, Reason.STALE_APPROVAL),
    ("whether it was retargeted is not known", {"retargeted": GONE}, PeerApproved(), UNKNOWN, Reason.REVIEWER_UNKNOWN),
    (
        "retargeted, and when it was approved is not known",
        {"retargeted": (retarget(1),), "reviews": (review(submitted_at=GONE),), "merged_at": MISSING, "landed": ()},
        PeerApproved(),
        UNKNOWN,
        Reason.REVIEWER_UNKNOWN,
    ),
    (
        "a retarget takes no request for changes back",
        {"retargeted": (retarget(2.5),), "reviews": (review(state=REQUESTED),)},
        PeerApproved(),
        FAIL,
        Reason.CHANGES_REQUESTED,
    ),
    ("approved by whoever pushed it", {"pushers": (BOB,)}, PeerApproved(), FAIL, Reason.SELF_APPROVED),
    ("somebody else pushed it", {"pushers": (CAROL,)}, PeerApproved(), PASS, Reason.APPROVED),
    ("who pushed it is not known", {"pushers": GONE}, PeerApproved(), UNKNOWN, Reason.CONTRIBUTOR_UNKNOWN),
    ("who pushed some of it is not known", {"pushers": (CAROL, GONE)}, PeerApproved(), UNKNOWN, Reason.CONTRIBUTOR_UNKNOWN),
    ("approved after the merge", {"reviews": (review(submitted_at=hours(3.5)),)}, PeerApproved(), FAIL, Reason.LATE_APPROVAL),
    ("approved at the very time of the merge", {"reviews": (review(submitted_at=hours(3)),)}, PeerApproved(), PASS, Reason.APPROVED),
    ("approved after the merge, and the policy takes it", {"reviews": (review(submitted_at=hours(3.5)),)}, LATE_OK, PASS, Reason.APPROVED),
    ("a stale head, after the merge", {"reviews": (review(submitted_at=hours(3.5), commit=FIRST),)}, LATE_OK, FAIL, Reason.STALE_APPROVAL),
    ("when it was merged is not known", {"merged_at": GONE}, PeerApproved(), UNKNOWN, Reason.REVIEWER_UNKNOWN),
    ("not merged yet", {"merged_at": MISSING, "landed": ()}, PeerApproved(), PASS, Reason.APPROVED),
    ("when it was approved is not known", {"reviews": (review(submitted_at=GONE),)}, PeerApproved(), UNKNOWN, Reason.REVIEWER_UNKNOWN),
    ("the approval was dismissed", {"reviews": (review(state=DISMISSED),)}, PeerApproved(), FAIL, Reason.DISMISSED_APPROVAL),
    (
        "a dismissal revives no older approval",
        {"reviews": (review(submitted_at=hours(1)), review(state=DISMISSED))},
        PeerApproved(),
        FAIL,
        Reason.DISMISSED_APPROVAL,
    ),
    (
        "approved, then changes requested by the same reviewer",
        {"reviews": (review(submitted_at=hours(1)), review(state=REQUESTED))},
        PeerApproved(),
        FAIL,
        Reason.CHANGES_REQUESTED,
    ),
    (
        "changes requested, then approved by the same reviewer",
        {"reviews": (review(state=REQUESTED, submitted_at=hours(1)), review())},
        PeerApproved(),
        PASS,
        Reason.APPROVED,
    ),
    (
        "the order of the list decides nothing",
        {"reviews": (review(), review(state=REQUESTED, submitted_at=hours(1)))},
        PeerApproved(),
        PASS,
        Reason.APPROVED,
    ),
    (
        "a later comment takes no approval back",
        {"reviews": (review(submitted_at=hours(1)), review(state=COMMENTED))},
        PeerApproved(),
        PASS,
        Reason.APPROVED,
    ),
    ("another still asks for changes", {"reviews": (review(), review(CAROL, REQUESTED))}, PeerApproved(), FAIL, Reason.CHANGES_REQUESTED),
    (
        "a reader's request for changes doesn't stop it",
        {"reviews": (review(), review(CAROL, REQUESTED, may_write=False))},
        PeerApproved(),
        PASS,
        Reason.APPROVED,
    ),
    (
        "whether he who asks for changes may write is not known",
        {"reviews": (review(), review(CAROL, REQUESTED, may_write=GONE))},
        PeerApproved(),
        UNKNOWN,
        Reason.REVIEWER_UNKNOWN,
    ),
    ("a deleted account asks for changes", {"reviews": (review(), review(GONE, REQUESTED))}, PeerApproved(), UNKNOWN, Reason.REVIEWER_UNKNOWN),
    ("a deleted account approved", {"reviews": (review(GONE),)}, PeerApproved(), UNKNOWN, Reason.REVIEWER_UNKNOWN),
    ("a deleted account and a peer approved", {"reviews": (review(GONE), review())}, PeerApproved(), PASS, Reason.APPROVED),
    ("a certain objection outweighs an unknown", {"reviews": (review(ALICE, may_write=GONE),)}, PeerApproved(), FAIL, Reason.SELF_APPROVED),
    ("a contributor can't be resolved", {"commits": (commit(author=GONE),)}, PeerApproved(), UNKNOWN, Reason.CONTRIBUTOR_UNKNOWN),
    ("nobody approved, whoever made it", {"author": GONE, "reviews": ()}, PeerApproved(), FAIL, Reason.NOT_APPROVED),
    ("the commits can't be read", {"commits": GONE}, PeerApproved(), UNKNOWN, Reason.COMMITS_UNKNOWN),
    ("no commits are listed", {"commits": ()}, PeerApproved(), UNKNOWN, Reason.COMMITS_UNKNOWN),
    ("the reviews can't be read", {"reviews": GONE}, PeerApproved(), UNKNOWN, Reason.REVIEWS_UNKNOWN),
    ("one approval of two", {}, TWO, FAIL, Reason.TOO_FEW_APPROVALS),
    ("two approvals of one person", {"reviews": (review(submitted_at=hours(1)), review())}, TWO, FAIL, Reason.TOO_FEW_APPROVALS),
    ("two approvals", {"reviews": (review(), review(CAROL))}, TWO, PASS, Reason.APPROVED),
    ("one approval and one of a deleted account", {"reviews": (review(), review(GONE))}, TWO, UNKNOWN, Reason.REVIEWER_UNKNOWN),
    ("pushed without a change", {"kind": ChangeKind.DIRECT_PUSH}, PeerApproved(), FAIL, Reason.DIRECT_PUSH),
    ("the landed content can't be compared", {"head_tree": GONE}, PeerApproved(), UNKNOWN, Reason.LANDED_DIFFERS),
    ("what landed is not what was approved", {"head_tree": sha("other")}, PeerApproved(), UNKNOWN, Reason.LANDED_DIFFERS),
]


@pytest.mark.parametrize(("differs", "rules", "outcome", "reason"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_table(differs: dict[str, Any], rules: PeerApproved, outcome: Outcome, reason: Reason) -> None:
    judged = change(**differs)
    finding = evaluate(judged, facts(judged), rules)
    assert (finding.outcome, finding.reason) == (outcome, reason)
    assert (finding.remedy is None) == (outcome is PASS)


def onto_newer_base(**differs: Any) -> tuple[Change, Facts]:
    judged = change(head_tree=sha("other"), **differs)
    return judged, facts(judged, range=deploy_range(commits=(landed(parents=(sha("newer"),)),)))


def test_merged_onto_a_newer_base_is_named_and_allowed_by_default() -> None:
    finding = evaluate(*onto_newer_base(), PeerApproved())
    assert (finding.outcome, finding.reason) == (PASS, Reason.NEWER_BASE)


def test_merged_onto_a_newer_base_fails_where_the_policy_says_so() -> None:
    finding = evaluate(*onto_newer_base(), PeerApproved(newer_base="block"))
    assert (finding.outcome, finding.reason) == (FAIL, Reason.NEWER_BASE)


def test_a_merge_commit_with_content_of_its_own_is_unknown() -> None:
    """An evil merge: base not moved, yet the merge commit's tree is not the approved head's."""
    judged = change(landed=(FIRST, HEAD, sha("landed")))
    merge = landed(parents=(BASE, HEAD), tree=sha("evil"))
    found = facts(judged, range=deploy_range(commits=(landed("first"), landed("head"), merge)))
    assert evaluate(judged, found, PeerApproved()).reason == Reason.LANDED_DIFFERS


@pytest.mark.parametrize(
    ("retargeted", "then"),
    [
        ((retarget(1, "old", "stage"), retarget(2.5)), "the base was changed from stage to main"),
        ((retarget(2.4, "stage", "other"), retarget(2.5, "other", "main")), "the base was changed from stage to main"),
        ((retarget(2.5, "main", "main"),), "the base main was rewritten"),
        ((retarget(2.5), Retarget(at=hours(2.6))), "the base was changed from stage to main"),
        ((Retarget(at=hours(2.6)),), "its base was changed"),
    ],
)
def test_observed_names_what_became_of_the_base(retargeted: tuple[Retarget, ...], then: str) -> None:
    judged = change(retargeted=retargeted)
    assert evaluate(judged, facts(judged), PeerApproved()).observed == f"approved by bob, then {then}"


def test_observed_names_who_pushed_after_the_approval() -> None:
    judged = change(commits=(commit("first"), commit("second", author=CAROL), commit()), reviews=(review(commit=FIRST),))
    finding = evaluate(judged, facts(judged), PeerApproved())
    assert finding.observed == f"approved by bob on {FIRST[:10]}, then 2 commits pushed by carol and alice"


def test_remedy_names_who_may_approve() -> None:
    judged = change(reviews=(), merged_at=MISSING, landed=())
    remedy = evaluate(judged, facts(judged), PeerApproved()).remedy
    assert remedy is not None
    assert remedy.who == "someone other than alice"


@pytest.mark.parametrize(
    ("via", "rules", "outcome"),
    [
        ("Reviewed-by", PeerApproved(), PASS),
        ("reviewed-BY", PeerApproved(), PASS),
        ("Approved-by", PeerApproved(), PASS),
        ("Reviewers", PeerApproved(), FAIL),
        ("Reviewers", PeerApproved(trailers=("Reviewers",)), PASS),
        ("Reviewed-by", PeerApproved(trailers=("Reviewers",)), FAIL),
    ],
)
def test_trailers_count_as_the_policy_says(via: str, rules: PeerApproved, outcome: Outcome) -> None:
    judged = asserted_change(reviews=(review(via=via, commit=sha("landed"), may_write=GONE),))
    assert evaluate(judged, facts(judged), rules).outcome is outcome


PEOPLE = st.sampled_from([ALICE, BOB, CAROL, ROBOT, GONE])
TIMES = st.sampled_from([hours(1), hours(2), hours(3), hours(3.5), GONE])
REVIEWS = st.builds(
    Review,
    id=st.just("r"),
    reviewer=PEOPLE,
    state=st.sampled_from(ReviewState),
    submitted_at=TIMES,
    commit=st.sampled_from([HEAD, FIRST, BASE]),
    may_write=st.sampled_from([True, False, GONE]),
)


def counts_plainly(one: Review, every: list[Review], makers: list[Identity]) -> bool:
    """A naive second reading of the rules: one approval, alone."""
    if one.state is not ReviewState.APPROVED or isinstance(one.reviewer, Unavailable) or isinstance(one.submitted_at, Unavailable):
        return False
    later = [
        each
        for each in every
        if each.reviewer == one.reviewer
        and each.state is not COMMENTED
        and not isinstance(each.submitted_at, Unavailable)
        and (each.submitted_at, every.index(each)) > (one.submitted_at, every.index(one))
    ]
    return (
        not later
        and one.reviewer not in makers
        and one.reviewer != ROBOT
        and one.may_write is True
        and one.commit == HEAD
        and one.submitted_at <= hours(3)
    )


@given(reviews=st.lists(REVIEWS, max_size=5), makers=st.lists(st.sampled_from([ALICE, BOB]), min_size=1, max_size=2))
def test_never_passes_without_an_approval_that_counts(reviews: list[Review], makers: list[Identity]) -> None:
    unique = [each.model_copy(update={"id": f"r{number}"}) for number, each in enumerate(reviews)]
    judged = change(author=makers[0], commits=tuple(commit(author=each, committer=each) for each in makers), reviews=tuple(unique))
    passed = evaluate(judged, facts(judged), PeerApproved()).outcome is PASS
    counting = any(counts_plainly(each, unique, makers) for each in unique)
    assert counting or not passed
    if counting and not any(each.state is REQUESTED for each in unique):
        assert passed


@given(reviews=st.lists(REVIEWS, max_size=5), extra=st.sampled_from([BOB, CAROL, ROBOT, GONE]))
def test_one_more_contributor_never_lets_a_change_through(reviews: list[Review], extra: Identity | Unavailable) -> None:
    before = change(reviews=tuple(reviews))
    assert not isinstance(before.commits, Unavailable)
    after = before.model_copy(update={"commits": (*before.commits, commit(co_authors=(extra,), parents=(HEAD,)))})
    if evaluate(before, facts(before), PeerApproved()).outcome is not PASS:
        assert evaluate(after, facts(after), PeerApproved()).outcome is not PASS
