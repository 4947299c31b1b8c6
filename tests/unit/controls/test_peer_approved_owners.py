"""peer-approved with update merges, teams and code owners: as tables, and against a naive second reading of generated timelines."""

from datetime import datetime
from typing import Any

import pytest
from builders import ALICE, BASE, BOB, CAROL, FIRST, HEAD, ROBOT, WEB_FLOW, change, commit, facts, hours, review, sha
from hypothesis import given
from hypothesis import strategies as st

from changegate.controls.peer_approved import Reason, evaluate
from changegate.decision import Outcome
from changegate.facts import (
    MISSING,
    NOT_ASKED,
    Change,
    ChangedFile,
    CodeOwnersFile,
    Commit,
    Facts,
    Identity,
    Review,
    ReviewState,
    Team,
    Unavailable,
    UpdateMerge,
)
from changegate.ownership import teams_needed
from changegate.policy import PeerApproved

GONE = Unavailable(why="the request failed", remedy="Run it again.")
PASS, FAIL, UNKNOWN = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN
DAVE = Identity(key="github:4", login="dave")
NEWER = sha("newer")

# --- update merges ---------------------------------------------------------------------------------------------------------------

BY_BOB = {"author": BOB}
IGNORE = PeerApproved(ignore_update_merges=True)
UPDATE: dict[str, Any] = {"parents": (FIRST, NEWER), "author": ALICE, "committer": WEB_FLOW, "verified": True}


def updated(clean: Any = True, made: dict[str, Any] | None = None, **differs: Any) -> Change:
    """Alice's commit, approved by bob, then the base merged into it: HEAD."""
    values: dict[str, Any] = {
        "commits": (commit("first"), commit(**UPDATE | (made or {}))),
        "reviews": (review(commit=FIRST),),
        "update_merges": (UpdateMerge(commit=HEAD, clean=clean),),
    }
    return change(**values | differs)


UPDATES: list[tuple[str, Change, PeerApproved, Outcome, Reason]] = [
    ("a clean one leaves the approval fresh", updated(), IGNORE, PASS, Reason.APPROVED),
    ("not where the policy doesn't say so", updated(), PeerApproved(), FAIL, Reason.STALE_APPROVAL),
    ("both sides changed a path", updated(clean=False), IGNORE, FAIL, Reason.STALE_APPROVAL),
    ("whether it is clean can't be told", updated(clean=GONE), IGNORE, UNKNOWN, Reason.REVIEWER_UNKNOWN),
    ("nothing is known of it", updated(update_merges=GONE), IGNORE, UNKNOWN, Reason.REVIEWER_UNKNOWN),
    ("it was not asked for (a replay)", updated(update_merges=NOT_ASKED), IGNORE, UNKNOWN, Reason.REVIEWER_UNKNOWN),
    ("the forge found it to be none", updated(update_merges=()), IGNORE, FAIL, Reason.STALE_APPROVAL),
    ("not signed", updated(made={"verified": False}), IGNORE, FAIL, Reason.STALE_APPROVAL),
    ("made on a machine", updated(made={"committer": ALICE}), IGNORE, FAIL, Reason.STALE_APPROVAL),
    ("who committed is unknown", updated(made={"committer": GONE}), IGNORE, FAIL, Reason.STALE_APPROVAL),
    ("one parent", updated(made={"parents": (FIRST,)}), IGNORE, FAIL, Reason.STALE_APPROVAL),
    ("three parents", updated(made={"parents": (FIRST, NEWER, BASE)}), IGNORE, FAIL, Reason.STALE_APPROVAL),
    ("made on a commit of the base", updated(made={"parents": (BASE, FIRST)}, reviews=(review(commit=BASE),)), IGNORE, FAIL, Reason.STALE_APPROVAL),
    ("force-pushed since", updated(force_pushed_at=(hours(2.5),)), IGNORE, FAIL, Reason.STALE_APPROVAL),
    ("the reviewer presses the button", updated(made=BY_BOB), IGNORE, PASS, Reason.APPROVED),
    ("and approves the update itself", updated(made=BY_BOB, reviews=(review(),)), IGNORE, PASS, Reason.APPROVED),
    ("of an update that is not clean he is a contributor", updated(False, BY_BOB, reviews=(review(),)), IGNORE, FAIL, Reason.SELF_APPROVED),
    ("of one that is unknown, too", updated(GONE, BY_BOB, reviews=(review(),)), IGNORE, FAIL, Reason.SELF_APPROVED),
    ("and where the policy ignores none", updated(made=BY_BOB, reviews=(review(),)), PeerApproved(), FAIL, Reason.SELF_APPROVED),
    ("the author pressing it stays the author", updated(reviews=(review(ALICE),)), IGNORE, FAIL, Reason.SELF_APPROVED),
    (
        "two in a row",
        updated(
            commits=(commit("first"), commit("second", **UPDATE), commit(**UPDATE | {"parents": (sha("second"), sha("newest"))})),
            update_merges=(UpdateMerge(commit=sha("second"), clean=True), UpdateMerge(commit=HEAD, clean=True)),
        ),
        IGNORE,
        PASS,
        Reason.APPROVED,
    ),
    (
        "one in a row is not clean",
        updated(
            commits=(commit("first"), commit("second", **UPDATE), commit(**UPDATE | {"parents": (sha("second"), sha("newest"))})),
            update_merges=(UpdateMerge(commit=sha("second"), clean=False), UpdateMerge(commit=HEAD, clean=True)),
        ),
        IGNORE,
        FAIL,
        Reason.STALE_APPROVAL,
    ),
    (
        "a commit between",
        updated(
            commits=(commit("first"), commit("second", parents=(FIRST,)), commit(**UPDATE | {"parents": (sha("second"), NEWER)})),
        ),
        IGNORE,
        FAIL,
        Reason.STALE_APPROVAL,
    ),
    (
        "a commit after it",
        updated(
            commits=(commit("first"), commit("second", **UPDATE), commit(parents=(sha("second"),))),
            update_merges=(UpdateMerge(commit=sha("second"), clean=True),),
        ),
        IGNORE,
        FAIL,
        Reason.STALE_APPROVAL,
    ),
]


