"""Asking services over HTTP, several at once, within one time: witnesses and timestamp authorities."""

import http.client
import queue
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Thread
from typing import Final, TypeVar
from urllib.parse import urlsplit

from changegate.errors import ChangegateError, InputError, StoreError

MAX_ANSWER: Final = 1024 * 1024
T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """A response, whatever its status."""

    status: int
    kind: str
    """Its content type, without parameters."""
    body: bytes


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A service is asked where the configuration says, and nowhere else."""

    def redirect_request(self, *_args: object, **_named: object) -> None:
        return None


def check_url(url: str, what: str) -> str:
    """The URL itself. Raises `InputError` unless it is one of http or https with a host, without a password in it."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        good = False
    if not good or not url.isascii() or not url.isprintable() or " " in url:
        raise InputError(f"{what}: not an http(s) URL", remedy="Give it as https://host/path, without user and password.")
    return url


def post(url: str, body: bytes, *, kind: str, seconds: float) -> Answer:
    """Send a body, once. Raises `StoreError` where no answer comes, or one of more than `MAX_ANSWER` bytes."""
    request = urllib.request.Request(check_url(url, url[:100]), body, {"Content-Type": kind, "User-Agent": "changegate"})  # noqa: S310 - checked
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        try:
            response = opener.open(request, timeout=seconds)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            data = response.read(MAX_ANSWER + 1)
            found = Answer(response.status, response.headers.get_content_type(), data)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise StoreError(
            f"{url} doesn't answer: {reason}", remedy="Check the URL, and that the service runs and can be reached from here."
        ) from error
    if len(data) > MAX_ANSWER:
        raise StoreError(f"{url} answers with more than {MAX_ANSWER} bytes", remedy="Check the URL: this is not the service that was meant.")
    return found


def ask_all(calls: Mapping[str, Callable[[], T]], seconds: float) -> dict[str, T | ChangegateError]:
    """Make all calls at once; what each returned, or its error. A call that takes longer than `seconds` is left to itself and counts as failed."""
    answers: queue.SimpleQueue[tuple[str, T | BaseException]] = queue.SimpleQueue()

    def ask(name: str, call: Callable[[], T]) -> None:
        try:
            answers.put((name, call()))
        except BaseException as error:  # noqa: BLE001 - raised again below, where somebody sees it
            answers.put((name, error))

    for name, call in calls.items():
        Thread(target=ask, args=(name, call), daemon=True).start()
    slow = StoreError(f"no answer within {seconds:.0f} s", remedy="Check that the service runs and can be reached from here.")
    found: dict[str, T | ChangegateError] = dict.fromkeys(calls, slow)
    end = time.monotonic() + seconds
    for _ in calls:
        try:
            name, answer = answers.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            break
        if isinstance(answer, BaseException) and not isinstance(answer, ChangegateError):
            raise answer
        found[name] = answer
    return found
