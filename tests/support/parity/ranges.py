"""What is deployed, and what is to be."""

from support.parity import ALLOWED, BLOCKED, scenario
from support.parity.approvals import approved, unapproved
from support.shops import Shop


@scenario(ALLOWED)
def nothing_new(shop: Shop) -> None:
    """The deployed commit again."""


@scenario(ALLOWED)
def a_rollback(shop: Shop) -> str:
    first = shop.repo.head
    approved(shop)
    shop.deploy()
    return first


@scenario(BLOCKED, "range-intact/never-deployed")
def back_to_what_was_never_deployed(shop: Shop) -> str:
    approved(shop)
    middle = shop.repo.head
    approved(shop)
    shop.deploy()
    return middle


@scenario(BLOCKED, "range-intact/rewritten")
def a_rewritten_branch(shop: Shop) -> None:
    first = shop.repo.head
    approved(shop)
    shop.deploy()
    shop.repo.branches["main"] = first
    shop.repo.branch("kept", first)
    approved(shop)


@scenario(BLOCKED, "peer-approved/not-approved")
def a_deployment_that_failed_is_no_base(shop: Shop) -> None:
    unapproved(shop)
    shop.deploy(ended=False)
    approved(shop)


@scenario(BLOCKED, "peer-approved/not-approved")
def another_environments_deployment_is_no_base(shop: Shop) -> None:
    unapproved(shop)
    shop.deploy(environment="staging")
    approved(shop)
