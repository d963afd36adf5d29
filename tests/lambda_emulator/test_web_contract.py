"""The contract of a Web Function's endpoint: a raw client, the emulator, and a raw server.

Each test is a row of the table in docs/fidelity.md.
"""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lambda_emulator.support import Client, Response
from tests.lambda_emulator.web_support import RAW_SERVER, WebEmulator, write_web_template


@pytest.fixture(scope="module")
def doorbell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("doorbell") / "doorbell"
    os.mkfifo(path)
    return path


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory, doorbell: Path) -> Iterator[WebEmulator]:
    variables = {"DOORBELL": str(doorbell)}
    template = write_web_template(
        tmp_path_factory.mktemp("web"), Timeout=3, EnvironmentVariables=variables
    )
    with WebEmulator("--template", str(template), command=RAW_SERVER) as running:
        yield running


def received(response: Response) -> tuple[str, list[tuple[str, str]], bytes]:
    """The request line, headers and body that reached the app."""
    head, _, body = response.body.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    return (
        first,
        [(name, value) for name, _, value in (line.partition(": ") for line in lines)],
        body,
    )


def names(headers: list[tuple[str, str]]) -> list[str]:
    return [name.lower() for name, _ in headers]


# ---- the request


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "OPTIONS", "DELETE"])
def test_methods_that_reach_the_app(emulator: WebEmulator, method: str) -> None:
    response = emulator.get("/received", method=method)
    assert response.status == 200
    if method != "HEAD":
        assert received(response)[0] == f"{method} /received HTTP/1.1"


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "QUERY", "PURGE", "LOCK", "CONNECT"])
def test_other_methods_are_a_400(emulator: WebEmulator, method: str) -> None:
    target = "a.example:443" if method == "CONNECT" else "/received"
    assert emulator.get(target, method=method).status == 400


def test_http_1_0_is_a_505(emulator: WebEmulator) -> None:
    with emulator.connect() as client:
        client.send(f"GET /whole HTTP/1.0\r\nHost: 127.0.0.1:{emulator.port}\r\n\r\n".encode())
        assert client.response().status == 505
        assert client.at_end()


@pytest.mark.parametrize(
    "target", ["/received", "/received?", "/received?a=%20b&a=2&c", "/received?x=%ff//..%2f"]
)
def test_path_and_query_are_as_sent(emulator: WebEmulator, target: str) -> None:
    assert received(emulator.get(target))[0] == f"GET {target} HTTP/1.1"


def test_headers_of_the_connection_are_removed_and_others_are_not(emulator: WebEmulator) -> None:
    removed = [
        "Connection: keep-alive, X-Named",
        "Keep-Alive: timeout=5",
        "X-Named: by Connection",
        "Upgrade: websocket",
        "TE: trailers",
        "Trailer: X-Sum",
        "Proxy-Authenticate: Basic",
        "Proxy-Authorization: Basic x",
        "Proxy-Connection: keep-alive",
        "X-Real-IP: 10.0.0.1",
        "X-HTTP-Method-Override: DELETE",
        "X-HTTP-Method: DELETE",
        "X-Method-Override: DELETE",
        "Lambda-Web-Request-Id: forged",
        "lambda-web-anything: forged",
    ]
    kept = [
        "X-MiXed: as sent",
        "Accept: */*",
        "Cookie: a=1; b=2",
        "Accept-Encoding: gzip",
        "X-Two: 1",
        "X-Two: 2",
    ]
    _, headers, _ = received(emulator.get("/received", *removed, *kept))
    for line in kept:
        name, _, value = line.partition(": ")
        assert (name, value) in headers
    found = names(headers)
    for line in removed:
        name = line.partition(":")[0].lower()
        assert name not in found or name == "lambda-web-request-id", name
    assert "forged" not in [value for _, value in headers]


def test_the_platform_adds_the_request_id_and_the_name_of_the_endpoint(
    emulator: WebEmulator,
) -> None:
    response = emulator.get("/received")
    headers = dict(received(response)[1])
    assert headers["lambda-web-endpoint-name"] == "prod"
    assert headers["lambda-web-request-id"] == response.header("lambda-web-request-id")


