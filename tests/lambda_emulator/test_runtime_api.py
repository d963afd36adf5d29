"""What runtimes and extensions may do: AWS's own emulator's replies, and what a caller sees."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.lambda_emulator.support import RUNTIMES, RunningEmulator, environment, write_template
from tests.lambda_emulator.test_execution_environments import living
from tests.patience import PATIENCE


def test_a_stream_without_a_response_mode(tmp_path: Path) -> None:
    """aws-lambda-go sends none: what the invocation asked for decides."""
    gate = tmp_path / "gate"
    with RunningEmulator(cwd=tmp_path) as emulator, emulator.connect() as client:
        client.request("GET", f"/go_stream?count=3&gate={gate}")
        response = client.head()
        assert (response.status, response.header("x-from")) == (201, "go")
        for index, chunk in enumerate(client.chunks(response)):
            assert chunk == f"chunk {index}\n".encode()
            Path(f"{gate}.{index}").touch()
        assert response.terminated


def test_a_stream_without_a_response_mode_behind_a_buffered_url(tmp_path: Path) -> None:
    """Nobody asked for a stream: the prelude is not JSON, and so the response is 502."""
    Path(f"{tmp_path}/gate.0").touch()
    with RunningEmulator("--invoke-mode", "BUFFERED", cwd=tmp_path) as emulator:
        assert emulator.get(f"/go_stream?count=1&gate={tmp_path}/gate").status == 502


def test_two_lines_of_trailers(tmp_path: Path) -> None:
    with RunningEmulator(cwd=tmp_path) as emulator:
        assert emulator.get("/two_trailer_lines").body == b"so far"
        assert "told in the second" in emulator.wait_for("request")["note"]


def test_a_runtime_that_exits_after_its_answer(tmp_path: Path) -> None:
    with RunningEmulator(cwd=tmp_path) as emulator:
        response = emulator.get("/answer_and_exit")
        assert (response.status, response.body) == (200, b'"answered"')
        assert emulator.wait_for("report")["status"] == "error Error Type: Runtime.ExitError"
        assert emulator.get("/echo").status == 200


def test_an_error_over_the_limit(tmp_path: Path) -> None:
    """The runtime is told 413, and can go on."""
    with RunningEmulator("--concurrency", "1", cwd=tmp_path) as emulator:
        assert emulator.get("/large_error?size=7000000").status == 502
        emulator.wait_for("log", message="error 413")
        assert emulator.get("/echo").status == 200


def test_wrong_methods_are_told_the_right_one(tmp_path: Path) -> None:
    with living("extension_protocol", tmp_path, "--cold") as emulator:
        emulator.get("/")
        seen = json.loads(emulator.wait_for("log")["message"])
        assert seen["wrong method"] == [405, "POST"]


# ---- extensions


def test_what_the_extensions_api_replies(tmp_path: Path) -> None:
    """Compared with AWS's runtime interface emulator, request by request.

    (Go's SIGTERM option sends null events.)
    """
    with living("extension_protocol", tmp_path, "--cold") as emulator:
        response = emulator.get("/")
        seen = json.loads(emulator.wait_for("log")["message"])
        assert seen == {
            "no name": [403, "Extension.InvalidExtensionName"],
            "null events": [200, None],
            "a name twice": [403, "Extension.InvalidExtensionState"],
            "no body": [403, "InvalidRequestFormat"],
            "no JSON": [403, "InvalidRequestFormat"],
            "no list": [403, "InvalidRequestFormat"],
            "shutdown": [403, "Extension.InvalidEventType"],
            "unknown event": [403, "Extension.InvalidEventType"],
            "wrong method": [405, "POST"],
            "next without id": [403, "Extension.MissingExtensionIdentifier"],
            "next with a bad id": [403, "Extension.InvalidExtensionIdentifier"],
            "next with an unknown id": [403, "Extension.UnknownExtensionIdentifier"],
            "error without id": [403, "Extension.MissingExtensionIdentifier"],
            "logs": [202, "Logs.NotSupported"],
            "telemetry": [202, "Telemetry.NotSupported"],
        }
        emulator.wait_for("log", message='[403, "Extension.MissingHeader"]')
        # Its init/error ends the init.
        assert response.status == 502
        failed = emulator.wait_for("init_failed")
        assert (failed["errorType"], failed["message"]) == (
            "Extension.NoDatabase",
            "nobody is there",
        )


# ---- the log


def scripted_command(template: Path) -> list[str]:
    emulator = [sys.executable, "-m", "lambda_emulator", "--template", str(template), "--port", "0"]
    return [*emulator, "--", sys.executable, str(RUNTIMES / "scripted.py")]


@pytest.mark.slow
def test_a_function_that_never_stops_writing(tmp_path: Path) -> None:
    """Its time limit holds, other requests are served, and a signal ends the emulator."""
    template = write_template(tmp_path, Timeout=10)  # the other requests must not meet it
    command = scripted_command(template)
    process = subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().rpartition(":")[2])
            curl = f"curl -sS -o /dev/null -w %{{http_code}} --max-time {PATIENCE}".split()
            babble = subprocess.Popen(
                [*curl, f"http://127.0.0.1:{port}/babble"], stdout=subprocess.PIPE, text=True
            )
            with babble:
                for _ in range(3):
                    started = time.monotonic()
                    done = subprocess.run(
                        [*curl, f"http://127.0.0.1:{port}/echo"],
                        capture_output=True,
                        text=True,
                        check=True,
                    )
                    assert done.stdout == "200"
                    assert time.monotonic() - started < PATIENCE / 2
                assert babble.communicate()[0] == "502"
        finally:
            process.terminate()
        assert process.wait(PATIENCE) == 0


def test_a_traceback_is_shown_whole(tmp_path: Path) -> None:
    template = write_template(tmp_path)
    command = scripted_command(template)
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        port = process.stdout.readline().rpartition(":")[2].strip()
        subprocess.run(
            ["curl", "-sS", f"http://127.0.0.1:{port}/traceback"], check=True, capture_output=True
        )
        process.terminate()
        lines = [line.rstrip("\n")[9:] for line in process.stderr]
    expected = ["[ERROR] ZeroDivisionError", "Traceback (most recent call last):", "  return 1 / x"]
    first = lines.index(expected[0])
    assert lines[first : first + 3] == expected


def test_output_without_an_end_of_line_belongs_to_its_request(tmp_path: Path) -> None:
    with RunningEmulator("--concurrency", "1", cwd=tmp_path) as emulator:
        for n in range(3):
            request_id = emulator.get(f"/unfinished_line?n={n}").header("x-amzn-requestid")
            emulator.wait_for("log", message=f"no end of line {n}", requestId=request_id)


def test_requests_are_served_when_nobody_reads_the_log(tmp_path: Path) -> None:
    template = write_template(tmp_path)
    arguments = f"--template {template} --port 0 -- {sys.executable} {RUNTIMES / 'scripted.py'}"
    command = ["sh", "-c", f"exec {sys.executable} -m lambda_emulator {arguments} 2>&-"]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().rpartition(":")[2].strip()
        curl = ["curl", "-sS", f"http://127.0.0.1:{port}/log"]
        assert subprocess.run(curl, check=True, capture_output=True).stdout == b'"logged"'
        process.terminate()
        assert process.wait(PATIENCE) == 0
