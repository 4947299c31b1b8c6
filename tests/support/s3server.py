"""S3 servers on loopback: ministack in a process of its own, and a proxy in front of it that makes calls fail."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def started(command: list[str], port: int, environment: dict[str, str]) -> Iterator[str]:
    """A server's URL, once it answers; it ends with the block."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(url, process)
        yield url
    finally:
        process.kill()
        process.wait()


def wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        try:
            OPENER.open(url, timeout=2).close()
        except HTTPError as error:
            error.close()
            return
        except (URLError, OSError):
            if process.poll() is not None:
                raise RuntimeError(f"the server ended with {process.returncode}") from None
            time.sleep(0.05)  # there is no event to wait for: another process opens the port
        else:
            return
    raise RuntimeError("the server doesn't answer")


@contextmanager
def ministack() -> Iterator[str]:
    port = free_port()
    environment = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "SERVICES": "s3", "LOG_LEVEL": "ERROR", "PATH": "/usr/bin:/bin"}
    with started([sys.executable, "-m", "ministack"], port, environment) as url:
        yield url


def client(endpoint: str) -> "S3Client":
    """A client of the test's own, beside the store's."""
    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


Fault = Callable[[str, str], str | None]
"""Told method and path; what goes wrong with this call: `409`, `412`, `500`, `503`, `cut` (not passed on), `lost` (passed on, no reply)."""
CODES = {"409": "ConditionalRequestConflict", "412": "PreconditionFailed", "500": "InternalError", "503": "SlowDown", "403": "AccessDenied"}


class FaultyProxy(ThreadingHTTPServer):
    """Passes calls on to an S3 server, except where `fault` says otherwise. ministack doesn't check signatures, so that the port may differ."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.fault: Fault = lambda _method, _path: None
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        Thread(target=self.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that was cut on purpose is no error."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyProxy

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's signature
        pass

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.server.fault(self.command, self.path)
        if fault in CODES:
            said = f"<Error><Code>{CODES[fault]}</Code><Message>injected</Message></Error>".encode()
            self.reply(int(fault), {"Content-Type": "application/xml"}, said)
            return
        if fault != "cut":
            status, headers, said = forward(self.server.upstream, self.command, self.path, dict(self.headers), body)
            if fault is None:
                self.reply(status, headers, said)
                return
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_PUT = do_DELETE = do_HEAD = do_POST = answer  # noqa: N815 - http.server's names

    def reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in {"content-length", "transfer-encoding", "connection", "date", "server"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def forward(upstream: str, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
    passed = {name: value for name, value in headers.items() if name.lower() not in {"host", "connection", "expect"}}
    request = urllib.request.Request(upstream + path, data=body if body or method == "PUT" else None, headers=passed, method=method)
    try:
        with OPENER.open(request, timeout=30) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()
