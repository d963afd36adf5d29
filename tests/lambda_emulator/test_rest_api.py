"""API Gateway's REST API in front of a function, streamed and buffered.

All of it documented, none recorded.
"""

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

from lambda_emulator.fronts.gateway_event import Address, Arrival, rest_api_event
from lambda_emulator.fronts.http_answer import BadAnswer
from lambda_emulator.fronts.proxy_response import proxy_response
from lambda_emulator.fronts.rest_api import preflights
from lambda_emulator.fronts.routes import Route, find_route
from lambda_emulator.http.message import Request
from lambda_emulator.template.config import RestAPI, RestRoute
from lambda_emulator.template.reader import load
from tests.lambda_emulator.support import RUNTIMES, Response, RunningEmulator, curled, transformed

APPS = Path(__file__).with_name("gateway_apps")


def api_event(path: str, method: str = "ANY", *, streaming: bool = True) -> dict[str, Any]:
    properties: dict[str, Any] = {"Path": path, "Method": method, "RestApiId": "Api"}
    if streaming:
        properties["ResponseTransferMode"] = "RESPONSE_STREAM"
    return {"Type": "Api", "Properties": properties}


@contextlib.contextmanager
def serving(folder: Path, timeout: int) -> Iterator[RunningEmulator]:
    function = {
        "Handler": "scripted.main",
        "Runtime": "provided.al2023",
        "CodeUri": str(RUNTIMES),
        "Timeout": timeout,
        "Events": {
            "All": api_event("/{proxy+}"),
            "Root": api_event("/"),
            "One": api_event("/items/{id}", "get"),
            "Buffered": api_event("/result", "get", streaming=False),
            "Throw": api_event("/throw", "post", streaming=False),
        },
    }
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
    # The scripted runtime reads `rawPath` and answers with its echo, which is no prelude:
    # 500, as documented.
    assert (response.status, response.json()) == (500, {"message": "Internal server error"})


def test_the_event_field_by_field() -> None:
    api = RestAPI("Api", "v1", variables={"table": "items"})
    target = RestRoute(api, "GET", "/items/{id}", streaming=True)
    route = Route(target.method, target.resource, target)
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
    identifier, address = "00000000-0000-4000-8000-000000000000", Address(3000)
    arrival = Arrival(request, b"", "127.0.0.1", address, identifier, "1-a-b", 0.0, address.domain)
    event = json.loads(rest_api_event(arrival, route.target, "/items/a%20b", parameters))
    assert event["resource"] == "/items/{id}"
    assert event["path"] == "/items/a%20b"
    assert event["httpMethod"] == "GET"
    assert event["pathParameters"] == {"id": "a b"}
    assert event["queryStringParameters"] == {"x": "2", "y": "/"}
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"], "y": ["/"]}
    assert event["headers"]["X-Many"] == "b"
    assert event["multiValueHeaders"]["X-Many"] == ["a", "b"]
    assert "Connection" not in event["headers"]
    assert (event["body"], event["isBase64Encoded"]) == (None, False)
    assert event["stageVariables"] == {"table": "items"}
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
    Route("ANY", "/{proxy+}", "proxy"),
    Route("GET", "/{a}", "one"),
    Route("GET", "/users/{user-id}", "user"),
    Route("GET", "/users/me", "me"),
    Route("ANY", "/users/me", "any of me"),
    Route("GET", "/users/{rest+}", "rest"),
    Route("GET", "/{a}/me", "a me"),
    Route("GET", "/", "root"),
    Route("GET", "/files/{path.with_dots}", "dots"),
]


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
    None,
    True,
    "text",
    5,
    [],
    {},
    {"statusCode": True},
    {"statusCode": 99},
    {"statusCode": "2000"},
    {**GOOD, "body": 5},
    {**GOOD, "body": {}},
    {**GOOD, "headers": []},
    {**GOOD, "headers": {"X": {}}},
    {**GOOD, "headers": {"X": "a\r\nSet-Cookie: b=c"}},
    {**GOOD, "headers": {"X Y": "a"}},
    {**GOOD, "multiValueHeaders": {"X": "one"}},
    {**GOOD, "multiValueHeaders": {"X": ["a\r\nY: b"]}},
    {**GOOD, "multiValueHeaders": []},
    {**GOOD, "cookies": "a=b"},
    {**GOOD, "cookies": ["a\r\nX: y"]},
    {**GOOD, "isBase64Encoded": "yes"},
]


@pytest.mark.parametrize("result", [*map(json.dumps, MALFORMED), "", "{", "[" * 100_000])
def test_what_is_no_proxy_response_is_malformed(result: str) -> None:
    with pytest.raises(BadAnswer):
        proxy_response(result.encode())


