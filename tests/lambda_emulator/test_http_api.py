"""API Gateway's HTTP API in front of functions, asked by curl, by a browser and over raw sockets.

Recorded facts: AWS's own recordings (docs/fidelity.md). The events of `events/` are what users saw.
"""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lambda_emulator import limits
from lambda_emulator.fronts.gateway_event import Address, Arrival, http_api_event
from lambda_emulator.fronts.proxy_response import inferred_response
from lambda_emulator.http.message import Request
from lambda_emulator.template.config import HTTPAPI, HTTPRoute
from lambda_emulator.template.document import TemplateError
from lambda_emulator.template.reader import load
from tests.lambda_emulator.support import (
    CHROMIUM,
    SCRIPTED,
    Response,
    RunningEmulator,
    chromium,
    curled,
    transformed,
)
from tests.patience import PATIENCE

APPS = Path(__file__).with_name("gateway_apps")
EVENTS = Path(__file__).parents[2] / "events"

TEMPLATE = f"""\
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {{Runtime: python3.13, CodeUri: {APPS}, Timeout: 60}}
Resources:
  Shop:
    Type: AWS::Serverless::HttpApi
    Properties:
      StageName: prod
      StageVariables: {{table: items}}
      Domain: {{DomainName: api.example.com, BasePath: [shop], CertificateArn: arn:x}}
  Echo:
    Type: AWS::Serverless::Function
    Properties:
      Handler: main.echo
      Events:
        Root: {{Type: HttpApi, Properties: {{Path: /, Method: get}}}}
        Item: {{Type: HttpApi, Properties: {{Path: "/items/{{id}}", Method: get}}}}
        Any: {{Type: HttpApi, Properties: {{Path: "/items/{{id}}", Method: any}}}}
        Old:
          Type: HttpApi
          Properties: {{Path: "/old/{{proxy+}}", Method: any, PayloadFormatVersion: "1.0"}}
        Shop:
          Type: HttpApi
          Properties: {{ApiId: !Ref Shop, Path: "/items/{{proxy+}}", Method: any}}
  Result:
    Type: AWS::Serverless::Function
    Properties:
      Handler: main.result
      Events:
        New: {{Type: HttpApi, Properties: {{Path: /result, Method: get}}}}
        Old:
          Type: HttpApi
          Properties: {{Path: /result1, Method: get, PayloadFormatVersion: "1.0"}}
  Fail:
    Type: AWS::Serverless::Function
    Properties:
      Handler: main.fail
      Events: {{Fail: {{Type: HttpApi, Properties: {{Path: /fail, Method: get}}}}}}
  Sleep:
    Type: AWS::Serverless::Function
    Properties:
      Handler: main.sleep
      Events:
        Sleep:
          Type: HttpApi
          Properties: {{Path: /sleep, Method: get, TimeoutInMillis: 200}}
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    template = tmp_path_factory.mktemp("http") / "template.yaml"
    template.write_text(TEMPLATE)
    with RunningEmulator("--template", str(template), command=(), fronts=2) as emulator:
        yield emulator


def ask(gateway: RunningEmulator, *arguments: str, port: int = 0) -> Response:
    """A request that curl sends."""
    *options, target = arguments
    return curled(f"http://127.0.0.1:{port or gateway.ports[1]}{target}", *options)


def port_of(gateway: RunningEmulator, name: str) -> int:
    return next(
        port for port, line in zip(gateway.ports, gateway.lines, strict=True) if name in line
    )


@pytest.fixture(scope="module")
def shop(gateway: RunningEmulator) -> int:
    return port_of(gateway, "HTTP API Shop, stage prod")


@pytest.fixture(scope="module")
def implicit(gateway: RunningEmulator) -> int:
    return port_of(gateway, "HTTP API ServerlessHttpApi, stage $default")


def test_the_event_is_payload_2(gateway: RunningEmulator, implicit: int) -> None:
    response = ask(
        gateway,
        "-H",
        "X-Many: a",
        "-H",
        "X-Many: b",
        "-b",
        "c=1; d=2",
        "/items/a%20b?x=1&x=2&y=%2F",
        port=implicit,
    )
    event = response.json()
    assert event["version"] == "2.0"
    assert event["routeKey"] == event["requestContext"]["routeKey"] == "GET /items/{id}"
    assert (event["rawPath"], event["rawQueryString"]) == ("/items/a b", "x=1&x=2&y=%2F")
    assert event["queryStringParameters"] == {"x": "1,2", "y": "/"}
    assert event["pathParameters"] == {"id": "a b"}
    assert event["cookies"] == ["c=1", "d=2"]
    assert event["headers"]["x-many"] == "a,b"
    assert "cookie" not in event["headers"]
    assert event["requestContext"]["stage"] == "$default"
    assert event["requestContext"]["http"]["method"] == "GET"
    assert event["requestContext"]["requestId"] == response.header("apigw-requestid")
    assert "body" not in event
    assert event["isBase64Encoded"] is False


@pytest.mark.parametrize(
    ("target", "raw_path"),
    [
        ("/items/a%252Fb", "/items/a/b"),
        ("/items/50%25", "/items/50%"),
        ("/items/a%3Fb", "/items/a"),
        ("/items/%E2%98%95", "/items/\N{HOT BEVERAGE}"),
        ("/items/%FF", "/items/\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_the_path_is_decoded_twice(
    gateway: RunningEmulator, implicit: int, target: str, raw_path: str
) -> None:
    event = ask(gateway, target, port=implicit).json()
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == raw_path


def test_the_head_of_a_response(gateway: RunningEmulator, implicit: int) -> None:
    """Recorded: names are capitalised, and without a type the body is plain text."""
    names = [name for name, _ in ask(gateway, "/", port=implicit).headers]
    assert names == [
        "Date",
        "Content-Length",
        "Connection",
        "Content-Type",
        "X-One",
        "Apigw-Requestid",
    ]
    response = ask(gateway, "/", port=implicit)
    assert response.header("content-type") == "text/plain; charset=utf-8"


@pytest.mark.parametrize("name", ["get", "get_cookies", "get_decoded_path", "post_form"])
def test_events_that_users_saw(name: str) -> None:
    """The same keys in the same order, and the same values, but for what is this machine's."""
    expected = json.loads((EVENTS / f"http_api_{name}.json").read_text())
    context = expected["requestContext"]
    headers = list(expected["headers"].items())
    if "cookies" in expected:
        headers.append(("cookie", "; ".join(expected["cookies"])))
    paths = {"get_decoded_path": "/files/space%20value%23%CE%BB-%E4%B8%96%E7%95%8C/100%252525"}
    target = paths.get(name, expected["rawPath"]) + f"?{expected['rawQueryString']}"
    request = Request(context["http"]["method"], target, "1.1", headers, True)
    body = base64.b64decode(expected.get("body", ""))
    arrival = Arrival(
        request,
        body,
        context["http"]["sourceIp"],
        Address(443),
        "id",
        "1-a-b",
        context["timeEpoch"] / 1000,
        context["domainName"],
    )
    route = HTTPRoute(HTTPAPI("Api", {"$default": {}}), "ANY", "$default")
    event = json.loads(http_api_event(arrival, route, "$default", arrival.path, {}))
    assert list(event) == list(expected)
    machines = ("requestContext", "headers")
    assert {k: v for k, v in event.items() if k not in machines} == {
        k: v for k, v in expected.items() if k not in machines
    }
    assert list(event["requestContext"]) == list(context)
    assert event["requestContext"]["http"] == context["http"]
    assert event["requestContext"]["time"] == context["time"]
    assert event["headers"].keys() == expected["headers"].keys()


