"""GitHub's workflow commands: one annotation per thing to do.

Escaping as in actions/toolkit `packages/core/src/command.ts`, which the runner undoes: `%`, CR and LF in data, `:` and `,` besides in properties.
"""

from typing import Final

from changegate.render import Preview, Recorded, Report, exceptions, headline, todo
from changegate.render.text import bounded, short, visible, web_link
from changegate.render.todo import Place, ToDo

MOST: Final = 10
"""GitHub shows ten errors and ten warnings a step, and drops the rest without a word."""
_LISTED: Final = 5


def render(report: Report) -> str:
    """A line for each annotation, with its line break; empty where there is nothing to say.

    What stops the deploy is an error, and a warning in audit mode; warnings of the record are warnings.
    """
    things = todo.things_to_do(report.decision, report.facts)
    level = "error" if report.enforced else "warning"
    shown, left = (things, 0) if len(things) <= MOST else (things[: MOST - 1], len(things) - MOST + 1)
    commands = [_command(level, _title(report, thing), _message(thing)) for thing in shown]
    if left:
        rest = f"{left} more things to do; the summary and the log name each"
        commands.append(_command(level, f"changegate: {headline.word(report)}", rest))
    if report.decision.emergency is not None:
        told = "\n".join(f"{each.label}: {visible(each.words, 500)}" for each in exceptions.lines(report.decision))
        commands.append(_command("warning", headline.word(report), told))
    if isinstance(report.where, Recorded | Preview):
        free = MOST if report.enforced else MOST - len(commands)
        title = "changegate: record" if isinstance(report.where, Recorded) else "changegate: preview"
        commands += [_command("warning", title, visible(each)) for each in report.where.warnings[:free]]
    return "".join(f"{command}\n" for command in commands)


def render_error(message: str, remedy: str) -> str:
    """The annotation for an error that left nothing to report."""
    return _command("error", "changegate", f"{visible(message, 2000)}\nDo: {_remedy(remedy)}") + "\n"


def render_warning(message: str) -> str:
    """The annotation for a warning beside a record that stands."""
    return _command("warning", "changegate", visible(message, 2000)) + "\n"


def _title(report: Report, thing: ToDo) -> str:
    return f"{headline.word(report)}: {visible(thing.control, 60)}: {visible(thing.reason, 60)}"


def _message(thing: ToDo) -> str:
    places, left = bounded(thing.places, _LISTED)
    on = ", ".join(_place(place) for place in places) + (f" and {left} more" if left else "")
    found = thing.observed or "; ".join(f"{_name(place)}: {visible(place.observed, 150)}" for place in places)
    lines = [
        f"Needed: {visible(thing.required)}",
        f"On: {on}",
        f"Found: {visible(found, 1000)}",
        f"Who: {visible(thing.who)}",
        f"Do: {visible(thing.step)}",
        *([f"Where: {web_link(thing.link)}"] if web_link(thing.link) else []),
    ]
    return "\n".join(lines)


def _remedy(text: str) -> str:
    """What to do; it may hold lines to paste."""
    return "\n".join(visible(line, 2000) for line in text.splitlines())


def _place(place: Place) -> str:
    return _name(place) if place.change is None else f"{_name(place)} {visible(place.title, 80)}".rstrip()


def _name(place: Place) -> str:
    return "the whole deploy" if place.change is None else visible(short(place.change), 40)


def _command(level: str, title: str, message: str) -> str:
    return f"::{level} title={_escape_property(title)}::{_escape_data(message)}"


def _escape_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")
