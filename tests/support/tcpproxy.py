"""A proxy in front of a server, which cuts a connection where a test wants it: before a request arrives, or after the server has answered it."""

import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from typing import Literal

Fate = Literal["pass", "drop request", "drop reply"]
_CHUNK = 1 << 20


class Proxy:
    """Forwards connections on `port` to the server's. `decide` is asked about every request's bytes; with `refuse` no more is taken."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.decide: Callable[[bytes], Fate] = lambda _request: "pass"
        self.refuse = False
        Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.refuse = True
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.refuse:
                    client.close()
                else:
                    Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self._server_port))
        swallow = Event()
        Thread(target=self._answer, args=(server, client, swallow), daemon=True).start()
        with suppress(OSError):
            while request := client.recv(_CHUNK):
                fate = self.decide(request)
                if fate == "drop request":
                    break
                if fate == "drop reply":
                    swallow.set()
                server.sendall(request)
        _end(server if not swallow.is_set() else None, client)

    @staticmethod
    def _answer(server: socket.socket, client: socket.socket, swallow: Event) -> None:
        with suppress(OSError):
            while block := server.recv(_CHUNK):
                if swallow.is_set():  # it is answered, so it is done
                    break
                client.sendall(block)
        _end(server, client)


def _end(*ends: socket.socket | None) -> None:
    for each in ends:
        if each is not None:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
