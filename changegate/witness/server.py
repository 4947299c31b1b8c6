"""A witness over HTTP: `POST /add-checkpoint`, and nothing else. For TLS put a reverse proxy before it."""

import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from threading import BoundedSemaphore
from typing import Any, Final

from changegate.errors import ChangegateError
from changegate.evidence import cosignature
from changegate.witness.judge import CONFLICT, Conflict, Cosigned, Judge, Refused
from changegate.witness.submission import MAX_BYTES, SIZE_TYPE, format_size

MAX_REQUESTS: Final = 32
"""How many requests are served at a time; a further connection is closed at once."""
SECONDS: Final = 10.0
"""How long a silent connection is kept, and how long a body may take."""
PATH: Final = "/add-checkpoint"
_TEXT: Final = "text/plain; charset=utf-8"


class WitnessServer(ThreadingHTTPServer):
    """Serves one witness at an address. `log` is told a line about every request that reached it."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], judge: Judge, log: Callable[[str], None]) -> None:
        self.judge, self.log = judge, log
        self._free = BoundedSemaphore(MAX_REQUESTS)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve it in a thread of its own, unless too many are being served."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve it, and make room for another one."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:  # noqa: ARG002 - socketserver's signature
        """A client that hung up is no news, and no client is shown a traceback."""
        self.log(f"{client_address[0]}: the connection broke")


class _Handler(BaseHTTPRequestHandler):
    server: WitnessServer
    protocol_version = "HTTP/1.1"
    server_version = "changegate-witness"
    sys_version = ""
    timeout = SECONDS

    def do_POST(self) -> None:
        if self.path != PATH:
            self._answer(404, f"only {PATH} is served here")
            return
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and len(length) < 10):
            self._answer(411, "no Content-Length", close=True)
        elif int(length) > MAX_BYTES:
            self._answer(413, f"more than {MAX_BYTES} bytes", close=True)
        elif (body := self._read(int(length))) is None:
            self.close_connection = True
        else:
            self._judge(body)

    def do_GET(self) -> None:
        self._answer(404 if self.path != PATH else 405, f"only POST {PATH} is served here")

    def _read(self, length: int) -> bytes | None:
        """The whole body; None where it doesn't come in time."""
        parts, missing, end = list[bytes](), length, time.monotonic() + SECONDS
        while missing:
            part = self.rfile.read1(missing) if time.monotonic() < end else b""
            if not part:
                return None
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def _judge(self, body: bytes) -> None:
        try:
            answer = self.server.judge.judge(body)
        except ChangegateError as error:
            self.server.log(f"nothing was cosigned: {error.message}")
            self._answer(500, "the witness can't cosign now; its operator's log says why")
            return
        match answer:
            case Cosigned(line):
                self._send(200, cosignature.format_lines([line]), _TEXT)
            case Conflict(size, forked):
                if forked:
                    self.server.log(f"FORK: another root for {size} entries was submitted, signed by the log; keep this: {body!r}")
                self._send(CONFLICT, format_size(size), SIZE_TYPE)
            case Refused(status, why):
                self._answer(status, why)

    def _answer(self, status: int, why: str, *, close: bool = False) -> None:
        self.close_connection = self.close_connection or close
        self._send(status, f"{why}\n".encode(), _TEXT)

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's signature
        self.server.log(f"{self.client_address[0]}: {ascii(format % args)[1:-1]}")