@pytest.mark.parametrize(("judged", "rules", "outcome", "reason"), [pytest.param(*case[1:], id=case[0]) for case in UPDATES])
def test_update_merges(judged: Change, rules: PeerApproved, outcome: Outcome, reason: Reason) -> None:
    finding = evaluate(judged, facts(judged), rules)
    assert (finding.outcome, finding.reason) == (outcome, reason)


# --- teams and owners ------------------------------------------------------------------------------------------------------------

PAYMENTS = PeerApproved(required_teams=("Acme/payments",))
OWNED = PeerApproved(code_owners=True)


def team(name: str = "acme/payments", *members: Identity, gap: Unavailable | None = None) -> Team:
    return Team(name=name, members=gap or members)


def codeowners(text: str) -> CodeOwnersFile:
    return CodeOwnersFile(path="CODEOWNERS", commit=BASE, text=text)


def touching(*paths: str, **differs: Any) -> Change:
    return change(**{"files": tuple(ChangedFile(path=path) for path in paths)} | differs)


RENAMED = change(files=(ChangedFile(path="b/new.py", was="a/old.py"),))
BOTH = (review(), review(CAROL))

LACKS: list[tuple[str, Change, dict[str, Any], PeerApproved, Outcome, Reason]] = [
    ("a member approved", change(), {"teams": (team("acme/payments", BOB),)}, PAYMENTS, PASS, Reason.APPROVED),
    ("no member approved", change(), {"teams": (team("acme/payments", CAROL),)}, PAYMENTS, FAIL, Reason.TEAM_NOT_APPROVED),
    ("an empty team", change(), {"teams": (team(),)}, PAYMENTS, FAIL, Reason.TEAM_NOT_APPROVED),
    ("the team can't be seen", change(), {"teams": (team(gap=GONE),)}, PAYMENTS, UNKNOWN, Reason.TEAM_UNKNOWN),
    ("the team was not asked for", change(), {}, PAYMENTS, UNKNOWN, Reason.TEAM_UNKNOWN),
    (
        "a member's approval that doesn't count",
        change(reviews=(review(), review(ALICE))),
        {"teams": (team("acme/payments", ALICE),)},
        PAYMENTS,
        FAIL,
        Reason.TEAM_NOT_APPROVED,
    ),
    (
        "a member's approval that may count",
        change(reviews=(review(), review(CAROL, may_write=GONE))),
        {"teams": (team("acme/payments", CAROL),)},
        PAYMENTS,
        UNKNOWN,
        Reason.REVIEWER_UNKNOWN,
    ),
    (
        "another of the same name is no member",
        change(),
        {"teams": (team("acme/payments", Identity(key="github:77", login="bob")),)},
        PAYMENTS,
        FAIL,
        Reason.TEAM_NOT_APPROVED,
    ),
    (
        "two teams, one approval for both",
        change(),
        {"teams": (team("acme/a", BOB), team("acme/b", BOB))},
        PeerApproved(required_teams=("acme/a", "acme/b")),
        PASS,
        Reason.APPROVED,
    ),
    (
        "two teams, one of them missing",
        change(),
        {"teams": (team("acme/a", BOB), team("acme/b", CAROL))},
        PeerApproved(required_teams=("acme/a", "acme/b")),
        FAIL,
        Reason.TEAM_NOT_APPROVED,
    ),
    (
        "one missing, one unknown",
        change(),
        {"teams": (team("acme/a", CAROL), team("acme/b", gap=GONE))},
        PeerApproved(required_teams=("acme/a", "acme/b")),
        UNKNOWN,
        Reason.TEAM_UNKNOWN,
    ),
    ("an owner approved", touching("a.py"), {"code_owners": codeowners("* @BOB")}, OWNED, PASS, Reason.APPROVED),
    ("no owner approved", touching("a.py"), {"code_owners": codeowners("* @carol")}, OWNED, FAIL, Reason.OWNER_NOT_APPROVED),
    ("one of several owners is enough", touching("a.py"), {"code_owners": codeowners("* @carol @bob")}, OWNED, PASS, Reason.APPROVED),
    (
        "the author owns it",
        touching("a.py", reviews=(review(), review(ALICE))),
        {"code_owners": codeowners("* @alice")},
        OWNED,
        FAIL,
        Reason.OWNER_NOT_APPROVED,
    ),
    (
        "each file needs one of its own",
        touching("a.py", "b.js"),
        {"code_owners": codeowners("* @bob\n*.js @carol")},
        OWNED,
        FAIL,
        Reason.OWNER_NOT_APPROVED,
    ),
    ("each file has one", touching("a.py", "b.js", reviews=BOTH), {"code_owners": codeowners("* @bob\n*.js @carol")}, OWNED, PASS, Reason.APPROVED),
    ("a file without owners needs none", touching("a.py", "c.md"), {"code_owners": codeowners("*.py @bob")}, OWNED, PASS, Reason.APPROVED),
    (
        "a renamed file has the owners of its old name",
        RENAMED,
        {"code_owners": codeowners("/a/ @carol\n/b/ @bob")},
        OWNED,
        FAIL,
        Reason.OWNER_NOT_APPROVED,
    ),
    ("and those of its new name", RENAMED, {"code_owners": codeowners("/a/ @bob\n/b/ @carol")}, OWNED, FAIL, Reason.OWNER_NOT_APPROVED),
    (
        "a team owns it",
        touching("a.py"),
        {"code_owners": codeowners("* @acme/payments"), "teams": (team("acme/payments", BOB),)},
        OWNED,
        PASS,
        Reason.APPROVED,
    ),
    (
        "a team owns it that can't be seen",
        touching("a.py"),
        {"code_owners": codeowners("* @acme/payments"), "teams": (team(gap=GONE),)},
        OWNED,
        UNKNOWN,
        Reason.OWNER_UNKNOWN,
    ),
    (
        "an unseen team beside an owner who approved",
        touching("a.py"),
        {"code_owners": codeowners("* @acme/payments @bob"), "teams": (team(gap=GONE),)},
        OWNED,
        PASS,
        Reason.APPROVED,
    ),
    ("an e-mail owns it", touching("a.py"), {"code_owners": codeowners("* docs@example.com")}, OWNED, UNKNOWN, Reason.OWNER_UNKNOWN),
    ("the file can't be read", touching("a.py"), {"code_owners": GONE}, OWNED, UNKNOWN, Reason.OWNER_UNKNOWN),
    ("the file was not asked for", touching("a.py"), {}, OWNED, UNKNOWN, Reason.OWNER_UNKNOWN),
    ("the file is too large", touching("a.py"), {"code_owners": codeowners("#" * 3_200_000)}, OWNED, UNKNOWN, Reason.OWNER_UNKNOWN),
    ("no file: nothing has owners", touching("a.py"), {"code_owners": MISSING}, OWNED, PASS, Reason.APPROVED),
    ("the changed files can't be read", touching(files=GONE), {"code_owners": codeowners("* @bob")}, OWNED, UNKNOWN, Reason.OWNER_UNKNOWN),
    ("the changed files were not asked for", change(), {"code_owners": codeowners("* @bob")}, OWNED, UNKNOWN, Reason.OWNER_UNKNOWN),
    ("no approval at all comes first", touching("a.py", reviews=()), {"code_owners": GONE}, OWNED, FAIL, Reason.NOT_APPROVED),
]


