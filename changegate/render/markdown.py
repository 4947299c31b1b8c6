"""The report as GitHub Flavored Markdown: GitHub's step summary, a comment, GitLab.

Text from outside stays text. It can't begin a line, since every line begins with words of our own; within a line, its punctuation is escaped
(https://github.github.com/gfm/#backslash-escapes), what HTML or a table cell would read becomes an entity, and what the forges link *after*
Markdown, in the rendered text (`@login`, `#12`, `!12`, addresses), is cut by a zero-width space, so that nobody is pinged.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from changegate.decision import Outcome
from changegate.render import Preview, Recorded, RecordingFailed, Report, Submitted, exceptions, headline, matrix, todo
from changegate.render.matrix import LEGEND, Matrix, Row
from changegate.render.text import bounded, count, short, visible, web_link
from changegate.render.todo import Place, ToDo

STEP_SUMMARY_LIMIT: Final = 900_000
"""Bytes. GitHub drops a step's summary whole when it comes near 1 MiB (docs, "Step isolation and limits"; actions/runner#4337)."""
_LISTED: Final = 20
_MARKS: Final = {Outcome.PASS: "✅", Outcome.FAIL: "❌", Outcome.UNKNOWN: "❓", Outcome.NOT_APPLICABLE: "–", Outcome.LIFTED: "⚠️"}
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "`": "&#96;", "$": "<span>$</span>"}
"""`$` in a span of its own is how GitHub's documentation keeps it from beginning a formula."""
_ESCAPED: Final = re.compile(r"[\\*_{\[\]~^#!]|:(?=[/\w])|(?<=www)\.|^[-+=]|(?<=^\d)[.)]|^:", re.IGNORECASE)
_LINKED_LATER: Final = re.compile(r"([@#!])(?=\w)")
_CODE: Final = re.compile(r"[a-z0-9][a-z0-9-]*")