@pytest.mark.parametrize(
    ("sent", "reaches"),
    [
        ([], "127.0.0.1"),
        (["X-Forwarded-For: 203.0.113.7"], "203.0.113.7, 127.0.0.1"),
        (["X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 2.2.2.2"], "1.1.1.1, 2.2.2.2, 127.0.0.1"),
    ],
)
def test_the_clients_address_is_the_last_of_x_forwarded_for(
    emulator: WebEmulator, sent: list[str], reaches: str
) -> None:
    _, headers, _ = received(emulator.get("/received", *sent))
    assert [value for name, value in headers if name.lower() == "x-forwarded-for"] == [reaches]


def test_x_forwarded_host_is_the_clients_word(emulator: WebEmulator) -> None:
    _, headers, _ = received(emulator.get("/received", "X-Forwarded-Host: evil.example"))
    assert ("X-Forwarded-Host", "evil.example") in headers


def test_authorization_reaches_an_app_that_authorizes(emulator: WebEmulator) -> None:
    _, headers, _ = received(emulator.get("/received", "Authorization: Bearer x"))
    assert ("Authorization", "Bearer x") in headers


def test_more_than_6300_header_lines_are_a_431(emulator: WebEmulator) -> None:
    lines = [f"x{number}:" for number in range(6296)]  # with Host, and the three that are added
    assert emulator.get("/whole", *lines).status == 200
    assert emulator.get("/whole", *lines, "One-More: x").status == 431


# ---- the name of the host


def domain(emulator: WebEmulator) -> str:
    message: str = emulator.get("/whole", "Host: other.example").json()["Message"]
    return message.rpartition(" ")[2]


def test_the_endpoints_own_name_is_what_the_app_gets(emulator: WebEmulator) -> None:
    name = domain(emulator)
    assert name.endswith(".lambda-web.us-east-1.on.aws")
    assert dict(received(emulator.get("/received", f"Host: {name}"))[1])["Host"] == name


def test_other_names_are_a_404(emulator: WebEmulator) -> None:
    name = domain(emulator)
    for host in ["other.example", name.upper(), f"{name}:443", f"www.{name}", "", "localhost"]:
        assert emulator.get("/whole", f"Host: {host}").status == 404, host


def test_no_host_is_a_400(emulator: WebEmulator) -> None:
    with emulator.connect() as client:
        client.send(b"GET /whole HTTP/1.1\r\n\r\n")
        assert client.response().status == 400


def test_this_machines_names_lead_to_the_endpoint_too(emulator: WebEmulator) -> None:
    for name in ("localhost", "127.0.0.1"):
        host = f"{name}:{emulator.port}"
        assert dict(received(emulator.get("/received", f"Host: {host}"))[1])["Host"] == host


# ---- the body of the request


def test_a_body_of_known_length(emulator: WebEmulator) -> None:
    _, headers, body = received(emulator.get("/received", method="POST", body=b"\x00\xff binary"))
    assert body == b"\x00\xff binary"
    assert ("Content-Length", "9") in headers


def test_a_chunked_body_stays_chunked_and_loses_its_trailers(emulator: WebEmulator) -> None:
    with emulator.connect() as client:
        client.request("POST", "/received", "Transfer-Encoding: chunked")
        client.send(b"3\r\none\r\n3\r\ntwo\r\n0\r\nX-Sum: 1\r\n\r\n")
        _, headers, body = received(client.response())
    assert "content-length" not in names(headers)
    assert body.endswith(b"0\r\n\r\n")
    assert b"one" in body
    assert b"X-Sum" not in body


def test_expect_is_answered_by_the_platform_and_removed(emulator: WebEmulator) -> None:
    with emulator.connect() as client:
        client.request("POST", "/received", "Content-Length: 4", "Expect: 100-continue")
        assert client.head().status == 100
        client.send(b"body")
        _, headers, body = received(client.response())
    assert "expect" not in names(headers)
    assert body == b"body"


