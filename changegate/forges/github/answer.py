"""GitHub's JSON. GraphQL answers in part: it puts null where it failed and says why in a list beside the values. `graft` puts each reason where its
null stands, so that whoever reads a value can't mistake a refusal for an absence. Pure.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from changegate.errors import ForgeError
from changegate.forges import answer
from changegate.forges.answer import Refusal, UnreadableError, known

__all__ = ["Answer", "Refusal", "UnreadableError", "graft", "known"]


class Answer(answer.Answer):
    """A value that GitHub gave."""

    __slots__ = ()
    forge: ClassVar = "GitHub"


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
