"""rollback-plan: which plan passes, what is said of one that doesn't."""

from typing import Any

import pytest
from builders import BASE, PLAN, asserted_change, change, facts, ticket

from changegate.controls.rollback_plan import Reason, evaluate
from changegate.decision import Outcome
from changegate.facts import ChangedFile, Lookup, PlanFile, Unavailable
from changegate.policy import PathPlan, RollbackPlan

UNREADABLE = Unavailable(why="403")


@pytest.mark.parametrize(
    ("description", "outcome", "reason"),
    [
        ("## Rollback plan\nSwitch the flag off, then purge the cache.", Outcome.PASS, Reason.PLANNED),
        ("Rollback: v1.4.0", Outcome.PASS, Reason.NAMES_VERSION),
        (f"Rollback: {BASE[:10]}", Outcome.PASS, Reason.NAMES_VERSION),
        ("It rounds up.", Outcome.FAIL, Reason.NO_PLAN),
        ("## Rollback plan", Outcome.FAIL, Reason.EMPTY_PLAN),
        ("Rollback: revert", Outcome.FAIL, Reason.BOILERPLATE),
        ("Rollback: flag off", Outcome.FAIL, Reason.TOO_SHORT),
        ("## Rollback plan\nRedeploy what was there before, please.", Outcome.FAIL, Reason.TEMPLATE_TEXT),
    ],
)
def test_table(description: str, outcome: Outcome, reason: Reason) -> None:
    judged = change(description=description)
    finding = evaluate(judged, facts(judged, templates=("## Rollback plan\nRedeploy what was there before, please.",)), RollbackPlan())
    assert (finding.outcome, finding.reason) == (outcome, reason)
    assert (finding.remedy is None) == (outcome is Outcome.PASS)


def test_a_plan_that_may_be_the_templates_is_unknown() -> None:
    judged = change()
    assert evaluate(judged, facts(judged, templates=UNREADABLE), RollbackPlan()).reason == Reason.TEMPLATE_UNKNOWN


def test_a_named_version_needs_no_template() -> None:
    judged = change(description="Rollback: v1.4.0")
    assert evaluate(judged, facts(judged, templates=UNREADABLE), RollbackPlan()).outcome is Outcome.PASS


def test_headings_and_length_are_the_policys() -> None:
    judged = change(description="## Plan de retour\nCouper le drapeau.")
    assert evaluate(judged, facts(judged), RollbackPlan(headings=("Plan de retour",))).outcome is Outcome.PASS
    assert evaluate(judged, facts(judged), RollbackPlan(headings=("Plan de retour",), min_words=9)).reason == Reason.TOO_SHORT


def test_the_step_fits_the_forge() -> None:
    for judged, word in ((change(description=""), "edit the description"), (asserted_change(description=""), "git revert COMMIT")):
        remedy = evaluate(judged, facts(judged), RollbackPlan()).remedy
        assert remedy is not None
        assert word in remedy.step


@pytest.mark.parametrize(
    ("description", "plans", "reason"),
    [
        ("", (UNREADABLE,), Reason.TICKET_UNKNOWN),
        ("Rollback: revert", (UNREADABLE,), Reason.TICKET_UNKNOWN),
        ("", ("Switch the flag off again.", UNREADABLE), Reason.PLANNED),
        (PLAN, (UNREADABLE,), Reason.PLANNED),
        ("", ("TBD",), Reason.NO_PLAN),
    ],
)
def test_a_ticket_whose_field_can_not_be_read_may_hold_a_plan(description: str, plans: tuple[str | Unavailable, ...], reason: Reason) -> None:
    tickets = tuple(ticket(f"SHOP-{number}", lookup=Lookup.FOUND, plan=plan) for number, plan in enumerate(plans))
    judged = change(description=description, tickets=tickets)
    finding = evaluate(judged, facts(judged), RollbackPlan())
    assert finding.reason == reason
    if reason is Reason.TICKET_UNKNOWN:
        assert finding.outcome is Outcome.UNKNOWN
        assert finding.remedy is not None
        assert finding.remedy.who == "whoever runs the pipeline"
        assert "403" in finding.observed


UP, DOWN = ChangedFile(path="db/migrations/7.up.sql"), ChangedFile(path="db/migrations/7.down.sql")
MIGRATIONS = PathPlan(paths=("db/migrations/*.up.sql",), brings=("*.down.sql",), names=("restore from snapshot", "point-in-time recovery"))


