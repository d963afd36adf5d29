"""One suite, two other sides of the wire: our emulator and AWS's. Neither has our runtime's code.

AWS's emulator passes the stream on with its prelude. Ours makes of it the response that a client of
a Function URL gets. Both must agree about the app's response.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lambda_asgi.testing import function_url_event
from tests.lambda_asgi.test_rie import APPS, rie
from tests.lambda_asgi.test_rie import pytestmark as needs_rie
from tests.lambda_emulator.support import RunningEmulator, write_template


class Answer(NamedTuple):
    status: int
    content_type: str | None
    cookies: list[str]
    body: bytes


Ask = Callable[..., Answer]


def ask_rie(stack: ExitStack, tmp_path: Path, variables: dict[str, str], timeout: int) -> Ask:
    emulator = stack.enter_context(rie(AWS_LAMBDA_FUNCTION_TIMEOUT=str(timeout), **variables))

    def ask(path: str, method: str = "GET", body: bytes = b"") -> Answer:
        (status, headers, cookies), content = emulator.invoke(
            function_url_event(path, method=method, body=body)
        ).split
        return Answer(status, headers.get("content-type"), cookies, content)

    return ask


def ask_ours(stack: ExitStack, tmp_path: Path, variables: dict[str, str], timeout: int) -> Ask:
    variables = {"LAMBDA_ASGI_RESPONSE_MODE": "streaming", **variables}
    template = write_template(
        tmp_path,
        Handler="emulated.app",
        CodeUri=str(APPS),
        Timeout=timeout,
        Environment={"Variables": variables},
    )
    command = (sys.executable, "-m", "lambda_asgi", "emulated.app")
    emulator = stack.enter_context(
        RunningEmulator("--template", str(template), "--concurrency", "1", command=command)
    )

    def ask(path: str, method: str = "GET", body: bytes = b"") -> Answer:
        with emulator.connect() as client:
            client.request(method, path, body=body)
            response = client.response(method)
        cookies = [value for name, value in response.headers if name.lower() == "set-cookie"]
        return Answer(response.status, response.header("content-type"), cookies, response.body)

    return ask


@pytest.fixture(
    params=[pytest.param(ask_ours, id="ours"), pytest.param(ask_rie, id="aws", marks=needs_rie)]
)
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Ask]]:
    with ExitStack() as stack:

        def start(timeout: int = 20, **variables: str) -> Ask:
            ask: Ask = request.param(stack, tmp_path, variables, timeout)
            return ask

        yield start


def test_answers_one_after_another(start: Callable[..., Ask]) -> None:
    ask = start()
    assert ask("/count") == (200, "text/plain", ["a=b"], b"1")
    assert ask("/chunks").body == b"".join(b"%d," % number for number in range(1000))
    assert ask("/count").body == b"3"


def test_bodies_of_any_bytes(start: Callable[..., Ask]) -> None:
    body = bytes(range(256)) * 40
    assert start()("/echo", "POST", body) == (200, "application/octet-stream", ["a=b"], body)


def test_no_body(start: Callable[..., Ask]) -> None:
    ask = start()
    assert (ask("/empty").status, ask("/empty").body) == (204, b"")
    assert ask("/count").body == b"3"


def test_errors(start: Callable[..., Ask]) -> None:
    ask = start()
    assert (ask("/raise").status, ask("/raise").body) == (500, b"Internal Server Error")
    assert ask("/break").body == b"first", "what was sent, and nothing of the error"
    assert ask("/count").body == b"4", "one process for all of it"


def test_the_deadline(start: Callable[..., Ask]) -> None:
    ask = start(8, LAMBDA_ASGI_DEADLINE_MARGIN_MS="4000")  # a slow start may take most of it
    late: Any = ask("/hang")
    assert (late.status, late.body) == (
        504,
        b"the app has not ended, and the function's timeout is near",
    )
    assert ask("/count").body == b"2", "the process lives on"
