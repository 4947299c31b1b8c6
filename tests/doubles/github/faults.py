"""Faults that GitHub, or what stands before it, is known to make. Each turns a right answer into a faulty one."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from doubles.faults import CUT, Fault, Ordered, changed, fixed, nulls, walk

__all__ = ["CUT", "KINDS", "Fault", "Ordered", "fixed"]


def each_list(edit: Callable[[list[Any]], list[Any]]) -> Fault:
    """Every page of items edited, its counts left as they were."""

    def change(body: Any) -> Any:
        for found in list(walk(body)):
            for key in ("nodes", "commits", "entries"):
                if isinstance(found.get(key), list) and found[key]:
                    found[key] = edit(found[key])
        return body

    return changed(change)


def pages(**info: Any) -> Fault:
    """Every `pageInfo` saying otherwise."""

    def change(body: Any) -> Any:
        for found in list(walk(body)):
            if "hasNextPage" in found:
                found.update(info)
        return body

    return changed(change)


def refused(key: str, kind: str = "FORBIDDEN") -> Fault:
    """A GraphQL error at every such key, the rest of the data given."""

    def change(body: Any) -> Any:
        paths = [path for path in _paths(body.get("data"), ()) if path[-1] == key]
        for path in paths:
            _set(body["data"], path, None)
        if paths:
            body["errors"] = [{"type": kind, "path": list(path), "message": "Resource not accessible by integration"} for path in paths]
        return body

    return changed(change)


def _paths(value: Any, at: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield (*at, key)
        yield from _paths(item, (*at, key))


def _set(value: Any, path: tuple[str | int, ...], to: Any) -> None:
    for step in path[:-1]:
        value = value[step]
        if value is None:
            return
    value[path[-1]] = to


def _message(text: str) -> dict[str, str]:
    return {"message": text, "documentation_url": "https://docs.github.com/rest"}


_FORBIDDEN = _message("Resource not accessible by integration")
_SECONDARY = _message("You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
_DATE = "Mon, 05 Jan 2026 09:00:00 GMT"  # 1767603600
_LIMITED = {"data": None, "errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded for installation."}]}
_LOST = {"data": None, "errors": [{"message": "Something went wrong while executing your query."}]}

KINDS: Mapping[str, Fault] = {
    "401": fixed(401, _message("Bad credentials")),
    "403": fixed(403, _FORBIDDEN, X_Accepted_GitHub_Permissions="pull_requests=read"),
    "404": fixed(404, _message("Not Found")),
    "422": fixed(422, _message("Validation Failed")),
    "429": fixed(429, _message("Too many requests"), Retry_After="7"),
    "429-long": fixed(429, _message("Too many requests"), Retry_After="86400"),
    "primary-limit": fixed(403, _message("API rate limit exceeded"), X_RateLimit_Remaining="0", X_RateLimit_Reset="1767603630", Date=_DATE),
    "secondary-limit": fixed(403, _SECONDARY),
    "500": fixed(500, _message("Server Error")),
    "502": fixed(502, b"<html><body>Bad Gateway</body></html>"),
    "503": fixed(503, b"", Retry_After="3"),
    "html": fixed(200, b"<html><body>Log in to the proxy</body></html>"),
    "empty": fixed(200, b""),
    "not-json": fixed(200, b'{"data": {'),
    "other-json": fixed(200, []),
    "null": fixed(200, None),
    "cut": fixed(CUT, None),
    "cut-body": lambda status, body, headers: (status, body, {**headers, "X-Cut": "1"}),
    "trickle": lambda status, body, headers: (status, body, {**headers, "X-Slow": "1"}),
    "redirect": fixed(301, _message("Moved Permanently"), Location="http://elsewhere.example/"),
    "graphql-limit": lambda status, body, headers: (200, _LIMITED, {}) if "data" in body else (status, body, headers),
    "graphql-lost": lambda status, body, headers: (200, _LOST, {}) if "data" in body else (status, body, headers),
    "shortened": each_list(lambda items: items[:-1]),
    "emptied": each_list(lambda _items: []),
    "repeated": each_list(lambda items: [items[0]] * len(items)),
    "doubled": each_list(lambda items: [*items, items[-1]]),
    "ends-early": pages(hasNextPage=False),
    "never-ends": pages(hasNextPage=True, endCursor="MA=="),
    "null-items": each_list(lambda items: [None, *items[1:]]),
    "null-users": nulls("user", "author", "mergedBy"),
    "null-commits": nulls("commit", "mergeCommit"),
    "null-lists": nulls("reviews", "labels", "closes", "linked", "associatedPullRequests", "statuses", "commits"),
    **{f"refused-{key}": refused(key) for key in ("statusCheckRollup", "associatedPullRequests", "reviews", "closes", "timeline", "author", "it")},
}
