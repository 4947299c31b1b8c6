"""GitHub's JSON, read strictly: every value is there and of its kind, or the reading ends in `UnreadableError` with the place named.

Pure. GraphQL answers in part: it puts null where it failed and says why in a list beside the values. `graft` puts each reason where its
null stands, so that whoever reads a value can't mistake a refusal for an absence.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

from changegate.errors import ForgeError
from changegate.facts import Known, Unavailable

T = TypeVar("T")


class UnreadableError(ForgeError):
    """One value could not be had; others of the same answer may stand."""


class Refusal(NamedTuple):
    """Stands in an answer in place of a value that GitHub did not give."""

    kind: str
    """GitHub's word: `NOT_FOUND`, `FORBIDDEN`… or empty."""
    why: str
    remedy: str = ""


class Answer:
    """One value of an answer, and where it stands in it."""

    __slots__ = ("value", "where")

    def __init__(self, value: Any, where: str = "answer") -> None:
        self.value = value
        self.where = where

    def get(self, key: str) -> "Answer | None":
        """The value under `key`, or None where GitHub says null. Raises `UnreadableError` where it says nothing or refuses."""
        if not isinstance(self.value, dict) or key not in self.value:
            raise UnreadableError(
                f"GitHub's answer lacks {self.where}.{key}", remedy="Run the job again; if it stays, report it with the output of -v."
            )
        value = self.value[key]
        if isinstance(value, Refusal):
            raise UnreadableError(f"{value.why} ({self.where}.{key})", remedy=value.remedy)
        return None if value is None else Answer(value, f"{self.where}.{key}")

    def at(self, key: str) -> "Answer":
        """The value under `key`. Raises `UnreadableError` where there is none."""
        value = self.get(key)
        if value is None:
            raise UnreadableError(
                f"GitHub answered null where {self.where}.{key} was due", remedy="Run the job again; if it stays, ask GitHub's support."
            )
        return value

    def refusal(self, key: str) -> Refusal | None:
        """Why GitHub gave no value under `key`, if it gave a reason."""
        value = self.value.get(key) if isinstance(self.value, dict) else None
        return value if isinstance(value, Refusal) else None

    def items(self, key: str) -> list["Answer"]:
        """The values of the list under `key`, none of them null."""
        value = self.at(key)
        if not isinstance(value.value, list):
            raise self._unlike(key, "list")
        found = []
        for index, item in enumerate(value.value):
            where = f"{value.where}[{index}]"
            if isinstance(item, Refusal):
                raise UnreadableError(f"{item.why} ({where})", remedy=item.remedy)
            if item is None:
                raise UnreadableError(f"GitHub answered null where {where} was due", remedy="Run the job again; if it stays, ask GitHub's support.")
            found.append(Answer(item, where))
        return found

    def text(self, key: str) -> str:
        """The text under `key`."""
        value = self.at(key).value
        if not isinstance(value, str):
            raise self._unlike(key, "text")
        return value

    def number(self, key: str) -> int:
        """The whole number under `key`."""
        value = self.at(key).value
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._unlike(key, "number")
        return value

    def flag(self, key: str) -> bool:
        """The true or false under `key`."""
        value = self.at(key).value
        if not isinstance(value, bool):
            raise self._unlike(key, "true or false")
        return value

    def time(self, key: str) -> datetime:
        """The moment under `key`, in UTC: ISO 8601 with its zone, as all of GitHub's are."""
        try:
            moment = datetime.fromisoformat(self.text(key))
            if moment.tzinfo is None:
                raise self._unlike(key, "time with a zone")
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            raise self._unlike(key, "time") from None

    def _unlike(self, key: str, kind: str) -> UnreadableError:
        return UnreadableError(f"GitHub's answer holds no {kind} at {self.where}.{key}", remedy="Check that the API URL is GitHub's.")


def known(read: Callable[[], T]) -> Known[T]:
    """What `read` gives, or `Unavailable` with the reason why it could not be read."""
    try:
        return read()
    except UnreadableError as gap:
        return Unavailable(why=gap.message, remedy=gap.remedy)


def graft(body: Any, explain: Callable[[str, list[str]], str]) -> Answer:
    """The `data` of a GraphQL answer, each error put where its null stands. `explain(kind, path)` gives a refusal's remedy.

    An error takes the place of the first null on its path (a null that was not allowed has moved up to one that was). One that names no place,
    or an answer that isn't GraphQL's, leaves nothing to trust: raises `ForgeError`. Source: GraphQL specification, section 7.1.
    """
    errors = body.get("errors", []) if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(errors, list):
        raise ForgeError("GitHub's answer is not GraphQL's", remedy="Check the API URL, and that no proxy answers in GitHub's place.")
    data = body.get("data")
    for error in errors:
        kind, why, path = _read_error(error)
        remedy = explain(kind, [str(step) for step in path])
        if not isinstance(data, dict) or not path:
            raise ForgeError(f"GitHub could not answer: {why}", remedy=remedy)
        _place(data, path, Refusal(kind, f"GitHub gave no answer: {why}", remedy))
    if not isinstance(data, dict):
        raise ForgeError("GitHub's answer holds no data", remedy="Run the job again; if it stays, report it with the output of -v.")
    return Answer(data)


def _read_error(error: Any) -> tuple[str, str, list[str | int]]:
    if not isinstance(error, dict):
        return "", "it reported an error without saying which", []
    path = error.get("path")
    usable = isinstance(path, list) and all(isinstance(step, str | int) for step in path)
    return str(error.get("type", "")), str(error.get("message", "")), list(path) if usable and path else []


def _place(data: dict[str, Any], path: list[str | int], refusal: Refusal) -> None:
    place: Any = data
    for depth, step in enumerate(path):
        if isinstance(place, dict) and isinstance(step, str):
            value = place.get(step)
        elif isinstance(place, list) and isinstance(step, int) and 0 <= step < len(place):
            value = place[step]
        else:
            raise ForgeError(f"{refusal.why}, at a place that its answer doesn't have", remedy=refusal.remedy)
        if isinstance(value, Refusal):
            return
        if value is None or depth == len(path) - 1:
            place[step] = refusal
            return
        place = value
