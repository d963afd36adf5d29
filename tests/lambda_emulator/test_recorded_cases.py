"""Every recorded case of a Function URL, replayed: same request, same runtime, same bytes.

The cases (compare/replay/cases.json) hold what AWS was seen to do (us-east-1, September 2026);
names are those of docs/fidelity.md.
"*" is a value that differs from request to request; its form is checked.
"""

import json
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lambda_emulator.compare.recorded import CASES
from tests.lambda_emulator.runtimes.scripted import octets
from tests.lambda_emulator.support import RUNTIMES, Response, RunningEmulator

FIDELITY = Path(__file__).parents[2] / "docs" / "fidelity.md"

NO_POLICIES = (
    "the emulator keeps no policies and no aliases: "
    "who has a valid signature, or needs none, is let in"
)
DIFFERENCES = {
    "none_no_grants": NO_POLICIES,
    "none_only_invoke_grant": NO_POLICIES,
    "none_mismatched_auth_condition": NO_POLICIES,
    "deleted_alias_url": NO_POLICIES,
    "iam_signed_limited_no_permissions": NO_POLICIES,
}
ANOTHER_TEXT = {"iam_unsigned_denied_short_body"}
"""Recorded with two texts for one situation; the emulator always gives the longer."""

URLS: dict[str, dict[str, Any]] = {
    "Buffered": {"InvokeMode": "BUFFERED"},
    "Stream": {"InvokeMode": "RESPONSE_STREAM"},
    "BufferedCors": {"InvokeMode": "BUFFERED"},
    "StreamCors": {"InvokeMode": "RESPONSE_STREAM"},
    "BufferedPlainCors": {"InvokeMode": "BUFFERED"},
    "IAM": {"InvokeMode": "BUFFERED", "AuthType": "AWS_IAM"},
}
CORS = {
    "AllowCredentials": True,
    "AllowHeaders": ["x-allowed", "content-type"],
    "AllowMethods": ["GET", "POST"],
    "AllowOrigins": ["https://allowed.example"],
    "ExposeHeaders": ["x-owned"],
    "MaxAge": 321,
}
PLAIN_CORS = {
    "AllowHeaders": ["x-probe-token", "x-probe-mode"],
    "AllowMethods": ["GET"],
    "AllowOrigins": ["https://owned.example"],
    "MaxAge": 60,
}
CREDENTIALS = Credentials("AKIAEMULATORTEST", "the-secret-key-of-the-test")
FORM = {
    "x-amzn-RequestId": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "X-Amzn-Trace-Id": (
        r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};"
        r"Sampled=0;Lineage=1:[0-9a-f]{8}:0"
    ),
    "Content-Length": r"\d+",
    "x-owned-runtime-request-id": r".+",
}


class Replayer:
    """The emulator with one function for each kind of URL, all answering what the file says."""

    def __init__(self, emulator: RunningEmulator, script: Path) -> None:
        self.emulator = emulator
        self.script = script
        self.event = script.with_name(script.name + ".event")
        self.ports = dict(zip(URLS, emulator.ports, strict=True))

    def request(self, case: dict[str, Any]) -> tuple[Response, Any]:
        """The response, and the event that the function saw (None if it did not run)."""
        self.script.write_text(json.dumps(case["runtime"] or {}))
        self.event.unlink(missing_ok=True)
        request = case["request"]
        body = octets(request["body"]) if "body" in request else b""
        headers = [f"{name}: {value}" for name, value in signed(request, body)]
        with self.emulator.connect(self.ports[case["url"]]) as client:
            client.request(request["method"], request["target"], *headers, body=body)
            end = case["response"].get("end", "complete")
            if end == "client left":
                response = client.head()
                next(client.chunks(response))
            elif end == "hangs":
                response = client.head()
                client.socket.settimeout(0.05)
                with pytest.raises(TimeoutError):
                    client.socket.recv(1, socket.MSG_PEEK)
            else:
                response = client.response(request["method"])
                if ["Connection", "close"] in case["response"]["headers"]:
                    assert client.at_end()
                assert response.terminated
        return response, json.loads(self.event.read_text()) if self.event.exists() else None


def signed(request: dict[str, Any], body: bytes) -> list[tuple[str, str]]:
    """The request's headers, with a true signature where the recording had one."""
    headers = [
        (name, value)
        for name, value in request["headers"]
        if name not in ("X-Amz-Date", "Authorization")
    ]
    if len(headers) == len(request["headers"]):
        return headers
    host = dict(headers)["host"]
    wanted = AWSRequest(
        request["method"], f"http://{host}{request['target']}", headers={"host": host}, data=body
    )
    SigV4Auth(CREDENTIALS, "lambda", "us-east-1").add_auth(wanted)
    return headers + [(name, wanted.headers[name]) for name in ("X-Amz-Date", "Authorization")]


@pytest.fixture(scope="module")
def replayer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replayer]:
    folder = tmp_path_factory.mktemp("replay")
    script = folder / "case.json"
    resources = {}
    for name, url in URLS.items():
        config = {"AuthType": "NONE", **url}
        if name.endswith("Cors"):
            config["Cors"] = PLAIN_CORS if "Plain" in name else CORS
        variables = {"REPLAY": str(script), "AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}
        resources[name] = {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "CodeUri": str(RUNTIMES),
                "Handler": "scripted.main",
                "Runtime": "python3.13",
                "Timeout": 8,
                "Environment": {"Variables": variables},
                "FunctionUrlConfig": config,
            },
        }
    template = folder / "template.yaml"
    template.write_text(json.dumps({"Resources": resources}))
    keys = {
        "AWS_ACCESS_KEY_ID": CREDENTIALS.access_key,
        "AWS_SECRET_ACCESS_KEY": CREDENTIALS.secret_key,
    }
    with RunningEmulator(
        "--template", str(template), command=(), variables=keys, fronts=len(URLS)
    ) as emulator:
        yield Replayer(emulator, script)


