"""Tickets, rollback plans and checks."""

from support.parity import ALLOWED, BLOCKED, UNKNOWN, scenario
from support.parity.approvals import approved
from support.shops import Shop

PLAN_ONLY = "## Rollback plan\nSwitch the flag off and tell support."


@scenario(BLOCKED, "ticket-linked/no-ticket")
def no_ticket(shop: Shop) -> None:
    shop.change(body=PLAN_ONLY).approve("bob").merge()


@scenario(BLOCKED, "ticket-linked/no-ticket")
def a_ticket_that_is_not_there(shop: Shop) -> None:
    shop.change(body=f"Closes #4711\n\n{PLAN_ONLY}").approve("bob").merge()


@scenario(BLOCKED, "ticket-linked/only-mentioned")
def a_ticket_only_mentioned(shop: Shop) -> None:
    shop.change(body=f"See #{{issue}}\n\n{PLAN_ONLY}").approve("bob").merge()


@scenario(BLOCKED, "ticket-linked/not-a-ticket")
def a_change_as_ticket(shop: Shop) -> None:
    other = shop.change().approve("bob").merge()
    shop.change(body=f"Closes {shop.refer(other)}\n\n{PLAN_ONLY}").approve("bob").merge()


@scenario(ALLOWED)
def a_qualified_ticket(shop: Shop) -> None:
    shop.change(body=f"For acme/shop#{{issue}}\n\n{PLAN_ONLY}").approve("bob").merge()


@scenario(BLOCKED, "ticket-linked/no-ticket")
def a_ticket_in_code(shop: Shop) -> None:
    shop.change(body=f"`Closes` `#{{issue}}`\n\n{PLAN_ONLY}").approve("bob").merge()


@scenario(BLOCKED, "rollback-plan/no-plan")
def no_plan(shop: Shop) -> None:
    shop.change(body="Closes #{issue}").approve("bob").merge()


@scenario(BLOCKED, "rollback-plan/boilerplate")
def a_plan_without_content(shop: Shop) -> None:
    shop.change(body="Closes #{issue}\n\n## Rollback plan\nRevert.").approve("bob").merge()


@scenario(ALLOWED)
def a_plan_that_names_a_deployed_tag(shop: Shop) -> None:
    shop.repo.tags["v1.4.0"] = shop.repo.head
    shop.change(body="Closes #{issue}\n\nRollback: v1.4.0").approve("bob").merge()


@scenario(BLOCKED, "checks-passed/failed")
def a_check_failed(shop: Shop) -> None:
    shop.change().check("lint", "failure").approve("bob").merge()


@scenario(ALLOWED)
def a_check_failed_and_passed_again(shop: Shop) -> None:
    shop.change().check("lint", "failure").check("lint").approve("bob").merge()


@scenario(BLOCKED, "checks-passed/failed")
def a_failed_check_under_a_status_of_its_name(shop: Shop) -> None:
    change = shop.change().check("lint", "failure")
    shop.set_status(change.head, "lint", "success", "alice")
    change.approve("bob").merge()


@scenario(BLOCKED, "checks-passed/failed")
def a_failed_status_under_anothers(shop: Shop) -> None:
    change = shop.change()
    shop.set_status(change.head, "scan", "failure", "carol")
    shop.set_status(change.head, "scan", "success", "alice")
    change.approve("bob").merge()


@scenario(ALLOWED)
def a_failed_status_made_good_by_whoever_set_it(shop: Shop) -> None:
    change = shop.change()
    for state in ("failure", "success"):
        shop.set_status(change.head, "scan", state, "carol")
    change.approve("bob").merge()


@scenario(ALLOWED)
def a_check_that_may_fail(shop: Shop) -> None:
    shop.change().check("lint", "neutral").approve("bob").merge()


@scenario(UNKNOWN, "checks-passed/unfinished")
def a_check_that_runs(shop: Shop) -> None:
    shop.change().check("lint", "pending").approve("bob").merge()


@scenario(UNKNOWN, "checks-passed/no-checks")
def no_checks(shop: Shop) -> None:
    shop.change(checked=False).approve("bob").merge()


@scenario(UNKNOWN, "checks-passed/no-checks")
def checks_of_an_older_head(shop: Shop) -> None:
    shop.change().push("alice").approve("bob").merge()


@scenario(BLOCKED, "checks-passed/failed")
def a_check_failed_on_what_landed(shop: Shop) -> None:
    approved(shop)
    shop.report(shop.repo.head, "deploy-image", "failure")
