"""An app of this project behind the emulator's HTTP and REST APIs: two readings of one event.

It asks to stream. Behind an HTTP API it must not, and cannot know it of a REST API that buffers.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lambda_emulator.support import RunningEmulator, curled

APPS = Path(__file__).with_name("apps")
TEMPLATE = f"""\
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {{Runtime: python3.13, CodeUri: {APPS}, Handler: gateway.handler, Timeout: 60}}
Resources:
  Named:
    Type: AWS::Serverless::HttpApi
    Properties: {{StageName: prod}}
  Rest:
    Type: AWS::Serverless::Api
    Properties: {{StageName: v1, BinaryMediaTypes: ["*~1*"]}}
  App:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        All: {{Type: HttpApi}}
        Old:
          Type: HttpApi
          Properties: {{Path: "/old/{{proxy+}}", Method: any, PayloadFormatVersion: "1.0"}}
        Named:
          Type: HttpApi
          Properties: {{ApiId: !Ref Named, Path: "/{{proxy+}}", Method: any}}
        Forgotten:
          Type: Api
          Properties: {{RestApiId: !Ref Rest, Path: /forgotten, Method: get}}
        Stream:
          Type: Api
          Properties:
            RestApiId: !Ref Rest
            Path: "/stream/{{proxy+}}"
            Method: any
            ResponseTransferMode: RESPONSE_STREAM
  Buffered:
    Type: AWS::Serverless::Function
    Properties:
      Environment: {{Variables: {{LAMBDA_ASGI_RESPONSE_MODE: buffered}}}}
      Events:
        Rest:
          Type: Api
          Properties: {{RestApiId: !Ref Rest, Path: "/{{proxy+}}", Method: any}}
"""
BODY = b"\x00\xffbinary"


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The address of each API, with its stage."""
    folder = tmp_path_factory.mktemp("apis")
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "body").write_bytes(BODY)
    with RunningEmulator(command=(), cwd=folder, fronts=3) as emulator:
        lines = zip(emulator.ports, emulator.lines, strict=True)
        by_name = {line.rpartition(" API ")[2].partition(",")[0]: port for port, line in lines}
        address = "http://127.0.0.1"
        yield {
            "2.0": f"{address}:{by_name['ServerlessHttpApi']}",
            "1.0": f"{address}:{by_name['ServerlessHttpApi']}/old",
            "named": f"{address}:{by_name['Named']}/prod",
            "rest": f"{address}:{by_name['Rest']}/v1",
            "stream": f"{address}:{by_name['Rest']}/v1/stream",
            "body": str(folder / "body"),
        }


KINDS = {
    "2.0": ("http-api", "", ""),
    "1.0": ("http-api", "", "/old"),
    "named": ("http-api", "/prod", ""),
    "rest": ("rest-api", "/v1", ""),
    "stream": ("rest-api", "/v1", "/stream"),
}


def test_a_stream_where_the_template_forgot_it_is_explained(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    with RunningEmulator(command=(), cwd=tmp_path, fronts=3) as emulator:
        lines = zip(emulator.ports, emulator.lines, strict=True)
        port = next(port for port, line in lines if "REST API" in line)
        response = curled(f"http://127.0.0.1:{port}/v1/forgotten")
        line = emulator.wait_for("request", target="/v1/forgotten")
    assert response.status == 502
    assert line["note"].endswith("set ResponseTransferMode: RESPONSE_STREAM")


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_arrives_whole(bases: dict[str, str], kind: str) -> None:
    source, root_path, prefix = KINDS[kind]
    # In payload 1.0, `path` keeps its escapes (recorded), and the runtime takes it as decoded.
    sent, name = ("plain", "plain") if kind == "1.0" else ("a%20b", "a b")
    response = curled(
        f"{bases[kind]}/items/{sent}?x=1&x=2&y=%2F",
        "-X",
        "POST",
        "-H",
        "X-One: 1",
        "-H",
        "Cookie: c=1; d=2",
        "-H",
        "Content-Type: application/octet-stream",
        "--data-binary",
        f"@{bases['body']}",
    )
    assert response.status == 201
    told = response.json()
    assert told == {
        "method": "POST",
        "path": f"{root_path}{prefix}/items/{name}",
        "root_path": root_path,
        "query": [["x", "1"], ["x", "2"], ["y", "/"]],
        "cookies": {"c": "1", "d": "2"},
        "header": "1",
        "body": BODY.hex(),
        "source": source,
    }
    cookies = [value for name, value in response.headers if name.lower() == "set-cookie"]
    assert [cookie.partition(";")[0] for cookie in cookies] == ["a=1", "b=2"]


@pytest.mark.parametrize("kind", ["2.0", "named", "rest"])
def test_bytes_come_back_whole(bases: dict[str, str], kind: str) -> None:
    response = curled(f"{bases[kind]}/binary")
    assert (response.status, response.body) == (200, b"\x89PNG\xff")
    assert response.header("content-type") == "image/png"