def test_the_event_is_payload_1_where_the_route_says_so(
    gateway: RunningEmulator, implicit: int
) -> None:
    """Recorded: `path` is as it was sent, the context's is decoded, names are capitalised."""
    response = ask(
        gateway, "-H", "x-many: a", "-H", "x-many: b", "/old/a%20b?x=1&x=2", port=implicit
    )
    event = response.json()
    assert (event["version"], event["resource"], event["path"]) == (
        "1.0",
        "/old/{proxy+}",
        "/old/a%20b",
    )
    assert event["requestContext"]["path"] == "/old/a b"
    assert event["requestContext"]["resourceId"] == "ANY /old/{proxy+}"
    assert event["pathParameters"] == {"proxy": "a b"}
    assert event["multiValueHeaders"]["X-Many"] == ["a", "b"]
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"]}
    assert (event["body"], event["isBase64Encoded"]) == (None, False)


@pytest.mark.parametrize(
    ("content_type", "is_text"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("text/csv", True),
        ("application/xml", True),
        ("application/javascript", True),
        ("application/x-www-form-urlencoded", False),
        ("application/octet-stream", False),
        ("multipart/form-data; boundary=x", False),
        ("", False),
    ],
)
def test_text_or_base64_is_by_the_content_type(
    gateway: RunningEmulator, implicit: int, content_type: str, is_text: bool
) -> None:
    header = f"Content-Type: {content_type}" if content_type else "Content-Type:"
    response = ask(gateway, "-H", header, "--data-binary", '{"a": 1}', "/items/1", port=implicit)
    event = response.json()
    body = '{"a": 1}' if is_text else base64.b64encode(b'{"a": 1}').decode()
    assert (event["body"], event["isBase64Encoded"]) == (body, not is_text)


