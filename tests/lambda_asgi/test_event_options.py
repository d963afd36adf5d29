"""Options of `LambdaASGI` and settings about events, in whole invocations of both modes."""

import asyncio
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lambda_asgi import LambdaASGI
from lambda_asgi._environment import Settings
from lambda_asgi.errors import EventNotHandled
from lambda_asgi.testing import ExecutionEnvironment, StreamedResponse, function_url_event

EVENTS = Path(__file__).parents[2] / "events"
SQS = json.loads((EVENTS / "sqs.json").read_text())


async def show(request: Request) -> Response:
    return JSONResponse(
        {
            "source": request.scope["aws.event_source"],
            "url": str(request.url),
            "client": request.client and request.client.host,
            "agent": request.headers.get("user-agent"),
            "body": len(await request.body()) == int(request.headers.get("content-length", "0")),
        },
        headers={"x-internal": "1", "X-Public": "2"},
    )


ROUTES = [Route("/events", show, methods=["GET", "POST"]), Route("/items", show, methods=["POST"])]
APP = Starlette(routes=ROUTES)


def streamed(handler: Any, event: Any, settings: Settings | None = None) -> StreamedResponse:
    async def invoke() -> StreamedResponse:
        async with ExecutionEnvironment(handler, settings) as environment:
            return await environment.invoke(event)

    return asyncio.run(invoke())


def buffered(handler: Any, event: Any, settings: Settings | None = None) -> Any:
    async def invoke() -> Any:
        async with ExecutionEnvironment(handler, settings) as environment:
            return await environment.invoke_buffered(event)

    return asyncio.run(invoke())


def test_a_queue_passes_a_host_check() -> None:
    """Middleware finds the host, client, user agent and length that it looks for."""
    app = Starlette(
        routes=ROUTES, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["localhost"])]
    )
    result = buffered(app, SQS)
    assert result["source"] == "non-http"
    assert result["url"] == "https://localhost/events"
    assert result["client"] == "127.0.0.1"
    assert result["agent"].startswith("lambda-asgi/")
    assert result["body"] is True


def test_the_host_of_events_is_a_setting() -> None:
    hosts = ["api.example.com"]
    app = Starlette(
        routes=ROUTES, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts)]
    )
    with pytest.raises(EventNotHandled, match="status 400"):
        buffered(app, SQS)
    settings = Settings.read({"LAMBDA_ASGI_EVENT_HOST": "api.example.com"})
    assert buffered(app, SQS, settings)["url"] == "https://api.example.com/events"


def test_nobody_forges_an_event() -> None:
    forged = function_url_event("/events", method="POST", body=b'{"Records": []}')
    response = streamed(APP, forged)
    assert (response.status, response.body) == (404, b"Not Found")
    assert buffered(APP, forged)["statusCode"] == 404
    # A page of server-sent events at the same path is not concerned.
    assert streamed(APP, function_url_event("/events")).status == 200


def test_http_events_can_be_allowed() -> None:
    handler = LambdaASGI(APP, allow_http_events=True)
    response = streamed(handler, function_url_event("/events", method="POST", body=b"{}"))
    assert json.loads(response.body)["source"] == "function-url"


def test_another_event_path_frees_the_usual_one() -> None:
    settings = Settings(event_path="/items")
    assert streamed(APP, function_url_event("/events", method="POST"), settings).status == 200
    assert streamed(APP, function_url_event("/items", method="POST"), settings).status == 404
    assert buffered(APP, SQS, settings)["url"] == "https://localhost/items"


@pytest.mark.parametrize("name", ["X-Internal", "x-internal"])
def test_excluded_headers_reach_nobody(name: str) -> None:
    handler = LambdaASGI(APP, exclude_headers=[name])
    event = function_url_event("/events")
    headers = streamed(handler, event).headers
    assert ("x-internal" in headers, headers["x-public"]) == (False, "2")
    headers = buffered(handler, event)["headers"]
    assert ("x-internal" in headers, headers["x-public"]) == (False, "2")


def test_text_types_of_the_users() -> None:
    async def route(request: Request) -> Response:
        return Response(b"ok", media_type="application/x-mine")

    app = Starlette(routes=[Route("/", route)])
    assert buffered(app, function_url_event("/"))["isBase64Encoded"] is True
    handler = LambdaASGI(app, text_mime_types=["application/x-mine"])
    assert buffered(handler, function_url_event("/"))["body"] == "ok"


def test_no_content_type_is_invented() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"<p>plain"})

    handler = LambdaASGI(app, lifespan="off")
    result = buffered(handler, function_url_event("/"))
    assert (result["body"], result["headers"]) == ("<p>plain", {})


def test_a_framework_that_ignores_root_path_routes_behind_a_stage() -> None:
    """Falcon is one: it compares `path` with its routes."""
    event = copy.deepcopy(json.loads((EVENTS / "rest_api_get.json").read_text()))
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["path"], scope["raw_path"], scope["root_path"]))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    streamed(LambdaASGI(app, lifespan="off"), event)
    streamed(LambdaASGI(app, lifespan="off", strip_root_path=True), event)
    assert seen == [("/live/items", b"/live/items", "/live"), ("/items", b"/items", "/live")]


@pytest.mark.filterwarnings("ignore:The `root_path` parameter is deprecated")
@pytest.mark.parametrize("root_path", ["/live", "/live/"])
def test_fastapi_with_a_root_path_of_its_own(root_path: str) -> None:
    from fastapi import FastAPI

    app = FastAPI(root_path=root_path)
    app.add_api_route("/items", lambda: "found")
    event = json.loads((EVENTS / "rest_api_get.json").read_text())
    assert streamed(LambdaASGI(app, strip_root_path=True), event).body == b'"found"'


@pytest.mark.parametrize("base_path", ["shop", "/shop", "/shop/", "shop/"])
def test_the_base_path_may_be_written_in_any_way(base_path: str) -> None:
    event = json.loads((EVENTS / "http_api_get_custom_domain.json").read_text())
    app = Starlette(
        routes=[
            Route(
                "/items/{item}",
                lambda request: Response(str(request.url_for("item", item=8))),
                name="item",
            )
        ]
    )
    handler = LambdaASGI(app, api_gateway_base_path=base_path)
    assert buffered(handler, event)["body"] == "https://api.example.com/shop/items/8"


@pytest.mark.parametrize(
    ("name", "extra"),
    [
        ("websocket_connect", {}),
        ("websocket_connect", {"httpMethod": "GET", "path": "/events", "resource": "/"}),
    ],
)
def test_websocket_events_are_no_requests(name: str, extra: dict[str, str]) -> None:
    """They look like requests: in the fixtures of AWS's libraries they have a method and a path."""
    event = json.loads((EVENTS / f"{name}.json").read_text()) | extra
    assert buffered(APP, event)["source"] == "non-http"
