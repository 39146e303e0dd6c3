"""The server: threads, keep-alive, and an end that leaves nothing open."""

from __future__ import annotations

import io
import secrets
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from werkzeug.routing import Map
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request, Response

from . import views_control, views_lti, views_ws
from .faults import Faults
from .pages import views
from .seed import build_state
from .web import RULES, Sandbox, dispatch

VIEW_MODULES = (views, views_control, views_lti, views_ws)


class KeepAliveHandler(WSGIRequestHandler):
    """HTTP/1.1 with connections kept open.

    Werkzeug's own closes each connection, since it can't know whether a view has read the body, and lingers on it;
    here the body is read before the view runs.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536

    def setup(self) -> None:
        """Note the connection, so that the server can end it."""
        super().setup()
        self.server.connections.add(self.connection)  # type: ignore[attr-defined]

    def finish(self) -> None:
        """Forget the connection; one that was dropped has nothing left to flush."""
        self.server.connections.discard(self.connection)  # type: ignore[attr-defined]
        try:
            super().finish()
        except (OSError, ValueError):
            self.rfile.close()

    def make_environ(self) -> dict[str, Any]:
        """Read the body and give it to the view whole."""
        environ = super().make_environ()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        environ["wsgi.input_terminated"] = True
        return environ

    def run_wsgi(self) -> None:
        """Answer one request and keep the connection, unless a fault drops it; an error of our own is a 500."""
        environ = self.make_environ()
        try:
            response: Response = self.server.respond(environ)  # type: ignore[attr-defined]
        except ConnectionError:
            self.close_connection = True
            _shut(self.connection)
            return
        except Exception:
            traceback.print_exc(file=sys.stderr)
            response = Response("error in the sandbox", 500)
        chunks, status, headers = response.get_wsgi_response(environ)
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        for chunk in chunks:
            self.wfile.write(chunk)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: tokens could stand in what is said."""

    def log(self, *_: Any, **__: Any) -> None:
        """Say nothing; see `log_request`."""


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class SandboxServer(ThreadedWSGIServer):
    """A threaded server that knows its open connections."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, host: str, port: int, sandbox: Sandbox) -> None:
        self.connections: set[socket.socket] = set()
        self.sandbox = sandbox
        self.url_map = Map([rule.empty() for rule in RULES], strict_slashes=False)
        super().__init__(host, port, lambda _environ, _start: [], KeepAliveHandler)

    def respond(self, environ: dict[str, Any]) -> Response:
        """Answer a request; the handler calls this in place of a WSGI application."""
        return dispatch(self.sandbox, self.url_map, Request(environ))

    def close(self) -> None:
        """Stop listening and end every connection."""
        self.shutdown()
        self.server_close()
        for connection in list(self.connections):
            _shut(connection)


@contextmanager
def running_sandbox(
    seed: Mapping[str, Any] | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    url: str | None = None,
    token: str | None = None,
    latency: float = 0.0,
    row_cost: float = 0.0,
    faults: str = "",
    hang: float = 30.0,
    clock: Callable[[], float] = time.time,
) -> Iterator[Sandbox]:
    """Run a sandbox in a thread of this process for as long as the block lasts.

    `latency`, `row_cost` and `hang` are seconds; `faults` is written as in `faults.py`; port 0 takes a free one;
    `url` is the public address (by default that of host and port). Raises `SeedError`, `FaultSpecError`.
    """
    in_force = Faults(faults, latency=latency, row_cost=row_cost, hang=hang)
    state = build_state(seed, url or "", clock)
    sandbox = Sandbox(state, in_force, token or secrets.token_hex(16))
    server = SandboxServer(host, port, sandbox)
    sandbox.local_url = f"http://{host}:{server.port}"
    if url is None:
        state.site.url = sandbox.local_url
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield sandbox
    finally:
        in_force.release()
        server.close()
        thread.join()


__all__ = ["SandboxServer", "running_sandbox"]
