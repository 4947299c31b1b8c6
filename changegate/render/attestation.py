"""An attestation, for a person: as it was just recorded, and as `changegate show` prints it."""

import json
from collections.abc import Mapping
from typing import Any

from changegate.errors import FormatError
from changegate.render import Recorded, Submitted
from changegate.render.page import LogPlace, Page, at, listed, say, text
from changegate.render.text import count, inert, visible


def render(statement: Mapping[str, Any], place: LogPlace, *, width: int = 80) -> str:
    """The record in lines of `width` columns. Ends with a line break. What it doesn't state, shows as "not stated".

    Raises `FormatError` where the statement has no predicate.
    """
    predicate = statement.get("predicate")
    if not isinstance(predicate, Mapping):
        raise FormatError("this record has no predicate, so it attests nothing", remedy="Ask for a record that `changegate attest` made.")
    page = Page(width)
    page.lines.append(f"{text(predicate, 'type') or 'evidence'}: {text(predicate, 'file', 'name') or 'a file'}"[: page.width])
    page.write("record", f"{place.digest[:16]}, index {place.index} in a log of {place.size}")
    page.write("verified", visible(place.proof))
    page.write("recorded", text(predicate, "time", "decided"))
    page.heading("Evidence")
    page.write("about", text(predicate, "repository") or f"everything in the log {text(predicate, 'log')}")
    page.write("period", f"{text(predicate, 'period', 'from')} to {text(predicate, 'period', 'to')}")
    page.write("owner", text(predicate, "owner"))
    page.write("controls", ", ".join(say(each) for each in listed(predicate, "controls")))
    if text(predicate, "note"):
        page.write("note", text(predicate, "note"))
    page.heading("File")
    page.write("name", text(predicate, "file", "name"))
    page.write("type", text(predicate, "file", "mediaType"))
    page.write("size", f"{text(predicate, 'file', 'size')} bytes")
    page.write("SHA-256", text(predicate, "file", "sha256"))
    page.write("get it", f"changegate show {place.digest[:16]} --attachment FILE")
    if isinstance(at(predicate, "review"), Mapping):
        _write_review(page, at(predicate, "review"))
    page.write("tool", f"{text(predicate, 'tool', 'name')} {text(predicate, 'tool', 'version')}".strip())
    return inert("\n".join(page.lines) + "\n")


def _write_review(page: Page, review: Mapping[str, Any]) -> None:
    page.heading("Review")
    page.write("decision", f"{text(review, 'decision')}, by {text(review, 'reviewer')}")
    page.write("looked at", f"{text(review, 'entries')} entries")
    earlier = text(review, "previous", "envelope")
    changed = ", ".join(f"{text(review, word)} {word}" for word in ("added", "removed", "changed"))
    page.write("compared", f"with record {earlier[:16]}: {changed}" if earlier else "with nothing: it is the first one of this place in the log")
    for part in listed(review, "unknown"):
        page.write("unknown", say(part))


def render_terminal(predicate: Mapping[str, Any], where: Recorded | Submitted, *, repeated: bool) -> str:
    """What is said after it was recorded."""
    name, owner = visible(predicate["file"]["name"]), visible(predicate["owner"])
    lines = [f"✓ {'RECORDED before' if repeated else 'RECORDED'}: {predicate['type']} {name}, {_period(predicate)}, by {owner}"]
    lines.append(f"  file       {count(predicate['file']['size'], 'byte')}, {predicate['file']['mediaType']}, SHA-256 {predicate['file']['sha256']}")
    lines.append(f"  controls   {', '.join(visible(each) for each in predicate['controls'])}")
    if isinstance(where, Submitted):
        lines.append(f"  record     {where.digest[:16]}: {visible(where.why)}")
    else:
        lines.append(f"  record     {where.digest[:16]}, entry {where.log_index} of {visible(where.origin)} in {visible(where.store_url)}")
        lines.append(f"  checkpoint {visible(where.checkpoint)}")
        lines += [f"  receipt    {visible(where.receipt)}"] if where.receipt else []
        lines += [f"  warning    {visible(each)}" for each in where.warnings]
    return inert("\n".join(lines) + "\n")


def render_json(predicate: Mapping[str, Any], where: Recorded | Submitted, *, repeated: bool) -> str:
    """The same for programs."""
    place: dict[str, Any] = {"record": where.digest[:16], "digest": where.digest, "repeated": repeated}
    if isinstance(where, Recorded):
        place |= {
            "logIndex": where.log_index,
            "log": where.origin,
            "checkpoint": where.checkpoint,
            "store": where.store_url,
            "receipt": where.receipt,
        }
        place["warnings"] = list(where.warnings)
    return json.dumps({**place, "attestation": predicate}, indent=2) + "\n"


def _period(predicate: Mapping[str, Any]) -> str:
    return f"{predicate['period']['from']} to {predicate['period']['to']}"
