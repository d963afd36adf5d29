"""Made events through the whole runtime: each gets a valid answer, and none ends the process.

The suite uses a few hundred. For more: EVENTS=10000 pytest tests/lambda_asgi/test_hostile_events.py
"""

import json
import os
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from lambda_asgi import _prelude as prelude
from lambda_asgi._environment import Settings
from lambda_asgi._response_mode import ResponseMode
from tests.lambda_asgi.runtime_api_server import Posted
from tests.lambda_asgi.support import play, runtime
from tests.lambda_asgi.test_event_sources_made import mutated, values

BATCH = 20
MODES = ["buffered", "streaming", "rest-api=streaming"]
EVENTS = int(os.environ.get("EVENTS", "400"))

made = mutated() | values
payloads = (
    made.map(lambda event: json.dumps(event).encode())
    | st.binary(max_size=30)
    | st.tuples(made, st.integers(0, 2000)).map(lambda cut: json.dumps(cut[0]).encode()[: cut[1]])
    | st.sampled_from(
        [b"", b"[" * 100_000, b'{"requestContext":' * 20_000, b"9" * 5000, b"NaN", b"\xff\xfe"]
    )
)


async def everything(request: Request) -> Any:
    """An app that reads every part of its request."""
    body = await request.body()
    document = {
        "url": str(request.url),
        "query": dict(request.query_params),
        "headers": dict(request.headers),
        "cookies": request.cookies,
        "client": request.client,
        "base": str(request.base_url),
        "body": len(body),
    }
    if request.method == "GET":
        return StreamingResponse(iter([json.dumps(document), "\n"]), headers={"x-path": "/"})
    return JSONResponse(document)


METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
APP = Starlette(routes=[Route("/{path:path}", everything, methods=METHODS)])


def check(answer: Posted) -> None:
    assert answer.complete
    if answer.path.endswith("/error"):
        document = json.loads(answer.body)
        assert document["errorType"]
        assert answer.headers["lambda-runtime-function-error-type"].startswith("Runtime.")
    elif "lambda-runtime-function-response-mode" in answer.headers:
        found = prelude.split(answer.body)
        assert found is not None
        assert 200 <= found[0].status <= 599
        assert answer.trailers == {} or answer.error["trailer"].startswith("Runtime.")
    else:
        json.loads(answer.body)


@pytest.mark.timeout(240 + EVENTS // 20)
@pytest.mark.parametrize("mode", MODES)
def test_no_event_ends_the_process(mode: str) -> None:
    examples = -(-EVENTS // (BATCH * len(MODES)))

    @hypothesis.settings(
        max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.lists(payloads, min_size=BATCH, max_size=BATCH))
    def batch(events: list[bytes]) -> None:
        async def scenario() -> None:
            async with runtime(
                APP, settings=Settings(access_log=False, response_mode=ResponseMode.parse(mode))
            ) as running:
                for event in events:
                    running.api.invoke(event)
                    check(await running.api.answer())
                assert not running.has_ended

        play(scenario())

    batch()
