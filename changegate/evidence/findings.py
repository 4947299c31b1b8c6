"""What verification finds: values, so that one damaged object doesn't hide the next. Pure."""

from dataclasses import dataclass, field
from typing import Final

from changegate.errors import ChangegateError
from changegate.evidence.checkpoint import Checkpoint

MAX_LISTED: Final = 1000
EDITED: Final = "It was changed after it was written: by hand, by a failing disk or by tampering. Restore it from a copy of the store and compare."
LOST: Final = "It was deleted, or the store wasn't copied whole. Restore it from a copy."
STOPPED: Final = "A writer was stopped; the next append puts it right."
PLANTED: Final = "It is damaged, or somebody without a key put it there. No writer takes it into the log; keep a copy, find out who did, remove it."
ROLLED_BACK: Final = (
    "The newest commits were deleted, or the store is an older copy. Records are missing: restore it from a copy, find out who did it."
)


@dataclass(frozen=True)
class Problem:
    """One thing that isn't as it must be: or, as a note, something that a stopped writer left and the next append puts right."""

    what: str
    where: str
    """A key of the store, or `entry N`."""
    expected: str
    found: str
    meaning: str
    """What it usually means, and what to do next."""


@dataclass
class Report:
    """The outcome of a verification. It is clean when there is no problem; notes don't count."""

    checkpoint: Checkpoint | None = None
    """The newest one that is signed as the trust file demands."""
    entries: int = 0
    records: int = 0
    """How many entries' records were looked at."""
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

    def error(self, what: str, where: str, error: ChangegateError, *, expected: str, meaning: str | None = None) -> None:
        """A problem that a parser or a check found. Its remedy is the meaning, but where there is a better one here."""
        self.problem(what, where, expected=expected, found=error.message, meaning=meaning or error.remedy)

    def take(self, other: "Report") -> None:
        """What another part of the same verification found, after what is here."""
        for each in other.problems:
            self._add(self.problems, each)
        for each in other.notes:
            self._add(self.notes, each)
        self.unlisted += other.unlisted
        self.records += other.records
        self.checkpoint = other.checkpoint or self.checkpoint

    def _add(self, listed: list[Problem], problem: Problem) -> None:
        if len(listed) < MAX_LISTED:
            listed.append(problem)
        else:
            self.unlisted += 1
