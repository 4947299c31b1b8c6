"""peer-approved as a whole, on generated timelines, against a naive second reading."""

from datetime import datetime

from builders import ALICE, BASE, BOB, CAROL, DAVE, FIRST, HEAD, ROBOT, WEB_FLOW, change, commit, facts, hours, review, sha
from hypothesis import given
from hypothesis import strategies as st

from changegate.controls.peer_approved import evaluate
from changegate.decision import Outcome
from changegate.facts import (
    MISSING,
    Change,
    ChangedFile,
    CodeOwnersFile,
    Commit,
    Facts,
    Identity,
    Retarget,
    Review,
    ReviewState,
    Team,
    Unavailable,
    UpdateMerge,
)
from changegate.policy import PeerApproved

GONE = Unavailable(why="the request failed")
PASS = Outcome.PASS
NEWER = sha("newer")


def codeowners(text: str) -> CodeOwnersFile:
    return CodeOwnersFile(path="CODEOWNERS", commit=BASE, text=text)


def retarget(at: float) -> Retarget:
    return Retarget(at=hours(at), before="stage", after="main")


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
        retargeted=draw(st.sampled_from([(), (), (retarget(1.5),), (retarget(0.5), retarget(2)), GONE])),
        pushers=draw(st.sampled_from([(), (), (ALICE,), (CAROL,), (BOB, DAVE)])),
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
    assert not isinstance(judged.pushers, Unavailable)
    makers |= {who.key for who in judged.pushers if isinstance(who, Identity)}
    if isinstance(judged.retargeted, Unavailable):
        return []
    fresh = {HEAD}
    if judged.commits[2] in empty:
        fresh.add(HEADS[1])
        if judged.commits[1] in empty:
            fresh.add(FIRST)
    pushed = judged.force_pushed_at if not isinstance(judged.force_pushed_at, Unavailable) else ()
    pushed += tuple(each.at for each in judged.retargeted)
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
