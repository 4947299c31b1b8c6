"""A waiver, for a person: as it was just recorded, and as `changegate show` prints it."""

import json
from collections.abc import Mapping
from typing import Any

from changegate.errors import FormatError
from changegate.render import Recorded, Submitted
from changegate.render.page import LogPlace, Page, text
from changegate.render.text import inert, visible


def render(statement: Mapping[str, Any], place: LogPlace, *, width: int = 80) -> str:
    """The record in lines of `width` columns. Ends with a line break. What it doesn't state, shows as "not stated".

    Raises `FormatError` where the statement has no predicate.
    """
    predicate = statement.get("predicate")
    if not isinstance(predicate, Mapping):
        raise FormatError("this record has no predicate, so it waives nothing", remedy="Ask for a record that `changegate waive` made.")
    page = Page(width)
    page.lines.append(f"waiver of {text(predicate, 'scope', 'control') or 'a control not stated'}"[: page.width])
    page.write("record", f"{place.digest[:16]}, index {place.index} in a log of {place.size}")
    page.write("verified", visible(place.proof))
    page.write("decided", text(predicate, "time", "decided"))
    page.heading("Waiver")
    page.write("repository", text(predicate, "repository"))
    page.write("change", text(predicate, "scope", "change") or "any")
    if head := text(predicate, "scope", "head"):
        page.write("at", head)
    page.write("where", text(predicate, "scope", "environment") or "everywhere")
    page.write("until", text(predicate, "until"))
    page.write("reason", text(predicate, "reason"))
    page.write("requested", f"by {text(predicate, 'requestedBy')}")
    page.write("approved", f"by {text(predicate, 'approvedBy')}")
    page.write("tool", f"{text(predicate, 'tool', 'name')} {text(predicate, 'tool', 'version')}".strip())
    return inert("\n".join(page.lines) + "\n")


def render_terminal(predicate: Mapping[str, Any], where: Recorded | Submitted) -> str:
    """What is said after it was recorded."""
    scope = predicate["scope"]
    holds = " in ".join(filter(None, (f"change {scope['change']} at {scope['head'][:12]}" if scope["change"] else "", scope["environment"])))
    lines = [
        f"✓ RECORDED: {scope['control']} is waived for {visible(holds)} until {predicate['until']}",
        f"  people     requested by {visible(predicate['requestedBy'])}, approved by {visible(predicate['approvedBy'])}",
    ]
    if isinstance(where, Submitted):
        lines.append(f"  record     {where.digest[:16]}: {visible(where.why)}")
    else:
        lines.append(f"  record     {where.digest[:16]}, entry {where.log_index} of {visible(where.origin)} in {visible(where.store_url)}")
        lines.append(f"  checkpoint {visible(where.checkpoint)}")
        lines += [f"  receipt    {visible(where.receipt)}"] if where.receipt else []
        lines += [f"  warning    {visible(each)}" for each in where.warnings]
    return inert("\n".join(lines) + "\n")


def render_json(predicate: Mapping[str, Any], where: Recorded | Submitted) -> str:
    """The same for programs."""
    place: dict[str, Any] = {"record": where.digest[:16], "digest": where.digest, "warnings": list(where.warnings)}
    if isinstance(where, Recorded):
        place |= {"logIndex": where.log_index, "log": where.origin, "checkpoint": where.checkpoint, "store": where.store_url}
    return json.dumps({**place, "waiver": predicate}, indent=2) + "\n"
