"""Which tickets are asked for, of which tracker, how often, and what is said of those that aren't."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from builders import ALICE, change, ticket

from changegate.facts import MISSING, Assurance, Change, Lookup, Ticket, TicketKind, Unavailable
from changegate.policy import Controls, EffectivePolicy, RollbackPlan, TicketLinked
from changegate.tracker_rules import TrackerRules
from changegate.trackers import MAX_KEYS, MAX_OF_A_CHANGE, Tracker, look_up, not_found

JIRA = TrackerRules(kind="jira-cloud", url="https://acme.atlassian.net", projects=("SHOP", "OPS"))
NOW = TrackerRules(kind="servicenow", url="https://acme.service-now.com", projects=("CHG",), plan_field="backout_plan")
BOTH = EffectivePolicy(trackers=(JIRA, NOW))


class Answers:
    """Trackers that have every ticket but those that are said otherwise."""

    def __init__(self, **otherwise: Ticket) -> None:
        self.otherwise = {key.replace("_", "-"): said for key, said in otherwise.items()}
        self.asked: dict[str, list[str]] = {}

    def open(self, rules: TrackerRules) -> Tracker:
        answers = self

        class One:
            def fetch(self, keys: Sequence[str]) -> Mapping[str, Ticket]:
                answers.asked.setdefault(rules.kind, []).extend(keys)
                return {key: answers.otherwise.get(key, found(key)) for key in keys}

        return One()

    def look(self, *changes: Change, policy: EffectivePolicy = BOTH) -> tuple[Change, ...]:
        return look_up(changes, policy, self.open)


def found(key: str, **differs: Any) -> Ticket:
    return ticket(key, source="", lookup=Lookup.FOUND, **differs)


def tickets_of(judged: Change) -> tuple[Ticket, ...]:
    assert isinstance(judged.tickets, tuple)
    return judged.tickets


def test_each_key_is_asked_for_once_of_the_tracker_that_keeps_it() -> None:
    answers = Answers()
    looked = answers.look(
        change(id="#1", title="SHOP-1, CHG0030042", tickets=()),
        change(id="#2", title="SHOP-1 OPS-2", head_ref="x/SHOP-1-y", tickets=()),
        change(id="#3", title="UTF-8", tickets=()),
    )
    assert answers.asked == {"jira-cloud": ["SHOP-1", "OPS-2"], "servicenow": ["CHG0030042"]}
    assert [[(each.key, each.source, each.lookup) for each in tickets_of(one)] for one in looked] == [
        [("SHOP-1", "title", Lookup.FOUND), ("CHG0030042", "title", Lookup.FOUND)],
        [("SHOP-1", "title", Lookup.FOUND), ("OPS-2", "title", Lookup.FOUND)],
        [],
    ]


def test_nobody_is_asked_where_nothing_is_named_or_nothing_depends_on_it() -> None:
    answers = Answers()
    off = Controls(ticket_linked=TicketLinked(enabled=False), rollback_plan=RollbackPlan(enabled=False))
    answers.look(change(title="Round up"))
    answers.look(change(title="SHOP-1"), policy=EffectivePolicy(trackers=(JIRA,), controls=off))
    answers.look(change(title="SHOP-1"), policy=EffectivePolicy(controls=Controls(ticket_linked=TicketLinked(projects=("SHOP",)))))
    assert answers.asked == {}


@pytest.mark.parametrize(
    "policy",
    [
        EffectivePolicy(trackers=(NOW,), controls=Controls(ticket_linked=TicketLinked(enabled=False))),
        EffectivePolicy.model_validate(
            {
                "trackers": [{"kind": "servicenow", "url": "https://acme.service-now.com", "projects": ["CHG"]}],
                "controls": {"ticket-linked": {"enabled": False}},
                "emergency": {"declared-by": ["alice"], "ticket-types": ["emergency"]},
            }
        ),
    ],
)
def test_plans_and_emergencies_may_depend_on_a_ticket_too(policy: EffectivePolicy) -> None:
    answers = Answers()
    answers.look(change(title="CHG0030042", tickets=()), policy=policy)
    assert answers.asked == {"servicenow": ["CHG0030042"]}


def test_a_ticket_of_a_trailer_is_looked_up_and_keeps_its_source() -> None:
    named = ticket("SHOP-1", kind=TicketKind.ASSERTED, assurance=Assurance.ASSERTED, created_at=MISSING, source="trailer:Ticket")
    (looked,) = Answers().look(change(tickets=(named, ticket("acme/shop#7"))))
    assert [(each.key, each.source, each.lookup) for each in tickets_of(looked)] == [
        ("acme/shop#7", "closing-keyword", None),
        ("SHOP-1", "trailer:Ticket", Lookup.FOUND),
    ]


def test_an_issue_that_the_forge_links_is_asked_of_the_tracker_that_keeps_it() -> None:
    rules = TrackerRules(kind="github-issues", url="https://api.github.com", projects=("acme/shop",))
    linked = ticket("Acme/Shop#7", requested_by=ALICE)
    mentioned = ticket("acme/shop#8", source="number")
    answers = Answers()
    (looked,) = answers.look(
        change(title="acme/shop#9", tickets=(linked, mentioned, ticket("acme/other#1"))), policy=EffectivePolicy(trackers=(rules,))
    )
    assert answers.asked == {"github-issues": ["Acme/Shop#7", "acme/shop#9"]}
    assert {each.key: (each.source, each.lookup) for each in tickets_of(looked)} == {
        "Acme/Shop#7": ("closing-keyword", Lookup.FOUND),
        "acme/shop#8": ("number", None),
        "acme/other#1": ("closing-keyword", None),
        "acme/shop#9": ("title", Lookup.FOUND),
    }
    assert next(each.requested_by for each in tickets_of(looked) if each.key == "Acme/Shop#7") == ALICE


def test_tickets_of_the_forge_that_can_not_be_read_hide_none_of_the_tracker() -> None:
    (looked,) = Answers().look(change(title="SHOP-1", tickets=Unavailable(why="403")))
    assert [each.lookup for each in tickets_of(looked)] == [Lookup.FOUND]


def test_more_than_are_looked_up_are_unknown_and_not_missing() -> None:
    answers = Answers()
    many = " ".join(f"SHOP-{number}" for number in range(1, MAX_OF_A_CHANGE + 3))
    (looked,) = answers.look(change(title=many, tickets=()))
    assert len(answers.asked["jira-cloud"]) == MAX_OF_A_CHANGE
    assert [each.lookup for each in tickets_of(looked)] == [Lookup.FOUND] * MAX_OF_A_CHANGE + [Lookup.UNREADABLE] * 2
    assert f"{MAX_OF_A_CHANGE} are looked up" in tickets_of(looked)[-1].why


def test_of_a_deploy_no_more_than_so_many_are_asked_for() -> None:
    answers = Answers()
    changes = [change(id=f"#{number}", title=f"SHOP-{number}", tickets=()) for number in range(1, MAX_KEYS + 2)]
    looked = answers.look(*changes)
    assert len(answers.asked["jira-cloud"]) == MAX_KEYS
    assert [tickets_of(each)[0].lookup for each in looked].count(Lookup.UNREADABLE) == 1


@pytest.mark.parametrize("lookup", Lookup)
def test_a_plan_that_could_not_be_fetched_is_unknown(lookup: Lookup) -> None:
    said = found("CHG0030042", plan="Restore the snapshot.") if lookup is Lookup.FOUND else not_found("CHG0030042", lookup, "so it is")
    (looked,) = Answers(CHG0030042=said).look(change(title="CHG0030042", tickets=()))
    (behind,) = tickets_of(looked)
    if lookup in {Lookup.FOUND, Lookup.MISSING}:
        assert behind.plan == said.plan
    else:
        assert behind.plan == Unavailable(why="CHG0030042: so it is")


def test_where_no_plan_is_kept_in_tickets_none_is_missed() -> None:
    (looked,) = Answers(SHOP_1=not_found("SHOP-1", Lookup.DOWN, "502")).look(change(title="SHOP-1", tickets=()))
    assert tickets_of(looked)[0].plan == ""
