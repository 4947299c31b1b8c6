import pytest
from unit.render.reports import CONTROLS, change, not_approved, of_size, report

from changegate.decision import Finding, Outcome
from changegate.render import matrix


def test_a_row_per_change_and_a_column_per_control() -> None:
    said = report((change(1), change(2)), not_approved("#2"))
    table = matrix.build(said.decision, said.facts)
    assert set(table.controls) == set(CONTROLS)
    assert [(row.change, row.stops) for row in table.rows] == [("#1", False), ("#2", True)]
    assert [finding.control for finding in table.whole] == ["range-known"]


def test_no_finding_is_without_a_row() -> None:
    said = report((change(1),), not_approved("#99"))
    table = matrix.build(said.decision, said.facts)
    assert [row.change for row in table.stopping] == ["#99"]


@pytest.mark.parametrize(
    ("outcomes", "shown"),
    [
        ((), Outcome.NOT_APPLICABLE),
        ((Outcome.PASS, Outcome.NOT_APPLICABLE), Outcome.PASS),
        ((Outcome.PASS, Outcome.FAIL), Outcome.FAIL),
        ((Outcome.FAIL, Outcome.UNKNOWN, Outcome.PASS), Outcome.UNKNOWN),
    ],
)
def test_a_cell_shows_the_worst(outcomes: tuple[Outcome, ...], shown: Outcome) -> None:
    assert matrix.worst(outcomes) is shown


def test_two_findings_of_one_control_are_one_cell() -> None:
    twice = Finding(control="peer-approved", change="#1", outcome=Outcome.UNKNOWN, reason="x", observed="o", required="r")
    said = report((change(1),), not_approved("#1"), twice)
    table = matrix.build(said.decision, said.facts)
    assert table.rows[0].outcomes[table.controls.index("peer-approved")] is Outcome.UNKNOWN


@pytest.mark.parametrize(("number", "folds"), [(40, False), (41, True)])
def test_many_changes_fold(number: int, *, folds: bool) -> None:
    said = of_size(number)
    assert matrix.build(said.decision, said.facts).folds is folds
