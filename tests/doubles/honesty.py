"""The one question to a faulty answer: do the facts that came out of it hide anything that the whole answer would have shown?"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from changegate.facts import Change, ChangeKind, CheckState, DeployRange, Fact, Unavailable
from changegate.forges import TrustedFiles


class Gathered(NamedTuple):
    """All that the gate asks of a forge for one deploy."""

    range: DeployRange
    trusted: TrustedFiles
    changes: tuple[Change, ...]


def hidden(whole: Gathered, faulty: Gathered) -> list[str]:
    """What `faulty` says otherwise than `whole` without saying that it doesn't know. Empty: it is honest."""
    gaps = list(_differences("range", whole.range, faulty.range))
    gaps += _differences("policy", whole.trusted.policy, faulty.trusted.policy)
    gaps += _differences("templates", whole.trusted.templates, faulty.trusted.templates)
    landed = [sha for change in faulty.changes for sha in change.landed]
    if sorted(landed) != sorted(commit.sha for commit in whole.range.commits):
        gaps.append("commits are lost or counted twice")
    by_commit = {sha: change for change in faulty.changes for sha in change.landed}
    for change in whole.changes:
        for now in _distinct(by_commit.get(sha) for sha in change.landed):
            if now.kind is not ChangeKind.UNKNOWN:
                gaps += _differences(change.id, change, now)
    return gaps


def _distinct(changes: Iterator[Change | None]) -> list[Change]:
    return list({change.id: change for change in changes if change is not None}.values())


def _differences(where: str, whole: Any, faulty: Any) -> Iterator[str]:
    if whole == faulty or isinstance(faulty, Unavailable) or faulty is CheckState.UNKNOWN:
        return
    if isinstance(whole, Fact) and type(whole) is type(faulty):
        for name in type(whole).model_fields:
            yield from _differences(f"{where}.{name}", getattr(whole, name), getattr(faulty, name))
    elif isinstance(whole, tuple) and isinstance(faulty, tuple) and len(whole) == len(faulty):
        for index, (one, other) in enumerate(zip(whole, faulty, strict=True)):
            yield from _differences(f"{where}[{index}]", one, other)
    else:
        yield f"{where}: {whole!r} became {faulty!r}"


def places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The place of every value inside a JSON value."""
    inside: Any = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield (*at, key)
        yield from places(item, (*at, key))
