"""What happened to a pull request's two branches: force-pushes, and other bases. Source: GraphQL, `PullRequestTimelineItems`.

A force-push of the base counts as another base: commits that were in it before become the change's own, though nobody reviewed them as such.
"""

from datetime import datetime
from typing import NamedTuple

from changegate.facts import Identity, Known, Retarget
from changegate.forges.github.answer import Answer, UnreadableError
from changegate.forges.github.pages import Ask, read_all
from changegate.forges.github.people import read_actor
from changegate.forges.github.queries import TIMELINE


class Timeline(NamedTuple):
    """The events, each kind with the oldest first."""

    force_pushed_at: tuple[datetime, ...]
    force_pushers: tuple[Known[Identity], ...]
    """GitHub says of force-pushes alone who made them."""
    retargeted: tuple[Retarget, ...]


def read_timeline(ask: Ask, pull: Answer, base: str) -> Timeline:
    """The events of a pull request, whose base is now this branch. Raises `UnreadableError`, `ForgeError`."""
    events = read_all(ask, pull, TIMELINE)
    pushes = [event for event in events if event.text("__typename") == "HeadRefForcePushedEvent"]
    return Timeline(
        force_pushed_at=tuple(push.time("createdAt") for push in pushes),
        force_pushers=tuple(read_actor(push, "actor") for push in pushes),
        retargeted=tuple(sorted((_read_retarget(event, base) for event in events if event not in pushes), key=lambda each: each.at)),
    )


def _read_retarget(event: Answer, base: str) -> Retarget:
    kind, at = event.text("__typename"), event.time("createdAt")
    match kind:
        case "BaseRefChangedEvent":
            return Retarget(at=at, before=event.text("previousRefName"), after=event.text("currentRefName"))
        case "AutomaticBaseChangeSucceededEvent":  # the base was merged and deleted, and GitHub put its own base in its place
            return Retarget(at=at, before=event.text("oldBase"), after=event.text("newBase"))
        case "BaseRefForcePushedEvent":
            return Retarget(at=at, before=base, after=base)
    raise UnreadableError(f"GitHub reports an event of the unknown kind {kind}", remedy="Update changegate.")
