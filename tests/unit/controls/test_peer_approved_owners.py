"""peer-approved with update merges, teams and code owners: as tables."""

from typing import Any

import pytest
from builders import ALICE, BASE, BOB, CAROL, DAVE, FIRST, HEAD, WEB_FLOW, change, commit, facts, hours, review, sha

from changegate.controls.peer_approved import Reason, evaluate
from changegate.decision import Outcome
from changegate.facts import (
    MISSING,
    NOT_ASKED,
    Change,
    ChangedFile,
    CodeOwnersFile,
    Identity,
    Team,
    Unavailable,
    UpdateMerge,
)
from changegate.ownership import teams_needed
from changegate.policy import PeerApproved

GONE = Unavailable(why="the request failed", remedy="Run it again.")
PASS, FAIL, UNKNOWN = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN
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
