"""Deployments from a file that somebody else pulled: JSON as GitHub's or GitLab's REST API returns it, or CSV. Pure.

JSON is one array, or several after each other, or one of pages (`gh api --paginate`, with and without `--slurp`; `glab api --paginate`).
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from changegate.deploys import PlatformDeploy, State
from changegate.errors import ForgeError, InputError
from changegate.forges.answer import Answer, UnreadableError
from changegate.forges.github import listed as on_github
from changegate.forges.github.answer import Answer as GitHubAnswer
from changegate.forges.gitlab import listed as on_gitlab
from changegate.forges.gitlab.client import Answer as GitLabAnswer

MAX_BYTES: Final = 256 * 1024 * 1024
COLUMNS: Final = ("id", "repository", "environment", "commit", "created", "state", "started", "finished", "ref", "runs", "url", "number")
"""Of a CSV. The first six are required; `runs` are separated by blanks; times are RFC 3339; `state` is one of `State`."""
_REQUIRED: Final = COLUMNS[:6]
_PAGES: Final = {"github": (30, 100), "gitlab": (20, 100)}
"""How many items a page has where nobody says, and at the most."""


class Exported(NamedTuple):
    """What a file holds."""

    platform: str
    """`github`, `gitlab` or `csv`."""
    deploys: tuple[PlatformDeploy, ...]


def parse(data: bytes, repository: str) -> Exported:
    """The deployments in a file; `repository` is that of those which don't name their own. Raises `InputError`."""
    if len(data) > MAX_BYTES:
        raise InputError(f"{len(data)} bytes of deployments are more than is read here", remedy="Export them by quarter.")
    try:
        text = data.decode("utf-8-sig")
        found = _parse_json(text, repository) if text.lstrip()[:1] in {"[", "{"} else Exported("csv", tuple(_parse_csv(text, repository)))
    except (UnicodeDecodeError, csv.Error, UnreadableError) as error:
        raise _no_export(error.message if isinstance(error, UnreadableError) else str(error)) from error
    if len({(each.repository, each.id) for each in found.deploys}) != len(found.deploys):
        raise _no_export("a deployment comes twice")
    if any(not each.repository for each in found.deploys):
        raise InputError("the file doesn't say of which repository its deployments are", remedy="Name it, as the gate had it: --repository NAME.")
    return found


def explain_reach(found: Exported, begin: datetime, *, all_of_it: bool) -> str:
    """Why the list can be held to reach back to the period's begin. Raises `ForgeError` where it may have been cut off after a page."""
    oldest = min((each.created for each in found.deploys), default=None)
    if oldest is not None and oldest < begin:
        return f"it reaches back before the period, to {oldest.isoformat()}"
    if any(each.number == 1 for each in found.deploys):
        return "it begins with the project's first deployment"
    if all_of_it:
        return "whoever runs this says that it is all (--all-of-it)"
    count = len(found.deploys)
    if count and any(count % size == 0 for size in _PAGES.get(found.platform, ())):
        raise ForgeError(
            f"the file holds {count} deployments, as full pages do, and none from before the period: it may have been cut off",
            remedy="Pull all pages (--paginate). If there really are no more, say so: --all-of-it.",
        )
    return f"its {count} deployments end within a page"


def _parse_json(text: str, repository: str) -> Exported:
    items = list(_items(_documents(text)))
    platforms = {_platform(each) for each in items}
    if len(platforms) > 1:
        raise _no_export("deployments of more than one platform, or something else among them")
    platform = platforms.pop() if platforms else "github"
    if platform == "github":
        return Exported(platform, tuple(on_github.read_exported(GitHubAnswer(each, f"[{at}]"), repository) for at, each in enumerate(items)))
    return Exported(platform, tuple(on_gitlab.read_exported(GitLabAnswer(each, f"[{at}]"), repository) for at, each in enumerate(items)))


def _documents(text: str) -> Iterator[Any]:
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise _no_export(f"not JSON: {error}") from error
        yield value


def _items(documents: Iterator[Any]) -> Iterator[dict[str, Any]]:
    for document in documents:
        for each in document if isinstance(document, list) else [document]:
            for item in each if isinstance(each, list) else [each]:
                if not isinstance(item, dict):
                    raise _no_export("something among the deployments that is no object")
                yield item


def _platform(item: dict[str, Any]) -> str:
    if "sha" not in item or "environment" not in item:
        raise _no_export("an object that is no deployment")
    return "gitlab" if isinstance(item["environment"], dict) else "github"


def _parse_csv(text: str, repository: str) -> Iterator[PlatformDeploy]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    names = reader.fieldnames or ()
    lacking = [name for name in _REQUIRED if name not in names and name != "repository"]
    if lacking or any(name not in COLUMNS for name in names):
        raise _no_export(f"its columns are {', '.join(names)[:150] or 'none'}; {', '.join(COLUMNS)} are known, the first six required")
    for line, row in enumerate(reader, 2):
        if None in row or None in row.values():
            raise _no_export(f"line {line} has more or fewer cells than columns")
        yield _of_row(Answer(row, f"line {line}"), row, repository, names)


def _of_row(answer: Answer, row: dict[str, str], repository: str, names: Sequence[str]) -> PlatformDeploy:
    try:
        state = State(row["state"])
        number = int(row["number"]) if row.get("number") else None
    except ValueError as error:
        raise _no_export(f"{answer.where}: {error}") from error
    if not row["id"] or not row["commit"]:
        raise _no_export(f"{answer.where}: no id, or no commit")
    times = {name: answer.time(name) if name in names and row[name] else None for name in ("started", "finished")}
    return PlatformDeploy(
        id=row["id"],
        repository=row.get("repository") or repository,
        environment=row["environment"],
        commit=row["commit"],
        created=answer.time("created").astimezone(UTC),
        state=state,
        said=state.value,
        last=state if state in {State.SUCCEEDED, State.FAILED} else State.UNKNOWN,
        ref=row.get("ref", ""),
        runs=tuple(row.get("runs", "").split()),
        url=row.get("url", ""),
        number=number,
        **times,
    )


def _no_export(why: str) -> InputError:
    return InputError(
        f"these are no deployments as a platform lists them: {why[:300]}",
        remedy="Give what `gh api --paginate` or `glab api --paginate` wrote, or CSV; docs/audit.md has the commands and the columns.",
    )
