"""The command line: one line when it is ready, one line per mistake, and its output meanwhile."""

import io
import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console as RichConsole

from lambda_emulator.arguments import parser
from lambda_emulator.console import Console, RequestLine, error_text, size_text
from lambda_emulator.template.config import FunctionConfig
from tests.lambda_emulator.support import RUNTIMES, RunningEmulator, environment, write_template
from tests.patience import PATIENCE


def run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lambda_emulator", *words]
    return subprocess.run(
        command,
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ([], 2, "template.yaml: no such file; name your SAM template with --template"),
        (["--template", "mine.yaml"], 2, "mine.yaml: no such file"),
        (["--template", "mine.yaml", "--", "true"], 2, "mine.yaml: no such file"),
        (["--parameter-overrides", "Mode"], 2, "--parameter-overrides takes KEY=VALUE, not 'Mode'"),
        (["--port", "70000"], 2, "70000 is no port"),
        (["--concurrency", "0"], 2, "give at least 1"),
        (["--"], 2, "give a command behind --"),
        (["--templat", "x"], 2, "unrecognized arguments"),
        (["--port", "0", "--", "./nothing-here"], 1, "./nothing-here: no such command"),
    ],
)
def test_wrong_usage_is_said_in_one_line(
    tmp_path: Path, words: list[str], status: int, message: str
) -> None:
    done = run(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (status, "")
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        (
            {"Runtime": "nodejs22.x"},
            "nodejs22.x needs AWS's runtime client in the project: npm install aws-lambda-ric",
        ),
        ({"Handler": "nothing"}, "Handler 'nothing' is not of the form module.function"),
        ({"Handler": "nothing.handler"}, f"Handler 'nothing.handler': no {RUNTIMES}/nothing.py"),
        (
            {"Environment": {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/no"}}},
            "/var/task/no is not there",
        ),
        (
            {"Environment": {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/scripted.py"}}},
            (
                "exit status 126 (Runtime.ExitError). "
                f"Set the bit after the build (chmod +x {RUNTIMES}/scripted.py)"
            ),
        ),
    ],
)
def test_a_function_that_cannot_be_started(
    tmp_path: Path, properties: dict[str, object], message: str
) -> None:
    write_template(tmp_path, **{"Runtime": "python3.13", **properties})
    done = run("--port", "0", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    last = done.stderr.splitlines()[-1]
    assert last.startswith("lambda-emulator: Probe: ")
    assert message in last


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run(
            "--port", str(port), "--", sys.executable, str(RUNTIMES / "scripted.py"), cwd=tmp_path
        )
    assert (done.returncode, done.stdout) == (1, "")
    line = done.stderr.splitlines()[-1]
    assert line.startswith(f"lambda-emulator: cannot listen on 127.0.0.1:{port}: ")
    assert line.endswith("choose another --port")


def test_a_lambda_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        options = ("--port", "0", "--lambda-port", str(port))
        done = run(*options, "--", sys.executable, str(RUNTIMES / "scripted.py"), cwd=tmp_path)
    assert done.stderr.splitlines()[-1].endswith("choose another --lambda-port")


def test_escape_sequences_do_not_reach_the_terminal(tmp_path: Path) -> None:
    """Of a template's text in an error, of a function's log, and of a request's target."""
    handler = "\x1b]0;title\x07\x1b[2J"
    write_template(tmp_path, Runtime="python3.13", Handler=handler)
    done = run("--port", "0", cwd=tmp_path)
    assert done.returncode == 1
    assert "\x1b" not in done.stderr
    assert "\\x1b]0;title\\x07" in done.stderr
    sink = io.StringIO()
    console = Console(file=sink)
    console._rich = RichConsole(
        file=sink, force_terminal=True, color_system="standard", soft_wrap=True
    )
    console.log(
        FunctionConfig("Fn", tmp_path, name="fn"), None, ["a\x1b[2Jb\x07c \x1b[31mred\x1b[0m"]
    )
    text = sink.getvalue()
    assert "\x1b[2J" not in text
    assert "\x07" not in text
    assert "\x1b[31mred" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--env", "NO_SUCH_VARIABLE_HERE"], "the shell has no such variable"),
        (["--env-vars", "nothing.json"], "No such file"),
        (["--env-vars", "list.json"], 'it takes {"FUNCTION": {"NAME": "VALUE"}}'),
    ],
)
def test_wrong_variables(tmp_path: Path, words: list[str], message: str) -> None:
    (tmp_path / "list.json").write_text("[1]")
    done = run(*words, cwd=tmp_path)
    assert (done.returncode, message in done.stderr) == (2, True)


def test_variables_reach_the_function(tmp_path: Path) -> None:
    (tmp_path / "env.json").write_text(
        json.dumps({"Parameters": {"PROBE_A": 1}, "Probe": {"PROBE_B": "own"}})
    )
    template = write_template(tmp_path)
    options = (
        "--env-vars",
        str(tmp_path / "env.json"),
        "--env",
        "PROBE_C",
        "--env",
        "PROBE_D=given",
    )
    with RunningEmulator(
        "--template", str(template), *options, variables={"PROBE_C": "the shell's"}
    ) as emulator:
        seen = emulator.get("/echo").json()["environment"]
    assert [seen[f"PROBE_{name}"] for name in "ABCD"] == ["1", "own", "the shell's", "given"]


def test_one_line_when_ready(tmp_path: Path) -> None:
    with RunningEmulator(cwd=tmp_path) as emulator:
        assert re.fullmatch(r"Listening on http://127\.0\.0\.1:\d+", emulator.lines[0])
        assert emulator.stop() == 0


def test_every_function_has_a_port_of_its_own(tmp_path: Path) -> None:
    url = {"AuthType": "NONE", "InvokeMode": "BUFFERED"}
    function = {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "CodeUri": str(RUNTIMES),
            "Handler": "scripted.main",
            "Runtime": "python3.13",
            "FunctionUrlConfig": url,
            "Environment": {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}},
        },
    }
    (tmp_path / "template.yaml").write_text(
        json.dumps({"Resources": {"One": function, "Two": function}})
    )
    with RunningEmulator(command=(), cwd=tmp_path, fronts=2) as emulator:
        assert [line.rpartition(" ")[2] for line in emulator.lines] == ["(One)", "(Two)"]
        names = []
        for port in emulator.ports:
            with emulator.connect(port) as client:
                client.request("GET", "/echo")
                names.append(client.response().json()["environment"]["AWS_LAMBDA_FUNCTION_NAME"])
        assert names == ["One", "Two"]
    with RunningEmulator("--function", "Two", command=(), cwd=tmp_path) as emulator:
        assert emulator.get("/echo").json()["environment"]["AWS_LAMBDA_FUNCTION_NAME"] == "Two"


