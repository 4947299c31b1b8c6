"""The portal as a WSGI application (PEP 3333): it answers GET and HEAD, writes nothing, and lets nobody in whom it doesn't know."""

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from importlib import resources
from typing import IO, Any, Final, NamedTuple
from urllib.parse import parse_qsl

from changegate.errors import ChangegateError, InputError
from changegate.portal import views
from changegate.portal.access import LOCAL, Role, Tokens, Visitor, admit
from changegate.portal.index import Filters
from changegate.portal.source import Source
from changegate.portal.terms import parse_question
from changegate.portal.views import Around

_RECORD: Final = re.compile(r"/record/(?P<envelope>[0-9a-f]{64})(?:/(?P<file>record\.json|receipt\.txt|facts\.json))?")
_LONGEST_QUERY: Final = 2000
_HEADERS: Final = (
    ("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    ("Cache-Control", "no-store"),
)
"""On every answer. No script runs, nothing is loaded from elsewhere, no page is framed, nothing stays in a cache."""
_CHUNK: Final = 64 * 1024
_WORDS: Final = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed"} | {
    409: "Conflict", 414: "URI Too Long", 421: "Misdirected Request", 503: "Service Unavailable"
}  # fmt: skip
_ELSEWHERE: Final = "`changegate show ID` asks the log itself."
_NOBODY: Final = Around(None, Visitor("not let in", Role.READER), "")


class Answer(NamedTuple):
    """A status, a body and what it is."""

    status: int
    body: bytes | IO[bytes]
    kind: str = "text/html; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


class Works(NamedTuple):
    """What takes long; one at a time is done."""

    make_pack: Callable[[Mapping[str, str]], IO[bytes]]
    """The pack for `from`, `to`, `environment`, `sample` and `seed`, at its beginning. Raises `ChangegateError`."""
    verify: Callable[[], tuple[str, bool]]
    """What verifying the store says, and whether it is whole. Raises `ChangegateError`."""


