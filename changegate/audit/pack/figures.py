"""The numbers of a period, from its verified records. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from changegate.audit.pack.contents import Contents, Kept
from changegate.audit.population import EMERGENCY, LET_GO, Kind, exceptions_of, went


class Week(NamedTuple):
    """What was decided in a week, which begins on a Monday (UTC): let go by the rules, let go otherwise (emergency, audit mode), stopped."""

    monday: date
    allowed: int
    otherwise: int
    stopped: int


class Exempted(NamedTuple):
    """A deploy that went although something was not as the policy asks."""

    kept: Kept
    by: tuple[str, ...]
    """The waivers or the emergency, as recorded."""


@dataclass(frozen=True)
class Figures:
    """What an overview says. Every attempt counts by itself."""

    weeks: tuple[Week, ...]
    went: int
    stopped: int
    reasons: tuple[tuple[str, int], ...]
    """What stood in the way of the attempts that were stopped, the most frequent first: control/reason, with the number of attempts."""
    emergencies: int
    failed: int
    """Deploys that failed or were rolled back."""
    without_outcome: int
    exceptions: tuple[Exempted, ...]
    to_approve: tuple[timedelta, ...]
    """For each deployed change that has both: from its oldest ticket's opening to the first approval that counted."""


def of(contents: Contents) -> Figures:
    """Of the decisions in the period."""
    decisions, outcomes = tuple(contents.decisions.values()), contents.outcomes
    let_go = [each for each in decisions if went(each.predicate)]
    stopped = [each for each in decisions if not went(each.predicate)]
    endings = [outcomes[each.card.envelope].card.decision for each in let_go if each.card.envelope in outcomes]
    reasons = Counter(reason for each in stopped for reason in dict.fromkeys(each.predicate["decision"]["reasons"]))
    return Figures(
        weeks=tuple(_weeks(decisions)),
        went=len(let_go),
        stopped=len(stopped),
        reasons=tuple(sorted(reasons.items(), key=lambda each: (-each[1], each[0]))),
        emergencies=sum(each.card.decision == EMERGENCY for each in let_go),
        failed=sum(each != "success" for each in endings),
        without_outcome=len(let_go) - len(endings),
        exceptions=tuple(Exempted(each, by) for each in let_go if (by := _exceptions(each))),
        to_approve=tuple(time for each in let_go for change in each.predicate["changes"] if (time := _to_approve(change)) is not None),
    )


AUDIT_MODE: Final = "audit mode: not allowed by the rules, and let go, since the policy only watched"


def _exceptions(kept: Kept) -> tuple[str, ...]:
    found = exceptions_of(kept.predicate, Kind.CHANGES)
    return found if kept.card.decision in LET_GO else (*found, AUDIT_MODE)


def _to_approve(change: Mapping[str, Any]) -> timedelta | None:
    approved = min((datetime.fromisoformat(each["at"]) for each in change["approvals"] or () if each["counts"] and each["at"]), default=None)
    opened = min((datetime.fromisoformat(each["created"]) for each in change["tickets"] or () if each["created"]), default=None)
    return approved - opened if approved is not None and opened is not None and opened <= approved else None


def _weeks(decisions: Sequence[Kept]) -> Iterator[Week]:
    counts = Counter((_monday(each.card.at), _sort(each)) for each in decisions)
    every = {monday for monday, _ in counts}
    if not every:
        return
    monday = min(every)
    while monday <= max(every):
        yield Week(monday, counts[monday, 0], counts[monday, 1], counts[monday, 2])
        monday += timedelta(days=7)


def _sort(kept: Kept) -> int:
    return 2 if not went(kept.predicate) else 0 if kept.card.decision == "allowed" else 1


def _monday(at: datetime) -> date:
    return at.date() - timedelta(days=at.weekday())
