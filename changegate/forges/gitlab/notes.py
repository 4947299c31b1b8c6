"""What GitLab itself noted on a merge request: who pushed, who asked for changes, when its target changed.

System notes are text, but GitLab's own, and nobody can edit or delete one. The texts:
app/services/system_notes/{merge_requests,commit,issuables}_service.rb of gitlab-org/gitlab. Source: "Notes API".
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from changegate.facts import Identity, Known, Retarget
from changegate.forges.answer import UnreadableError
from changegate.forges.gitlab.client import Answer, Client
from changegate.forges.gitlab.people import People

APPROVED: Final = "approved this merge request"
TAKEN_BACK: Final = "unapproved this merge request"
REQUESTED: Final = "requested changes"
_DESCRIBED: Final = "changed the description"
_RENAMED: Final = "changed title from "
_PUSHED: Final = re.compile(r"added [0-9]+ commits?(?:\n.*)?", re.DOTALL)
_RETARGETED: Final = (
    re.compile(r"changed target branch from `(?P<before>.*)` to `(?P<after>.*)`", re.DOTALL),
    # Its target was merged and deleted, and GitLab put that one's own target in its place.
    re.compile(r"deleted the `(?P<before>.*)` branch\. This merge request now targets the `(?P<after>.*)` branch", re.DOTALL),
)
_UNKNOWN_TIME: Final = "Have the approval taken back and given again; or update GitLab: newer ones say when an approval was given."


class Note(NamedTuple):
    """A system note."""

    body: str
    at: datetime
    author: Answer | None
    """None where GitLab shows nobody."""

    @property
    def number(self) -> int:
        """The author's account, 0 where GitLab shows none."""
        return 0 if self.author is None else self.author.number("id")


class Notes(NamedTuple):
    """All of a merge request's system notes, the oldest first."""

    noted: tuple[Note, ...]

    def last(self, user: Answer, said: str, taken_back: str = "") -> datetime:
        """When this was last noted of an account. Raises `UnreadableError` where it never was, or was taken back since."""
        number = user.number("id")
        found = [note for note in self.noted if note.body in {said, taken_back} and note.number == number]
        if not found or found[-1].body != said:
            raise UnreadableError("GitLab doesn't say when it was given", remedy=_UNKNOWN_TIME)
        return found[-1].at

    def standing_requests(self) -> Sequence[Note]:
        """The last request for changes of each account that has not approved since."""
        last = {note.number: note for note in self.noted if note.body in {REQUESTED, APPROVED}}
        return [note for note in last.values() if note.body == REQUESTED]

    def edits(self) -> tuple[datetime, ...]:
        """When its title or its description was edited."""
        return tuple(note.at for note in self.noted if note.body == _DESCRIBED or note.body.startswith(_RENAMED))

    def pushers(self, people: People) -> tuple[Known[Identity], ...]:
        """The accounts that pushed to it since it was opened."""
        by = {note.number: note for note in self.noted if _PUSHED.fullmatch(note.body)}
        return tuple(people.identity(note.author) for note in by.values())

    def retargets(self, widened: Sequence[datetime]) -> tuple[Retarget, ...]:
        """When its target changed, by the notes and by what its versions show (`History.widened_at`)."""
        matches = ((note, pattern.fullmatch(note.body)) for note in self.noted for pattern in _RETARGETED)
        noted = [Retarget(at=note.at, before=match["before"], after=match["after"]) for note, match in matches if match]
        return tuple(sorted([*noted, *(Retarget(at=at) for at in widened)], key=lambda each: each.at))


def read_notes(client: Client, path: str) -> Notes:
    """The system notes of the merge request at `path`. Raises `UnreadableError`, `ForgeError`."""
    listed = client.list_all(f"{path}/notes", sort="asc", order_by="created_at")
    return Notes(tuple(Note(note.text("body").strip(), note.time("created_at"), note.get("author")) for note in listed if note.flag("system")))
