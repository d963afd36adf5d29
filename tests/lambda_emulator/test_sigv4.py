"""AuthType AWS_IAM: botocore signs, the emulator checks."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Signer
from hypothesis import given
from hypothesis import strategies as st

from lambda_emulator.credentials import Credentials
from lambda_emulator.fronts.sigv4 import SignatureError, verify
from lambda_emulator.http.message import Request
from tests.lambda_emulator.support import Response, RunningEmulator, write_template

KEY = Credentials("AKIATEST", "secret+key/of the test")
HOST = "example.lambda-url.us-east-1.on.aws"


def signed(
    method: str,
    target: str,
    body: bytes = b"",
    *,
    key: Credentials = KEY,
    service: str = "lambda",
    signer: Any = botocore.auth.SigV4Auth,
    headers: dict[str, str] | None = None,
) -> Request:
    wanted = AWSRequest(
        method, f"https://{HOST}{target}", headers={"Host": HOST, **(headers or {})}, data=body
    )
    signer(
        Signer(key.access_key, key.secret_key, key.session_token), service, "us-east-1"
    ).add_auth(wanted)
    url = wanted.prepare().url.removeprefix(f"https://{HOST}")
    return Request(
        method, url, "1.1", [(name, str(value)) for name, value in wanted.headers.items()], True
    )


def check(
    request: Request, body: bytes = b"", *, now: float | None = None, key: Credentials = KEY
) -> None:
    verify(
        request,
        body,
        key,
        region="us-east-1",
        service="lambda",
        now=time.time() if now is None else now,
    )


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("GET", "/", b""),
        ("GET", "/a/b%20c?x=1&y=%2F&x=0&empty=&bare", b""),
        ("POST", "/", b'{"a": 1}'),
        ("PUT", "/%E2%98%83", b"\xff\0"),
        ("DELETE", "/x?b=2&a=1", b""),
        ("GET", "/~user/-_.", b""),
    ],
)
def test_what_botocore_signs_is_let_in(method: str, target: str, body: bytes) -> None:
    check(signed(method, target, body), body)
    if not body:
        check(signed(method, target, signer=botocore.auth.SigV4QueryAuth))


WORD = st.from_regex("[a-zA-Z0-9_.~-]{1,8}", fullmatch=True)


@given(
    st.lists(WORD | st.just("%2F"), max_size=4),
    st.dictionaries(WORD, WORD, max_size=4),
    st.binary(max_size=40),
)
def test_any_request_that_botocore_signs_is_let_in(
    path: list[str], query: dict[str, str], body: bytes
) -> None:
    target = "/" + "/".join(
        part for part in path if part.strip(".")
    )  # botocore takes dot segments out
    if query:
        target += "?" + "&".join(f"{name}={value}" for name, value in query.items())
    check(signed("POST", target, body), body)


def test_session_tokens() -> None:
    key = Credentials("AKIATEST", "secret", "the-token")
    check(signed("GET", "/", key=key), key=key)
    with pytest.raises(SignatureError, match="session token"):
        check(signed("GET", "/", key=Credentials("AKIATEST", "secret", "another")), key=key)


def without(name: str) -> Callable[[Request], None]:
    def change(request: Request) -> None:
        request.headers = [(n, v) for n, v in request.headers if n.lower() != name]

    return change


def rewrite(name: str, old: str, new: str) -> Callable[[Request], None]:
    def change(request: Request) -> None:
        request.headers = [
            (n, v.replace(old, new) if n.lower() == name else v) for n, v in request.headers
        ]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("authorization"), "the request is not signed"),
        (without("x-amz-date"), "x-amz-date is missing"),
        (rewrite("authorization", "AWS4-HMAC-SHA256", "Bearer"), "no AWS4-HMAC-SHA256 signature"),
        (rewrite("authorization", "AKIATEST", "AKIAOTHER"), "access key 'AKIAOTHER'"),
        (rewrite("authorization", "us-east-1", "eu-west-1"), "expected region us-east-1"),
        (rewrite("authorization", "host;", ""), "the host header must be signed"),
        (rewrite("host", "example", "other"), "does not match"),
        (rewrite("x-tag", "a", "b"), "does not match"),
    ],
)
def test_what_is_refused(change: Callable[[Request], None], message: str) -> None:
    request = signed("GET", "/", headers={"x-tag": "a"})
    change(request)
    with pytest.raises(SignatureError, match=message):
        check(request)


def test_a_changed_body_path_or_method_is_refused() -> None:
    with pytest.raises(SignatureError, match="does not match"):
        check(signed("POST", "/", b"one"), b"two")
    for method, target in (("POST", "/a"), ("GET", "/b"), ("GET", "/a?x=1")):
        request = signed("GET", "/a")
        request.method, request.target = method, target
        with pytest.raises(SignatureError, match="does not match"):
            check(request)


def test_the_wrong_secret_service_and_time_are_refused() -> None:
    with pytest.raises(SignatureError, match="does not match"):
        check(signed("GET", "/", key=Credentials("AKIATEST", "another")))
    with pytest.raises(SignatureError, match="expected region us-east-1, service lambda"):
        check(signed("GET", "/", service="execute-api"))
    for now in (time.time() + 400, time.time() - 400):
        with pytest.raises(SignatureError, match="is not valid now"):
            check(signed("GET", "/"), now=now)


def test_a_presigned_url_ends_after_its_own_time() -> None:
    """botocore signs for an hour, which is longer than the clock's tolerance of a signed header."""
    request = signed("GET", "/", signer=botocore.auth.SigV4QueryAuth)
    check(request, now=time.time() + 3500)
    with pytest.raises(SignatureError, match="is not valid now"):
        check(request, now=time.time() + 3700)


