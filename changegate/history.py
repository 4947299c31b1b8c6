"""What the log says is live in an environment, from its gate decisions and their outcomes. Cards in, values out.

A decision that let its deploy go (an allowed one, or in audit mode, which stops nothing, any) was always taken for deployed where it has no outcome.
Where outcomes are recorded, more is known:

| outcomes of a decision that let go | it is |
|---|---|
| success | live, unless a later one is |
| failure | not live: it never was |
| rolled-back, whatever else | not live any more: what was live before it, is again |
| none, contradicting ones, one that this version doesn't know | in doubt |

With a doubt there are several candidates: each doubtful version down to the newest one that is certain. The deploy range must hold good for all of
them, so the caller takes the widest (`changegate.gate.judge`).
"""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from changegate import outcome, record
from changegate.decision import LET_GO
from changegate.errors import InputError
from changegate.evidence.card import Card
from changegate.facts import BaseSource, Deployment
from changegate.forges import Baseline
from changegate.outcome import Ending
from changegate.recorded import Previous

VERSIONS: Final = 10
"""How many versions to return to are looked for; and how many of them may be in doubt before an environment counts as one without outcomes."""
LOOK_BACK: Final = 4096
"""How many cards are looked through for more of them."""


class History(NamedTuple):
    """What the log says of an environment."""

    previous: Previous | None
    baselines: tuple[Baseline, ...]
    """What may be live, the newest first: none, one, or where there is a doubt several."""
    deployed: tuple[str, ...]
    """Commits that were let go before and neither failed nor were rolled back, newest first."""


def read_history(
    cards: Iterable[tuple[int, Card]], deployment: Deployment, verify: Callable[[Card], None], enforced: Callable[[Card], bool]
) -> History:
    """Look back through the log's cards, newest first, for this repository and environment.

    An outcome stands after its decision, so going back it is known when the decision comes. The candidates are all doubtful decisions down to

    1. the newest success, and each success that was reported after that one (two runs overlapped: who ended last may be live); else
    2. the newest decision that is older than every decision with an outcome: from before outcomes were recorded here.

    A card only says where to look: whatever is taken from one, `verify` is asked first, which raises unless its signed record says the same. It is
    asked about the newest record, the decisions that count and their outcomes: some twenty of them, however long the log.

    `enforced` says of a decision that is not allowed whether it stopped its deploy; a card doesn't. It is asked only while what is live is unknown,
    or where the decision has an outcome.

    A name that the log doesn't know, and that differs only in its letters' case from one that it does, is refused with `InputError`: forges take
    the two for one environment, and under the new name nothing would be known of what was let go.

    It stops once it has the last versions that could be returned to, or, with what it needs found, has looked back far enough.
    """
    previous: Previous | None = None
    walk = _Walk(verify, enforced)
    twin = ""
    for seen, (index, card) in enumerate(cards):
        if walk.settled and (len(walk.deployed) >= VERSIONS or seen >= LOOK_BACK):
            break
        if (card.repository, card.environment) != (deployment.repository, deployment.environment):
            if card.repository == deployment.repository and card.environment.casefold() == deployment.environment.casefold():
                twin = card.environment
            continue
        if previous is None:
            verify(card)
            previous = Previous(index=index, envelope=card.envelope)
        if card.predicate_type == outcome.PREDICATE_TYPE and card.about is not None:
            walk.meet_outcome(card, card.about)
        elif card.predicate_type == record.PREDICATE_TYPE:
            walk.meet_decision(card)
    if previous is None and twin:
        raise InputError(
            f"the log knows the environment {twin!r}, and {deployment.environment!r} differs from it only in the case of its letters",
            remedy=f"Name it as the log does: --environment {twin}. A new environment needs a name of its own.",
        )
    return History(previous, tuple(Baseline(commit, BaseSource.LOG) for commit in walk.candidates()), tuple(walk.deployed))


class _Walk:
    """What is known on the way back."""

    def __init__(self, verify: Callable[[Card], None], enforced: Callable[[Card], bool]) -> None:
        self._verify = verify
        self._enforced = enforced
        self.deployed: dict[str, None] = {}
        self._outcomes: dict[str, list[Card]] = {}
        self._successes: list[Card] = []
        """Outcomes that say so, newest first."""
        self._doubtful: list[str] = []
        self._needed = 1
        """How many doubtful ones are candidates while nothing is certain: those that are newer than the oldest outcome, and one more."""
        self._certain: str | None = None
        self._overlapping: tuple[str, ...] = ()

    @property
    def settled(self) -> bool:
        """Whether nothing older can change the candidates."""
        return self._certain is not None or len(self._doubtful) >= self._needed

    def meet_outcome(self, card: Card, gate: str) -> None:
        """An outcome, of a decision that is still to come."""
        self._outcomes.setdefault(gate, []).append(card)
        if card.decision == Ending.SUCCESS:
            self._successes.append(card)

    def meet_decision(self, card: Card) -> None:
        """A gate decision, all of whose outcomes were met."""
        outcomes = self._outcomes.pop(card.envelope, [])
        allowed = card.decision in LET_GO
        if not outcomes and ((self._certain is not None and card.commit in self.deployed) if allowed else self.settled):
            return
        for each in (card, *outcomes):
            self._verify(each)
        if not allowed and self._enforced(card):
            return
        endings = {each.decision for each in outcomes}
        if Ending.ROLLED_BACK in endings or endings == {Ending.FAILURE}:
            self._needed = len(self._doubtful) + 1
            return
        self.deployed.setdefault(card.commit)
        if self._certain is not None:
            return
        if endings == {Ending.SUCCESS}:
            self._certain = card.commit
            self._overlapping = self._reported_after(card.envelope)
        else:
            self._doubtful.append(card.commit)
            if endings:
                self._needed = len(self._doubtful) + 1

    def _reported_after(self, gate: str) -> tuple[str, ...]:
        """Commits of older decisions whose success was reported after this one's, and still holds."""
        found = []
        for success in self._successes:
            if success.about == gate:
                break
            still = self._outcomes.get(success.about or "", [])
            if {each.decision for each in still} == {Ending.SUCCESS}:
                for each in still:
                    self._verify(each)
                found.append(success.commit)
        return tuple(found)

    def candidates(self) -> tuple[str, ...]:
        """What may be live, each once."""
        if self._certain is None:
            return tuple(dict.fromkeys(self._doubtful[: self._needed]))
        return tuple(dict.fromkeys((*self._doubtful, self._certain, *self._overlapping)))
