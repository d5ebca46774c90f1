"""A TCP proxy before Redis that drops the answer to a script, and refuses for a while."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

COMMIT = b"-- Swap a whole staged generation in."
FOLD_IN = b"-- Replace and remove single lists"


class LossyProxy:
    """Listens on a port of its own; a context manager."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._lose: tuple[bytes, float] | None = None
        self._refuse_until_s = 0.0
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.lost = 0

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._threads[0].join()
        self._listener.close()
        self._close_all()
        # A socket that a thread still holds would be reported as left open.
        for thread in self._threads:
            thread.join()

    def _start(self, work: Callable[..., None], *given: object) -> None:
        thread = threading.Thread(target=work, args=given, daemon=True)
        self._threads.append(thread)
        thread.start()

    def lose(self, script: bytes, refuse_s: float) -> None:
        """Drop the answer to the next script that holds these words, then refuse for a while."""
        self._lose = script, refuse_s

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if time.monotonic() < self._refuse_until_s:
                    client.close()
                else:
                    self._open.add(client)
                    self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self._target))
        except OSError:  # the server is gone
            self._end(client)
            return
        self._open.add(server)
        deaf = threading.Event()
        self._start(self._answer, server, client, deaf)
        with contextlib.suppress(OSError):
            end = b""
            while data := client.recv(65536):
                if self._lose and self._lose[0] in end + data:
                    deaf.set()
                end = data[-100:]
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _answer(self, server: socket.socket, client: socket.socket, deaf: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if deaf.is_set() and self._lose:
                    self.lost += 1
                    self._refuse_until_s = time.monotonic() + self._lose[1]
                    self._lose = None
                    self._close_all()
                client.sendall(data)
        self._end(server, client)

    def _end(self, *sockets: socket.socket) -> None:
        for each in sockets:
            each.close()
            self._open.discard(each)

    def _close_all(self) -> None:
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