def test_there_are_all_cases() -> None:
    assert len(CASES) == 75
    assert len({case["name"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_recorded_case(case: dict[str, Any], replayer: Replayer) -> None:
    expected = case["response"]
    response, event = replayer.request(case)
    if case["name"] in DIFFERENCES:
        assert response.status != expected["status"], (
            "this difference is gone: take it off the list"
        )
        return
    assert response.status == expected["status"]
    assert response.header("x-amzn-requestid") == (event or {}).get("requestContext", {}).get(
        "requestId", response.header("x-amzn-requestid")
    )
    another_text = case["name"] in ANOTHER_TEXT
    got = [
        [name, "*" if another_text and name == "Content-Length" else value]
        for name, value in response.headers
    ]
    wanted = [
        [n, "*" if another_text and n == "Content-Length" else v] for n, v in expected["headers"]
    ]
    assert [name for name, _ in got] == [name for name, _ in wanted], (
        "names, their case and their order"
    )
    for (name, value), (_, recorded) in zip(got, wanted, strict=True):
        if recorded != "*":
            assert value == recorded, name
        elif name == "Date":
            assert abs((parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()) < 60
        elif not another_text:
            assert re.fullmatch(FORM[name], value), name
    if "head_bytes" in expected:
        assert response.head_size == expected["head_bytes"]
    if "chunks" in expected:
        assert [len(chunk) for chunk in response.chunks] == expected["chunks"]
    if "body" in expected and not another_text:
        assert response.body == octets(expected["body"])
    assert response.trailers == []
    if case["runtime"] is None:
        assert event is None, "the function must not run"
    else:
        assert event is not None
    if "event" in case:
        check_event(event, case["event"], response, case)


def check_event(
    event: dict[str, Any], recorded: dict[str, Any], response: Response, case: dict[str, Any]
) -> None:
    """Compare field by field. What AWS and the emulator add is checked here once for all cases."""
    order = [
        "version",
        "routeKey",
        "rawPath",
        "rawQueryString",
        "cookies",
        "headers",
        "queryStringParameters",
        "requestContext",
        "body",
        "isBase64Encoded",
    ]
    assert list(event) == [
        key for key in order if key in recorded or key in ("version", "routeKey")
    ]
    assert (event["version"], event["routeKey"]) == ("2.0", "$default")
    headers = dict(event["headers"])
    trace = headers.pop("x-amzn-trace-id")
    assert re.fullmatch(r"Self=1-[0-9a-f]{8}-[0-9a-f]{24};Root=1-[0-9a-f]{8}-[0-9a-f]{24}", trace)
    assert (response.header("x-amzn-trace-id") or "").startswith(
        trace.partition(";")[2] + ";Parent="
    )
    assert headers.pop("x-amzn-tls-version") == "TLSv1.3"
    assert headers.pop("x-amzn-tls-cipher-suite") == "TLS_AES_128_GCM_SHA256"
    assert headers.pop("x-forwarded-proto") == "http"  # a difference: docs/fidelity.md
    assert headers.pop("x-forwarded-port").isdigit()
    if "x-forwarded-for" not in recorded["headers"]:
        assert headers.pop("x-forwarded-for") == "127.0.0.1"
    if "x-amz-date" in recorded["headers"]:
        assert re.fullmatch(r"\d{8}T\d{6}Z", headers.pop("x-amz-date"))
    assert headers == {
        name: value for name, value in recorded["headers"].items() if name != "x-amz-date"
    }
    for key in (
        "rawPath",
        "rawQueryString",
        "cookies",
        "queryStringParameters",
        "body",
        "isBase64Encoded",
    ):
        assert event.get(key) == recorded.get(key), key
    context = event["requestContext"]
    wanted = recorded["requestContext"]
    assert context["http"].pop("sourceIp") == "127.0.0.1"
    assert context["http"] == wanted["http"]
    assert context["accountId"] == wanted["accountId"]
    assert sorted(context.get("authorizer", {}).get("iam", {})) == wanted.get("authorizer", [])
    order = [
        "accountId",
        "apiId",
        "authorizer",
        "domainName",
        "domainPrefix",
        "http",
        "requestId",
        "routeKey",
        "stage",
        "time",
        "timeEpoch",
    ]
    assert list(context) == [key for key in order if key != "authorizer" or "authorizer" in wanted]
    assert re.fullmatch(r"[a-z0-9]{32}", context["apiId"])
    assert context["domainPrefix"] == context["apiId"]
    assert context["domainName"] == f"{context['apiId']}.lambda-url.us-east-1.on.aws"
    moment = datetime.strptime(context["time"], "%d/%b/%Y:%H:%M:%S %z")
    assert int(moment.timestamp()) == context["timeEpoch"] // 1000
    if case["request"]["method"] != "HEAD":
        echoed = response.json()
        assert echoed["event"]["requestContext"]["requestId"] == response.header("x-amzn-requestid")


def test_a_client_that_leaves_does_not_end_the_function(replayer: Replayer) -> None:
    case = next(case for case in CASES if case["name"] == "stream_disconnect")
    response, _ = replayer.request(case)
    request_id = response.header("x-amzn-requestid")
    assert "status" not in replayer.emulator.wait_for("report", requestId=request_id)


@pytest.mark.parametrize("name", sorted([*DIFFERENCES, *ANOTHER_TEXT]))
def test_differences_are_documented(name: str) -> None:
    assert name in FIDELITY.read_text("utf-8")
