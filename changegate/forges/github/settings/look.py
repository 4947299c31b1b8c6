"""Looking where the token may not be allowed to: a refusal becomes `Unavailable` with the permission that would show the value."""

from collections.abc import Callable
from typing import TypeVar

from changegate.errors import ForgeError
from changegate.facts import Known, Unavailable
from changegate.forges.github.faults import ForbiddenError, NotFoundError

T = TypeVar("T")


def give(permission: str) -> str:
    """How to give a token a permission. A job's own token can't have `administration`."""
    if permission.startswith("administration"):
        return (
            f"Run it as a repository admin: a fine-grained token or a GitHub App with the repository permission '{permission}', in CHANGEGATE_TOKEN. "
            "A job's own token can't have it."
        )
    return f"Give the token the repository permission '{permission}': in a workflow, under `permissions:` of the job."


def look(read: Callable[[], T], permission: str) -> Known[T]:
    """What `read` gives, or why it can't be seen. GitHub answers 404, too, where a token may not know that something is there."""
    try:
        return read()
    except ForbiddenError as refused:
        return Unavailable(why=f"the token may not see it (403{': ' if refused.said else ''}{refused.said})", remedy=give(permission))
    except NotFoundError as missing:
        said = f": {missing.said}" if missing.said else ""
        return Unavailable(why=f"not there, or the token may not see it (404{said})", remedy=give(permission))
    except ForgeError as fault:
        return Unavailable(why=fault.message, remedy=fault.remedy)