@pytest.mark.parametrize(
    ("files", "description", "reason"),
    [
        ((ChangedFile(path="shop.py"),), PLAN, Reason.PLANNED),
        ((), PLAN, Reason.PLANNED),
        ((UP, DOWN), PLAN, Reason.PLANNED),
        ((UP,), PLAN, Reason.PATH_ASKS_MORE),
        ((UP,), "Rollback: v1.4.0", Reason.PATH_ASKS_MORE),
        ((UP,), "## Rollback plan\nRestore from snapshot; it takes ten minutes.", Reason.PLANNED),
        ((UP,), "## Rollback plan\nBy *Point in Time  Recovery*.", Reason.PLANNED),
        ((UP,), "Restore from snapshot\n## Rollback plan\nSwitch the flag off.", Reason.PATH_ASKS_MORE),
        ((UP,), "## Rollback plan\nDon't restore from snapshots of old.", Reason.PATH_ASKS_MORE),
        ((UP, DOWN), "## Rollback plan\nTBD", Reason.BOILERPLATE),
        ((UP, ChangedFile(path="db/migrations/6.down.sql", removed=True)), PLAN, Reason.PATH_ASKS_MORE),
        ((ChangedFile(path="attic/7.sql", was="db/migrations/7.up.sql"),), PLAN, Reason.PATH_ASKS_MORE),
        ((ChangedFile(path="db/migrations/7.up.sql", removed=True),), PLAN, Reason.PATH_ASKS_MORE),
        (UNREADABLE, PLAN, Reason.FILES_UNKNOWN),
    ],
)
def test_some_files_ask_for_more(files: tuple[ChangedFile, ...] | Unavailable, description: str, reason: Reason) -> None:
    judged = change(files=files, description=description)
    finding = evaluate(judged, facts(judged, templates=()), RollbackPlan(by_path=(MIGRATIONS,)))
    assert finding.reason == reason
    if reason is Reason.PATH_ASKS_MORE:
        assert finding.remedy is not None
        assert "db/migrations/7.up.sql, add a file *.down.sql that undoes it, or a plan that names restore from snapshot or" in finding.remedy.step


def test_where_nothing_undoes_it_none_of_it_goes() -> None:
    judged = change(files=(UP,))
    remedy = evaluate(judged, facts(judged), RollbackPlan(by_path=(PathPlan(paths=("db/",)),))).remedy
    assert remedy is not None
    assert "take db/migrations/7.up.sql out" in remedy.step


GOOD = "# Way back\n\n## Steps\nSwitch the flag off, then purge the cache.\n"


@pytest.mark.parametrize(
    ("differs", "reason"),
    [
        ({"plan_files": (PlanFile(path="rollback/1.md", text=GOOD),)}, Reason.PLANNED),
        ({"plan_files": (PlanFile(path="rollback/1.md", text="TBD"),)}, Reason.NO_PLAN),
        ({"plan_files": (PlanFile(path="rollback/1.md", text=" \n"),)}, Reason.NO_PLAN),
        ({"plan_files": (PlanFile(path="rollback/1.md", text="TBD"), PlanFile(path="rollback/2.md", text=GOOD))}, Reason.PLANNED),
        ({"plan_files": (PlanFile(path="rollback/1.md", text="Redeploy what was there before, please."),)}, Reason.NO_PLAN),
        ({"tickets": (ticket("CHG0030042", lookup=Lookup.FOUND, plan=GOOD),)}, Reason.PLANNED),
        ({"tickets": (ticket("CHG0030042", lookup=Lookup.FOUND, plan="n/a"),)}, Reason.NO_PLAN),
        ({"tickets": (ticket("CHG0030042", lookup=Lookup.DOWN, plan=GOOD),)}, Reason.NO_PLAN),
        ({"tickets": UNREADABLE}, Reason.NO_PLAN),
        ({"description": "## Rollback plan\nTBD", "tickets": (ticket("CHG0030042", lookup=Lookup.FOUND, plan=GOOD),)}, Reason.PLANNED),
        ({"description": "## Rollback plan\nTBD", "plan_files": (PlanFile(path="rollback/1.md", text="n/a"),)}, Reason.BOILERPLATE),
    ],
)
def test_a_plan_elsewhere_is_held_to_the_same_measure(differs: dict[str, Any], reason: Reason) -> None:
    judged = change(**{"description": ""} | differs)
    found = facts(judged, templates=("## Rollback plan\nRedeploy what was there before, please.",))
    assert evaluate(judged, found, RollbackPlan()).reason == reason
