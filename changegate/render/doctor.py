r"""What the doctor found, for a terminal, as Markdown, and as JSON. Grouped by area, the worst first; what is good is one line.

JSON (`--format json`), one ASCII object:

    version    1
    subject    what was looked at
    states     {bad, unknown, weak, good}: how many of each
    checks     [{id, area, state, important, observed, why, remedy, link}]
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

from changegate.doctor import AREAS, Check, State
from changegate.render.markdown import escape, link
from changegate.render.text import inert, visible, web_link

WIDTH: Final = 80
_LIMIT: Final = 1000
_TITLES: Final = {
    "access": "Token and repository",
    "branch": "The branch that is deployed",
    "evidence": "The evidence",
    "environment": "The environment",
    "workflows": "The workflows",
    "policy": "Policy, template and owners",
    "key": "The signing key",
}
_MARKS: Final = {State.BAD: "✗", State.UNKNOWN: "?", State.WEAK: "!", State.GOOD: "✓"}
_COLOURS: Final = {State.BAD: "31;1", State.UNKNOWN: "33;1", State.WEAK: "33", State.GOOD: "32"}
_ORDER: Final = {state: index for index, state in enumerate(State)}


def grouped(checks: Sequence[Check]) -> list[tuple[str, list[Check]]]:
    """The areas and their checks, each with the worst first."""
    areas = [(area, sorted((each for each in checks if each.area == area), key=lambda each: _ORDER[each.state])) for area in AREAS]
    return sorted(((area, found) for area, found in areas if found), key=lambda each: _ORDER[each[1][0].state])


def summary(checks: Sequence[Check]) -> str:
    """How many of each state, in words."""
    return ", ".join(f"{number} {state}" for state in State if (number := sum(each.state is state for each in checks))) or "nothing was checked"


def render_terminal(subject: str, checks: Sequence[Check], *, width: int = WIDTH, colour: bool = False) -> str:
    """For a terminal or a log: no line is a command to a runner, and only links and YAML to paste may be wider than `width`."""
    lines = [*_wrap(f"{visible(subject, 300)}: {summary(checks)}", width, "")]
    for area, found in grouped(checks):
        lines += ["", _TITLES[area]]
        for check in found:
            lines += _check_lines(check, width, colour=colour)
    return inert("\n".join(lines) + "\n")


def _check_lines(check: Check, width: int, *, colour: bool) -> Iterator[str]:
    mark = _MARKS[check.state]
    shown = f"\x1b[{_COLOURS[check.state]}m{mark}\x1b[0m" if colour else mark
    if check.state is State.GOOD:
        head = _wrap(f"{check.id}: {visible(check.observed, _LIMIT)}", width - 4, "")
        yield f"  {shown} {next(head)}"
        yield from (f"    {line}" for line in head)
        return
    yield f"  {shown} {check.id}: {check.state}"
    yield from _field("found", check.observed, width)
    yield from _field("why", check.why, width)
    if check.remedy:
        yield from _field("do", check.remedy, width)
    address = web_link(check.link)
    if address:
        yield f"      link   {address}"


def _field(label: str, text: str, width: int) -> Iterator[str]:
    """A labelled value. Its first line is prose, which is wrapped; further lines are YAML, which isn't."""
    first, *paste = text.splitlines() or [""]
    if label != "do":  # what was found comes from outside: its lines are one
        first, paste = text, []
    elif _is_yaml(first):
        first, paste = "write", [first, *paste]
    lead = f"      {label:<6} "
    for line in _wrap(visible(first, _LIMIT), width - len(lead), ""):
        yield f"{lead}{line}"
        lead = " " * len(lead)
    yield from (f"{' ' * len(lead)}  {visible(line, _LIMIT)}" for line in paste)


def _is_yaml(line: str) -> bool:
    return bool(re.match(r"[a-z-]+:(?: |$)", line))


def _wrap(text: str, width: int, indent: str) -> Iterator[str]:
    """Lines of at most `width` columns, broken at spaces; a longer word is cut."""
    line, used = indent, 0
    for word in text.split(" "):
        piece = word
        while _columns(piece) > width:
            if used:
                yield line
                line, used = indent, 0
            cut = next(at for at in range(len(piece), 0, -1) if _columns(piece[:at]) <= width)
            yield indent + piece[:cut]
            piece = piece[cut:]
        if used and used + 1 + _columns(piece) > width:
            yield line
            line, used = indent, 0
        line, used = (f"{line} {piece}", used + 1 + _columns(piece)) if used else (indent + piece, _columns(piece))
    yield line


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


def render_markdown(subject: str, checks: Sequence[Check]) -> str:
    """GitHub Flavored Markdown."""
    lines = [f"## {escape(subject)}", "", f"{summary(checks)}", ""]
    for area, found in grouped(checks):
        lines += [f"### {_TITLES[area]}", ""]
        for check in found:
            lines.append(f"- {_MARKS[check.state]} **{check.id}**, {check.state}: {escape(check.observed, _LIMIT)}")
            if check.state is not State.GOOD:
                lines.append(f"  - **Why:** {escape(check.why, _LIMIT)}")
                lines += _remedy(check.remedy)
                lines += [f"  - {link('Where', check.link)}"] if web_link(check.link) else []
        lines.append("")
    return "\n".join(lines)


def _remedy(remedy: str) -> list[str]:
    first, *paste = remedy.splitlines() or [""]
    if not first:
        return []
    if _is_yaml(first):
        first, paste = "write", [first, *paste]
    # An indented block can't be ended from within, as a fence could.
    return [f"  - **Do:** {escape(first, _LIMIT)}", *(["", *(f"        {visible(line, _LIMIT)}" for line in paste), ""] if paste else [])]


def render_json(subject: str, checks: Sequence[Check]) -> str:
    """One object for machines."""
    shape = {
        "version": 1,
        "subject": subject,
        "states": {state.value: sum(each.state is state for each in checks) for state in State},
        "checks": [
            {
                "id": each.id,
                "area": each.area,
                "state": each.state.value,
                "important": each.important,
                "observed": each.observed,
                "why": each.why,
                "remedy": each.remedy,
                "link": each.link,
            }
            for each in checks
        ],
    }
    text = json.dumps(shape, indent=2, ensure_ascii=True)
    return re.sub("#(?=#)", r"\\u0023", text).replace("\x7f", r"\u007f") + "\n"
