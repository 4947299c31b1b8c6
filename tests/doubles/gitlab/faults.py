"""Faults that GitLab, or what stands before it, is known to make."""

from collections.abc import Callable, Mapping
from typing import Any

from doubles.faults import CUT, Fault, Faulty, changed, fixed, nulls


def _lists(edit: Callable[[list[Any]], list[Any]]) -> Fault:
    """Every list that isn't empty edited, its counts left as they were."""
    return changed(lambda body: edit(body) if isinstance(body, list) and body else body)


def _headers(**more: str) -> Fault:
    def fault(status: int, body: Any, headers: Mapping[str, str]) -> Faulty:
        return status, body, {**headers, **{name.replace("_", "-"): value for name, value in more.items()}} if isinstance(body, list) else headers

    return fault


KINDS: Mapping[str, Fault] = {
    "401": fixed(401, {"message": "401 Unauthorized"}),
    "403": fixed(403, {"message": "403 Forbidden"}),
    "404": fixed(404, {"message": "404 Not found"}),
    "422": fixed(422, {"error": "invalid"}),
    "429": fixed(429, {"message": {"error": "This endpoint has been requested too many times. Try again later."}}, Retry_After="7"),
    "429-long": fixed(429, b"Retry later\n", Retry_After="86400"),
    "429-reset": fixed(429, b"Retry later\n", RateLimit_Reset="1767603630", Date="Mon, 05 Jan 2026 09:00:00 GMT"),
    "500": fixed(500, {"message": "500 Internal Server Error"}),
    "502": fixed(502, b"<html><body>GitLab is not responding</body></html>"),
    "503": fixed(503, b"", Retry_After="3"),
    "html": fixed(200, b"<html><body>Sign in</body></html>"),
    "empty": fixed(200, b""),
    "not-json": fixed(200, b'{"id": '),
    "other-json": fixed(200, "odd"),
    "null": fixed(200, None),
    "cut": fixed(CUT, None),
    "cut-body": lambda status, body, headers: (status, body, {**headers, "X-Cut": "1"}),
    "trickle": lambda status, body, headers: (status, body, {**headers, "X-Slow": "1"}),
    "redirect": fixed(301, {"message": "moved"}, Location="http://127.0.0.1:1/"),
    "shortened": _lists(lambda items: items[:-1]),
    "emptied": _lists(lambda _items: []),
    "repeated": _lists(lambda items: [items[0]] * len(items)),
    "doubled": _lists(lambda items: [*items, items[-1]]),
    "null-items": _lists(lambda items: [None, *items[1:]]),
    "never-ends": _headers(X_Next_Page="2"),
    "null-users": nulls("user", "author", "merge_user"),
    "null-shas": nulls("sha", "merge_commit_sha", "squash_commit_sha", "head_commit_sha"),
    "null-lists": nulls("approved_by", "labels", "commits", "parent_ids"),
}