@pytest.mark.parametrize(("judged", "differs", "rules", "outcome", "reason"), [pytest.param(*case[1:], id=case[0]) for case in LACKS])
def test_teams_and_owners(judged: Change, differs: dict[str, Any], rules: PeerApproved, outcome: Outcome, reason: Reason) -> None:
    finding = evaluate(judged, facts(judged, **differs), rules)
    assert (finding.outcome, finding.reason) == (outcome, reason), finding.observed
    assert (finding.remedy is None) == (outcome is PASS)


def test_the_finding_names_files_owners_and_skipped_lines() -> None:
    judged = touching("a.py", "b.py", merged_at=MISSING, landed=())
    finding = evaluate(judged, facts(judged, code_owners=codeowners("* @carol @acme/x\n[ab] @dave"), teams=(team("acme/x", DAVE),)), OWNED)
    skipped = "(lines of CODEOWNERS skipped as invalid: 2)"
    assert finding.observed == f"approved by bob; no approval by an owner of a.py and 1 more: @carol or @acme/x {skipped}"
    assert finding.remedy is not None
    assert finding.remedy.who == "@carol or @acme/x"


def test_teams_are_asked_for_where_they_are_needed() -> None:
    judged = touching("a.py", "b.js")
    found = facts(judged, code_owners=codeowners("* @Acme/all\n*.py @acme/py @bob\n*.js @acme/js\n*.go @acme/go"))
    assert teams_needed(found, PeerApproved(required_teams=("Acme/Payments",))) == ("acme/payments",)
    assert teams_needed(found, OWNED) == ("acme/js", "acme/py")


