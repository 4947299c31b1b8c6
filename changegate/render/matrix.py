"""The table of changes and controls."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from changegate import undone
from changegate.decision import Decision, Finding, Outcome
from changegate.facts import Facts

FOLD_ABOVE: Final = 40
"""With more changes than this, those that pass are counted and not listed."""
LEGEND: Final[Mapping[Outcome, str]] = {
    Outcome.PASS: "passes",
    Outcome.FAIL: "fails",
    Outcome.UNKNOWN: "could not be judged, so it stops",
    Outcome.LIFTED: "fails, and is lifted",
    Outcome.NOT_APPLICABLE: "not asked here",
}
_WORST_FIRST: Final = (Outcome.UNKNOWN, Outcome.FAIL, Outcome.LIFTED, Outcome.PASS, Outcome.NOT_APPLICABLE)


@dataclass(frozen=True)
class Row:
    """One change, and what each control of the matrix found on it."""

    change: str
    title: str
    url: str
    outcomes: tuple[Outcome, ...]
    taken_back: bool = False
    """Whether a later commit brought back the content from before it, so that there was nothing to judge."""

    @property
    def label(self) -> str:
        """Its title, and what became of it."""
        return f"(taken back) {self.title}" if self.taken_back else self.title

    @property
    def stops(self) -> bool:
        """Whether the deploy stops because of this change."""
        return Outcome.FAIL in self.outcomes or Outcome.UNKNOWN in self.outcomes

    @property
    def shown(self) -> bool:
        """Whether it is listed however many changes there are: it stops the deploy, or would, were nothing lifted."""
        return self.stops or Outcome.LIFTED in self.outcomes


@dataclass(frozen=True)
class Matrix:
    """Changes × controls, and what was found on the deploy as a whole."""

    controls: tuple[str, ...]
    rows: tuple[Row, ...]
    whole: tuple[Finding, ...]

    @property
    def folds(self) -> bool:
        """Whether there are too many changes to list those that pass."""
        return len(self.rows) > FOLD_ABOVE

    @property
    def stopping(self) -> tuple[Row, ...]:
        """The changes that stop the deploy, or would without an exception."""
        return tuple(row for row in self.rows if row.shown)

    @property
    def passing(self) -> tuple[Row, ...]:
        """The changes that don't."""
        return tuple(row for row in self.rows if not row.shown)


def build(decision: Decision, facts: Facts) -> Matrix:
    """A row for every change of the facts, and for every change that only a finding names: no finding is without a row."""
    of_changes = [finding for finding in decision.findings if finding.change is not None]
    controls = tuple(dict.fromkeys(finding.control for finding in of_changes))
    found: dict[tuple[str, str], list[Outcome]] = {}
    taken_back = {finding.change for finding in of_changes if finding.reason == undone.REASON}
    for finding in of_changes:
        found.setdefault((str(finding.change), finding.control), []).append(finding.outcome)
    known = {change.id: change for change in facts.changes}
    ids = dict.fromkeys((*known, *(str(finding.change) for finding in of_changes)))
    rows = tuple(
        Row(
            each,
            known[each].title if each in known else "",
            known[each].url if each in known else "",
            tuple(worst(found.get((each, control), ())) for control in controls),
            each in taken_back,
        )
        for each in ids
    )
    return Matrix(controls, rows, tuple(finding for finding in decision.findings if finding.change is None))


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """What a cell shows where a control found more than one thing. Nothing found is *not applicable*."""
    found = set(outcomes)
    return next((each for each in _WORST_FIRST if each in found), Outcome.NOT_APPLICABLE)
