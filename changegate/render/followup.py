"""What `changegate followup` says: in the terminal, for programs, and in the tracking issue on the forge."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from changegate.following import Followed
from changegate.render.json import safe_dumps
from changegate.render.markdown import escape
from changegate.render.text import inert, visible

TITLE = "Emergencies that nobody has reviewed yet"


def render_terminal(found: Sequence[Followed], *, at: datetime) -> str:
    """One line for all, then each."""
    open_ = [each for each in found if not each.closed]
    overdue = sum(each.emergency.due < at for each in open_)
    counts = f"{len(open_)} to review, {overdue} of them overdue; {len(found) - len(open_)} reviewed now"
    lines = [f"{'✗' if overdue else '✓'} emergencies: {counts}"]
    for each in found:
        emergency = each.emergency
        mark = "✓" if each.closed else "✗" if emergency.due < at else "?"
        who, reason = visible(emergency.declared_by.login, 60), visible(emergency.reason, 200)
        lines.append(f"{mark} {visible(emergency.incident, 60)} in {visible(emergency.environment, 40)}, record {emergency.envelope[:16]}")
        lines.append(f"   declared  by {who} at {emergency.decided:%Y-%m-%d %H:%M} UTC: {reason}")
        if each.closed:
            reviewers = ", ".join(f"{review.by.login} ({review.via})" for review in each.reviews)
            lines.append(f"   reviewed  by {visible(reviewers, 200)}; follow-up {each.record[:16]}")
        else:
            lines.append(f"   due       {emergency.due:%Y-%m-%d %H:%M} UTC")
            lines.append(f"   do        approve {visible(', '.join(emergency.changes), 200)} now: somebody who neither declared nor made it")
    return inert("\n".join(lines) + "\n")


def render_json(found: Sequence[Followed], *, at: datetime) -> str:
    """The same for programs."""
    return safe_dumps({"version": 1, "emergencies": [_shape(each, at) for each in found]})


def _shape(each: Followed, at: datetime) -> dict[str, Any]:
    said = each.emergency.model_dump(mode="json")
    return {**said, "closed": each.closed, "overdue": not each.closed and each.emergency.due < at, "followUp": each.record or None}


def render_issue(found: Sequence[Followed], *, at: datetime) -> str:
    """The text of the tracking issue, in Markdown. Texts from outside are escaped."""
    open_ = [each for each in found if not each.closed]
    if not open_:
        return "Every emergency was reviewed.\n"
    lines = ["| incident | environment | declared by | at | review due | changes | record |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for each in open_:
        emergency = each.emergency
        due = f"{emergency.due:%Y-%m-%d %H:%M} UTC" + (" **overdue**" if emergency.due < at else "")
        cells = (escape(emergency.incident, 100), escape(emergency.environment, 60), escape(emergency.declared_by.login, 60))
        changes = escape(", ".join(emergency.changes), 200)
        lines.append(f"| {' | '.join(cells)} | {emergency.decided:%Y-%m-%d %H:%M} | {due} | {changes} | `{emergency.envelope[:16]}` |")
    step = "Somebody who may write, and neither declared the emergency nor made the change, approves the change now that it is deployed."
    return "\n".join([*lines, "", f"{step} The next run of `changegate followup` records it.", ""])