def test_a_malformed_response_is_502(gateway: RunningEmulator) -> None:
    for result in (
        b"null",
        b"true",
        json.dumps(MALFORMED[13]).encode(),
        json.dumps(MALFORMED[-1]).encode(),
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


def test_multi_value_headers_are_merged(gateway: RunningEmulator) -> None:
    prelude = {
        "statusCode": 201,
        "headers": {"X-A": "single", "X-B": "b", "Content-Length": "9"},
        "multiValueHeaders": {"x-a": ["one", "two"], "Set-Cookie": ["c=1", "d=2"]},
        "cookies": ["e=3"],
    }
    response = raw(gateway, json.dumps(prelude).encode() + bytes(8) + b"body")
    assert (response.status, response.body) == (201, b"body")
    pairs = [(name.lower(), value) for name, value in response.headers]
    assert [value for name, value in pairs if name == "x-a"] == ["single", "one", "two"]
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


def test_a_function_at_its_time_limit_has_failed(tmp_path: Path) -> None:
    with serving(tmp_path, 1) as gateway:
        response = gateway.get("/v1/sleep")
    assert (response.status, response.json()) == (500, {"message": "Internal server error"})


def test_an_end_after_the_first_byte_looks_clean(gateway: RunningEmulator) -> None:
    response = gateway.get("/v1/trailers")
    assert (response.status, response.body, response.terminated) == (206, b"so far", True)
    assert gateway.wait_for("request", target="/v1/trailers")["note"].startswith(
        "error; the client saw a clean end: Late"
    )


OPTIONS = f"""\
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {{Runtime: python3.13, CodeUri: {APPS}, Timeout: 60}}
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: v1
      Variables: {{table: items}}
      BinaryMediaTypes: [image~1*, application/zip]
      Cors:
        AllowOrigin: "'https://shop.example'"
        AllowHeaders: "'x-token'"
        MaxAge: "'600'"
      Auth: {{UsagePlan: {{CreateUsagePlan: PER_API}}}}
  Key:
    Type: AWS::ApiGateway::ApiKey
    Properties: {{Value: the-key-of-this-test}}
  Echo:
    Type: AWS::Serverless::Function
    Properties:
      Handler: main.echo
      Events:
        Get: {{Type: Api, Properties: {{RestApiId: !Ref Api, Path: /echo, Method: get}}}}
        Post: {{Type: Api, Properties: {{RestApiId: !Ref Api, Path: /echo, Method: post}}}}
        Own: {{Type: Api, Properties: {{RestApiId: !Ref Api, Path: /own, Method: options}}}}
        Secret:
          Type: Api
          Properties:
            RestApiId: !Ref Api
            Path: /secret
            Method: any
            Auth: {{ApiKeyRequired: true}}
  Result:
    Type: AWS::Serverless::Function
    Properties:
      Handler: main.result
      Events:
        Result: {{Type: Api, Properties: {{RestApiId: !Ref Api, Path: /result, Method: get}}}}
  Sleep:
    Type: AWS::Serverless::Function
    Properties:
      Handler: main.sleep
      Events:
        Sleep:
          Type: Api
          Properties: {{RestApiId: !Ref Api, Path: /sleep, Method: get, TimeoutInMillis: 200}}
"""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    template = tmp_path_factory.mktemp("options") / "template.yaml"
    template.write_text(OPTIONS)
    with RunningEmulator("--template", str(template), command=()) as emulator:
        yield emulator


def curl(api: RunningEmulator, *arguments: str) -> Response:
    *options, target = arguments
    return curled(f"{api.url}{target}", *options)


def test_options_is_answered_without_a_function(api: RunningEmulator) -> None:
    """As SAM makes it of Cors: an OPTIONS method on each path, whoever asks."""
    response = curl(api, "-X", "OPTIONS", "/v1/echo")
    assert (response.status, response.body) == (200, b"{}\n")
    assert response.header("access-control-allow-origin") == "https://shop.example"
    assert response.header("access-control-allow-methods") == "GET,OPTIONS,POST"
    assert response.header("access-control-allow-headers") == "x-token"
    assert response.header("access-control-max-age") == "600"
    assert curl(api, "-X", "OPTIONS", "/v1/own").json()["resource"] == "/own"
    assert curl(api, "/v1/echo").header("access-control-allow-origin") is None


def test_options_is_what_sam_makes_of_cors(tmp_path: Path) -> None:
    """The oracle: the OPTIONS method of SAM's own translator."""
    path = tmp_path / "template.yaml"
    path.write_text(OPTIONS)
    body = transformed(path)["Api"]["Properties"]["Body"]
    config = load(path).functions
    routes = [route for function in config.values() for route in function.rest_routes]
    made = {
        resource: dict(preflight.headers)
        for resource, preflight in preflights(routes[0].api, routes)
    }
    for resource, methods in body["paths"].items():
        mock = methods["options"]["x-amazon-apigateway-integration"]
        if mock["type"] == "mock":
            parameters = mock["responses"]["default"]["responseParameters"]
            names = ((name.rpartition(".")[2], value) for name, value in parameters.items())
            theirs = {name: value.strip("'") for name, value in names}
            ours = made.pop(resource)
            for headers in (theirs, ours):
                methods_text = headers.pop("Access-Control-Allow-Methods")
                headers["methods"] = ",".join(sorted(methods_text.split(",")))
            assert ours == theirs, resource
    assert made == {}


def test_stage_variables(api: RunningEmulator) -> None:
    assert curl(api, "/v1/echo").json()["stageVariables"] == {"table": "items"}


@pytest.mark.parametrize(
    ("content_type", "is_binary"),
    [("image/png", True), ("application/zip", True), ("application/octet-stream", False)],
)
def test_a_request_is_base64_where_its_type_is_binary(
    api: RunningEmulator, tmp_path: Path, content_type: str, is_binary: bool
) -> None:
    body = tmp_path / "body"
    body.write_bytes(b"\x89PNG")
    event = curl(
        api, "-H", f"Content-Type: {content_type}", "--data-binary", f"@{body}", "/v1/echo"
    ).json()
    text = base64.b64encode(b"\x89PNG").decode() if is_binary else "\ufffdPNG"
    assert (event["body"], event["isBase64Encoded"]) == (text, is_binary)
    if not is_binary:
        line = api.wait_for("request", target="/v1/echo", method="POST", status=200, note=LOST)
        assert line["note"] == LOST


LOST = "bytes are lost: Content-Type matches no BinaryMediaTypes"


@pytest.mark.parametrize(
    ("accept", "is_decoded"),
    [("image/png,text/html", True), ("text/html,image/png", False), ("*/*", False)],
)
def test_a_response_is_decoded_where_the_first_accepted_type_is_binary(
    api: RunningEmulator, accept: str, is_decoded: bool
) -> None:
    encoded = base64.b64encode(b"\x89PNG").decode()
    value = {"statusCode": 200, "body": encoded, "isBase64Encoded": True}
    b64 = base64.b64encode(json.dumps(value).encode()).decode().replace("+", "%2B")
    response = curl(api, "-H", f"Accept: {accept}", f"/v1/result?b64={b64}")
    assert response.body == (b"\x89PNG" if is_decoded else encoded.encode())


def test_a_key_is_asked_for(api: RunningEmulator) -> None:
    for headers in ((), ("-H", "x-api-key: another")):
        response = curl(api, *headers, "/v1/secret")
        assert (response.status, response.json()) == (403, {"message": "Forbidden"})
        assert response.header("x-amzn-errortype") == "ForbiddenException"
    event = curl(api, "-H", "x-api-key: the-key-of-this-test", "/v1/secret").json()
    assert event["requestContext"]["identity"]["apiKey"] == "the-key-of-this-test"
    # A preflight has no key: SAM asks for none where only the event does.
    assert curl(api, "-X", "OPTIONS", "/v1/secret").status == 200


def test_an_api_does_not_wait_longer_than_its_timeout(api: RunningEmulator) -> None:
    response = curl(api, "/v1/sleep")
    assert (response.status, response.json()) == (504, {"message": "Endpoint request timed out"})


def test_what_is_not_emulated_is_said_at_the_start(api: RunningEmulator) -> None:
    message = "Api: usage plans are not emulated: nothing is throttled"
    warning = api.wait_for("warning", message=message)
    line = 1 + OPTIONS.splitlines().index("      Auth: {UsagePlan: {CreateUsagePlan: PER_API}}")
    assert warning["where"].endswith(f"template.yaml:{line}")


def cdk_method(resource: Any, method: str, **integration: Any) -> dict[str, Any]:
    """A method as `cdk synth` writes that of a LambdaRestApi."""
    uri = {
        "Fn::Join": [
            "",
            [
                "arn:",
                {"Ref": "AWS::Partition"},
                ":apigateway:",
                {"Ref": "AWS::Region"},
                ":lambda:path/2015-03-31/functions/",
                {"Fn::GetAtt": ["Echo1", "Arn"]},
                "/invocations",
            ],
        ]
    }
    proxy = {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": uri}
    return {
        "Type": "AWS::ApiGateway::Method",
        "Properties": {
            "RestApiId": {"Ref": "Api1"},
            "ResourceId": resource,
            "HttpMethod": method,
            "AuthorizationType": "NONE",
            "Integration": integration or proxy,
        },
    }


def cdk_resources() -> dict[str, Any]:
    root = {"Fn::GetAtt": ["Api1", "RootResourceId"]}
    headers = "method.response.header.Access-Control-Allow-"
    mock = {
        "Type": "MOCK",
        "RequestTemplates": {"application/json": "{ statusCode: 200 }"},
        "IntegrationResponses": [
            {
                "StatusCode": "204",
                "ResponseParameters": {
                    f"{headers}Origin": "'https://shop.example'",
                    f"{headers}Methods": "'GET,PUT'",
                },
            }
        ],
    }

    def resource(parent: Any, part: str) -> dict[str, Any]:
        given = {"RestApiId": {"Ref": "Api1"}, "ParentId": parent, "PathPart": part}
        return {"Type": "AWS::ApiGateway::Resource", "Properties": given}

    stage = {"RestApiId": {"Ref": "Api1"}, "StageName": "prod", "Variables": {"table": "items"}}
    code = {
        "Code": {"S3Bucket": "b", "S3Key": "k"},
        "Handler": "main.echo",
        "Runtime": "python3.13",
    }
    return {
        "Account1": {"Type": "AWS::ApiGateway::Account", "Properties": {}},
        "Api1": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "shop"}},
        "Stage1": {"Type": "AWS::ApiGateway::Stage", "Properties": stage},
        "Items1": resource(root, "items"),
        "Item1": resource({"Ref": "Items1"}, "{proxy+}"),
        "Root1": cdk_method(root, "GET"),
        "Any1": cdk_method({"Ref": "Item1"}, "ANY"),
        "Options1": cdk_method({"Ref": "Item1"}, "OPTIONS", **mock),
        "Echo1": {
            "Type": "AWS::Lambda::Function",
            "Properties": code,
            "Metadata": {"aws:asset:path": str(APPS)},
        },
    }