def test_an_early_answer_is_read_when_the_whole_body_was_sent(emulator: WebEmulator) -> None:
    """Half-duplex: a small body fits into socket buffers, a large one waits for the app."""
    assert emulator.get("/early", method="POST", body=b"small").status == 413
    with emulator.connect() as client:
        client.request("POST", "/early", f"Content-Length: {256 << 20}")

        def upload() -> None:
            try:
                for _ in range(256):
                    client.send(bytes(1 << 20))
            except OSError:
                pass  # the answer came before the end

        uploading = threading.Thread(target=upload)
        uploading.start()
        response = client.response()
        client.socket.shutdown(2)
        uploading.join()
    assert response.status == 504
    assert response.header("lambda-web-error-type") == "Runtime.RequestTimeout"


def test_an_offer_to_upgrade_is_not_taken_up(emulator: WebEmulator) -> None:
    offer = [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: x",
    ]
    response = emulator.get("/received", *offer)
    assert response.status == 200
    first, headers, _ = received(response)
    assert first == "GET /received HTTP/1.1"
    assert "upgrade" not in names(headers)


# ---- the response


def test_a_response_of_known_length(emulator: WebEmulator) -> None:
    response = emulator.get("/whole")
    assert (response.status, response.body, response.header("content-length")) == (
        200,
        b"whole",
        "5",
    )
    assert ("X-Mixed-Case", "kept") in response.headers


def test_chunks_stay_chunks(emulator: WebEmulator) -> None:
    assert emulator.get("/chunks").chunks == [b"one", b"two"]


def test_a_chunk_arrives_when_it_is_sent(emulator: WebEmulator, doorbell: Path) -> None:
    with emulator.connect() as client:
        client.request("GET", "/stream")
        chunks = client.chunks(client.head())
        assert next(chunks) == b"first"
        doorbell.write_bytes(b"ring")  # only now can the app go on
        assert list(chunks) == [b"second"]


def test_trailers_of_a_response_are_removed(emulator: WebEmulator) -> None:
    response = emulator.get("/trailers")
    assert (response.body, response.trailers, response.terminated) == (b"one", [], True)
    assert response.header("trailer") is None


def test_headers_of_the_apps_connection_are_removed(emulator: WebEmulator) -> None:
    response = emulator.get("/connection-headers")
    found = names(response.headers)
    for name in ("connection", "keep-alive", "x-private", "upgrade", "proxy-authenticate"):
        assert name not in found
    assert response.header("x-public") == "yes"
    assert [value for name, value in response.headers if name == "Set-Cookie"] == ["a=1", "b=2"]
    assert response.header("lambda-web-request-id") != "forged"


def test_the_platform_adds_request_id_and_log_stream(emulator: WebEmulator) -> None:
    first, second = emulator.get("/whole"), emulator.get("/whole")
    assert first.header("lambda-web-request-id") != second.header("lambda-web-request-id")
    assert first.header("lambda-web-logstream") == second.header("lambda-web-logstream")
    assert first.header("lambda-web-error-type") is None


def test_a_body_that_ends_with_its_connection(emulator: WebEmulator) -> None:
    response = emulator.get("/until-close")
    assert (response.body, response.terminated) == (b"until the end", True)


@pytest.mark.parametrize(("path", "status"), [("/no-content", 204), ("/not-modified", 304)])
def test_a_response_without_a_body(emulator: WebEmulator, path: str, status: int) -> None:
    with emulator.connect() as client:
        for _ in range(2):  # nothing of the first is left in front of the second
            client.request("GET", path)
            response = client.head()
            assert response.status == status
            assert not set(names(response.headers)) & {"transfer-encoding"}


def test_interim_responses_stay_behind(emulator: WebEmulator) -> None:
    response = emulator.get("/early-hints")
    assert (response.status, response.body, response.header("link")) == (200, b"ok", None)


def test_nothing_is_encoded_or_decoded(emulator: WebEmulator) -> None:
    response = emulator.get("/encoded", "Accept-Encoding: gzip")
    assert (response.header("content-encoding"), response.body) == ("gzip", b"\x1f\x8b\x08")
    assert emulator.get("/whole", "Accept-Encoding: gzip").header("content-encoding") is None


# ---- time, and the end of either side


