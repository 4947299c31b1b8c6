"""Code owners, as deployed: one approval by one of them for each file that has any."""

from support.parity import ALLOWED, BLOCKED, UNKNOWN, deploy_with, scenario
from support.parity.approvals import approved
from support.shops import PLAN, Shop

OWNERS = "{code-owners: true}"


@scenario(ALLOWED)
def approved_by_the_owner(shop: Shop) -> None:
    deploy_with(shop, OWNERS, "* @bob\n")
    approved(shop)


@scenario(ALLOWED)
def no_code_owners(shop: Shop) -> None:
    deploy_with(shop, OWNERS)
    approved(shop)


@scenario(BLOCKED, "peer-approved/owner-not-approved")
def approved_by_another_than_the_owner(shop: Shop) -> None:
    deploy_with(shop, OWNERS, "* @carol\n")
    approved(shop)


@scenario(BLOCKED, "peer-approved/owner-not-approved")
def the_change_makes_its_reviewer_the_owner(shop: Shop) -> None:
    deploy_with(shop, OWNERS, "* @carol\n")
    shop.change(body=PLAN, files={"CODEOWNERS": "* @bob\n"}).approve("bob").merge()


@scenario(BLOCKED, "peer-approved/owner-not-approved")
def the_owners_own_change(shop: Shop) -> None:
    deploy_with(shop, OWNERS, "* @carol\n")
    shop.change("carol").approve("bob").merge()


@scenario(ALLOWED)
def owned_by_a_team_of_the_approvers(shop: Shop) -> None:
    shop.team("bob")
    deploy_with(shop, OWNERS, "* @acme/payments\n")
    approved(shop)


@scenario(BLOCKED, "peer-approved/owner-not-approved")
def owned_by_a_team_of_others(shop: Shop) -> None:
    shop.team("carol")
    deploy_with(shop, OWNERS, "* @acme/payments\n")
    approved(shop)


@scenario(UNKNOWN, "peer-approved/owner-unknown")
def owned_by_a_team_that_is_not_there(shop: Shop) -> None:
    deploy_with(shop, OWNERS, "* @acme/payments\n")
    approved(shop)


@scenario(UNKNOWN, "peer-approved/owner-unknown")
def owned_by_an_address(shop: Shop) -> None:
    deploy_with(shop, OWNERS, "* docs@example.com\n")
    approved(shop)