@pytest.mark.parametrize("expires", ["", "0", "-1", "x", "1e3", "²", "604801", "9" * 5000])
def test_a_malformed_lifetime_is_refused(expires: str) -> None:
    request = signed("GET", "/", signer=botocore.auth.SigV4QueryAuth)
    request.target = request.target.replace("X-Amz-Expires=3600", f"X-Amz-Expires={quote(expires)}")
    with pytest.raises(SignatureError, match="X-Amz-Expires is"):
        check(request)


def test_a_declared_digest_must_be_the_bodys() -> None:
    request = signed("POST", "/", b"one", headers={"X-Amz-Content-SHA256": "0" * 64})
    with pytest.raises(SignatureError, match="not the digest of the body"):
        check(request, b"one")


# ---- the front


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    url = {"AuthType": "AWS_IAM", "InvokeMode": "RESPONSE_STREAM"}
    template = write_template(tmp_path_factory.mktemp("iam"), FunctionUrlConfig=url)
    keys = {"AWS_ACCESS_KEY_ID": KEY.access_key, "AWS_SECRET_ACCESS_KEY": KEY.secret_key}
    with RunningEmulator("--template", str(template), variables=keys) as running:
        yield running


def send(emulator: RunningEmulator, request: Request, body: bytes = b"") -> Response:
    headers = [f"{name}: {value}" for name, value in request.headers]
    return emulator.get(request.target, *headers, method=request.method, body=body)


def test_a_signed_request_reaches_the_function(emulator: RunningEmulator) -> None:
    response = send(
        emulator,
        signed("POST", "/echo", b"{}", headers={"Content-Type": "application/json"}),
        b"{}",
    )
    event = response.json()["event"]
    assert event["requestContext"]["authorizer"]["iam"]["accessKey"] == "AKIATEST"
    assert event["requestContext"]["accountId"] == "123456789012"
    assert "authorization" not in event["headers"]
    assert "x-amz-date" in event["headers"]


def test_an_unsigned_request_is_forbidden_and_the_terminal_says_why(
    emulator: RunningEmulator,
) -> None:
    response = emulator.get("/echo")
    assert (response.status, response.header("x-amzn-errortype")) == (403, "AccessDeniedException")
    assert "Forbidden" in response.json()["Message"]
    line = emulator.wait_for("request", status=403)
    assert line["note"].startswith("forbidden: the request is not signed")


def test_without_credentials_nobody_is_let_in(tmp_path: Path) -> None:
    url = {"AuthType": "AWS_IAM", "InvokeMode": "RESPONSE_STREAM"}
    template = write_template(tmp_path, FunctionUrlConfig=url)
    with RunningEmulator("--template", str(template)) as running:
        assert send(running, signed("GET", "/echo")).status == 403
        assert "no credentials" in running.wait_for("request")["note"]
