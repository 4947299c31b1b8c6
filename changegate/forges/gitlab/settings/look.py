"""Looking where the token may not be allowed to: a refusal becomes `Unavailable` with what would show the value."""

from collections.abc import Callable
from typing import TypeVar

from changegate.errors import ForgeError
from changegate.facts import Known, Unavailable
from changegate.forges.gitlab.faults import ForbiddenError, NotFoundError

T = TypeVar("T")


def give(role: str) -> str:
    """How to show it."""
    return f"Run it with a token of the role {role} and the scope read_api, in CHANGEGATE_TOKEN. Don't leave such a token in a pipeline."


def look(read: Callable[[], T], role: str) -> Known[T]:
    """What `read` gives, or why it can't be seen. GitLab answers 404, too, where a token may not know that something is there."""
    try:
        return read()
    except (ForbiddenError, NotFoundError) as refused:
        return Unavailable(why=f"the token may not see it ({refused.message})", remedy=give(role))
    except ForgeError as fault:
        return Unavailable(why=fault.message, remedy=fault.remedy)