@pytest.mark.parametrize(
    ("options", "target", "key"),
    [
        ((), "/", "GET /"),
        ((), "/items/1", "GET /items/{id}"),
        (("-X", "PUT"), "/items/1", "ANY /items/{id}"),
        ((), "/items/1/2", None),
        ((), "/other", None),
        (("-X", "PUT"), "/", None),
    ],
)
def test_routes(
    gateway: RunningEmulator, implicit: int, options: tuple[str, ...], target: str, key: str | None
) -> None:
    response = ask(gateway, *options, target, port=implicit)
    if key is None:
        assert (response.status, response.json()) == (404, {"message": "Not Found"})
        assert response.header("x-amzn-errortype") is None
    else:
        assert response.json()["routeKey"] == key


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("OPTIONS", "*", 404),
        ("GET", "//", 404),
        ("GET", "/items/%", 200),
        ("GET", "/items/%zz%", 200),
        ("GET", "/items/..", 200),
        ("GET", "/items/{id}", 200),
        ("GET", "/items/%00", 200),
        ("GET", "/?%=%&&=&x", 200),
        ("GET", "http://other.example/items/1", 200),
        ("PURGE", "/items/1", 200),
    ],
)
def test_odd_targets(
    gateway: RunningEmulator, implicit: int, method: str, target: str, status: int
) -> None:
    with gateway.connect(implicit) as client:
        client.request(method, target)
        assert client.response(method).status == status
        client.request("GET", "/items/1")
        assert client.response().status == 200


def test_a_named_stage_is_part_of_the_path(gateway: RunningEmulator, shop: int) -> None:
    event = ask(gateway, "/prod/items/7", port=shop).json()
    assert (event["rawPath"], event["requestContext"]["http"]["path"]) == ("/prod/items/7",) * 2
    assert event["requestContext"]["stage"] == "prod"
    assert event["routeKey"] == "ANY /items/{proxy+}"
    assert event["pathParameters"] == {"proxy": "7"}
    assert event["stageVariables"] == {"table": "items"}
    assert ask(gateway, "/items/7", port=shop).status == 404  # there is no $default stage


