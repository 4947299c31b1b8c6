"""Who approved what, when, and who made it."""

from doubles.objects import Person

from support.parity import ALICE, ALLOWED, BLOCKED, UNKNOWN, deploy_with, scenario
from support.shops import BOT, Change, Shop


@scenario(ALLOWED)
def approved(shop: Shop) -> None:
    shop.change().approve("bob").merge()


@scenario(ALLOWED)
def approved_and_merged_by_its_author(shop: Shop) -> None:
    shop.change().approve("bob").merge("alice", "merge")


@scenario(ALLOWED)
def approved_and_rebased(shop: Shop) -> None:
    shop.change().push("alice").check().approve("bob").merge("carol", "rebase")


@scenario(ALLOWED)
def merged_onto_a_newer_base(shop: Shop) -> None:
    change = shop.change().approve("bob")
    approved(shop)
    change.merge("carol", "merge")


@scenario(BLOCKED, "peer-approved/newer-base")
def merged_onto_a_newer_base_where_the_policy_blocks_it(shop: Shop) -> None:
    deploy_with(shop, "{newer-base: block}")
    change = shop.change().approve("bob")
    approved(shop)
    change.merge("carol", "merge")


@scenario(BLOCKED, "peer-approved/newer-base")
def squashed_onto_a_newer_base_where_the_policy_blocks_it(shop: Shop) -> None:
    deploy_with(shop, "{newer-base: block}")
    change = shop.change().approve("bob")
    approved(shop)
    change.merge("carol")


@scenario(ALLOWED)
def several_in_a_row(shop: Shop) -> None:
    """A merge queue, or a merge train."""
    changes = [shop.change(author).approve("carol") for author in ("alice", "bob")]
    for change in changes:
        change.merge("carol", "merge")


@scenario(BLOCKED, "peer-approved/not-approved")
def unapproved(shop: Shop) -> None:
    shop.change().merge("bob")


@scenario(BLOCKED, "peer-approved/not-approved")
def approved_by_its_author(shop: Shop) -> None:
    shop.change().approve("alice").merge()


@scenario(BLOCKED, "peer-approved/self-approved")
def approved_by_a_committer(shop: Shop) -> None:
    shop.change().push("bob").check().approve("bob").merge(method="merge")


@scenario(BLOCKED, "peer-approved/self-approved")
def approved_by_a_co_author(shop: Shop) -> None:
    shop.change().push("alice", co_authors=("bob",)).check().approve("bob").merge(method="rebase")


@scenario(UNKNOWN, "peer-approved/contributor-unknown")
def a_commit_under_nobodys_address(shop: Shop) -> None:
    shop.change().push("alice", under=Person("Bob", "bob@elsewhere.example")).check().approve("carol").merge(method="merge")


@scenario(UNKNOWN, "peer-approved/contributor-unknown")
def squashed_with_a_commit_under_nobodys_address(shop: Shop) -> None:
    shop.change().push("alice", under=Person("Bob", "bob@elsewhere.example")).check().approve("bob").merge()


@scenario(BLOCKED, "peer-approved/stale-approval")
def pushed_after_the_approval(shop: Shop) -> None:
    shop.change().approve("bob").push("alice").check().merge()


@scenario(BLOCKED, "peer-approved/stale-approval")
def force_pushed_after_the_approval(shop: Shop) -> None:
    shop.change().approve("bob").force_push("alice").check().merge()


@scenario(ALLOWED)
def approved_again_after_a_force_push(shop: Shop) -> None:
    shop.change().approve("bob").force_push("alice").check().approve("carol").merge()


@scenario(BLOCKED, "peer-approved/late-approval")
def approved_late(shop: Shop) -> None:
    shop.change().merge().approve("bob")


@scenario(ALLOWED)
def approved_late_where_the_policy_takes_it(shop: Shop) -> None:
    deploy_with(shop, "{approved-before: deploy}")
    shop.change().merge().approve("bob")


@scenario(BLOCKED, "peer-approved/changes-requested")
def changes_requested_after_an_approval(shop: Shop) -> None:
    shop.change().approve("bob").request_changes("bob").merge()


@scenario(BLOCKED, "peer-approved/changes-requested")
def changes_requested_by_another(shop: Shop) -> None:
    shop.change().approve("bob").request_changes("carol").merge()


@scenario(ALLOWED)
def changes_requested_then_approved(shop: Shop) -> None:
    shop.change().request_changes("bob").approve("bob").merge()


@scenario(ALLOWED)
def changes_requested_by_a_reader(shop: Shop) -> None:
    shop.change().request_changes("dave").approve("bob").merge()