def test_at_the_time_limit_before_the_first_byte(emulator: WebEmulator) -> None:
    response = emulator.get("/never")
    assert response.status == 504
    assert response.header("lambda-web-error-type") == "Runtime.RequestTimeout"


def test_at_the_time_limit_in_mid_stream(emulator: WebEmulator) -> None:
    """The status was sent; the body just ends, and no header or trailer says so."""
    response = emulator.get("/never-ends")
    assert (response.status, response.body, response.terminated) == (200, b"first", True)
    assert response.header("lambda-web-error-type") is None
    assert (
        emulator.wait_for("request", target="/never-ends")["note"]
        == "cut after 3 s; the client is not told"
    )


def test_at_the_time_limit_a_known_length_shows_the_cut(emulator: WebEmulator) -> None:
    response = emulator.get("/never-ends-of-known-length")
    assert (response.status, response.body, response.terminated) == (200, b"first", False)


@pytest.mark.parametrize("path", ["/closes", "/not-http"])
def test_an_app_that_does_not_answer_is_a_502(emulator: WebEmulator, path: str) -> None:
    assert emulator.get(path).status == 502


@pytest.mark.parametrize("path", ["/cut", "/cut-chunks"])
def test_an_app_that_breaks_off_is_seen_to_break_off(emulator: WebEmulator, path: str) -> None:
    assert not emulator.get(path).terminated


def test_a_client_that_leaves_is_seen_by_the_app(emulator: WebEmulator, doorbell: Path) -> None:
    with emulator.connect() as client:
        client.request("GET", "/wait-for-the-client")
        assert next(client.chunks(client.head())) == b"first"
    assert doorbell.read_bytes() == b"gone"


def test_a_process_that_ends_is_a_502_and_another_one_starts(emulator: WebEmulator) -> None:
    before = emulator.get("/whole").header("lambda-web-logstream")
    assert emulator.get("/exit").status == 502
    # Until the emulator has seen its end, requests may still go to the process that ends.
    answers = (emulator.get("/whole") for _ in range(1000))
    after = next(answer for answer in answers if answer.status == 200)
    assert after.header("lambda-web-logstream") != before


# ---- what the app is told about itself


def variables(emulator: WebEmulator) -> dict[str, str]:
    lines = emulator.get("/env").body.decode().splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def test_variables_that_are_set(emulator: WebEmulator) -> None:
    found = variables(emulator)
    assert found["AWS_LAMBDA_INITIALIZATION_TYPE"] == "native-http"
    assert found["AWS_REGION"] == found["AWS_DEFAULT_REGION"] == "us-east-1"
    assert found["AWS_LAMBDA_METADATA_API"] == found["AWS_LAMBDA_RUNTIME_API"]
    for name in (
        "AWS_LAMBDA_HTTP_ENDPOINT",
        "AWS_LAMBDA_METADATA_TOKEN",
        "LAMBDA_TASK_ROOT",
        "DOORBELL",
    ):
        assert found[name]


def test_variables_that_are_not_set(emulator: WebEmulator) -> None:
    """Some of them, others take as the sign of Lambda."""
    absent = {
        "PORT",
        "_HANDLER",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "_X_AMZN_TRACE_ID",
        "AWS_XRAY_DAEMON_ADDRESS",
    }
    assert not absent & set(variables(emulator))


def test_the_metadata_endpoint(emulator: WebEmulator) -> None:
    found = variables(emulator)
    path = "/2026-01-15/metadata/execution-environment"
    host, _, port = found["AWS_LAMBDA_METADATA_API"].rpartition(":")
    assert host == "127.0.0.1"
    authorization = f"Authorization: Bearer {found['AWS_LAMBDA_METADATA_TOKEN']}"
    for method, target, headers, status in [
        ("GET", path, [authorization], 200),
        ("GET", path, [], 401),
        ("GET", path, ["Authorization: Bearer wrong"], 401),
        ("GET", "/other", [authorization], 404),
        ("POST", path, [authorization], 405),
    ]:
        with Client(int(port)) as client:
            client.request(method, target, *headers)
            response = client.response()
        assert response.status == status
        if status == 200:
            assert response.json() == {"AvailabilityZoneID": "use1-az1"}