def test_a_base_path_of_a_domain_leads_to_its_stage(gateway: RunningEmulator, shop: int) -> None:
    """Documented: rawPath does not have the base path."""
    event = ask(gateway, "-H", "Host: api.example.com", "/shop/items/7", port=shop).json()
    assert event["rawPath"] == "/items/7"
    assert event["requestContext"]["stage"] == "prod"
    assert event["requestContext"]["domainName"] == "api.example.com"
    assert event["requestContext"]["domainPrefix"] == "api"


def result(gateway: RunningEmulator, port: int, value: Any, path: str = "/result") -> Response:
    encoded = base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
    padded = encoded.replace("-", "%2B").replace("_", "%2F") + "%3D" * (-len(encoded) % 4)
    return ask(gateway, f"{path}?b64={padded}", port=port)


@pytest.mark.parametrize(
    ("value", "body"),
    [
        ("test", b"test"),
        ({"message": "hello"}, b'{"message": "hello"}'),
        ([1, 2], b"[1, 2]"),
        (42, b"42"),
        (True, b"true"),
        (None, b"null"),
        ("", b""),
    ],
)
def test_a_value_without_a_status_is_the_body(
    gateway: RunningEmulator, implicit: int, value: Any, body: bytes
) -> None:
    response = result(gateway, implicit, value)
    assert (response.status, response.body) == (200, body)
    assert response.header("content-type") == "application/json"


@pytest.mark.parametrize("text", [b"Hello, World!", b'{"name": "John Doe", "age":', b"\xff"])
def test_what_is_no_json_is_the_body_too(text: bytes) -> None:
    """Recorded, against what AWS's guide says."""
    response = inferred_response(text)
    assert (response.status, response.body) == (200, text)


def test_a_structured_response(gateway: RunningEmulator, implicit: int) -> None:
    value = {
        "statusCode": 201,
        "headers": {"Content-Type": "image/png", "X-A": 5},
        "cookies": ["c=1", "d=2; Secure"],
        "body": base64.b64encode(b"\x89PNG").decode(),
        "isBase64Encoded": True,
        "multiValueHeaders": {"X-B": ["not", "read"]},
    }
    response = result(gateway, implicit, value)
    assert (response.status, response.body) == (201, b"\x89PNG")
    assert response.header("content-type") == "image/png"
    assert response.header("x-a") == "5"
    assert response.header("x-b") is None
    cookies = [value for name, value in response.headers if name == "Set-Cookie"]
    assert cookies == ["c=1", "d=2; Secure"]


BAD = [
    {"statusCode": 200.5, "body": "Hello"},
    {"statusCode": 0},
    {"statusCode": 200, "body": {}},
    {"statusCode": 200, "headers": []},
    {"statusCode": 200, "cookies": "a=b"},
    {"statusCode": 200, "body": "%%", "isBase64Encoded": True},
]


@pytest.mark.parametrize("value", BAD)
def test_a_malformed_response_is_500(gateway: RunningEmulator, implicit: int, value: Any) -> None:
    response = result(gateway, implicit, value)
    assert (response.status, response.body) == (500, b'{"message":"Internal Server Error"}')


@pytest.mark.parametrize("value", [*BAD, "text", {"message": "no status"}, None])
def test_payload_1_infers_nothing(gateway: RunningEmulator, implicit: int, value: Any) -> None:
    response = result(gateway, implicit, value, "/result1")
    assert (response.status, response.json()) == (500, {"message": "Internal Server Error"})


def test_payload_1_merges_headers(gateway: RunningEmulator, implicit: int) -> None:
    """Recorded: the single value comes first."""
    value = {
        "statusCode": 200,
        "headers": {"Combined": "single"},
        "body": "b",
        "multiValueHeaders": {"Combined": ["one", "two"]},
    }
    response = result(gateway, implicit, value, "/result1")
    assert [v for name, v in response.headers if name == "Combined"] == ["single", "one", "two"]
    assert response.header("content-type") == "text/plain; charset=utf-8"


def test_a_function_that_fails_is_500(gateway: RunningEmulator, implicit: int) -> None:
    response = ask(gateway, "/fail", port=implicit)
    assert (response.status, response.json()) == (500, {"message": "Internal Server Error"})


