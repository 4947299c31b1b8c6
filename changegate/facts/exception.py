"""What is known about exceptions: who declared an emergency and who agreed, the waivers that the log has, the reviews that are still due."""

from datetime import date
from enum import StrEnum

from changegate.facts.change import Identity
from changegate.facts.values import Fact, Known, Text, Time


class Permission(StrEnum):
    """What an account may do in the repository, the least first. GitLab's Developer is `write`, its Maintainer `maintain`, its Owner `admin`."""

    NONE = "none"
    READ = "read"
    TRIAGE = "triage"
    WRITE = "write"
    MAINTAIN = "maintain"
    ADMIN = "admin"

    def meets(self, demanded: "Permission") -> bool:
        """Whether this is at least as much as is demanded."""
        order = list(Permission)
        return order.index(self) >= order.index(demanded)


class Actor(Fact):
    """An account as the forge knows it, and what it may do in the repository now."""

    person: Identity
    permission: Known[Permission]


class Declaration(Fact):
    """An emergency that somebody declared for this deploy. The texts are the declarer's; who that is, the forge says."""

    reason: Text
    incident: Text
    declared_by: Known[Actor]
    named: tuple[Known[Actor], ...] = ()
    """Whom the declarer names as having agreed: a claim, about accounts that there are."""
    label: Text = ""
    """The label by which it was declared; empty where whoever started the run said so."""
    change: Text = ""
    """The change that has it."""


class Waiver(Fact):
    """A waiver of the log, as its signed record says, or (with `defect`) what the log has in the place of one."""

    envelope: str
    index: int
    control: str
    change: Text
    """The number of the change, without the forge's sign; empty where it holds for all."""
    head: str = ""
    """The commit that the change had at its head when it was waived; empty where it holds for all changes."""
    environment: Text
    """Empty where it holds for all."""
    until: date
    """The last day (UTC) on which it holds."""
    reason: Text
    requested_by: Text
    approved_by: Text
    decided: Time
    defect: Text = ""
    """Why it can't be believed; empty where it can."""


class DueReview(Fact):
    """An emergency of this environment that nobody has reviewed afterwards, as far as the log says."""

    envelope: str
    index: int
    incident: Text
    due: Time
