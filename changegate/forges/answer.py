"""A forge's JSON, read strictly: every value is there and of its kind, or the reading ends in `UnreadableError` with the place named. Pure."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

from changegate.errors import ForgeError
from changegate.facts import Known, Unavailable

T = TypeVar("T")


class UnreadableError(ForgeError):
    """One value could not be had; others of the same answer may stand."""


class Refusal(NamedTuple):
    """Stands in an answer in place of a value that the forge did not give."""

    kind: str
    """The forge's word for it (`NOT_FOUND`, `FORBIDDEN`…), or empty."""
    why: str
    remedy: str = ""


class Answer:
    """One value of an answer, and where it stands in it."""

    __slots__ = ("value", "where")
    forge: ClassVar = "The forge"
    """Who answers, for people."""

    def __init__(self, value: Any, where: str = "answer") -> None:
        self.value = value
        self.where = where

    def get(self, key: str) -> "Self | None":
        """The value under `key`, or None where the forge says null. Raises `UnreadableError` where it says nothing or refuses."""
        if not isinstance(self.value, dict) or key not in self.value:
            raise UnreadableError(
                f"{self.forge}'s answer lacks {self.where}.{key}", remedy="Run the job again; if it stays, report it with the output of -v."
            )
        value = self.value[key]
        if isinstance(value, Refusal):
            raise UnreadableError(f"{value.why} ({self.where}.{key})", remedy=value.remedy)
        return None if value is None else type(self)(value, f"{self.where}.{key}")

    def at(self, key: str) -> Self:
        """The value under `key`. Raises `UnreadableError` where there is none."""
        value = self.get(key)
        if value is None:
            raise UnreadableError(
                f"{self.forge} answered null where {self.where}.{key} was due", remedy=f"Run the job again; if it stays, ask {self.forge}'s support."
            )
        return value

    def refusal(self, key: str) -> Refusal | None:
        """Why there is no value under `key`, if a reason was given."""
        value = self.value.get(key) if isinstance(self.value, dict) else None
        return value if isinstance(value, Refusal) else None

    def items(self, key: str) -> list[Self]:
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
                raise UnreadableError(
                    f"{self.forge} answered null where {where} was due", remedy=f"Run the job again; if it stays, ask {self.forge}'s support."
                )
            found.append(type(self)(item, where))
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
        """The moment under `key`, in UTC: ISO 8601 with its zone, as all forges write them."""
        try:
            moment = datetime.fromisoformat(self.text(key))
            if moment.tzinfo is None:
                raise self._unlike(key, "time with a zone")
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            raise self._unlike(key, "time") from None

    def _unlike(self, key: str, kind: str) -> UnreadableError:
        return UnreadableError(f"{self.forge}'s answer holds no {kind} at {self.where}.{key}", remedy=f"Check that the API URL is {self.forge}'s.")


def known(read: Callable[[], T]) -> Known[T]:
    """What `read` gives, or `Unavailable` with the reason why it could not be read."""
    try:
        return read()
    except UnreadableError as gap:
        return Unavailable(why=gap.message, remedy=gap.remedy)
