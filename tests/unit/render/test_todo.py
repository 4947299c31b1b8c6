from builders import facts
from unit.render.reports import change, not_approved, report

from changegate.decision import Finding, Outcome, Remedy, decide
from changegate.render.todo import things_to_do


def test_many_changes_that_need_the_same_are_one_thing_to_do() -> None:
    changes = tuple(change(number) for number in (1, 2, 3))
    said = report(changes, not_approved("#1"), not_approved("#3"))
    (thing,) = things_to_do(said.decision, said.facts)
    assert [place.change for place in thing.places] == ["#1", "#3"]
    assert (thing.control, thing.reason, thing.observed) == ("peer-approved", "not-approved", "nobody approved it")
    assert thing.link == ""
    assert thing.places[0].link == "https://forge.example/acme/shop/pull/1"


def test_another_step_is_another_thing_to_do() -> None:
    said = report((change(1), change(2)), not_approved("#1"), not_approved("#2", step="Revert it."))
    assert [thing.step for thing in things_to_do(said.decision, said.facts)] == ["Ask a colleague to review it.", "Revert it."]


def test_what_was_found_is_said_per_change_where_it_differs() -> None:
    said = report((change(1), change(2)), not_approved("#1"), not_approved("#2", observed="alice approved her own change"))
    (thing,) = things_to_do(said.decision, said.facts)
    assert thing.observed == ""
    assert [place.observed for place in thing.places] == ["nobody approved it", "alice approved her own change"]


def test_a_remedys_own_link_goes_before_the_changes() -> None:
    said = report((change(1), change(2)), *(not_approved(each, link="https://forge.example/settings") for each in ("#1", "#2")))
    (thing,) = things_to_do(said.decision, said.facts)
    assert thing.link == "https://forge.example/settings"


def test_a_finding_without_a_remedy_still_names_a_step() -> None:
    bare = Finding(control="range-known", change=None, outcome=Outcome.UNKNOWN, reason="cut", observed="o", required="r")
    said = report((), bare)
    (thing,) = things_to_do(said.decision, said.facts)
    assert thing.step.endswith("changegate explain range-known")
    assert thing.who


def test_a_finding_on_a_change_that_the_facts_lack_is_said() -> None:
    said = report((change(1),), not_approved("#99"))
    (thing,) = things_to_do(said.decision, said.facts)
    assert [(place.change, place.title) for place in thing.places] == [("#99", "")]


def test_nothing_that_passes_is_to_be_done() -> None:
    said = report((change(1),))
    assert things_to_do(said.decision, said.facts) == ()


def test_one_step_for_many_people_is_one_thing_that_names_each() -> None:
    def finding(number: int, author: str) -> Finding:
        remedy = Remedy(who=f"someone other than {author}", role="a peer", step="approve it")
        return Finding(control="c", change=f"#{number}", outcome=Outcome.FAIL, reason="r", observed="no approval", required="one", remedy=remedy)

    (same,) = things_to_do(decide([finding(1, "alice"), finding(2, "alice")]), facts())
    assert (same.who, same.observed) == ("someone other than alice", "no approval")
    (differing,) = things_to_do(decide([finding(1, "alice"), finding(2, "bob")]), facts())
    assert differing.who == "a peer"
    assert [place.observed for place in differing.places] == [
        "no approval; needs someone other than alice",
        "no approval; needs someone other than bob",
    ]
