"""The real agent library with a stand-in model, which calls a tool and answers with its result."""

import json
import threading
from collections.abc import Callable, Generator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEYS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
CALL = {
    "index": 0,
    "id": "call-1",
    "type": "function",
    "function": {"name": "stock", "arguments": '{"article": "chair"}'},
}


class Signature(httpx.Auth):
    requires_request_body = True

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        host = {"host": request.headers["host"]}
        unsigned = AWSRequest(request.method, str(request.url), data=request.content, headers=host)
        SigV4Auth(Credentials("local", "local"), "lambda", "us-east-1").add_auth(unsigned)
        request.headers.update(unsigned.headers.items())
        yield request


class Model(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.go_on = threading.Event()


class Answer(BaseHTTPRequestHandler):
    server: Model

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        last = request["messages"][-1]
        if last["role"] != "tool":
            self.say({"tool_calls": [CALL]}, "tool_calls")
        else:
            assert self.server.go_on.wait(30)
            pieces = (
                last["content"] if isinstance(last["content"], str) else last["content"][0]["text"]
            )
            for token in ("There are ", pieces, " chairs."):
                self.say({"content": token})
            self.say({}, "stop")
        self.wfile.write(b"data: [DONE]\n\n")

    def say(self, delta: dict[str, Any], finish: str | None = None) -> None:
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "model"}
        choices = [{"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": finish}]
        self.wfile.write(b"data: %b\n\n" % json.dumps({**chunk, "choices": choices}).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with Model() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def events(response: httpx.Response) -> Iterator[tuple[str, Any]]:
    name = ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def test_each_step_is_shown_when_it_is_taken(
    serve: Callable[..., Any], model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model gives its answer only after the test has seen the tool's result."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    url = serve(OpenAIBaseUrl=f"http://127.0.0.1:{model.server_address[1]}/v1", OpenAIKey="key").url
    with httpx.stream(
        "POST", url, json={"prompt": "How many chairs are there?"}, auth=Signature(), timeout=30
    ) as answer:
        assert answer.status_code == 200, answer.read()
        steps = events(answer)
        assert next(steps) == ("call", {"tool": "stock", "input": {"article": "chair"}})
        assert next(steps) == ("result", ["4"])
        model.go_on.set()
        assert list(steps) == [
            ("token", "There are "),
            ("token", "4"),
            ("token", " chairs."),
            ("done", {}),
        ]
