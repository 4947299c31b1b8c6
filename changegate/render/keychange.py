"""A record about keys, for a person: which one was made in place of others, or is revoked, since when and why."""

from collections.abc import Mapping
from typing import Any

from changegate.errors import FormatError
from changegate.render.page import LogPlace, Page, listed, say, text
from changegate.render.text import inert, visible


def render(statement: Mapping[str, Any], place: LogPlace, *, width: int = 80) -> str:
    """The record in lines of `width` columns. Ends with a line break. What it doesn't state, shows as "not stated".

    Raises `FormatError` where the statement has no predicate.
    """
    predicate = statement.get("predicate")
    if not isinstance(predicate, Mapping):
        raise FormatError("this record has no predicate, so it is about no key", remedy="Ask for a record that `changegate keys` made.")
    page = Page(width)
    page.lines.append(f"key {text(predicate, 'change') or 'changed'}"[: page.width])
    page.write("record", f"{place.digest[:16]}, index {place.index} in a log of {place.size}")
    page.write("verified", visible(place.proof))
    page.write("decided", text(predicate, "time", "decided"))
    page.heading("Key")
    page.write("key", text(predicate, "key", "keyId"))
    page.write("since", text(predicate, "from"))
    if "replaces" in predicate:
        page.write("replaces", ", ".join(say(each) for each in listed(predicate, "replaces")))
    if "reason" in predicate:
        page.write("reason", text(predicate, "reason"))
    page.write("tool", f"{text(predicate, 'tool', 'name')} {text(predicate, 'tool', 'version')}".strip())
    return inert("\n".join(page.lines) + "\n")
