"""API Gateway's REST API in front of a function, streamed and buffered. All of it documented, none recorded."""

import base64
import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_emulator.fronts.http_answer import BadAnswer
from lambda_emulator.fronts.rest_api_event import rest_api_event
from lambda_emulator.fronts.rest_api_response import response_of_result
from lambda_emulator.fronts.rest_api_routes import Route, find_route
from lambda_emulator.http.message import Request
from lambda_emulator.template.config import RestAPI
from tests.lambda_emulator.support import RUNTIMES, Response, RunningEmulator


def api_event(path: str, method: str = "ANY", *, streaming: bool = True) -> dict[str, Any]:
    properties: dict[str, Any] = {"Path": path, "Method": method, "RestApiId": "Api"}
    if streaming:
        properties["ResponseTransferMode"] = "RESPONSE_STREAM"
    return {"Type": "Api", "Properties": properties}


@contextlib.contextmanager
def serving(folder: Path, timeout: int) -> Iterator[RunningEmulator]:
    function = {
        "Handler": "scripted.main", "Runtime": "provided.al2023", "CodeUri": str(RUNTIMES), "Timeout": timeout,
        "Events": {
            "All": api_event("/{proxy+}"), "Root": api_event("/"), "One": api_event("/items/{id}", "get"),
            "Buffered": api_event("/result", "get", streaming=False),
            "Throw": api_event("/throw", "post", streaming=False),
        },
    }  # fmt: skip
    api = {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "v1"}}
    resources = {"Probe": {"Type": "AWS::Serverless::Function", "Properties": function}, "Api": api}
    template = folder / "template.yaml"
    template.write_text(json.dumps({"Resources": resources}))
    command = (sys.executable, str(RUNTIMES / "scripted.py"))
    with RunningEmulator("--template", str(template), command=command) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    with serving(tmp_path_factory.mktemp("rest"), 60) as emulator:
        yield emulator


def raw(gateway: RunningEmulator, prelude: bytes, *, method: str = "GET") -> Response:
    encoded = base64.b64encode(prelude).decode().replace("+", "%2B")
    return gateway.get(
        f"/v1/raw?type=application/vnd.awslambda.http-integration-response&b64={encoded}",
        method=method,
    )


