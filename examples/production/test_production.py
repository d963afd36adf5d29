"""The production template's function through both of its doors, with a real S3 server."""

import json
from collections.abc import Callable, Generator, Iterator
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.file_service.servers import S3Server, s3_server

KEYS = Credentials("test-access", "test-secret")
LINES = "".join(f"line {number}\n" for number in range(1, 200_001)).encode()


class Signature(httpx.Auth):
    requires_request_body = True

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        host = {"host": request.headers["host"]}
        unsigned = AWSRequest(request.method, str(request.url), data=request.content, headers=host)
        SigV4Auth(KEYS, "lambda", "us-east-1").add_auth(unsigned)
        request.headers.update(unsigned.headers.items())
        yield request


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        server.put({"reports/lines.txt": LINES, "private/secret.txt": b"secret"})
        yield server


@pytest.fixture(scope="module")
def emulator(serve: Callable[..., Any], s3: S3Server) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3.environment().items():
            patch.setenv(name, value)
        yield serve("--concurrency", "2", fronts=2, Bucket=S3Server.BUCKET, Prefix="reports/")


@pytest.fixture(params=["Function URL", "REST API"])
def url(emulator: Any, request: pytest.FixtureRequest) -> str:
    url, api = emulator.urls
    return url if request.param == "Function URL" else f"{api}/v1"


def test_an_object(url: str) -> None:
    response = httpx.get(f"{url}/objects/lines.txt", auth=Signature())
    assert response.content == LINES


@pytest.mark.parametrize(
    "key", ["nothing.txt", "../private/secret.txt", "%2e%2e/private/secret.txt"]
)
def test_nothing_but_objects_below_the_prefix(url: str, key: str) -> None:
    assert httpx.get(f"{url}/objects/{key}", auth=Signature()).status_code == 404


def test_a_search_streams_its_matches(url: str) -> None:
    question = {"key": "lines.txt", "text": "99999"}
    response = httpx.post(f"{url}/searches", json=question, auth=Signature())
    found = [json.loads(line) for line in response.text.splitlines()]
    assert found == [{"line": number, "text": f"line {number}"} for number in (99_999, 199_999)]


def test_nobody_enters_without_a_signature(emulator: Any) -> None:
    assert httpx.get(f"{emulator.url}/healthz").status_code == 403


def test_each_line_of_the_log_is_a_metric(emulator: Any) -> None:
    """CloudWatch's rules for embedded metrics hold: each metric and dimension names a field."""
    httpx.get(f"{emulator.url}/healthz", auth=Signature())
    line = emulator.wait_for(lambda event: access_line(event, "/healthz"))
    (metrics,) = line["_aws"]["CloudWatchMetrics"]
    assert metrics["Namespace"] == "LambdaASGI"
    values = {metric["Name"]: line[metric["Name"]] for metric in metrics["Metrics"]}
    assert values.keys() == {"Bytes", "BrokenStreams", "TimeToFirstByte"}
    assert values["Bytes"] == len('{"status":"ok"}')
    assert values["BrokenStreams"] == 0
    assert values["TimeToFirstByte"] > 0
    assert metrics["Dimensions"] == [["FunctionName"]]
    assert line["FunctionName"] == "Function"


def access_line(event: dict[str, Any], path: str) -> dict[str, Any] | None:
    """The function's log line that tells how an invocation went."""
    if event["event"] != "log" or not event["message"].startswith("{"):
        return None
    line = json.loads(event["message"])
    return line if line.get("path") == path else None
