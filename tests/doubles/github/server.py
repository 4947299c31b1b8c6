"""The double over real HTTP on loopback, and faults to order.

    with GitHubServer(hub) as server:
        server.fail("cut", at=2)                  # the third request, once
        GitHub("acme/shop", TOKEN, api_url=server.url, sleep=server.sleep)
        server.requests                            # what was asked

The base URL is GitHub's; `server.enterprise_url` is the same under `/api/v3`, as a GitHub Enterprise Server has it.
"""

import json
import re
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

from doubles.github import deployments, faults, graphql, rest, settings, shown
from doubles.github.state import Hub

_DEPLOYMENTS = re.compile(r"/repos/(?P<repository>[^/]+/[^/]+)/deployments(?:/(?P<id>[0-9]+)/statuses)?")


class Asked(NamedTuple):
    """A request that came."""

    method: str
    path: str
    body: Any


class Reply(NamedTuple):
    """An answer before a fault touches it."""

    status: int
    body: Any
    headers: Mapping[str, str]


class GitHubServer:
    """Serves a `Hub` on a port of its own."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.requests: list[Asked] = []
        self.answers: list[Any] = []
        self.slept: list[float] = []
        self._faults: list[faults.Ordered] = []
        self._lock = threading.Lock()
        self._stalled = threading.Event()
        self._stalled.set()
        handler = type("Handler", (_Handler,), {"double": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The API's base URL."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def enterprise_url(self) -> str:
        """The API's base URL as of a GitHub Enterprise Server."""
        return f"{self.url}/api/v3"

    def sleep(self, seconds: float) -> None:
        """Stands in for `time.sleep`: notes the pause, and lets the association's lag pass by one."""
        self.slept.append(seconds)
        for repository in self.hub.repositories.values():
            repository.association_lag = max(0, repository.association_lag - 1)

    def fail(self, kind: str, *, at: int = 0, times: int = 1) -> None:
        """Order a fault of `faults.KINDS` for `times` requests, beginning with the one that comes after `at` more."""
        self._faults.append(faults.Ordered(faults.KINDS[kind], len(self.requests) + at, times))

    def replace(self, body: Any, *, at: int) -> None:
        """Give this answer to that request."""
        self._faults.append(faults.Ordered(faults.fixed(200, body), len(self.requests) + at, 1))

    def stall(self, *, at: int) -> None:
        """Give no answer to that request and the later ones until `release`."""
        self._stalled.clear()
        self._faults.append(faults.Ordered(self._wait, len(self.requests) + at, 10**6))

    def release(self) -> None:
        """End of `stall`."""
        self._stalled.set()

    def _wait(self, _status: int, body: Any, headers: Mapping[str, str]) -> faults.Faulty:
        self._stalled.wait(timeout=20)
        return faults.CUT, body, headers

    def reset(self) -> None:
        """Forget requests and faults; the state stays."""
        self.requests.clear()
        self.answers.clear()
        self.slept.clear()
        self._faults.clear()

    def note(self, asked: Asked) -> faults.Fault | None:
        """Count a request; the fault that is due for it."""
        with self._lock:
            number = len(self.requests)
            self.requests.append(asked)
            return next((each.fault for each in self._faults if each.first <= number < each.first + each.times), None)

    def answer(self, asked: Asked, token: str) -> Reply:
        """What GitHub would answer."""
        permissions = self.hub.tokens.get(token)
        if permissions is None:
            return Reply(401, rest.error(401, "Bad credentials"), {})
        parts = urlsplit(asked.path)
        path = parts.path.removeprefix("/api/v3")
        if asked.method == "POST" and parts.path in {"/graphql", "/api/graphql"}:
            return Reply(200, graphql.execute(self.hub, permissions, asked.body, "github.com", self.hub.acting(token)), {})
        resource = rest.compare if "/compare/" in path else rest.files if path.endswith("/files") else None
        if asked.method == "GET" and path.startswith("/repos/") and resource is not None:
            query = {name: int(values[-1]) for name, values in parse_qs(parts.query).items()}
            return Reply(*resource(self.hub, permissions, path, query.get("page", 1), min(query.get("per_page", 30), 100), self.url))
        filters = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if found := _DEPLOYMENTS.fullmatch(path):
            return Reply(*deployments.answer(self.hub, permissions, found, asked.method, filters, asked.body, self.url))
        if asked.method != "GET" or "check_name" in filters:
            request = shown.Request(asked.method, path, filters, asked.body)
            return Reply(*shown.answer(self.hub, permissions, request, self.hub.acting(token), self.url))
        if asked.method == "GET" and re.match(r"/repos(itories)?/", path):
            query = {name: int(values[-1]) for name, values in parse_qs(parts.query).items()}
            return Reply(*settings.answer(self.hub, permissions, path, query, self.url))
        return Reply(404, rest.error(404, "Not Found"), {})


class _Handler(BaseHTTPRequestHandler):
    double: ClassVar[GitHubServer]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve(None)

    def do_POST(self) -> None:
        self._serve(json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0")))))

    def do_PATCH(self) -> None:
        self.do_POST()

    def do_DELETE(self) -> None:
        self.do_POST()

    def _serve(self, body: Any) -> None:
        asked = Asked(self.command, self.path, body)
        fault = self.double.note(asked)
        token = self.headers.get("Authorization", "").removeprefix("token ").removeprefix("Bearer ")
        reply = self.double.answer(asked, token)
        if fault is not None:
            reply = Reply(*fault(reply.status, reply.body, reply.headers))
        self.double.answers.append(reply.body)
        if reply.status == faults.CUT:
            self.close_connection = True
            self.connection.shutdown(2)
            return
        content = reply.body if isinstance(reply.body, bytes) else b"" if reply.status == 204 else json.dumps(reply.body).encode()
        self.send_response_only(reply.status)
        length = len(content) + (100 if reply.status == 200 and "X-Cut" in reply.headers else 0)
        html = isinstance(reply.body, bytes) and content.startswith(b"<")
        headers = {
            "Content-Type": "text/html" if html else "application/json; charset=utf-8",
            "Content-Length": str(length),
            "Date": self.date_time_string(),
            **reply.headers,
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        for piece in [content[at : at + 7] for at in range(0, len(content), 7)] if "X-Slow" in reply.headers else [content]:
            self.wfile.write(piece)
        if length != len(content):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the base class's name
        """Nothing: the requests are kept in `GitHubServer.requests`."""
