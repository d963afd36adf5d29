"""What `next` says becomes an Invocation, and the context object that Python functions know."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_asgi._environment import FunctionIdentity
from lambda_asgi._invocation import Invocation, LambdaContext
from lambda_asgi.errors import ConnectionToRuntimeAPILost

ID = {b"lambda-runtime-aws-request-id": b"request-1"}
FUNCTION = FunctionIdentity("files", "7", "512", "/aws/lambda/files", "stream")


def read(**headers: str) -> Invocation:
    named = {
        f"lambda-runtime-{name.replace('_', '-')}".encode(): value.encode()
        for name, value in headers.items()
    }
    return Invocation.from_reply(ID | named, b"{}")


def test_everything_that_next_may_say() -> None:
    deadline_ms = int(time.time() * 1000) + 3000
    invocation = read(
        deadline_ms=str(deadline_ms),
        invoked_function_arn="arn:x",
        trace_id="Root=1",
        aws_tenant_id="blå",
        invocation_id="nonce==",
        client_context="{}",
        cognito_identity="[]",
    )
    assert invocation == Invocation(
        "request-1", deadline_ms / 1000, "arn:x", b"{}", "Root=1", "blå", "nonce==", "{}", "[]"
    )


def test_a_header_that_is_not_utf_8_is_shown_all_the_same() -> None:
    invocation = Invocation.from_reply(ID | {b"lambda-runtime-trace-id": b"a\xff"}, b"{}")
    assert invocation.trace_id == "a\ufffd"


def test_an_event_with_something_behind_it_says_so() -> None:
    with pytest.raises(json.JSONDecodeError, match=r"^Extra data: line 1 column 3"):
        Invocation.from_reply(ID, b"{} {}").event()
    with pytest.raises(json.JSONDecodeError):  # no white space of JSON (RFC 8259 section 2)
        Invocation.from_reply(ID, b"\x0c{}").event()


def test_the_least_that_next_says() -> None:
    assert read() == Invocation("request-1", None, "", b"{}")


@pytest.mark.parametrize("headers", [{}, {b"lambda-runtime-aws-request-id": b""}])
def test_without_a_request_id_nothing_can_be_answered(headers: dict[bytes, bytes]) -> None:
    with pytest.raises(ConnectionToRuntimeAPILost, match="Request-Id"):
        Invocation.from_reply(headers, b"{}")


@pytest.mark.parametrize(
    "text", ["", "soon", "0", "-1", "-" + "9" * 4000, "9" * 4000, "9" * 5000, "1e3", "3000000000"]
)
def test_a_deadline_that_is_none(text: str) -> None:
    far = str(int(text) * 1_000_000) if text == "3000000000" else text
    assert read(deadline_ms=far).deadline is None


def test_a_deadline_that_has_passed_is_one() -> None:
    assert read(deadline_ms="1000").deadline == 1.0


@given(
    st.text(" \t\r\n"),
    st.recursive(st.none() | st.integers() | st.floats() | st.text(), st.lists),
    st.text(" \t\r\n"),
)
def test_an_event_is_any_json_with_white_space_around(
    before: str, value: object, after: str
) -> None:
    payload = f"{before}{json.dumps(value)}{after}".encode()
    assert repr(Invocation.from_reply(ID, payload).event()) == repr(value)


@pytest.mark.parametrize(
    "payload", [b"", b" ", b"{", b"{} {}", b"{}x", b"\xff", b"[" * 100_000, b"9" * 5000]
)
def test_an_event_that_is_no_json(payload: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        Invocation.from_reply(ID, payload).event()


CLIENT = {
    "installation_id": "i",
    "app_title": "t",
    "app_version_name": None,
    "app_version_code": 3,
    "app_package_name": "p",
}
"""What a mobile app tells: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html."""


def test_the_context() -> None:
    invocation = read(
        deadline_ms=str(int(time.time() * 1000) + 300_000),
        invoked_function_arn="arn:x",
        trace_id="Root=1",
        aws_tenant_id="blue",
        client_context=json.dumps({"client": CLIENT, "custom": {"a": 1}, "env": {"b": 2}}),
        cognito_identity=json.dumps({"cognitoIdentityId": "i", "cognitoIdentityPoolId": "p"}),
    )
    context = LambdaContext(invocation, FUNCTION)
    assert (context.function_name, context.function_version, context.memory_limit_in_mb) == (
        "files",
        "7",
        "512",
    )
    assert (context.log_group_name, context.log_stream_name) == ("/aws/lambda/files", "stream")
    assert (context.aws_request_id, context.invoked_function_arn) == ("request-1", "arn:x")
    assert (context.tenant_id, context.trace_id) == ("blue", "Root=1")
    assert vars(context.client_context.client) == CLIENT
    assert (context.client_context.custom, context.client_context.env) == ({"a": 1}, {"b": 2})
    assert (context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id) == (
        "i",
        "p",
    )
    assert 200_000 < context.get_remaining_time_in_millis() <= 300_000


def test_the_context_of_most_invocations() -> None:
    context = LambdaContext(read(), FUNCTION)
    assert context.client_context is None
    assert context.identity.cognito_identity_id is None
    assert context.get_remaining_time_in_millis() == 0


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", "5", '{"client": []}', '{"client": null}', "[" * 50_000]
)
def test_a_caller_may_write_anything_into_the_client_context(text: str) -> None:
    context = LambdaContext(read(client_context=text, cognito_identity=text), FUNCTION)
    assert context.client_context.client.app_title is None
    assert context.identity.cognito_identity_id is None


def test_log_writes_to_the_functions_log(capsys: pytest.CaptureFixture[str]) -> None:
    LambdaContext(read(), FUNCTION).log("line\n")
    assert capsys.readouterr().out == "line\n"
