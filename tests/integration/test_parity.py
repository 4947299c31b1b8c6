"""One scenario table, two forges: the same things happen on GitHub and on GitLab, and the gate says the same of them.

Where GitLab's own semantics make another answer right, `DIFFERENT` has it, with the reason.
"""

from pathlib import Path
from typing import NamedTuple

import pytest
from support.gating import gate, open_shop
from support.parity import ALLOWED, BLOCKED, NOT_ITS_OWN, SCENARIOS, UNKNOWN, Expected, Happens, approvals, evidence, landing, owners, ranges
from support.shops import SHOPS, Shop

from changegate.cli import run


class Other(NamedTuple):
    """What is right on GitLab, and why it is something else there."""

    expected: Expected
    why: str


DIFFERENT: dict[Happens, Other] = {
    approvals.approved_by_its_author: Other(
        Expected(BLOCKED, ("peer-approved/self-approved",)), "GitLab lets authors approve, unless it is set otherwise; GitHub never does"
    ),
    approvals.approved_by_a_co_author: Other(
        Expected(UNKNOWN, ("peer-approved/contributor-unknown",)),
        "GitLab doesn't say whose a co-author's address is, unless it is public or that of some commit's author",
    ),
    approvals.the_approval_taken_back: Other(
        Expected(BLOCKED, ("peer-approved/not-approved",)), "an approval taken back is gone from GitLab's list of approvals"
    ),
    approvals.a_commit_under_a_bots_address: Other(
        Expected(ALLOWED, ()), "a bot has an account and an address like anybody; as with a colleague's address, nothing says who used it"
    ),
    approvals.a_pusher_in_anothers_name_approves: Other(
        Expected(BLOCKED, ("peer-approved/self-approved",)), "GitLab notes who pushed; GitHub only who forced a push"
    ),
    approvals.rebased_onto_a_newer_base: Other(
        Expected(BLOCKED, ("peer-approved/stale-approval",)), "GitLab rebases before it merges: what lands has other commits than were approved"
    ),
    approvals.made_by_a_bot_that_is_exempt: Other(
        Expected(BLOCKED, ("peer-approved/not-approved",)), "GitLab doesn't say of a commit that it was verified, so no bot is exempt"
    ),
    approvals.updates_ignored: Other(
        Expected(BLOCKED, ("peer-approved/stale-approval",)), "GitLab makes no update merges of its own, and signs none"
    ),
    landing.a_closed_changes_commit_pushed_by_hand: Other(
        Expected(UNKNOWN, NOT_ITS_OWN), "GitLab lists a commit's closed merge requests, too; GitHub only open and merged ones"
    ),
    evidence.a_change_as_ticket: Other(
        Expected(BLOCKED, ("ticket-linked/no-ticket",)), "changes and issues have numbers of their own: !7 can't be taken for an issue"
    ),
}


@pytest.fixture(params=SHOPS)
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return open_shop(request.param, tmp_path, monkeypatch)


@pytest.mark.parametrize("happens", SCENARIOS, ids=[each.__name__ for each in SCENARIOS])
def test_both_forges_decide_alike(shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], happens: Happens) -> None:
    head = happens(shop)
    expected = DIFFERENT[happens].expected if shop.name == "gitlab" and happens in DIFFERENT else SCENARIOS[happens]
    with shop.serve() as server:
        gated = gate(shop, server, monkeypatch, capsys, "--head", head or shop.repo.head)
    assert (gated.code, tuple(gated.report["reasons"])) == expected, gated.lacks
    assert run(["verify", "evidence"]) == 0, "every decision is on record"


def test_a_difference_is_one() -> None:
    assert all(other.expected != SCENARIOS[happens] for happens, other in DIFFERENT.items())
    assert {each.__name__ for each in (approvals, evidence, landing, owners, ranges)} == {each.__module__ for each in SCENARIOS}
