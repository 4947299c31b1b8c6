"""Who may do what, and what changed since the last review, for a person."""

from collections.abc import Iterable
from itertools import groupby

from changegate.access import Access, Difference, Entry
from changegate.render.text import count, inert, visible


def render_difference(listed: Access, difference: Difference | None, *, since: str) -> str:
    """The whole list by part, each entry marked + (new), ~ (changed) or blank; then what is gone, and what nobody could read."""
    lines = [f"{visible(listed.repository)} on {listed.forge}, {listed.fetched:%Y-%m-%d %H:%M} UTC: {_total(len(listed.entries))}"]
    if difference is None:
        lines.append("  compared   with nothing: the log holds no earlier review of it")
    else:
        words = f"{len(difference.added)} added, {len(difference.removed)} removed, {len(difference.changed)} changed"
        lines.append(f"  compared   with record {since[:16]}: {words}")
    added = set(difference.added) if difference else set[Entry]()
    before = {new: old for old, new in difference.changed} if difference else {}
    for part, entries in groupby(listed.entries, key=lambda entry: entry.part):
        lines += ["", visible(part)]
        for entry in entries:
            was = f" (was: {visible(before[entry].how)})" if entry in before else ""
            lines.append(f"  {'+' if entry in added else '~' if entry in before else ' '} {_entry(entry)}{was}")
    lines += _section("gone since then", (f"- {visible(entry.part)}: {_entry(entry)}" for entry in difference.removed) if difference else ())
    lines += _section("unknown: not reviewed", (f"? {visible(gap.part)}: {visible(gap.why)} → {visible(gap.remedy)}" for gap in listed.unknown))
    return inert("\n".join(lines) + "\n")


def _entry(entry: Entry) -> str:
    return f"{entry.right.value:<10} {entry.holder.value} {visible(entry.name)}: {visible(entry.how)}"


def _section(title: str, rows: Iterable[str]) -> list[str]:
    found = [f"  {row}" for row in rows]
    return ["", title, *found] if found else []


def _total(number: int) -> str:
    return "1 entry" if number == 1 else count(number, "entrie")