def test_resources_of_cloudformation(tmp_path: Path) -> None:
    template = tmp_path / "Stack.template.json"
    template.write_text(json.dumps({"Resources": cdk_resources()}))
    assert not [c for c in load(template).cautions if "ApiGateway" in c.message]
    with RunningEmulator("--template", str(template), command=()) as api:
        root, item = curl(api, "/prod/").json(), curl(api, "/prod/items/a/b").json()
        options = curl(api, "-X", "OPTIONS", "/prod/items/a")
        assert curl(api, "/prod/items").status == 403
    assert (root["resource"], root["stageVariables"]) == ("/", {"table": "items"})
    assert (item["resource"], item["pathParameters"]) == ("/items/{proxy+}", {"proxy": "a/b"})
    assert (options.status, options.body) == (204, b"")
    assert options.header("access-control-allow-origin") == "https://shop.example"
    assert options.header("access-control-allow-methods") == "GET,PUT"


def test_what_is_odd_in_resources_is_said(tmp_path: Path) -> None:
    resources = cdk_resources()
    del resources["Stage1"]
    resources["Api1"]["Properties"]["Body"] = {}
    resources["Items1"]["Properties"]["ParentId"] = {"Ref": "Item1"}  # a circle
    template = tmp_path / "template.json"
    template.write_text(json.dumps({"Resources": resources}))
    messages = [caution.message for caution in load(template).cautions]
    assert any("it has no stage" in message for message in messages)
    assert any("Body is not read" in message for message in messages)


@pytest.mark.parametrize("mode", ["STREAM", "response_stream", {"Ref": "Mode"}])
def test_only_the_literal_word_streams(tmp_path: Path, mode: Any) -> None:
    """As SAM's translator reads it."""
    event = api_event("/x", "get", streaming=False)
    event["Properties"] |= {"ResponseTransferMode": mode}
    del event["Properties"]["RestApiId"]
    function = {
        "InlineCode": "x",
        "Handler": "index.x",
        "Runtime": "python3.13",
        "Events": {"E": event},
    }
    document = {
        "Parameters": {"Mode": {"Type": "String", "Default": "RESPONSE_STREAM"}},
        "Resources": {"F": {"Type": "AWS::Serverless::Function", "Properties": function}},
    }
    path = tmp_path / "template.yaml"
    path.write_text(json.dumps(document))
    template = load(path)
    assert not template.functions["F"].rest_routes[0].streaming
    assert any("SAM buffers here" in caution.message for caution in template.cautions)