# --- generated timelines ---------------------------------------------------------------------------------------------------------

PEOPLE = [ALICE, BOB, CAROL, DAVE, ROBOT]
HEADS = [FIRST, sha("second"), HEAD]
CLEAN = st.sampled_from([True, True, False, GONE, None])
"""None: an ordinary commit."""


@st.composite
def timelines(draw: st.DrawFn) -> tuple[Change, Facts, PeerApproved]:
    """A change of three commits, the last two of which may be update merges; reviews of any of them; owners and teams."""
    kinds = [draw(CLEAN), draw(CLEAN)]
    commits = [commit("first", author=draw(st.sampled_from([ALICE, BOB])))]
    for name, before, kind in (("second", FIRST, kinds[0]), ("head", HEADS[1], kinds[1])):
        who = draw(st.sampled_from([ALICE, BOB, CAROL]))
        made = commit(name, parents=(before,), author=who, committer=who)
        if kind is not None:
            made = commit(name, parents=(before, NEWER), author=who, committer=WEB_FLOW, verified=draw(st.sampled_from([True, True, False])))
        commits.append(made)
    updates = tuple(UpdateMerge(commit=sha, clean=kind) for sha, kind in zip(HEADS[1:], kinds, strict=True) if kind is not None)
    reviews = tuple(
        review(
            draw(st.sampled_from([*PEOPLE, GONE])),
            draw(st.sampled_from([ReviewState.APPROVED, ReviewState.APPROVED, *ReviewState])),
            id=f"r{number}",
            submitted_at=draw(st.sampled_from([hours(1), hours(2), hours(3), hours(3.5), GONE])),
            commit=draw(st.sampled_from(HEADS)),
            may_write=draw(st.sampled_from([True, True, False, GONE])),
        )
        for number in range(draw(st.integers(0, 5)))
    )
    members = st.one_of(st.just(GONE), st.lists(st.sampled_from(PEOPLE), max_size=3, unique=True).map(tuple))
    judged = change(
        commits=tuple(commits),
        reviews=reviews,
        update_merges=draw(st.sampled_from([updates, updates, GONE])),
        force_pushed_at=draw(st.sampled_from([(), (), (hours(1.5),)])),
        files=draw(st.sampled_from([(ChangedFile(path="a.py"),), (ChangedFile(path="b/n.js", was="a.py"),), GONE])),
    )
    found = facts(
        judged,
        teams=(Team(name="acme/payments", members=draw(members)),),
        code_owners=draw(st.sampled_from([MISSING, GONE, *map(codeowners, ("* @bob", "* @carol @acme/payments", "*.js @dave", "* x@example.com"))])),
    )
    rules = PeerApproved(
        approvals=draw(st.integers(1, 2)),
        ignore_update_merges=draw(st.booleans()),
        required_teams=draw(st.sampled_from([(), ("acme/payments",)])),
        code_owners=draw(st.booleans()),
        approved_before=draw(st.sampled_from(["merge", "deploy"])),
    )
    return judged, found, rules


