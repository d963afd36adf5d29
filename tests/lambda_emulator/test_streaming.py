"""A stream on its way through: each chunk at once, back-pressure, limits, endings.

Over real sockets.
"""

import base64
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.lambda_emulator.support import RunningEmulator, environments, write_template
from tests.patience import PATIENCE

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    template = write_template(tmp_path_factory.mktemp("streaming"), Timeout=60)
    with RunningEmulator("--template", str(template), "--hang", "0.1") as running:
        yield running


@pytest.fixture(scope="module")
def timing_out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """Its function has one second, for what never ends."""
    template = write_template(tmp_path_factory.mktemp("timing_out"), Timeout=1)
    with RunningEmulator("--template", str(template)) as running:
        yield running


# ---- each chunk as it is written: the function waits until this side has the one before


def test_chunks_arrive_as_they_are_written(emulator: RunningEmulator, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with emulator.connect() as client:
        client.request("GET", f"/gated?count=4&gate={gate}")
        response = client.head()
        for index, chunk in enumerate(client.chunks(response)):
            assert chunk == f"chunk {index}\n".encode()
            Path(f"{gate}.{index}").touch()
    assert len(response.chunks) == 4
    assert response.terminated


def test_curl_shows_chunks_as_they_are_written(emulator: RunningEmulator, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    curl = shutil.which("curl")
    assert curl is not None, "the suite needs curl"
    command = [curl, "--http1.1", "-sSN", f"{emulator.url}/gated?count=3&gate={gate}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for index in range(3):
            assert process.stdout.readline() == f"chunk {index}\n".encode()
            Path(f"{gate}.{index}").touch()
        assert process.stdout.read() == b""
    assert process.returncode == 0


def test_httpx_shows_chunks_as_they_are_written(emulator: RunningEmulator, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    seen: list[bytes] = []
    with httpx.stream(
        "GET", f"{emulator.url}/gated?count=3&gate={gate}", trust_env=False
    ) as response:
        for chunk in response.iter_raw():
            Path(f"{gate}.{len(seen)}").touch()
            seen.append(chunk)
    assert seen == [b"chunk 0\n", b"chunk 1\n", b"chunk 2\n"]


def test_a_kept_alive_connection_carries_many_streams(emulator: RunningEmulator) -> None:
    with emulator.connect() as client:
        for count in (1, 5, 2):
            client.request("GET", f"/stream?count={count}&size=1000")
            response = client.response()
            assert len(response.body) == 1000 * count
            assert response.terminated


def test_a_large_stream_is_whole(emulator: RunningEmulator) -> None:
    response = emulator.get("/stream?count=640&size=65536")
    assert response.terminated
    assert len(response.body) == 640 * 65536
    assert response.body == b"".join(bytes([97 + index % 26]) * 65536 for index in range(640))


# ---- back-pressure


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_a_client_that_does_not_read_stops_the_function(tmp_path: Path) -> None:
    """The function writes 150 MiB to a client that does not read.

    It must stop early, and memory must stay flat. The function counts what it wrote in a file.
    """
    template = write_template(tmp_path, Timeout=60)
    progress = tmp_path / "progress"
    with RunningEmulator("--template", str(template)) as emulator, emulator.connect() as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        before = resident(emulator.process.pid)
        client.request("GET", f"/stream?count=2400&size=65536&progress={progress}")
        response = client.head()
        written = settle(progress)
        assert written < 100 * MIB, (
            "what the kernel holds, which may be tuned to hold more than 16 MiB"
        )
        assert resident(emulator.process.pid) - before < 8 * MIB
        for _ in client.chunks(response):
            pass
        assert len(response.body) == 2400 * 65536
        assert resident(emulator.process.pid) - before < 8 * MIB


def settle(progress: Path) -> int:
    """The size that the function has written once it no longer grows."""
    deadline = time.monotonic() + PATIENCE
    last, since = -1, time.monotonic()
    while time.monotonic() < deadline:
        now = progress.stat().st_size if progress.exists() else 0
        if now != last:
            last, since = now, time.monotonic()
        elif now and time.monotonic() - since > 0.3:
            return now * 65536
    raise AssertionError("it never stopped")


# ---- how streams end


@pytest.mark.parametrize(
    ("mode", "note"),
    [
        ("trailers", "error; the client saw a clean end: Late behind the first byte"),
        ("crash_mid_stream", "crash; the client saw a clean end: Runtime."),
        ("sleep_mid_stream", "timeout; the client saw a clean end: Sandbox.Timedout"),
    ],
)
def test_an_end_after_the_first_byte_looks_clean(
    timing_out: RunningEmulator, mode: str, note: str
) -> None:
    emulator = timing_out
    response = emulator.get(f"/{mode}")
    assert (response.status, response.body, response.terminated, response.trailers) == (
        206,
        b"so far",
        True,
        [],
    )
    line = emulator.wait_for(
        "request", target=f"/{mode}", requestId=response.header("x-amzn-requestid")
    )
    assert line["note"].startswith(note)
    assert emulator.get("/echo").status == 200, "the next request is served"


@pytest.mark.parametrize("mode", ["crash", "sleep"])
def test_an_end_before_the_first_byte_is_502(timing_out: RunningEmulator, mode: str) -> None:
    emulator = timing_out
    response = emulator.get(f"/{mode}")
    assert (response.status, response.body) == (502, b"Internal Server Error")
    line = emulator.wait_for("request", requestId=response.header("x-amzn-requestid"))
    assert "; the client got 502: " in line["note"]
    assert emulator.get("/echo").status == 200


def test_a_runtime_that_breaks_its_answer_off_and_lives(tmp_path: Path) -> None:
    """Truncated: 502 for a buffered answer, a clean end for a stream; the process goes on."""
    with RunningEmulator("--concurrency", "1", cwd=tmp_path) as emulator:
        pid = emulator.get("/echo").json()["pid"]
        assert emulator.get("/break_off").status == 502
        response = emulator.get("/break_off?stream=1")
        assert (response.status, response.body, response.terminated) == (206, b"so far", True)
        assert emulator.get("/echo").json()["pid"] == pid


def test_a_stream_without_a_byte_hangs_and_is_then_broken_off(emulator: RunningEmulator) -> None:
    response = emulator.get("/empty")
    assert (response.status, response.header("content-type")) == (200, "application/octet-stream")
    assert not response.terminated
    assert emulator.wait_for("request", target="/empty")["note"] == "an empty stream: hangs on AWS"


def test_the_hang_can_be_left_out(tmp_path: Path) -> None:
    with RunningEmulator("--hang", "0", cwd=tmp_path) as emulator:
        assert emulator.get("/empty").terminated


@pytest.mark.parametrize("status", [200, 204, 302, 304])
def test_a_prelude_without_a_body_ends(emulator: RunningEmulator, status: int) -> None:
    with emulator.connect() as client:
        for _ in range(2):  # framing was right: the connection goes on
            client.request("GET", f"/prelude_only?status={status}")
            response = client.response()
            assert (response.status, response.body) == (status, b"")
            assert response.terminated


def test_head_ends_at_once_and_the_function_runs_on(emulator: RunningEmulator) -> None:
    response = emulator.get("/stream?count=5", method="HEAD")
    assert (response.status, response.header("content-length")) == (200, "0")
    report = emulator.wait_for("report", requestId=response.header("x-amzn-requestid"))
    assert "status" not in report


@pytest.mark.parametrize(
    ("chunks", "status"),
    [
        ([b'{"statusCode": 201, "head', b'ers": {"a": "b"}}\0\0\0', b"\0\0\0\0\0body"], 201),
        ([b'{"statusCode": "418"}' + bytes(8) + b"body"], 418),
        ([b'{"status": 418}' + bytes(8) + b"body"], 200),
        ([b"{}" + bytes(8) + b"body"], 200),
    ],
    ids=["split", "text", "unknown-key", "empty"],
)
def test_preludes(emulator: RunningEmulator, chunks: list[bytes], status: int) -> None:
    response = emulator.get(raw(chunks))
    assert (response.status, response.body) == (status, b"body")
    assert response.header("content-type") == "application/octet-stream"


@pytest.mark.parametrize(
    ("chunks", "note"),
    [
        ([b'{"statusCode": 200}' + bytes(7) + b"x"], "ended within its prelude"),
        ([b'{"statusCode": 200' + bytes(8) + b"x"], "no JSON"),
        ([b"[200]" + bytes(8) + b"x"], "not an object"),
        ([b'{"statusCode": 700}' + bytes(8) + b"x"], "not a status"),
        ([b'{"statusCode": true}' + bytes(8) + b"x"], "not a status"),
        ([b'{"headers": {"a": "b\\r\\nc: d"}}' + bytes(8) + b"x"], "HTTP does not allow"),
        ([b'{"headers": {"a b": "c"}}' + bytes(8) + b"x"], "HTTP does not allow"),
        ([b'{"a": "' + b"x" * 16384 + b'"}' + bytes(8) + b"x"], "no end within 16384 bytes"),
    ],
    ids=["seven-nuls", "no-json", "list", "700", "bool", "newline", "blank", "too-long"],
)
def test_bad_preludes_are_502(emulator: RunningEmulator, chunks: list[bytes], note: str) -> None:
    response = emulator.get(raw(chunks))
    assert (response.status, response.body, response.header("x-amzn-trace-id")) == (
        502,
        b"Internal Server Error",
        None,
    )
    line = emulator.wait_for("request", requestId=response.header("x-amzn-requestid"))
    assert note in line["note"]


def raw(chunks: list[bytes]) -> str:
    encoded = ",".join(base64.b64encode(chunk).decode().replace("+", "%2B") for chunk in chunks)
    return f"/raw?type=application/vnd.awslambda.http-integration-response&b64={encoded}"


def test_headers_that_are_the_fronts_own(emulator: RunningEmulator) -> None:
    """content-length is remapped (reported); framing and identity are dropped (assumed)."""
    prelude = (
        b'{"headers": {"Content-Length": "5", "Connection": "close", "Transfer-Encoding": '
        b'"chunked", "Date": "x",'
        b'"X-Amzn-RequestId": "mine", "Server": "s", "WWW-Authenticate": "Basic"}}'
    )
    response = emulator.get(raw([prelude + bytes(8) + b"hello"]))
    assert response.header("x-amzn-remapped-content-length") == "5"
    assert response.header("x-amzn-remapped-www-authenticate") == "Basic"
    assert response.header("x-amzn-remapped-date") == "x"
    assert response.header("x-amzn-remapped-server") == "s"
    assert response.header("content-length") is None
    assert response.header("connection") == "keep-alive"
    assert response.header("x-amzn-requestid") != "mine"
    assert response.body == b"hello"


# ---- limits


def test_a_stream_is_cut_after_200_mib_and_nobody_is_told(tmp_path: Path) -> None:
    template = write_template(tmp_path, Timeout=60)
    with RunningEmulator("--template", str(template)) as emulator, emulator.connect() as client:
        client.request("GET", "/stream?count=201&size=1048576&plain=1")
        response = client.head()
        size = 0
        for chunk in client.chunks(response):
            size += len(chunk)
            response.chunks.clear()
        assert size == 209_715_201
        assert response.terminated
        assert "cut after" in emulator.wait_for("request")["note"]
        assert "status" not in emulator.wait_for("report")


def test_a_buffered_answer_over_the_limit(emulator: RunningEmulator) -> None:
    assert emulator.get("/large?size=6291556").status == 200
    response = emulator.get("/large?size=6291557")
    assert response.status == 502
    line = emulator.wait_for("log", requestId=response.header("x-amzn-requestid"))
    assert re.match("answered 413: .*RequestEntityTooLarge", line["message"])
    assert emulator.get("/echo").status == 200


@pytest.mark.parametrize(("size", "status"), [(4_700_000, 200), (4_720_000, 413), (6_300_000, 413)])
def test_a_request_must_fit_an_event_of_six_mib(
    emulator: RunningEmulator, size: int, status: int
) -> None:
    """Binary bodies are base64 in the event, so about 4.5 MiB fit."""
    response = emulator.get("/log", method="POST", body=b"\xff" * size)
    assert response.status == status
    if status == 413:
        assert response.header("x-amzn-errortype") == "RequestEntityTooLargeException"


def test_a_chunked_request_body(emulator: RunningEmulator) -> None:
    with emulator.connect() as client:
        client.send(
            b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
            b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        )
        event = client.response("POST").json()["event"]
    assert (event["body"], event["headers"]["content-length"]) == ("abcde", "5")
    assert "transfer-encoding" not in event["headers"]


def test_http_1_0_gets_its_stream_without_chunks(emulator: RunningEmulator) -> None:
    with emulator.connect() as client:
        client.send(b"GET /stream?count=3&size=4 HTTP/1.0\r\n\r\n")
        response = client.response()
    assert response.header("transfer-encoding") is None
    assert response.body == b"aaaabbbbcccc"


def test_pacing(tmp_path: Path) -> None:
    """After 6 MiB, one MiB more takes half a second.

    That they are not held back themselves is in test_pure.py.
    """
    template = write_template(tmp_path, Timeout=60)
    with (
        RunningEmulator("--template", str(template), "--pace") as emulator,
        emulator.connect() as client,
    ):
        started = time.monotonic()
        client.request("GET", "/stream?count=7&size=1048576")
        response = client.head()
        size = sum(map(len, client.chunks(response)))
        seconds = time.monotonic() - started
    assert size == 7 * MIB
    assert seconds >= 0.5


# ---- hostile clients, against the whole emulator


NASTY = [
    b"GET /echo HTTP/1.1\r\nHost: localhost\r\nBroken header\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n",
    b"GET /echo HTTP/1.1\r\nHost: localhost\r\nA: " + b"b" * 1_200_000 + b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
]


@pytest.mark.parametrize("nasty", NASTY, ids=["header", "chunk", "length", "megabyte", "tls"])
def test_hostile_requests_get_an_error_and_the_next_client_is_served(
    emulator: RunningEmulator, nasty: bytes
) -> None:
    with emulator.connect() as client:
        client.send(nasty)
        response = client.response("POST")
        assert response.status in (400, 413, 431)
        assert response.terminated
        assert client.at_end()
    assert emulator.get("/echo").status == 200


def test_aborted_downloads_and_half_requests(tmp_path: Path) -> None:
    """Fifty clients that leave in the middle of something: no process and no memory is lost."""
    template = write_template(tmp_path, Timeout=30)
    with RunningEmulator("--template", str(template), "--concurrency", "2") as emulator:
        assert emulator.get("/echo").status == 200
        before = resident(emulator.process.pid)
        for number in range(50):
            with emulator.connect() as client:
                if number % 2:
                    client.request("GET", "/stream?count=200&size=65536")
                    client.head()
                else:
                    client.send(
                        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc"
                    )
        assert emulator.get("/stream?count=3&size=1").body == b"abc"
        assert resident(emulator.process.pid) - before < 8 * MIB
        assert len(environments(emulator.process.pid)) <= 2


def test_pipelined_requests_are_answered_in_order(emulator: RunningEmulator) -> None:
    with emulator.connect() as client:
        for count in (3, 1, 2):
            client.request("GET", f"/stream?count={count}&size=2")
        assert [len(client.response().chunks) for _ in range(3)] == [3, 1, 2]


def test_another_address(tmp_path: Path) -> None:
    with RunningEmulator("--host", "127.0.0.2", cwd=tmp_path) as emulator:
        assert emulator.lines[0].startswith("Listening on http://127.0.0.2:")
        assert httpx.get(emulator.lines[0].split()[2] + "/log", trust_env=False).status_code == 200
