"""Both real clients. The stand-in sends its second token only after the test has read the first."""

import json
import struct
import threading
from collections.abc import Callable, Generator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from zlib import crc32

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEYS = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": "us-east-1",
}


class Signature(httpx.Auth):
    """Signs for a Function URL with AuthType AWS_IAM, as `curl --aws-sigv4` does."""

    requires_request_body = True

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        host = {"host": request.headers["host"]}
        unsigned = AWSRequest(request.method, str(request.url), data=request.content, headers=host)
        SigV4Auth(Credentials("local", "local"), "lambda", "us-east-1").add_auth(unsigned)
        request.headers.update(unsigned.headers.items())
        yield request


class Models(ThreadingHTTPServer):
    """The streaming APIs of OpenAI and Bedrock.

    They answer "Hello", and then " world" once `go_on` is set.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.go_on = threading.Event()
        self.broken = False


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Models

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        openai = self.path == "/v1/chat/completions"
        self.send_response(200)
        media_type = "text/event-stream" if openai else "application/vnd.amazon.eventstream"
        self.send_header("content-type", media_type)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        encode = openai_event if openai else bedrock_event
        self.chunk(encode("Hello"))
        assert self.server.go_on.wait(30)
        if self.server.broken:
            self.close_connection = True
            return
        self.chunk(encode(" world"))
        self.chunk(b"data: [DONE]\n\n" if openai else b"")
        if openai:
            self.chunk(b"")

    def chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def log_message(self, *_: object) -> None:
        pass


def openai_event(token: str) -> bytes:
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "model"}
    choice = {"index": 0, "delta": {"content": token}, "finish_reason": None}
    return b"data: %b\n\n" % json.dumps({**chunk, "choices": [choice]}).encode()


def bedrock_event(token: str) -> bytes:
    """A message of the AWS event stream encoding: lengths, headers, payload, checksums."""
    fields = {
        ":message-type": "event",
        ":event-type": "contentBlockDelta",
        ":content-type": "application/json",
    }
    headers = b"".join(
        struct.pack(
            f"!B{len(name)}sBH{len(value)}s",
            len(name),
            name.encode(),
            7,
            len(value),
            value.encode(),
        )
        for name, value in fields.items()
    )
    payload = json.dumps({"delta": {"text": token}, "contentBlockIndex": 0}).encode()
    start = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    message = start + struct.pack("!I", crc32(start)) + headers + payload
    return message + struct.pack("!I", crc32(message))


@pytest.fixture(scope="module")
def models() -> Iterator[Models]:
    with Models() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def url(serve: Callable[..., Any], models: Models) -> Iterator[str]:
    address = f"http://127.0.0.1:{models.server_address[1]}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", address)
        yield serve(OpenAIBaseUrl=f"{address}/v1", OpenAIKey="key").url


@pytest.mark.parametrize("path", ["/openai", "/bedrock"])
def test_the_first_token_does_not_wait_for_the_second(url: str, models: Models, path: str) -> None:
    models.go_on.clear()
    models.broken = False
    with httpx.stream(
        "POST", url + path, json={"prompt": "Greet me."}, auth=Signature(), timeout=30
    ) as response:
        assert response.status_code == 200, response.read()
        lines = response.iter_lines()
        assert next(lines) == 'data: {"token": "Hello"}'
        models.go_on.set()
        assert [line for line in lines if line] == [
            'data: {"token": " world"}',
            "event: done",
            "data: {}",
        ]


def test_an_answer_that_breaks_off_has_no_done(url: str, models: Models) -> None:
    models.go_on.set()
    models.broken = True
    with httpx.stream(
        "POST", f"{url}/openai", json={"prompt": "Greet me."}, auth=Signature(), timeout=30
    ) as response:
        assert [line for line in response.iter_lines() if line] == ['data: {"token": "Hello"}']


def test_nobody_asks_without_a_signature(url: str) -> None:
    assert httpx.post(f"{url}/openai", json={"prompt": "Greet me."}).status_code == 403