def test_chunks_arrive_as_they_are_written(gateway: RunningEmulator, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with gateway.connect() as client:
        client.request("GET", f"/v1/gated?count=3&gate={gate}")
        response = client.head()
        for index, chunk in enumerate(client.chunks(response)):
            assert chunk == f"chunk {index}\n".encode()
            Path(f"{gate}.{index}").touch()
    assert response.terminated


def test_the_event_is_payload_v1(gateway: RunningEmulator) -> None:
    response = gateway.get(
        "/v1/items/a%20b?x=1&x=2&y=%2F", "X-One: 1", "x-many: a", "x-many: b", "Connection: close"
    )
    # The scripted runtime reads `rawPath` and answers with its echo, which is no prelude: 500, as documented.
    assert (response.status, response.json()) == (500, {"message": "Internal server error"})


def test_the_event_field_by_field() -> None:
    route = Route("GET", "/items/{id}", RestAPI("Api", "v1", "GET", "/items/{id}", True))
    headers = [
        ("Host", "h"),
        ("X-Many", "a"),
        ("X-Many", "b"),
        ("User-Agent", "u"),
        ("Connection", "close"),
    ]
    request = Request("GET", "/v1/items/a%20b?x=1&x=2&y=%2F", "1.1", headers, True)
    parameters = route.match("GET", "/items/a%20b")
    assert parameters == {"id": "a%20b"}
    event = json.loads(
        rest_api_event(
            request, b"", api=route.target, path="/items/a%20b", parameters=parameters, source_ip="127.0.0.1",
            port=3000, request_id="00000000-0000-4000-8000-000000000000", trace_id="Root=1-a-b", now=0.0,
        )
    )  # fmt: skip
    assert event["resource"] == "/items/{id}"
    assert event["path"] == "/items/a%20b"
    assert event["httpMethod"] == "GET"
    assert event["pathParameters"] == {"id": "a b"}
    assert event["queryStringParameters"] == {"x": "2", "y": "/"}
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"], "y": ["/"]}
    assert event["headers"]["X-Many"] == "b"
    assert event["multiValueHeaders"]["X-Many"] == ["a", "b"]
    assert "Connection" not in event["headers"]
    assert (event["body"], event["isBase64Encoded"], event["stageVariables"]) == (None, False, None)
    context = event["requestContext"]
    assert (context["path"], context["stage"], context["resourcePath"]) == (
        "/v1/items/a%20b",
        "v1",
        "/items/{id}",
    )
    assert context["requestTime"] == "01/Jan/1970:00:00:00 +0000"
    assert context["identity"]["sourceIp"] == "127.0.0.1"


@pytest.mark.parametrize("target", ["/", "/v2/x", "/v1x"])
def test_another_stage_is_forbidden(gateway: RunningEmulator, target: str) -> None:
    response = gateway.get(target)
    assert (response.status, response.json()) == (403, {"message": "Forbidden"})


ROUTES = [
    Route("ANY", "/{proxy+}", "proxy"), Route("GET", "/{a}", "one"), Route("GET", "/users/{user-id}", "user"),
    Route("GET", "/users/me", "me"), Route("ANY", "/users/me", "any of me"), Route("GET", "/users/{rest+}", "rest"),
    Route("GET", "/{a}/me", "a me"), Route("GET", "/", "root"), Route("GET", "/files/{path.with_dots}", "dots"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "target", "parameters"),
    [
        ("GET", "/users/me", "me", {}),
        ("PUT", "/users/me", "any of me", {}),
        ("GET", "/users/7", "user", {"user-id": "7"}),
        ("GET", "/users/7/x", "rest", {"rest": "7/x"}),
        ("GET", "/other/me", "a me", {"a": "other"}),
        ("GET", "/other", "one", {"a": "other"}),
        ("PUT", "/other", "proxy", {"proxy": "other"}),
        ("GET", "/files/x", "dots", {"path.with_dots": "x"}),
        ("GET", "/", "root", {}),
        ("PUT", "/", None, None),
    ],
)
@given(order=st.permutations(ROUTES))
def test_the_most_specific_route_wins_in_any_order(
    method: str,
    path: str,
    target: str | None,
    parameters: dict[str, str] | None,
    order: list[Route[str]],
) -> None:
    found = find_route(order, method, path)
    assert (found and (found[0].target, found[1])) == (target and (target, parameters))


GOOD: dict[str, Any] = {"statusCode": 200, "body": "b"}
MALFORMED: list[Any] = [
    None, True, "text", 5, [], {}, {"statusCode": True}, {"statusCode": 99}, {"statusCode": "2000"},
    {**GOOD, "body": 5}, {**GOOD, "body": {}}, {**GOOD, "headers": []}, {**GOOD, "headers": {"X": {}}},
    {**GOOD, "headers": {"X": "a\r\nSet-Cookie: b=c"}}, {**GOOD, "headers": {"X Y": "a"}},
    {**GOOD, "multiValueHeaders": {"X": "one"}}, {**GOOD, "multiValueHeaders": {"X": ["a\r\nY: b"]}},
    {**GOOD, "multiValueHeaders": []}, {**GOOD, "cookies": "a=b"}, {**GOOD, "cookies": ["a\r\nX: y"]},
    {**GOOD, "isBase64Encoded": True, "body": "%%%"}, {**GOOD, "isBase64Encoded": "yes"},
]  # fmt: skip


@pytest.mark.parametrize("result", [*map(json.dumps, MALFORMED), "", "{", "[" * 100_000])
def test_what_is_no_proxy_response_is_malformed(result: str) -> None:
    with pytest.raises(BadAnswer):
        response_of_result(result.encode())


def test_a_malformed_response_is_502(gateway: RunningEmulator) -> None:
    for result in (
        b"null",
        b"true",
        json.dumps(MALFORMED[13]).encode(),
        json.dumps(MALFORMED[-2]).encode(),
    ):
        response = gateway.get(f"/v1/result?b64={base64.b64encode(result).decode()}")
        assert (response.status, response.json()) == (502, {"message": "Internal server error"})


def test_literal_paths_and_methods_win(gateway: RunningEmulator) -> None:
    """/result GET is the buffered route; /result PUT falls to the streamed {proxy+}."""
    b64 = base64.b64encode(b'{"statusCode": 202, "body": "b"}').decode()
    response = gateway.get(f"/v1/whatever?mode=result&b64={b64}")
    assert response.status == 500
    found = gateway.get(f"/v1/result?b64={b64}")
    assert (found.status, found.body, found.header("content-length")) == (202, b"b", "1")
    assert gateway.get(f"/v1/result?b64={b64}", method="PUT").status == 500


@pytest.mark.parametrize(
    "prelude",
    [
        b'{"statusCode": 200}',
        b'{"statusCode": 200' + bytes(8),
        b'{"statusCode": 99}' + bytes(8) + b"x",
        b"",
        b"x" * 17000,
    ],
    ids=["no-delimiter", "no-json", "status", "nothing", "too-long"],
)
def test_a_bad_prelude_is_500(gateway: RunningEmulator, prelude: bytes) -> None:
    response = raw(gateway, prelude)
    assert (response.status, response.json()) == (500, {"message": "Internal server error"})


def test_multi_value_headers_win(gateway: RunningEmulator) -> None:
    prelude = {
        "statusCode": 201, "headers": {"X-A": "single", "X-B": "b", "Content-Length": "9"},
        "multiValueHeaders": {"x-a": ["one", "two"], "Set-Cookie": ["c=1", "d=2"]}, "cookies": ["e=3"],
    }  # fmt: skip
    response = raw(gateway, json.dumps(prelude).encode() + bytes(8) + b"body")
    assert (response.status, response.body) == (201, b"body")
    pairs = [(name.lower(), value) for name, value in response.headers]
    assert [value for name, value in pairs if name == "x-a"] == ["one", "two"]
    assert [value for name, value in pairs if name == "set-cookie"] == ["c=1", "d=2", "e=3"]
    assert ("x-b", "b") in pairs
    assert ("x-amzn-remapped-content-length", "9") in pairs


def test_head_and_bodyless_answers_end(gateway: RunningEmulator) -> None:
    with gateway.connect() as client:
        client.request("HEAD", "/v1/stream")
        assert client.response("HEAD").status == 200
        client.request("GET", "/v1/prelude_only?status=204")
        assert client.response().status == 204
        client.request("GET", "/v1/stream?count=1&size=2")
        assert client.response().body == b"aa"


@pytest.mark.parametrize(
    ("target", "method", "status", "message"),
    [
        ("/v1/crash", "GET", 500, "Internal server error"),
        ("/v1/throw", "GET", 500, "Internal server error"),
        ("/v1/throw", "POST", 502, "Internal server error"),
    ],
)
def test_errors(
    gateway: RunningEmulator, target: str, method: str, status: int, message: str
) -> None:
    response = gateway.get(target, method=method)
    assert (response.status, response.json()) == (status, {"message": message})


def test_a_timeout(tmp_path: Path) -> None:
    with serving(tmp_path, 1) as gateway:
        response = gateway.get("/v1/sleep")
    assert (response.status, response.json()) == (504, {"message": "Endpoint request timed out"})


def test_an_end_after_the_first_byte_looks_clean(gateway: RunningEmulator) -> None:
    response = gateway.get("/v1/trailers")
    assert (response.status, response.body, response.terminated) == (206, b"so far", True)
    assert gateway.wait_for("request", target="/v1/trailers")["note"].startswith(
        "error; the client saw a clean end: Late"
    )