def render(report: Report, *, limit: int = STEP_SUMMARY_LIMIT) -> str:
    """The report, in at most `limit` bytes of UTF-8; what had to be left out is said in its place. Ends with a line break."""
    things = todo.things_to_do(report.decision, report.facts)
    head, foot = _head(report, things), _record(report)
    left = limit - _size(head) - _size(foot)
    steps = _fit([_thing(number, each) for number, each in enumerate(things, 1)], left // 2, "thing to do")
    table = _matrix(matrix.build(report.decision, report.facts), left - _size(steps))
    return "\n".join((*head, *steps, *table, *foot)) + "\n"


def escape(text: str, limit: int = 500) -> str:
    """Text from outside, as text within a line or a table cell."""
    unlinked = _LINKED_LATER.sub("\\g<1>\u200b", visible(text.strip(), limit))
    escaped = _ESCAPED.sub(r"\\\g<0>", unlinked)
    return "".join(_ENTITIES.get(character, character) for character in escaped).replace("\u200b", "&#8203;")


def _name(code: str) -> str:
    """A control's or a reason's own name: code, where it is one."""
    return f"`{code}`" if _CODE.fullmatch(code) else escape(code, 60)


def link(label: str, url: str) -> str:
    """A link where `url` is a web address; its label alone where it is none. The label is escaped already."""
    address = web_link(url)
    return f"[{label}]({address.replace('&', '&amp;')})" if address else label


def _head(report: Report, things: Sequence[ToDo]) -> list[str]:
    environment = escape(headline.environment(report), 100)
    mark = _MARKS[headline.outcome(report)]
    verdict = f"{headline.word(report)} {headline.before_environment(report)} {environment}{headline.after_environment(report, tuple(things))}"
    notes = report.where.notes if isinstance(report.where, Preview) else ()
    noted = [f"- Note: {escape(note)}" for note in notes]
    about = [f"For {escape(headline.subject(report))}<br>", f"Policy: {escape(headline.policy(report))}", ""]
    failed = (
        [f"- **Why:** {escape(report.where.why)}", f"- **Do:** {escape(report.where.remedy)}", ""]
        if isinstance(report.where, RecordingFailed)
        else []
    )
    said = [f"- **{each.label.capitalize()}:** {escape(each.words)}" for each in exceptions.lines(report.decision)]
    return [f"## {mark} {verdict}", "", *failed, *said, *([""] if said else []), *about, *noted, *([""] if noted else [])]


def _thing(number: int, thing: ToDo) -> list[str]:
    lines = [f"### {number}. {_MARKS[thing.outcome]} {_name(thing.control)}: {_name(thing.reason)}", ""]
    lines.append(f"- **Needed:** {escape(thing.required)}")
    places, left = bounded(thing.places, _LISTED)
    lines.append(f"- **On** {count(len(thing.places), 'change')}:" if thing.places[0].change is not None else "- **On:**")
    lines.extend(f"  - {_place(place, found=not thing.observed, step=not thing.link)}" for place in places)
    if left:
        lines.append(f"  - and {left} more")
    if thing.observed:
        lines.append(f"- **Found:** {escape(thing.observed)}")
    lines += [f"- **Who:** {escape(thing.who)}", f"- **Do:** {escape(thing.step)}"]
    if thing.link:
        lines.append(f"- **Where:** {link(escape(thing.link, 120), thing.link)}")
    return [*lines, ""]


def _place(place: Place, *, found: bool, step: bool) -> str:
    where = "the whole deploy" if place.change is None else f"{link(escape(short(place.change), 60), place.url)} {escape(place.title, 120)}".strip()
    there = f" ({link('do it there', place.link)})" if step and place.link != place.url and web_link(place.link) else ""
    return f"{where}: {escape(place.observed, 200)}{there}" if found else f"{where}{there}"


def _matrix(table: Matrix, budget: int) -> list[str]:
    lines = [f"- {_MARKS[each.outcome]} {_name(each.control)}, the whole deploy: {escape(each.observed, 200)}" for each in table.whole]
    lines = ["### Changes and controls", "", *lines, ""] if lines or table.rows else []
    if not table.rows:
        return lines
    stopping, passing = (table.stopping, table.passing) if table.folds else (table.rows, ())
    budget -= _size(lines) + 1000
    if stopping:
        lines += _rows(table.controls, stopping, budget)
    if passing:
        summary = f"<details><summary>{count(len(passing), 'change')} on which nothing fails</summary>"
        lines += [summary, "", *_rows(table.controls, passing, budget - _size(lines)), "</details>", ""]
    outcomes = {outcome for row in table.rows for outcome in row.outcomes}
    return [*lines, " · ".join(f"{_MARKS[each]} {words}" for each, words in LEGEND.items() if each in outcomes), ""]


def _rows(controls: Sequence[str], rows: Sequence[Row], budget: int) -> list[str]:
    head = [
        f"| Change | Title | {' | '.join(map(_name, controls))} |",
        f"| :-- | :-- |{' :-: |' * len(controls)}",
    ]
    cells = [
        [
            f"| {link(escape(short(row.change), 60), row.url)} | {escape(row.label, 120)} | "
            + " | ".join(_MARKS[outcome] for outcome in row.outcomes)
            + " |"
        ]
        for row in rows
    ]
    return [*head, *_fit(cells, budget - _size(head), "change"), ""]


def _fit(blocks: Iterable[list[str]], budget: int, noun: str) -> list[str]:
    """As many blocks as `budget` bytes hold, and a line that says how many were left out."""
    lines: list[str] = []
    left_out = 0
    for block in blocks:
        budget -= _size(block)
        if left_out or budget < 0:
            left_out += 1
        else:
            lines += block
    if left_out:
        lines += ["", f"**{count(left_out, noun)} left out here:** the summary may not be larger. The record names each.", ""]
    return lines


def _size(lines: Iterable[str]) -> int:
    return sum(len(line.encode("utf-8")) + 1 for line in lines)


def _record(report: Report) -> list[str]:
    where = report.where
    if not isinstance(where, Recorded):
        said = f"<code>{escape(where.digest[:16])}</code> {escape(where.why)}" if isinstance(where, Submitted) else f"None: {escape(where.why)}"
        warnings = where.warnings[:20] if isinstance(where, Preview) else ()
        return ["### Record", "", said, *([""] if warnings else []), *(f"- ⚠️ {escape(warning)}" for warning in warnings)]
    lines = [
        f"- **Record:** <code>{escape(where.record_id)}</code>, index {where.log_index} in a log of {where.log_size}",
        f"- **Digest:** <code>sha256:{escape(where.digest)}</code>",
        f"- **Log:** {escape(where.origin)}",
        f"- **Checkpoint:** <code>{where.checkpoint}</code>: kept, it shows that the log only grew (<code>verify --since</code>)",
        f"- **Store:** {escape(where.store_url)}",
        *([f"- **Receipt:** {escape(where.receipt)}"] if where.receipt else []),
        *(f"- ⚠️ {escape(warning)}" for warning in where.warnings[:20]),
    ]
    return ["### Record", "", *lines]
