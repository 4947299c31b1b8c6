"""What every fact is made of: text and time from outside, a value that is not there, and who vouches for one."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict


class Fact(BaseModel):
    """Base of all facts: frozen, closed, comparable by value."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _valid_text(value: Any) -> Any:
    # JSON may carry lone surrogates ("\ud800"), which no UTF-8 can; they become U+FFFD here, once, for every adapter.
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


def _to_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


Text = Annotated[str, BeforeValidator(_valid_text)]
"""Text from outside: data, to be escaped by whoever prints it."""

Time = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""A moment, in UTC."""


class Missing(Fact):
    """The source answered, and there is none."""

    fact: Literal["missing"] = "missing"
    why: Text = ""


class Unavailable(Fact):
    """The source could not be asked or did not answer completely: the value is unknown."""

    fact: Literal["unavailable"] = "unavailable"
    why: Text
    remedy: Text = ""


T = TypeVar("T")
Known: TypeAlias = T | Unavailable
"""A value that there always is, if only one could see it."""
Maybe: TypeAlias = T | Missing | Unavailable
"""A value that there may not be."""

MISSING: Final = Missing()
NOT_ASKED: Final = Unavailable(why="it was not asked for", remedy="Run the gate with the policy that needs it.")
"""Stands for a fact that costs requests of its own, and that the policy did not need."""


class Assurance(StrEnum):
    """Who vouches for a fact."""

    ASSERTED = "asserted"
    """Somebody with push access wrote it (a commit trailer)."""
    FORGE = "forge"
    """The forge's API says so, about an authenticated account."""

    def meets(self, demanded: "Assurance") -> bool:
        """Whether this level is at least the demanded one."""
        return self is demanded or self is Assurance.FORGE
