"""A label that declares something puts its author's name under the words that stand beside it: those that stood there when it was put on."""

from collections.abc import Iterable
from datetime import datetime

from changegate.forges.answer import UnreadableError


def check_words(put: datetime, edits: Iterable[datetime | None], change: str) -> None:
    """Raise `UnreadableError` where title or description were edited at or after the moment at which the label was put on."""
    if any(at is not None and at >= put for at in edits):
        raise UnreadableError(
            f"title or description of {change} were edited after the label was put on, so whoever put it there didn't see these words",
            remedy="Whoever may declare the emergency reads them, takes the label off and puts it on again.",
        )