@scenario(BLOCKED, "peer-approved/dismissed-approval")
def the_approval_taken_back(shop: Shop) -> None:
    shop.change().approve("bob").withdraw("bob").merge()


@scenario(ALLOWED)
def taken_back_and_given_again(shop: Shop) -> None:
    shop.change().approve("bob").withdraw("bob").approve("bob").merge()


@scenario(BLOCKED, "peer-approved/not-approved")
def a_comment_that_says_approved(shop: Shop) -> None:
    shop.change().comment("bob").merge()


@scenario(BLOCKED, "peer-approved/reader-approved")
def approved_by_a_reader(shop: Shop) -> None:
    shop.change().approve("dave").merge()


@scenario(ALLOWED)
def approved_by_a_reader_where_the_policy_takes_it(shop: Shop) -> None:
    deploy_with(shop, "{permission: any}")
    shop.change().approve("dave").merge()


@scenario(BLOCKED, "peer-approved/bot-approved")
def approved_by_a_bot(shop: Shop) -> None:
    shop.change().approve(BOT).merge()


@scenario(UNKNOWN, "peer-approved/reviewer-unknown")
def approved_by_an_account_that_is_deleted(shop: Shop) -> None:
    shop.change().approve("bob").merge()
    shop.delete("bob")


@scenario(UNKNOWN, "peer-approved/contributor-unknown")
def made_by_an_account_that_is_deleted(shop: Shop) -> None:
    shop.change("carol").approve("bob").merge("bob")
    shop.delete("carol")


@scenario(BLOCKED, "peer-approved/too-few-approvals")
def one_of_two_approvals(shop: Shop) -> None:
    deploy_with(shop, "{approvals: 2}")
    shop.change().approve("bob").merge()


@scenario(ALLOWED)
def two_of_two_approvals(shop: Shop) -> None:
    deploy_with(shop, "{approvals: 2}")
    shop.change().approve("bob").approve("carol").merge()


@scenario(ALLOWED)
def approved_by_the_team(shop: Shop) -> None:
    shop.team("bob")
    deploy_with(shop, "{required-teams: [acme/payments]}")
    approved(shop)


@scenario(BLOCKED, "peer-approved/team-not-approved")
def approved_by_no_member_of_the_team(shop: Shop) -> None:
    shop.team("carol")
    deploy_with(shop, "{required-teams: [acme/payments]}")
    approved(shop)


@scenario(UNKNOWN, "peer-approved/team-unknown")
def a_team_that_is_not_there(shop: Shop) -> None:
    deploy_with(shop, "{required-teams: [acme/payments]}")
    approved(shop)


@scenario(ALLOWED)
def made_by_a_bot(shop: Shop) -> None:
    shop.change(BOT).approve("bob").merge("bob")


@scenario(BLOCKED, "peer-approved/not-approved")
def made_by_a_bot_and_unapproved(shop: Shop) -> None:
    shop.change(BOT).merge("bob")


@scenario(ALLOWED)
def made_by_a_bot_that_is_exempt(shop: Shop) -> None:
    deploy_with(shop, f"{{exempt-bots: [{shop.number_of(BOT)}]}}")
    shop.change(BOT).merge("bob")


@scenario(BLOCKED, "peer-approved/not-approved")
def made_by_another_bot_than_the_exempt_one(shop: Shop) -> None:
    deploy_with(shop, f"{{exempt-bots: [{shop.number_of(BOT) + 1}]}}")
    shop.change(BOT).merge("bob")


@scenario(BLOCKED, "peer-approved/not-approved")
def a_persons_commit_on_an_exempt_bots_change(shop: Shop) -> None:
    deploy_with(shop, f"{{exempt-bots: [{shop.number_of(BOT)}]}}")
    shop.change(BOT).push("alice").check().merge("bob")


@scenario(BLOCKED, "peer-approved/not-approved")
def made_by_a_person_whose_number_is_exempt(shop: Shop) -> None:
    deploy_with(shop, f"{{exempt-bots: [{shop.number_of('alice')}]}}")
    shop.change().merge("bob")


@scenario(BLOCKED, "peer-approved/changes-requested")
def changes_requested_of_an_exempt_bot(shop: Shop) -> None:
    deploy_with(shop, f"{{exempt-bots: [{shop.number_of(BOT)}]}}")
    shop.change(BOT).request_changes("bob").merge("bob")


@scenario(BLOCKED, "peer-approved/self-approved")
def a_persons_commit_on_a_bots_change(shop: Shop) -> None:
    shop.change(BOT).push("alice").check().approve("alice").merge("bob")


