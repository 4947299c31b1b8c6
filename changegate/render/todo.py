"""What is to be done before the deploy may go: per thing to do, not per change."""

from dataclasses import dataclass, field, replace

from changegate.decision import Decision, Finding, Outcome, Remedy
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
    people: list[str] = field(default_factory=list)
    """Who can do it, place by place."""

    def what(self, who: str, step: str) -> ToDo:
        """The thing to do. Where the people differ from place to place, it names their role, and each place its people."""
        places = tuple(self.places)
        if len(set(self.people)) > 1:
            places = tuple(replace(place, observed=f"{place.observed}; needs {each}") for place, each in zip(places, self.people, strict=True))
        else:
            who = self.people[0]
        return ToDo(self.finding.control, self.finding.reason, self.finding.outcome, self.finding.required, who, step, places)


def things_to_do(decision: Decision, facts: Facts) -> tuple[ToDo, ...]:
    """All that stops the deploy, grouped by control, reason, step and who, in the order in which it was found."""
    changes = {change.id: change for change in facts.changes}
    groups: dict[tuple[str, str, Outcome, str, str], _Group] = {}
    for finding in decision.stopping:
        remedy = finding.remedy or _read_the_page(finding)
        change = changes.get(finding.change) if finding.change is not None else None
        url = change.url if change else ""
        place = Place(finding.change, change.title if change else "", url, finding.observed, remedy.link or url)
        group = groups.setdefault((finding.control, finding.reason, finding.outcome, remedy.role or remedy.who, remedy.step), _Group(finding))
        group.places.append(place)
        group.people.append(remedy.who)
    return tuple(group.what(who, step) for (_, _, _, who, step), group in groups.items())


def _read_the_page(finding: Finding) -> Remedy:
    return Remedy(who="whoever runs this pipeline", step=f"Read what the control asks for: changegate explain {finding.control}")
