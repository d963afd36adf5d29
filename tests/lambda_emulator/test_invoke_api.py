"""Invoke and InvokeWithResponseStream: called by boto3, and the recorded cases frame by frame."""

import base64
import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from mypy_boto3_lambda import LambdaClient

from lambda_emulator.fronts import eventstream
from tests.lambda_emulator.support import Response, RunningEmulator, write_template

BIG = 7 * 1024 * 1024


class Lambda:
    """A running emulator with its Lambda API, and boto3's client for it."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self.emulator = emulator
        self.port = emulator.ports[1]
        self.boto3: LambdaClient = boto3.client(
            "lambda",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id="any",
            aws_secret_access_key="any",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def invoke(self, mode: str, *, name: str = "Probe", **options: Any) -> Any:
        return self.boto3.invoke(FunctionName=name, Payload=payload(mode), **options)

    def stream(self, mode: str, **options: Any) -> list[dict[str, Any]]:
        response = self.boto3.invoke_with_response_stream(
            FunctionName="Probe", Payload=payload(mode), **options
        )
        assert response["StatusCode"] == 200
        return [dict(event) for event in response["EventStream"]]

    def raw(self, api: str, mode: str, *headers: str) -> tuple[Response, list[Any]]:
        """The wire: the response, and its messages if it is an event stream."""
        path = "/2015-03-31/functions/Probe/invocations"
        if api == "InvokeWithResponseStream":
            path = "/2021-11-15/functions/Probe/response-streaming-invocations"
        with self.emulator.connect(self.port) as client:
            client.request("POST", path, *headers, body=payload(mode))
            response = client.response("POST")
        assert response.terminated
        buffer = EventStreamBuffer()
        if api != "Invoke":
            buffer.add_data(response.body)
        return response, list(buffer)


def payload(mode: str) -> bytes:
    path, _, query = mode.partition("?")
    return json.dumps({"rawPath": f"/{path}", "rawQueryString": query}).encode()


@contextlib.contextmanager
def serving(folder: Path, timeout: int) -> Iterator[Lambda]:
    template = write_template(folder, Timeout=timeout)
    with RunningEmulator("--template", str(template), "--lambda-port", "0", fronts=2) as emulator:
        yield Lambda(emulator)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lambda]:
    with serving(tmp_path_factory.mktemp("invoke"), 60) as api:
        yield api


@pytest.fixture(scope="module")
def timing_out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lambda]:
    """Its function has one second, for what never ends."""
    with serving(tmp_path_factory.mktemp("timing_out"), 1) as api:
        yield api


@pytest.mark.parametrize(
    "name",
    [
        "Probe",
        "arn:aws:lambda:us-east-1:123456789012:function:Probe",
        "123456789012:function:Probe",
    ],
)
def test_invoke(api: Lambda, name: str) -> None:
    context = base64.b64encode(b'{"custom": {"a": "b"}}').decode()
    response = api.invoke("echo", name=name, ClientContext=context)
    result = json.loads(response["Payload"].read())
    assert response["StatusCode"] == 200
    assert response["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in response
    assert result["event"] == {"rawPath": "/echo", "rawQueryString": ""}
    assert (
        result["headers"]["lambda-runtime-aws-request-id"]
        == response["ResponseMetadata"]["RequestId"]
    )
    assert json.loads(result["headers"]["lambda-runtime-client-context"]) == {"custom": {"a": "b"}}
    assert result["headers"]["lambda-runtime-invoked-function-arn"].endswith(":function:Probe")


def test_invoke_with_a_qualifier_and_a_tenant(api: Lambda) -> None:
    response = api.invoke("echo", Qualifier="live", TenantId="blue")
    headers = json.loads(response["Payload"].read())["headers"]
    assert headers["lambda-runtime-invoked-function-arn"].endswith(":function:Probe:live")
    assert headers["lambda-runtime-aws-tenant-id"] == "blue"


def test_invoke_as_event_and_dry_run(api: Lambda) -> None:
    assert api.invoke("echo", InvocationType="DryRun")["StatusCode"] == 204
    response = api.invoke("log", InvocationType="Event")
    assert response["StatusCode"] == 202
    assert response["Payload"].read() == b""
    api.emulator.wait_for("report", requestId=response["ResponseMetadata"]["RequestId"])


def test_the_log_tail(api: Lambda) -> None:
    response = api.invoke("log", LogType="Tail")
    lines = base64.b64decode(response["LogResult"]).decode().splitlines()
    request_id = response["ResponseMetadata"]["RequestId"]
    assert lines[0] == f"START RequestId: {request_id} Version: $LATEST"
    assert sorted(lines[1:3]) == ["ERROR a line on stderr", "a line on stdout"]
    assert lines[3] == f"END RequestId: {request_id}"
    assert re.fullmatch(
        rf"REPORT RequestId: {request_id}\tDuration: [\d.]+ ms\tBilled Duration: "
        r"\d+ ms\tMemory Size: 128 MB\t"
        r"Max Memory Used: \d+ MB(\tInit Duration: [\d.]+ ms)?",
        lines[4],
    )


def test_a_function_error(api: Lambda) -> None:
    response = api.invoke("throw")
    assert (response["StatusCode"], response["FunctionError"]) == (200, "Unhandled")
    assert json.loads(response["Payload"].read()) == {
        "errorType": "Function.Thrown",
        "errorMessage": "thrown on purpose",
    }


def test_a_timeout_and_a_crash(timing_out: Lambda) -> None:
    api = timing_out
    slow = api.invoke("sleep")
    error = json.loads(slow["Payload"].read())
    assert slow["FunctionError"] == "Unhandled"
    assert error["errorType"] == "Sandbox.Timedout"
    assert error["errorMessage"].endswith("Task timed out after 1.00 seconds")
    crashed = json.loads(api.invoke("crash")["Payload"].read())
    assert crashed["errorType"] == "Runtime.ExitError"
    assert crashed["errorMessage"].endswith("exit status 3")
    assert api.invoke("echo")["StatusCode"] == 200, "the process was replaced"


def test_a_stream_arrives_chunk_by_chunk(api: Lambda, tmp_path: Path) -> None:
    """The function writes its next chunk only after this side has got the one before."""
    gate = tmp_path / "gate"
    request = payload(f"gated?count=4&gate={gate}")
    response = api.boto3.invoke_with_response_stream(FunctionName="Probe", Payload=request)
    seen = []
    for index, event in enumerate(response["EventStream"]):
        if "PayloadChunk" in event:
            seen.append(event["PayloadChunk"]["Payload"].rpartition(b"\0")[2])
            Path(f"{gate}.{index}").touch()
        else:
            assert "ErrorCode" not in event["InvokeComplete"]
    assert seen == [b"chunk 0\n", b"chunk 1\n", b"chunk 2\n", b"chunk 3\n"]


def test_the_prelude_is_payload(api: Lambda) -> None:
    first = api.stream("stream?count=1&size=3")[0]["PayloadChunk"]["Payload"]
    assert first.endswith(b"}" + bytes(8))


# ---- recorded: name, mode of the runtime, lengths of the payload chunks, remapped content type
FRAMES = [
    (
        "api_stream_success",
        "raw?type=application/x-probe&b64=QQD/Cg==,MTIzNDU2Nzg=",
        [4, 8],
        "application/x-probe",
    ),
    ("api_stream_empty", "raw?type=application/x-probe", [], "application/x-probe"),
    (
        "api_stream_throw_before",
        "raw?type=application/x-probe&trailers=1",
        [],
        "application/x-probe",
    ),
    (
        "api_stream_throw_after",
        "raw?type=application/x-probe&b64=QQD/Cg==&trailers=1",
        [4],
        "application/x-probe",
    ),
    ("api_stream_plain_handler", "result?b64=eyJhIjoxfQ==", [7], "application/json"),
    (
        "api_stream_explicit_trailer",
        "raw?type=application/x-probe&b64=cHJlZml4&trailers=1",
        [6],
        "application/x-probe",
    ),
    ("api_stream_explicit_error_before", "throw", [69], "application/json"),
    (
        "api_stream_timeout_after_first_byte",
        "raw?type=application/x-p&b64=cHJlZml4&then=sleep",
        [6],
        "application/x-p",
    ),
    (
        "api_stream_timeout_before_first_byte",
        "raw?type=application/x-probe&then=sleep",
        [],
        "application/x-probe",
    ),
]


@pytest.mark.parametrize(
    ("name", "mode", "lengths", "content_type"), FRAMES, ids=[case[0] for case in FRAMES]
)
def test_recorded_frames(
    request: pytest.FixtureRequest, name: str, mode: str, lengths: list[int], content_type: str
) -> None:
    api: Lambda = request.getfixturevalue("timing_out" if "timeout" in name else "api")
    response, messages = api.raw("InvokeWithResponseStream", mode, "X-Amz-Log-Type: Tail")
    assert response.status == 200
    assert response.header("content-type") == "application/vnd.amazon.eventstream"
    assert response.header("transfer-encoding") == "chunked"
    assert response.header("connection") == "keep-alive"
    assert response.header("x-amz-executed-version") == "$LATEST"
    assert response.header("x-amzn-remapped-content-type") == content_type
    *chunks, last = messages
    for chunk in chunks:
        assert chunk.headers == {
            ":event-type": "PayloadChunk",
            ":content-type": "application/octet-stream",
            ":message-type": "event",
        }
    assert [len(chunk.payload) for chunk in chunks] == lengths
    assert last.headers == {
        ":event-type": "InvokeComplete",
        ":content-type": "application/json",
        ":message-type": "event",
    }
    assert list(json.loads(last.payload)) == ["LogResult"], "no ErrorCode in any recording"
    if "timeout" in name:
        assert "Status: timeout" in base64.b64decode(json.loads(last.payload)["LogResult"]).decode()
        assert api.invoke("echo")["StatusCode"] == 200, "the next call works"


def test_without_a_log_the_last_frame_is_empty(api: Lambda) -> None:
    assert json.loads(api.raw("InvokeWithResponseStream", "throw")[1][-1].payload) == {}


def test_recorded_seven_mib(api: Lambda) -> None:
    events = api.stream(f"stream?count={BIG // 65536}&size=65536")
    body = b"".join(event["PayloadChunk"]["Payload"] for event in events if "PayloadChunk" in event)
    assert len(body.partition(bytes(8))[2]) == BIG


def test_recorded_caller_that_leaves(api: Lambda, tmp_path: Path) -> None:
    """api_stream_disconnect: the function runs to its end."""
    gate = tmp_path / "gate"
    with api.emulator.connect(api.port) as client:
        path = "/2021-11-15/functions/Probe/response-streaming-invocations"
        client.request("POST", path, body=payload(f"gated?count=2&gate={gate}"))
        response = client.head()
        next(client.chunks(response))
    for index in range(2):
        Path(f"{gate}.{index}").touch()
    report = api.emulator.wait_for("report", requestId=response.header("x-amzn-requestid"))
    assert "status" not in report


# ---- recorded: Invoke of a streaming handler puts the writes together and hides its errors
INVOKED = [
    (
        "api_invoke_streaming_handler",
        "raw?b64=QQD/Cg==,MTIzNDU2Nzg=",
        "application/octet-stream",
        b"A\0\xff\n12345678",
    ),
    ("api_invoke_throw_before", "raw?trailers=1", "application/json", b""),
    (
        "api_invoke_throw_after",
        "raw?b64=QQD/Cg==&trailers=1",
        "application/octet-stream",
        b"A\0\xff\n",
    ),
    (
        "api_invoke_explicit_trailer",
        "raw?b64=cHJlZml4&trailers=1",
        "application/octet-stream",
        b"prefix",
    ),
    (
        "api_invoke_timeout_after_first_byte",
        "raw?b64=cHJlZml4&then=sleep",
        "application/octet-stream",
        b"prefix",
    ),
]


@pytest.mark.parametrize(
    ("name", "mode", "content_type", "body"), INVOKED, ids=[case[0] for case in INVOKED]
)
def test_recorded_invokes(
    request: pytest.FixtureRequest, name: str, mode: str, content_type: str, body: bytes
) -> None:
    api: Lambda = request.getfixturevalue("timing_out" if "timeout" in name else "api")
    response, _ = api.raw("Invoke", mode)
    assert (response.status, response.header("content-type"), response.body) == (
        200,
        content_type,
        body,
    )
    assert response.header("content-length") == str(len(body))
    assert response.header("x-amzn-remapped-content-length") == "0"
    assert response.header("x-amz-function-error") is None


def test_recorded_buffered_overflow(api: Lambda) -> None:
    response, _ = api.raw("Invoke", f"large?size={BIG}")
    assert response.status == 200
    assert response.header("x-amz-function-error") == "Unhandled"
    assert len(response.body) == 148
    assert response.json() == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": (
            "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
        ),
    }


# ---- refusals


def test_an_unknown_function(api: Lambda) -> None:
    with pytest.raises(
        api.boto3.exceptions.ResourceNotFoundException, match="the emulator has: Probe"
    ):
        api.invoke("echo", name="Nobody")


def test_a_payload_that_is_no_json(api: Lambda) -> None:
    with pytest.raises(
        api.boto3.exceptions.InvalidRequestContentException, match="Could not parse request body"
    ):
        api.boto3.invoke(FunctionName="Probe", Payload=b"{no")


def test_a_payload_over_the_limit(api: Lambda) -> None:
    with pytest.raises(ClientError, match=r"RequestEntityTooLarge.*smaller than 6291456 bytes"):
        api.boto3.invoke(FunctionName="Probe", Payload=b'"' + b"x" * 6_291_456 + b'"')


def test_throttling_above_the_reserved_concurrency(tmp_path: Path) -> None:
    template = write_template(tmp_path, Timeout=30, ReservedConcurrentExecutions=2)
    with RunningEmulator("--template", str(template), "--lambda-port", "0", fronts=2) as emulator:
        throttle(Lambda(emulator), tmp_path)


def throttle(api: Lambda, tmp_path: Path) -> None:
    gates = [tmp_path / "one", tmp_path / "two"]
    held = [
        iter(
            api.boto3.invoke_with_response_stream(
                FunctionName="Probe", Payload=payload(f"gated?count=1&gate={gate}")
            )["EventStream"]
        )
        for gate in gates
    ]
    for stream in held:
        next(stream)
    with pytest.raises(api.boto3.exceptions.TooManyRequestsException):
        api.invoke("echo")
    for gate, stream in zip(gates, held, strict=True):
        Path(f"{gate}.0").touch()
        assert "InvokeComplete" in list(stream)[-1]


@pytest.mark.parametrize(
    ("operation", "headers", "body", "status", "kind"),
    [
        (
            "invoke",
            ["X-Amz-Invocation-Type: Sometimes"],
            b"{}",
            400,
            "InvalidParameterValueException",
        ),
        ("invoke", ["X-Amz-Log-Type: Head"], b"{}", 400, "InvalidParameterValueException"),
        ("stream", ["X-Amz-Invocation-Type: Event"], b"{}", 400, "InvalidParameterValueException"),
        ("invoke", [], b"[" * 100_000 + b"]" * 100_000, 400, "InvalidRequestContentException"),
        (
            "invoke",
            ["X-Amz-Client-Context: " + "e" * 4000],
            b"{}",
            400,
            "InvalidRequestContentException",
        ),
        ("invoke", ["X-Amz-Client-Context: !!!"], b"{}", 400, "InvalidRequestContentException"),
        (
            "invoke",
            ["X-Amz-Invocation-Type: Event"],
            b'"' + b"x" * 1_100_000 + b'"',
            413,
            "RequestEntityTooLarge",
        ),
        ("invoke?Qualifier=a%20b", [], b"{}", 400, "InvalidParameterValueException"),
    ],
    ids=[
        "type",
        "log",
        "stream as event",
        "depth",
        "long context",
        "no context",
        "asynchronous size",
        "qualifier",
    ],
)
def test_members_are_checked(
    api: Lambda, operation: str, headers: list[str], body: bytes, status: int, kind: str
) -> None:
    name, _, query = operation.partition("?")
    path = {
        "invoke": "/2015-03-31/functions/Probe/invocations",
        "stream": "/2021-11-15/functions/Probe/response-streaming-invocations",
    }[name]
    with api.emulator.connect(api.port) as client:
        client.request("POST", f"{path}?{query}", *headers, body=body)
        response = client.response("POST")
    assert response.status == status
    assert (response.header("x-amzn-errortype") or "").startswith(kind)


def test_a_dry_run_of_a_stream_runs_nothing(api: Lambda) -> None:
    response, _ = api.raw("Invoke", "crash", "X-Amz-Invocation-Type: DryRun")
    assert response.status == 204
    with api.emulator.connect(api.port) as client:
        path = "/2021-11-15/functions/Probe/response-streaming-invocations"
        client.request("POST", path, "X-Amz-Invocation-Type: DryRun", body=payload("crash"))
        assert client.response("POST").status == 204


def test_any_other_path(api: Lambda) -> None:
    with api.emulator.connect(api.port) as client:
        client.request("GET", "/2015-03-31/nothing/")
        assert client.response().status == 404


@given(
    st.binary(max_size=300),
    st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=50), max_size=4),
)
def test_botocore_reads_every_message(data: bytes, headers: dict[str, str]) -> None:
    """The encoder against another's decoder, checksums and all."""
    buffer = EventStreamBuffer()
    buffer.add_data(eventstream.message(headers, data) + eventstream.payload_chunk(data))
    first, second = list[Any](buffer)
    assert (first.headers, first.payload) == (headers, data)
    assert second.payload == data