def test_an_api_does_not_wait_longer_than_its_timeout(
    gateway: RunningEmulator, implicit: int
) -> None:
    response = ask(gateway, "/sleep", port=implicit)
    assert (response.status, response.json()) == (503, {"message": "Service Unavailable"})
    line = gateway.wait_for("request", target="/sleep")
    assert line["note"] == "the API waited 0.2 s; the function runs on"


def test_an_api_waits_for_who_debugs(tmp_path: Path) -> None:
    nap = TEMPLATE[TEMPLATE.index("  Sleep:") :].replace("main.sleep", "main.nap")
    head = TEMPLATE[: TEMPLATE.index("  Shop:")]
    template = tmp_path / "template.yaml"
    template.write_text(head + nap)
    with RunningEmulator("--template", str(template), "--debug", command=()) as emulator:
        response = ask(emulator, "/sleep", port=emulator.port)
    assert (response.status, response.body) == (200, b"awake")


def test_limits_of_a_request(gateway: RunningEmulator, implicit: int) -> None:
    long = ask(gateway, "-H", f"X-Long: {'x' * limits.HTTP_API_HEAD}", "/", port=implicit)
    assert long.status == 431
    with gateway.connect(implicit) as client:
        client.request("POST", "/items/1", f"Content-Length: {limits.API_GATEWAY_PAYLOAD + 1}")
        response = client.response()
    assert (response.status, response.json()) == (413, {"message": "Request Entity Too Large"})


def test_head_has_no_body(gateway: RunningEmulator, implicit: int) -> None:
    response = ask(gateway, "-I", "/items/1", port=implicit)
    assert response.status == 200
    assert response.body == b""


def stream_template(folder: Path, payload: str) -> Path:
    properties = {"Path": "$default", "PayloadFormatVersion": payload}
    del properties["Path"]
    function = {
        "Handler": "scripted.main",
        "Runtime": "provided.al2023",
        "CodeUri": str(SCRIPTED.parent),
        "Events": {"All": {"Type": "HttpApi", "Properties": properties}},
    }
    path = folder / "template.yaml"
    resources = {"Stream": {"Type": "AWS::Serverless::Function", "Properties": function}}
    path.write_text(json.dumps({"Resources": resources}))
    return path


def test_a_function_that_streams_gets_what_aws_makes_of_it(tmp_path: Path) -> None:
    """Invoke puts the writes together, and what is no JSON is the body: the prelude too."""
    template = stream_template(tmp_path, "2.0")
    with RunningEmulator("--template", str(template)) as gateway:
        response = ask(gateway, "/stream?count=2", port=gateway.port)
        note = gateway.wait_for("note")
    assert response.status == 200
    assert response.header("content-type") == "application/json"
    prelude, _, body = response.body.partition(bytes(8))
    assert json.loads(prelude)["statusCode"] == 200
    assert body
    assert "an HTTP API cannot" in note["message"]
    assert "ResponseTransferMode: RESPONSE_STREAM" in note["message"]


def test_a_function_that_streams_behind_payload_1_is_500(tmp_path: Path) -> None:
    template = stream_template(tmp_path, "1.0")
    with RunningEmulator("--template", str(template)) as gateway:
        # The scripted runtime reads payload 2.0 only: of 1.0 it streams its error.
        response = ask(gateway, "/stream", port=gateway.port)
    assert (response.status, response.json()) == (500, {"message": "Internal Server Error"})


RAW = {
    "Resources": {
        "Api": {
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {"Name": "shop", "ProtocolType": "HTTP"},
        },
        "Stage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {"ApiId": {"Ref": "Api"}, "StageName": "$default", "AutoDeploy": True},
        },
        "Integration": {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": {"Fn::GetAtt": ["Echo", "Arn"]},
                "PayloadFormatVersion": "2.0",
            },
        },
        "Route": {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "RouteKey": "GET /pets/{id}",
                "Target": {"Fn::Join": ["/", ["integrations", {"Ref": "Integration"}]]},
            },
        },
        "Echo": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Handler": "main.echo",
                "Runtime": "python3.13",
                "Code": str(APPS),
                "FunctionName": "echo",
            },
        },
    }
}


