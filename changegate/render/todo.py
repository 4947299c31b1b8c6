"""What is to be done before the deploy may go: per thing to do, not per change."""

from dataclasses import dataclass, field

from changegate.decision import Decision, Finding, Outcome
from changegate.facts import Facts


@dataclass(frozen=True)
class Place:
    """One change (or, with `change` None, the whole deploy) on which a thing is to be done."""

    change: str | None
    title: str
    url: str
    observed: str
    link: str
    """Where the step is taken; the change itself where the remedy names no place."""


@dataclass(frozen=True)
class ToDo:
    """One thing to do: what is missing, who can do it, the step, and everywhere that it is missing."""

    control: str
    reason: str
    outcome: Outcome
    required: str
    who: str
    step: str
    places: tuple[Place, ...]

    @property
    def observed(self) -> str:
        """What was found, where it is the same everywhere; else empty, and each place says it."""
        first, *others = {place.observed for place in self.places}
        return "" if others else first

    @property
    def link(self) -> str:
        """Where the step is taken, where there is one such place; else empty, and each place says it."""
        first, *others = {place.link for place in self.places}
        return "" if others else first


@dataclass
class _Group:
    finding: Finding
    places: list[Place] = field(default_factory=list)


def things_to_do(decision: Decision, facts: Facts) -> tuple[ToDo, ...]:
    """All that stops the deploy, grouped by control, reason, step and who, in the order in which it was found."""
    changes = {change.id: change for change in facts.changes}
    groups: dict[tuple[str, str, str, str, Outcome], _Group] = {}
    for finding in decision.stopping:
        who, step = _who_and_step(finding)
        change = changes.get(finding.change) if finding.change is not None else None
        url = change.url if change else ""
        link = (finding.remedy.link if finding.remedy else "") or url
        place = Place(finding.change, change.title if change else "", url, finding.observed, link)
        groups.setdefault((finding.control, finding.reason, step, who, finding.outcome), _Group(finding)).places.append(place)
    return tuple(
        ToDo(control, reason, outcome, group.finding.required, who, step, tuple(group.places))
        for (control, reason, step, who, outcome), group in groups.items()
    )


def _who_and_step(finding: Finding) -> tuple[str, str]:
    if finding.remedy:
        return finding.remedy.who, finding.remedy.step
    return "whoever runs this pipeline", f"Read what the control asks for: changegate explain {finding.control}"