@scenario(UNKNOWN, "peer-approved/contributor-unknown")
def a_commit_under_a_bots_address(shop: Shop) -> None:
    """Alice's commit on a bot's change, under the bot's address, then approved by her."""
    shop.change(BOT).push(BOT).check().approve("alice").merge("bob")


@scenario(ALLOWED)
def from_a_fork(shop: Shop) -> None:
    shop.change("dave", fork=True).approve("bob").merge("bob")


@scenario(BLOCKED, "peer-approved/not-approved")
def from_a_fork_and_unapproved(shop: Shop) -> None:
    shop.change("dave", fork=True).merge("bob", "merge")


@scenario(ALLOWED)
def rebased_onto_a_newer_base(shop: Shop) -> None:
    change = shop.change().approve("bob")
    shop.change("carol").approve("bob").merge()
    change.merge("alice", "rebase")


@scenario(ALLOWED)
def updates_ignored(shop: Shop) -> None:
    deploy_with(shop, "{ignore-update-merges: true}")
    change = shop.change().approve("bob")
    shop.change("carol").approve("bob").merge()
    change.update("carol").check().merge()


@scenario(BLOCKED, "peer-approved/stale-approval")
def updated_after_the_approval(shop: Shop) -> None:
    change = shop.change().approve("bob")
    shop.change("carol").approve("bob").merge()
    change.update("alice").check().merge()


@scenario(ALLOWED)
def updated_and_approved_again(shop: Shop) -> None:
    change = shop.change().approve("bob")
    shop.change("carol").approve("bob").merge()
    change.update("alice").check().approve("bob").merge(method="merge")


def against_a_branch_that_nobody_reviewed(shop: Shop) -> Change:
    """Approved for a small difference to a branch that holds more than the deployed one."""
    shop.repo.branch("stage")
    shop.repo.push("stage", author=ALICE, files={"pay.py": "steal()\n"}, message="Pay")
    return shop.change(target="stage").approve("bob")


@scenario(BLOCKED, "peer-approved/stale-approval")
def retargeted_after_the_approval(shop: Shop) -> None:
    """All of the other branch lands with it."""
    against_a_branch_that_nobody_reviewed(shop).retarget("main").merge()


@scenario(BLOCKED, "peer-approved/stale-approval")
def retargeted_after_the_approval_then_merged(shop: Shop) -> None:
    against_a_branch_that_nobody_reviewed(shop).retarget("main").merge("carol", "merge")


@scenario(BLOCKED, "peer-approved/stale-approval")
def retargeted_after_the_approval_then_rebased(shop: Shop) -> None:
    against_a_branch_that_nobody_reviewed(shop).retarget("main").merge("carol", "rebase")


@scenario(BLOCKED, "peer-approved/stale-approval")
def retargeted_to_and_fro_after_the_approval(shop: Shop) -> None:
    shop.repo.branch("stage")
    shop.change().approve("bob").retarget("stage").retarget("main").merge()


@scenario(ALLOWED)
def approved_again_after_a_retarget(shop: Shop) -> None:
    change = against_a_branch_that_nobody_reviewed(shop).retarget("main")
    change.withdraw("bob").approve("bob").merge()


@scenario(ALLOWED)
def approved_by_another_after_a_retarget(shop: Shop) -> None:
    against_a_branch_that_nobody_reviewed(shop).retarget("main").approve("carol").merge()


@scenario(BLOCKED, "peer-approved/stale-approval")
def stacked_and_retargeted_by_the_forge(shop: Shop) -> None:
    """The change below was merged and its branch deleted: what was approved is the difference to that branch."""
    shop.repo.branch("below")
    stacked = shop.change(target="below").approve("bob")
    stacked.retarget("main", automatic=True).merge()


@scenario(BLOCKED, "peer-approved/changes-requested")
def whoever_requests_changes_is_not_asked_any_more(shop: Shop) -> None:
    shop.change().approve("carol").request_changes("bob").ask_nobody("alice", "bob").merge()


@scenario(ALLOWED)
def not_asked_any_more_then_approved(shop: Shop) -> None:
    shop.change().request_changes("bob").ask_nobody("alice", "bob").approve("bob").merge()


@scenario(ALLOWED)
def a_pusher_in_anothers_name_approves(shop: Shop) -> None:
    """GitHub says of no push who made it, but of a forced one."""
    shop.change().push("alice", by="bob").check().approve("bob").merge()


@scenario(BLOCKED, "peer-approved/self-approved")
def a_force_pusher_in_anothers_name_approves(shop: Shop) -> None:
    shop.change().force_push("alice", by="bob").check().approve("bob").merge()
