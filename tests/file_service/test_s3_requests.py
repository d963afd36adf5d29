"""How many requests a bucket gets: one for a file, one for a page of a folder."""

import io
import re
import threading
import time
import zipfile
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from tests.file_service.servers import S3Server, Server, s3_server, service

KIB = 1024
FILES = {
    "file.bin": bytes(range(256)) * 8 * KIB,  # 2 MiB
    "small.txt": b"small",
    "empty": b"",
    **{f"empties/{number:04}": b"" for number in range(1500)},
    **{f"objects/{number:03}": b"%d" % number * 100 for number in range(200)},
}


class CountingProxy:
    """A proxy in front of an S3 server. It counts requests, and delays each by `delay` seconds."""

    def __init__(self, upstream: str) -> None:
        self.delay = 0.0
        self.requests: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy.pass_on(self, upstream)

            do_HEAD = do_GET

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def pass_on(self, handler: BaseHTTPRequestHandler, upstream: str) -> None:
        with self._lock:
            self.requests.append(f"{handler.command} {handler.path}")
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self.delay)
        connection = HTTPConnection(urlsplit(upstream).netloc, timeout=60)
        try:
            connection.putrequest(
                handler.command, handler.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in handler.headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            response = connection.getresponse()
            body = response.read()
            handler.send_response_only(response.status)
            for name, value in response.getheaders():
                if name.lower() not in {"transfer-encoding", "connection"}:
                    handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(body)
        except OSError:
            handler.close_connection = True  # the reader left
        finally:
            connection.close()
            with self._lock:
                self.at_once -= 1

    def asked(self) -> list[str]:
        """Return the requests since the last call, without signatures."""
        with self._lock:
            asked, self.requests = self.requests, []
        return [re.sub(r"\?.*", "", each) for each in asked]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        server.put(FILES)
        yield server


@pytest.fixture(scope="module")
def proxy(s3: S3Server) -> Iterator[CountingProxy]:
    """A proxy that passes the Host on, because SeaweedFS checks the signature that has it."""
    proxy = CountingProxy(s3.url)
    thread = threading.Thread(target=proxy.server.serve_forever)
    thread.start()
    yield proxy
    proxy.server.shutdown()
    thread.join()
    proxy.server.server_close()


@pytest.fixture(scope="module")
def server(s3: S3Server, proxy: CountingProxy) -> Iterator[Server]:
    settings = {"FILE_SOURCE": f"s3://{s3.BUCKET}"}
    with service("uvicorn", settings, s3.environment(proxy.url)) as server:
        proxy.asked()
        yield server


@pytest.mark.parametrize(
    ("method", "target", "headers", "status"),
    [
        ("GET", "/files/file.bin", {}, 200),
        ("GET", "/files/file.bin", {"Range": "bytes=5-9"}, 206),
        ("GET", "/files/file.bin", {"Range": "bytes=5-"}, 206),
        ("GET", "/files/file.bin", {"Range": "bytes=-5"}, 206),
        ("GET", "/files/small.txt", {"Range": "bytes=0-4"}, 206),
        ("GET", "/files/small.txt", {"Range": "bytes=0-1000"}, 206),
        ("GET", "/files/small.txt", {"If-Match": "*"}, 200),
        ("GET", "/files/small.txt", {"If-None-Match": "*"}, 304),
        ("GET", "/files/empty", {}, 200),
        ("HEAD", "/files/file.bin", {}, 200),
    ],
)
def test_a_file_is_one_request(
    server: Server,
    proxy: CountingProxy,
    method: str,
    target: str,
    headers: dict[str, str],
    status: int,
) -> None:
    assert server.ask(method, target, headers).status == status
    assert len(proxy.asked()) == 1


def test_1500_empty_objects_are_two_requests(server: Server, proxy: CountingProxy) -> None:
    lines = server.get("/files/empties/", {"Accept": "application/x-ndjson"}).body.splitlines()
    assert len(lines) == 1501
    assert proxy.asked() == ["GET /test", "GET /test"]


def test_an_archive_asks_for_objects_ahead_and_for_no_empty_one(
    server: Server, proxy: CountingProxy
) -> None:
    proxy.delay, proxy.most_at_once = 0.025, 0
    try:
        answer = server.get("/archives/objects")
    finally:
        proxy.delay = 0
    asked = proxy.asked()
    assert len([each for each in asked if each.startswith("GET /test/objects/")]) == 200
    assert len(asked) == 201
    assert 8 <= proxy.most_at_once <= 16
    with zipfile.ZipFile(io.BytesIO(answer.body)) as zipped:
        assert {f"objects/{name}": zipped.read(name) for name in zipped.namelist()} == {
            path: data for path, data in FILES.items() if path.startswith("objects/")
        }
    server.get("/archives/empties")
    assert proxy.asked() == ["GET /test", "GET /test"]
