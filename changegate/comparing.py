"""What another policy would have made of recorded deploys. Pure."""

from typing import Final, NamedTuple

from changegate import controls
from changegate.decision import Decision
from changegate.facts import NOT_ASKED, Facts
from changegate.policy import Policy

UNTOLD: Final = "can't be told"


class Comparison(NamedTuple):
    """Two decisions on the same facts."""

    old: Decision
    new: Decision

    @property
    def differs(self) -> bool:
        """Whether they are two."""
        return (self.old.verdict, self.old.reasons) != (self.new.verdict, self.new.reasons)

    @property
    def appeared(self) -> tuple[str, ...]:
        """The reasons that only the new policy gives."""
        return tuple(sorted({*self.new.reasons} - {*self.old.reasons}))

    @property
    def vanished(self) -> tuple[str, ...]:
        """The reasons that only the old policy gives."""
        return tuple(sorted({*self.old.reasons} - {*self.new.reasons}))

    @property
    def untold(self) -> bool:
        """Whether the new policy asks for what nobody had fetched: under it the gate would have asked, and decided by the answer."""
        return any(NOT_ASKED.why in each.observed for each in self.new.stopping)

    @property
    def how(self) -> str:
        """How they differ: `allowed → blocked`, `blocked, for other reasons`, `can't be told`."""
        if self.untold:
            return UNTOLD
        before, after = self.old.verdict.value, self.new.verdict.value
        return f"{before} → {after}" if before != after else f"{before}, for other reasons"


def compare(facts: Facts, old: Policy, new: Policy) -> Comparison:
    """What both policies make of one deploy. Raises `PolicyError` for an environment that a policy names in other letters."""
    environment = facts.deployment.environment
    return Comparison(*(controls.evaluate(facts, each.for_environment(environment)) for each in (old, new)))