def test_resources_of_cloudformation(tmp_path: Path) -> None:
    template = tmp_path / "template.json"
    template.write_text(json.dumps(RAW))
    with RunningEmulator("--template", str(template), command=()) as gateway:
        event = ask(gateway, "/pets/7", port=gateway.port).json()
        assert ask(gateway, "/pets", port=gateway.port).status == 404
    assert event["routeKey"] == "GET /pets/{id}"
    assert event["pathParameters"] == {"id": "7"}


def test_a_quick_create_api_sends_all_to_its_target(tmp_path: Path) -> None:
    resources = dict(RAW["Resources"])
    for name in ("Stage", "Integration", "Route"):
        del resources[name]
    target = {"Target": {"Fn::GetAtt": ["Echo", "Arn"]}}
    resources["Api"] = {
        "Type": "AWS::ApiGatewayV2::Api",
        "Properties": {"Name": "quick", "ProtocolType": "HTTP", **target},
    }
    template = tmp_path / "template.json"
    template.write_text(json.dumps({"Resources": resources}))
    with RunningEmulator("--template", str(template), command=()) as gateway:
        event = ask(gateway, "-X", "DELETE", "/any/path", port=gateway.port).json()
    assert (event["routeKey"], event["rawPath"]) == ("$default", "/any/path")


def test_sam_makes_the_same_routes(tmp_path: Path) -> None:
    """The oracle: what SAM's own translator makes of the same template."""
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE)
    made = transformed(path)
    expected = {
        (api, method, route, what["x-amazon-apigateway-integration"]["payloadFormatVersion"])
        for api in ("ServerlessHttpApi", "Shop")
        for route, methods in made[api]["Properties"]["Body"]["paths"].items()
        for method, what in methods.items()
    }
    read = {
        (route.api.logical_id, _openapi(route.method), route.path, route.payload)
        for function in load(path).functions.values()
        for route in function.http_routes
    }
    assert read == expected
    stages = {
        (resource["Properties"]["ApiId"]["Ref"], resource["Properties"]["StageName"])
        for resource in made.values()
        if resource["Type"] == "AWS::ApiGatewayV2::Stage"
    }
    assert stages == {("ServerlessHttpApi", "$default"), ("Shop", "prod")}


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ("{Path: /x}", "Path needs a Method, such as any"),
        ("{Path: /x, Method: get, PayloadFormatVersion: '3.0'}", "is '3.0'; allowed: 1.0, 2.0"),
        ("{Path: /x, Method: get, PayloadFormatVersion: 2.0}", "is 2.0; .*; put it in quotes"),
        ("{Path: /x, Method: get, TimeoutInMillis: 30001}", "AWS takes 50 to 30000"),
    ],
)
def test_a_wrong_event_names_its_line(tmp_path: Path, properties: str, message: str) -> None:
    head = "      Events:\n        E:\n          Type: HttpApi\n          Properties:\n            "
    text = CORS[CORS.index("Resources:") : CORS.index("      Events:")] + head + properties + "\n"
    path = tmp_path / "template.yaml"
    path.write_text(text)
    with pytest.raises(TemplateError, match=rf"template.yaml:12: Echo: .*{message}"):
        load(path)


def _openapi(method: str) -> str:
    return "x-amazon-apigateway-any-method" if method == "ANY" else method.lower()