class Portal:
    """The application."""

    def __init__(self, source: Source, works: Works, *, hosts: frozenset[str], tokens: Tokens | None) -> None:
        """`hosts` are the values of a request's `Host` that are answered: a name that leads here from elsewhere (DNS rebinding) is none of them.

        Without `tokens` everybody who gets here is let in.
        """
        self._source, self._works, self.hosts, self._tokens = source, works, hosts, tokens
        self._busy = threading.Lock()
        self._style = resources.files("changegate.render").joinpath("assets", "report.css").read_bytes()

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """See PEP 3333."""
        answer = self._answer(environ)
        length = len(answer.body) if isinstance(answer.body, bytes) else answer.body.seek(0, 2)
        headers = [("Content-Type", answer.kind), ("Content-Length", str(length)), *_HEADERS, *answer.headers]
        start_response(f"{answer.status} {_WORDS[answer.status]}", headers)
        if environ["REQUEST_METHOD"] == "HEAD":
            return []
        return [answer.body] if isinstance(answer.body, bytes) else _pieces(answer.body)

    def _answer(self, environ: Mapping[str, Any]) -> Answer:
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return _problem(_NOBODY, 405, "Nothing can be written here", "Ask with GET.", headers=(("Allow", "GET, HEAD"),))
        if environ.get("HTTP_HOST", "") not in self.hosts:
            return _problem(
                _NOBODY, 421, "This host name isn't this portal's", "Use the address that `changegate serve` prints, or start it with --host-name."
            )
        visitor = LOCAL if self._tokens is None else admit(environ.get("HTTP_AUTHORIZATION", ""), self._tokens)
        if visitor is None:
            asks = (("WWW-Authenticate", 'Basic realm="change evidence", charset="UTF-8"'),)
            return _problem(_NOBODY, 401, "A token is needed", "Give it as the password; any user name will do.", headers=asks)
        if environ.get("PATH_INFO") == "/style.css":
            return Answer(200, self._style, "text/css; charset=utf-8")
        try:
            warning = self._source.refresh()
        except ChangegateError as error:
            return _problem(Around(None, visitor, ""), 503, "The log can't be shown", error.message, error.remedy)
        around = Around(self._source.index.state(), visitor, warning)
        try:
            return self._page(around, environ.get("PATH_INFO", ""), _query(environ.get("QUERY_STRING", "")))
        except InputError as error:
            return _problem(around, 400, "This can't be asked", error.message, error.remedy)
        except ChangegateError as error:
            return _problem(around, 409, "This can't be trusted", error.message, error.remedy)

    def _page(self, around: Around, path: str, query: Mapping[str, str]) -> Answer:
        index = self._source.index
        match path:
            case "/":
                return Answer(200, views.overview(around, index.counts(), index.search((), Filters(), limit=20)))
            case "/search":
                filters = _filters(query)
                question = query.get("q", "")
                rows = index.search(parse_question(question), filters, before=_number(query, "before"))
                return Answer(200, views.found(around, question, filters, index.counts(), rows))
            case "/verify" if query.get("now") and around.visitor.role is not Role.AUDITOR:
                return _for_auditors(around, "Verifications")
            case "/verify":
                return self._one_at_a_time(around, self._verify, query) if query.get("now") else Answer(200, views.verification(around))
            case "/packs" | "/pack.zip" if around.visitor.role is not Role.AUDITOR:
                return _for_auditors(around, "Packs")
            case "/packs":
                return Answer(200, views.packs(around, index.counts()))
            case "/pack.zip":
                return self._one_at_a_time(around, self._pack, query)
        found = _RECORD.fullmatch(path)
        return self._record(around, found["envelope"], found["file"]) if found else _problem(around, 404, "There is no such page", path)

    def _record(self, around: Around, envelope: str, file: str | None) -> Answer:
        if file is None:
            shown = self._source.show(envelope)
            return (
                Answer(200, views.one_record(around, shown)) if shown else _problem(around, 404, "No such record is known here", envelope, _ELSEWHERE)
            )
        if around.visitor.role is not Role.AUDITOR:
            return _for_auditors(around, "Downloads")
        data = self._source.read_file(envelope, file)
        if data is None:
            return _problem(around, 404, "No such record is known here, or it has no facts", envelope, _ELSEWHERE)
        name = f"{envelope[:16]}-{file}"
        kind = "application/json" if file.endswith(".json") else "text/plain; charset=utf-8"
        return Answer(200, data, kind, (("Content-Disposition", f'attachment; filename="{name}"'),))

    def _one_at_a_time(self, around: Around, work: Callable[[Around, Mapping[str, str]], Answer], query: Mapping[str, str]) -> Answer:
        if not self._busy.acquire(blocking=False):
            return _problem(
                around, 503, "Somebody else's pack or verification is being made", "Try again in a minute.", headers=(("Retry-After", "60"),)
            )
        try:
            return work(around, query)
        finally:
            self._busy.release()

    def _verify(self, around: Around, _query: Mapping[str, str]) -> Answer:
        said, clean = self._works.verify()
        return Answer(200, views.verified(around, said, clean=clean))

    def _pack(self, _around: Around, query: Mapping[str, str]) -> Answer:
        file = self._works.make_pack(query)
        name = f"evidence-{_day(query, 'from')}-{_day(query, 'to')}.zip"
        return Answer(200, file, "application/zip", (("Content-Disposition", f'attachment; filename="{name}"'),))


def _for_auditors(around: Around, what: str) -> Answer:
    return _problem(around, 403, f"{what} are for auditors", "This token is a reader's.", "Ask for one with the role auditor.")


def _problem(around: Around, status: int, title: str, message: str, remedy: str = "", *, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    return Answer(status, views.problem(around, title, message, remedy), headers=headers)


def _query(text: str) -> dict[str, str]:
    """The last value of each name. Raises `InputError`."""
    try:
        if len(text) > _LONGEST_QUERY:
            raise ValueError("too long")
        return dict(parse_qsl(text, max_num_fields=20, errors="replace"))
    except ValueError as error:
        raise InputError("the address holds more than a question", remedy="Ask for less at once.") from error


def _filters(query: Mapping[str, str]) -> Filters:
    begin, end = _day(query, "from"), _day(query, "to")
    if begin and end and begin > end:
        raise InputError("the last day is before the first", remedy="Give the first day as From and the last one as To.")
    return Filters(query.get("environment", "")[:300], query.get("verdict", "")[:50], query.get("ending", "")[:50], begin, end)


def _day(query: Mapping[str, str], name: str) -> str:
    text = query.get(name, "")
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError as error:
        raise InputError(f"{name}: not a day such as 2026-01-31", remedy="Give year, month and day.") from error


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise InputError(f"{name}: not a number", remedy="Follow the links of the list.")
    return int(text)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while piece := file.read(_CHUNK):
            yield piece
