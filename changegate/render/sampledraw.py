"""The record of a drawn sample, for a person."""

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
        raise FormatError("this record has no predicate, so it is about no sample", remedy="Ask for a record of `changegate audit sample --record`.")
    drawn = listed(predicate, "sample")
    page = Page(width)
    page.lines.append(f"sample of {len(drawn)}"[: page.width])
    page.write("record", f"{place.digest[:16]}, index {place.index} in a log of {place.size}")
    page.write("verified", visible(place.proof))
    page.write("decided", text(predicate, "time", "decided"))
    page.heading("Draw")
    page.write("population", text(predicate, "population", "sha256"))
    page.write("seed", text(predicate, "seed"))
    page.write("algorithm", text(predicate, "algorithm"))
    page.write("by", ", ".join(say(each) for each in listed(predicate, "by")) or "nothing")
    for each in drawn:
        page.write("unit", say(each))
    page.write("tool", f"{text(predicate, 'tool', 'name')} {text(predicate, 'tool', 'version')}".strip())
    return inert("\n".join(page.lines) + "\n")