def test_the_invoke_mode_can_be_given(tmp_path: Path) -> None:
    write_template(tmp_path)
    with RunningEmulator("--invoke-mode", "BUFFERED", cwd=tmp_path) as emulator:
        assert emulator.get("/stream").header("content-length") == "0", (
            "a streamed body behind a BUFFERED URL is lost"
        )


def test_json_events(tmp_path: Path) -> None:
    with RunningEmulator(cwd=tmp_path) as emulator:
        response = emulator.get("/stream?count=3&size=5")
        request_id = response.header("x-amzn-requestid")
        line = emulator.wait_for("request", requestId=request_id)
        assert (line["status"], line["bytes"], line["chunks"], line["cold"]) == (200, 15, 3, True)
        assert (line["method"], line["target"], line["note"]) == (
            "GET",
            "/stream?count=3&size=5",
            "",
        )
        assert 0 < line["firstByteMs"] <= line["durationMs"]
        report = emulator.wait_for("report", requestId=request_id)
        assert report["memorySizeMB"] == 128
        kinds = [
            event["event"] for event in emulator.events if event.get("requestId") == request_id
        ]
        assert sorted(kinds) == ["end", "report", "request", "start"]


def test_the_lines_that_a_person_sees(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "lambda_emulator",
        "--port",
        "0",
        "--",
        sys.executable,
        str(RUNTIMES / "scripted.py"),
    ]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().split()[2]
        request = "GET /log HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as client:
            client.sendall(request.encode())
            while client.recv(4096):
                pass
        lines: list[str] = []
        while not all(any(word in line for line in lines) for word in ("REPORT ", " GET /log ")):
            lines.append(process.stderr.readline().rstrip("\n"))
            assert process.poll() is None, lines
        process.terminate()
        assert process.wait(PATIENCE) == 0
    text = "\n".join(lines)
    request_id = re.search("START RequestId: (.*) Version", text)
    assert request_id is not None
    assert f"{request_id[1][:8]} a line on stdout" in lines
    assert f"{request_id[1][:8]} ERROR a line on stderr" in lines
    assert f"END RequestId: {request_id[1]}" in lines
    assert re.search(
        (
            r"REPORT RequestId: \S+\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: "
            r"128 MB\t"
        ),
        text,
    )
    assert re.search(
        r"^[0-9a-f]{8} GET /log  200  8 B in 1 chunk  first byte [\d.]+ ms  total [\d.]+ ms  cold$",
        text,
        re.MULTILINE,
    )


def test_colours_on_a_terminal() -> None:
    sink = io.StringIO()
    console = Console(file=sink)
    console._rich = RichConsole(
        file=sink, force_terminal=True, color_system="standard", soft_wrap=True, highlight=False
    )
    console.request(RequestLine("GET", "/x", 0.0, status=404))
    console.error("gone")
    text = sink.getvalue()
    assert "\x1b[33m404" in text
    assert "\x1b[1;31mlambda-emulator: gone" in text


def test_help_has_examples_and_fits() -> None:
    text = parser().format_help()
    assert "examples:" in text
    assert "exit status:" in text
    for option in ("--template", "--pace", "--watch", "--json", "--lambda-port", "-- COMMAND"):
        assert option in text
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"errorType": "A", "errorMessage": "b\\nc"}', ("A", "b c")),
        (b"[1]", ("", "[1]")),
        (b"\xff", ("", "\ufffd")),
        (b"{}", ("", "")),
    ],
)
def test_error_text(body: bytes, expected: tuple[str, str]) -> None:
    assert error_text(body) == expected


def test_size_text() -> None:
    assert [size_text(n) for n in (0, 999, 1500, 12_345_678)] == [
        "0 B",
        "999 B",
        "1.5 kB",
        "12.3 MB",
    ]
