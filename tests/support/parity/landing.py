"""How commits come to the deployed branch."""

from support.parity import ALICE, ALLOWED, BLOCKED, NOT_ITS_OWN, UNKNOWN, UNREVIEWED, scenario
from support.parity.approvals import approved
from support.shops import Shop


@scenario(UNKNOWN, *UNREVIEWED)
def a_direct_push(shop: Shop) -> None:
    shop.repo.push("main", author=ALICE, files={"hotfix.txt": "x\n"}, message="Hotfix")


@scenario(UNKNOWN, *UNREVIEWED)
def a_direct_push_below_a_merge_by_hand(shop: Shop) -> None:
    alice = ALICE
    shop.repo.branch("side")
    side = shop.repo.push("side", author=alice, files={"side.txt": "x\n"}, message="Side")
    shop.repo.push_merge("main", side, author=alice)


@scenario(UNKNOWN, *NOT_ITS_OWN)
def an_open_changes_commit_pushed_by_hand(shop: Shop) -> None:
    shop.repo.branch("stable")
    change = shop.change(target="stable").approve("bob")
    shop.repo.branches["main"] = change.head


@scenario(BLOCKED, *UNREVIEWED[1:])
def a_closed_changes_commit_pushed_by_hand(shop: Shop) -> None:
    change = shop.change().approve("bob").close()
    shop.repo.branches["main"] = change.head


@scenario(UNKNOWN, *NOT_ITS_OWN)
def merged_into_another_branch(shop: Shop) -> None:
    shop.repo.branch("stable")
    shop.change(target="stable").approve("bob").merge(method="merge")
    shop.repo.branches["main"] = shop.repo.branches["stable"]


@scenario(ALLOWED)
def its_head_pushed_by_hand(shop: Shop) -> None:
    """What was approved is what arrived: the forge takes it for merged."""
    shop.change().approve("bob").push_to_target("alice")


@scenario(UNKNOWN, *UNREVIEWED)
def a_cherry_pick_pushed_by_hand(shop: Shop) -> None:
    picked = shop.change(files={"a.txt": "a"}).approve("bob")
    shop.repo.push("main", author=ALICE, files={"a.txt": "a"}, message="Round prices up")
    picked.close()


@scenario(ALLOWED)
def a_cherry_pick_by_a_change_of_its_own(shop: Shop) -> None:
    shop.repo.branch("stable")
    shop.change(files={"a.txt": "a"}, target="stable").approve("bob").merge()
    shop.change(files={"a.txt": "a"}).approve("carol").merge()


@scenario(ALLOWED)
def unreviewed_then_reverted(shop: Shop) -> None:
    shop.change(files={"a.txt": "a"}).merge("bob")
    shop.change(files={"a.txt": None}).approve("bob").merge()


@scenario(BLOCKED, "peer-approved/not-approved")
def reverted_without_a_review(shop: Shop) -> None:
    shop.change(files={"a.txt": "a"}).approve("bob").merge()
    shop.deploy()
    shop.change(files={"a.txt": None}).merge("bob")


@scenario(UNKNOWN, "peer-approved/merged-by-hand")
def merged_by_hand_with_content_of_its_own(shop: Shop) -> None:
    change = shop.change().approve("bob")
    approved(shop)
    repo = shop.repo
    change.merge_by_hand("bob", {**repo.commits[repo.head].files, **repo.commits[change.head].files, "backdoor.sh": b"evil"})


@scenario(UNKNOWN, "peer-approved/merged-by-hand")
def others_work_dropped_by_a_merge_by_hand(shop: Shop) -> None:
    change = shop.change().approve("bob")
    approved(shop)
    change.merge_by_hand("alice", shop.repo.commits[change.head].files)


@scenario(UNKNOWN, *sorted((*NOT_ITS_OWN, *UNREVIEWED)))
def a_branch_merged_by_hand(shop: Shop) -> None:
    """A change merged into another branch without approval, which somebody then merges into the deployed one."""
    shop.repo.branch("feature")
    shop.change("carol", target="feature").merge(method="merge")
    shop.repo.push_merge("main", shop.repo.branches["feature"], author=ALICE)


@scenario(ALLOWED)
def a_branch_of_reviewed_changes(shop: Shop) -> None:
    """Everything that the merge brings is its own, and was approved as a whole."""
    shop.repo.branch("feature")
    shop.change("carol", target="feature").approve("bob").merge(method="merge")
    shop.change("alice").include(shop.repo.branches["feature"], "alice").check().approve("bob").merge(method="merge")
