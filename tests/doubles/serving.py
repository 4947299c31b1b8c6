"""A forge's double over real HTTP on loopback, and faults to order: what the doubles of all forges have in common."""

import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, NamedTuple, Self

from doubles import faults


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


class Double:
    """Serves what `answer` says on a port of its own."""

    kinds: ClassVar[Mapping[str, faults.Fault]]
    """The faults that can be ordered."""

    def __init__(self, *, still: bool = False) -> None:
        """`still` says that nothing in the forge changes while this serves: an answer is worked out once. Faults come after it, on a copy."""
        self._worked_out: dict[tuple[str, ...], Reply] | None = {} if still else None
        self.requests: list[Asked] = []
        self.answers: list[Any] = []
        self.slept: list[float] = []
        self.clock_ahead = 0.0
        """By how many seconds the forge's clock is ahead of this machine's."""
        self._faults: list[faults.Ordered] = []
        self._lock = threading.Lock()
        self._stalled = threading.Event()
        self._stalled.set()
        handler = type("Handler", (_Handler,), {"double": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def answer(self, asked: Asked, token: str) -> Reply:
        """What the forge would answer."""
        raise NotImplementedError

    def reply(self, asked: Asked, token: str) -> Reply:
        """The answer, from memory where nothing changes."""
        if self._worked_out is None:
            return self.answer(asked, token)
        key = (asked.method, asked.path, json.dumps(asked.body), token)
        if key not in self._worked_out:
            self._worked_out[key] = self.answer(asked, token)
        return self._worked_out[key]

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

    def sleep(self, seconds: float) -> None:
        """Stands in for `time.sleep`: notes the pause."""
        self.slept.append(seconds)

    def fail(self, kind: str, *, at: int = 0, times: int = 1) -> None:
        """Order a fault of `kinds` for `times` requests, beginning with the one that comes after `at` more."""
        self._faults.append(faults.Ordered(self.kinds[kind], len(self.requests) + at, times))

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


class _Handler(BaseHTTPRequestHandler):
    double: ClassVar[Double]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve(None)

    def do_POST(self) -> None:
        self._serve(json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))) or b"null"))

    def do_PATCH(self) -> None:
        self.do_POST()

    def do_PUT(self) -> None:
        self.do_POST()

    def do_DELETE(self) -> None:
        self.do_POST()

    def _serve(self, body: Any) -> None:
        asked = Asked(self.command, self.path, body)
        fault = self.double.note(asked)
        token = self.headers.get("JOB-TOKEN") or self.headers.get("Authorization", "").removeprefix("token ").removeprefix("Bearer ")
        reply = self.double.reply(asked, token)
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
            "Date": self.date_time_string(time.time() + self.double.clock_ahead),
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
        """Nothing: the requests are kept in `Double.requests`."""