CORS = f"""\
Transform: AWS::Serverless-2016-10-31
Globals:
  HttpApi:
    CorsConfiguration:
      AllowOrigins: ["ORIGIN", "https://*"]
      AllowMethods: [GET, PUT]
      AllowHeaders: [x-token]
      ExposeHeaders: [x-one]
      MaxAge: 60
Resources:
  Echo:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: {APPS}
      Runtime: python3.13
      Handler: main.echo
      Events: {{All: {{Type: HttpApi}}}}
  Own:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: {APPS}
      Runtime: python3.13
      Handler: main.result
      Events: {{Own: {{Type: HttpApi, Properties: {{Path: /own, Method: get}}}}}}
"""

PREFLIGHT = (
    "-X",
    "OPTIONS",
    "-H",
    "Access-Control-Request-Method: PUT",
    "-H",
    "Access-Control-Request-Headers: x-token",
)


def write_cors(folder: Path, origin: str) -> Path:
    path = folder / "template.yaml"
    path.write_text(CORS.replace("ORIGIN", origin))
    return path


def test_cors(tmp_path: Path) -> None:
    template = write_cors(tmp_path, "https://shop.example")
    with RunningEmulator("--template", str(template), command=()) as gateway:
        for origin in ("https://shop.example", "https://any.example"):
            found = ask(gateway, *PREFLIGHT, "-H", f"Origin: {origin}", "/x", port=gateway.port)
            assert (found.status, found.body) == (204, b"")
            assert found.header("access-control-allow-origin") == origin
            assert found.header("access-control-allow-methods") == "GET,PUT"
            assert found.header("access-control-allow-headers") == "x-token"
            assert found.header("access-control-max-age") == "60"
        refused = ask(
            gateway, *PREFLIGHT, "-H", "Origin: http://any.example", "/", port=gateway.port
        )
        assert (refused.status, refused.header("access-control-allow-origin")) == (204, None)
        asked = ask(gateway, "-H", "Origin: https://shop.example", "/", port=gateway.port)
        assert asked.header("access-control-allow-origin") == "https://shop.example"
        assert asked.header("access-control-expose-headers") == "x-one"
        # An OPTIONS request that is no preflight reaches the function.
        assert ask(gateway, "-X", "OPTIONS", "/", port=gateway.port).json()["rawPath"] == "/"
        own = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*"}, "body": ""}
        assert (
            result(gateway, gateway.port, own, "/own").header("access-control-allow-origin") is None
        )


PAGE = """\
<script>
const url = new URLSearchParams(location.search).get("url");
const outcomes = [];
const attempt = async (name, options) => {
  try {
    const response = await fetch(url, options);
    outcomes.push([name, response.status, response.headers.get("x-one")]);
  } catch (error) { outcomes.push([name, "refused", null]); }
};
(async () => {
  await attempt("get", {});
  await attempt("put with x-token", {method: "PUT", headers: {"x-token": "1"}});
  await attempt("delete", {method: "DELETE"});
  await attempt("other header", {headers: {"x-other": "1"}});
  await fetch("/done", {method: "POST", body: JSON.stringify(outcomes)});
})();
</script>
"""


class PageServer(ThreadingHTTPServer):
    """Serves the page, and takes what it found."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _PageHandler)
        self.found: list[Any] = []
        self.done = threading.Event()


class _PageHandler(BaseHTTPRequestHandler):
    server: PageServer

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def do_POST(self) -> None:
        self.server.found = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()
        self.server.done.set()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium")
def test_a_page_of_an_allowed_origin_may_do_what_cors_allows(tmp_path: Path) -> None:
    pages = PageServer()
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    origin = f"http://localhost:{pages.server_port}"
    template = write_cors(tmp_path, origin)
    with (
        RunningEmulator("--template", str(template), command=()) as gateway,
        chromium(tmp_path / "profile", f"{origin}/?url={gateway.url}/page"),
    ):
        assert pages.done.wait(2 * PATIENCE), gateway.drain()
    pages.shutdown()
    pages.server_close()
    assert pages.found == [
        ["get", 200, "1"],
        ["put with x-token", 200, "1"],
        ["delete", "refused", None],
        ["other header", "refused", None],
    ]