def plainly_passes(judged: Change, found: Facts, rules: PeerApproved) -> bool:
    """A second reading, by what must be so for a pass, without the words of the first."""
    approvers = plain_approvers(judged, rules)
    assert not isinstance(judged.reviews, Unavailable)
    standing = [each for each in judged.reviews if each.state is ReviewState.CHANGES_REQUESTED and plainly_last(each, judged.reviews)]
    if any(each.may_write is not False or isinstance(each.reviewer, Unavailable) for each in standing):
        return False
    members = {team.name: team.members for team in found.teams}["acme/payments"]
    in_team = not isinstance(members, Unavailable) and any(person in members for person in approvers)
    if len(approvers) < rules.approvals or (rules.required_teams and not in_team):
        return False
    return not rules.code_owners or plainly_owned(judged, found, {person.login for person in approvers}, in_team)


def plainly_owned(judged: Change, found: Facts, logins: set[str], in_team: bool) -> bool:
    if isinstance(judged.files, Unavailable) or isinstance(found.code_owners, Unavailable):
        return False
    if not isinstance(found.code_owners, CodeOwnersFile):
        return True
    return {
        "* @bob": "bob" in logins,
        "* @carol @acme/payments": "carol" in logins or in_team,
        "*.js @dave": "dave" in logins or judged.files[0].path == "a.py",
        "* x@example.com": False,
    }[found.code_owners.text]


def plainly_last(one: Review, every: tuple[Review, ...]) -> bool:
    if isinstance(one.reviewer, Unavailable) or isinstance(one.submitted_at, Unavailable):
        return True
    at = one.submitted_at, every.index(one)
    return not any(
        each.reviewer == one.reviewer
        and each.state is not ReviewState.COMMENTED
        and not isinstance(each.submitted_at, Unavailable)
        and at < (each.submitted_at, place)
        for place, each in enumerate(every)
    )


def plain_approvers(judged: Change, rules: PeerApproved) -> list[Identity]:
    """Who approved in a way that counts, beyond all doubt."""
    assert not isinstance(judged.commits, Unavailable)
    assert not isinstance(judged.reviews, Unavailable)
    empty = [each for each in judged.commits if plainly_empty(each, judged, rules)]
    makers = {ALICE.key} | {who.key for each in judged.commits if each not in empty for who in each.people if not isinstance(who, Unavailable)}
    fresh = {HEAD}
    if judged.commits[2] in empty:
        fresh.add(HEADS[1])
        if judged.commits[1] in empty:
            fresh.add(FIRST)
    pushed = judged.force_pushed_at if not isinstance(judged.force_pushed_at, Unavailable) else ()
    found = []
    for each in judged.reviews:
        known = isinstance(each.reviewer, Identity) and isinstance(each.submitted_at, datetime)
        if known and each.state is ReviewState.APPROVED and each.commit in fresh and each.may_write is True and plainly_last(each, judged.reviews):
            assert isinstance(each.reviewer, Identity)
            assert isinstance(each.submitted_at, datetime)
            in_time = each.submitted_at <= hours(3) or rules.approved_before == "deploy"
            if in_time and all(each.submitted_at > push for push in pushed) and each.reviewer.key not in makers and each.reviewer != ROBOT:
                found.append(each.reviewer)
    return found


def plainly_empty(made: Commit, judged: Change, rules: PeerApproved) -> bool:
    listed = () if isinstance(judged.update_merges, Unavailable) else judged.update_merges
    return rules.ignore_update_merges and made.verified and UpdateMerge(commit=made.sha, clean=True) in listed


@given(timeline=timelines())
def test_a_naive_reading_agrees(timeline: tuple[Change, Facts, PeerApproved]) -> None:
    judged, found, rules = timeline
    assert (evaluate(judged, found, rules).outcome is PASS) is plainly_passes(judged, found, rules)


@given(timeline=timelines())
def test_without_an_approval_that_counts_nothing_passes(timeline: tuple[Change, Facts, PeerApproved]) -> None:
    judged, found, rules = timeline
    if not plain_approvers(judged, rules):
        assert evaluate(judged, found, rules).outcome is not PASS


@given(timeline=timelines(), extra=st.sampled_from([*PEOPLE, GONE]), place=st.integers(0, 2))
def test_one_more_contributor_never_lets_a_change_through(
    timeline: tuple[Change, Facts, PeerApproved], extra: Identity | Unavailable, place: int
) -> None:
    judged, found, rules = timeline
    assert not isinstance(judged.commits, Unavailable)
    commits = tuple(each.model_copy(update={"co_authors": (extra,)}) if at == place else each for at, each in enumerate(judged.commits))
    after = judged.model_copy(update={"commits": commits})
    if evaluate(judged, found, rules).outcome is not PASS:
        assert evaluate(after, found, rules).outcome is not PASS
