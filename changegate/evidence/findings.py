"""What verification finds: values, so that one damaged object doesn't hide the next. Pure."""

from dataclasses import dataclass, field
from typing import Final

from changegate.errors import ChangegateError
from changegate.evidence.checkpoint import Checkpoint

MAX_LISTED: Final = 1000


@dataclass(frozen=True)
class Problem:
    """One thing that isn't as it must be: or, as a note, something that a stopped writer left and the next append puts right."""

    what: str
    where: str
    """A key of the store, or `entry N`."""
    expected: str
    found: str
    meaning: str
    """What it usually means."""


@dataclass
class Report:
    """The outcome of a verification. It is clean when there is no problem; notes don't count."""

    checkpoint: Checkpoint | None = None
    """The newest one that is signed as the trust file demands."""
    entries: int = 0
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    revoked: tuple[str, ...] = ()
    """The keys that the log says are revoked, each in a sentence."""
    unlisted: int = 0
    """How many problems and notes more there were than are listed."""

    @property
    def clean(self) -> bool:
        """Whether everything is as it was signed."""
        return not self.problems

    def problem(self, what: str, where: str, *, expected: str, found: str, meaning: str) -> None:
        """Something is not as it must be."""
        self._add(self.problems, Problem(what, where, expected, found, meaning))

    def note(self, what: str, where: str, *, expected: str, found: str, meaning: str) -> None:
        """Something isn't finished, which is no sign of tampering."""
        self._add(self.notes, Problem(what, where, expected, found, meaning))

    def error(self, what: str, where: str, error: ChangegateError, *, expected: str) -> None:
        """A problem that a parser or a check found."""
        self.problem(what, where, expected=expected, found=error.message, meaning=error.remedy)

    def _add(self, listed: list[Problem], problem: Problem) -> None:
        if len(listed) < MAX_LISTED:
            listed.append(problem)
        else:
            self.unlisted += 1
