"""A front door between browser and service. A test can make it slow, and sees the requests.

It changes responses as a Function URL does: their length has another name, and a body that breaks
ends like a whole one.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_PIECE = 64 * 1024
_REMAPPED = "x-amzn-remapped-content-length"
_OWN = {"content-length", _REMAPPED, "transfer-encoding", "connection", "date", "server"}


@dataclass(frozen=True)
class Asked:
    path: str
    headers: Mapping[str, str]  # by lower-case name


@dataclass
class Door:
    url: str = ""
    bytes_per_second: float | None = None  # of each answer that is under way
    change: Callable[[Asked, bytes], bytes] | None = (
        None  # what becomes of a piece of a body; an empty one ends it
    )
    closed: bool = False  # connections are closed without an answer
    refuse: Callable[[Asked], int | None] | None = None  # the status of an error, for some requests
    asked: list[Asked] = field(default_factory=list)

    def asked_for(self, path: str) -> list[Asked]:
        return [each for each in self.asked if each.path == path]


@contextlib.contextmanager
def door_before(service_url: str) -> Iterator[Door]:
    door = Door()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = Asked(self.path, {name.lower(): value for name, value in self.headers.items()})
            door.asked.append(asked)
            if door.closed:
                self.close_connection = True
                return
            if door.refuse and (status := door.refuse(asked)):
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            connection = HTTPConnection(urlsplit(service_url).netloc)
            with contextlib.closing(connection):
                headers = {
                    name: value for name, value in self.headers.items() if name.lower() != "host"
                }
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                connection.request(self.command, self.path, body or None, headers)
                try:
                    self._answer(asked, connection.getresponse())
                except OSError:  # the browser has gone
                    self.close_connection = True

        do_HEAD = do_POST = do_GET

        def _answer(self, asked: Asked, response: HTTPResponse) -> None:
            self.send_response(response.status)
            for name, value in response.getheaders():
                if name.lower() not in _OWN:
                    self.send_header(name, value)
            length = response.headers.get(_REMAPPED, response.headers.get("content-length"))
            if length is not None:
                self.send_header(_REMAPPED, length)
            empty = self.command == "HEAD" or response.status in (204, 304)
            self.send_header(
                *(("Content-Length", "0") if empty else ("Transfer-Encoding", "chunked"))
            )
            self.end_headers()
            while not empty and not door.closed and (piece := response.read1(_PIECE)):
                piece = door.change(asked, piece) if door.change else piece
                if not piece:
                    break
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                if door.bytes_per_second:
                    time.sleep(len(piece) / door.bytes_per_second)
            if door.closed:
                self.close_connection = True
            elif not empty:
                self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        door.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield door
        finally:
            server.shutdown()
            thread.join()
