"""Why a tracker doesn't show a ticket: because there is none, or because the account may not see its project."""

from collections.abc import Callable

from changegate.facts import Lookup, Ticket
from changegate.tickets import project_of
from changegate.trackers import not_found


class Absent:
    """Asks about each project once. `look` says whether the account sees one; `what` is what this tracker calls it."""

    def __init__(self, tracker: str, what: str, look: Callable[[str], bool]) -> None:
        self._tracker, self._what, self._look = tracker, what, look
        self._seen: dict[str, bool] = {}

    def explain(self, key: str) -> Ticket:
        """The ticket that isn't shown, and why. Raises `TrackerError` as `look` does."""
        project = project_of(key)
        if project not in self._seen:
            self._seen[project] = self._look(project)
        if self._seen[project]:
            return not_found(key, Lookup.MISSING, f"{self._tracker} has no {key} that the account may see")
        return not_found(key, Lookup.FORBIDDEN, f"{self._tracker} shows the account no {self._what} {project}")
