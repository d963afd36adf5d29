"""Real runtimes with the same probe: AWS's own clients, adapters, and a shell script.

Run it with `pytest -m runtimes`.
The probe's sources are in real_runtimes/.
What they need is built once, into .cache/runtimes (RUNTIME_CACHE names another folder).
A runtime whose toolchain is missing is skipped, with the reason.
"""

import base64
import concurrent.futures
import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.lambda_emulator.support import RunningEmulator, write_template
from tests.lambda_emulator.test_other_runtimes import node_client

ROOT = Path(__file__).parents[2]
SOURCES = Path(__file__).with_name("real_runtimes")
CACHE = Path(os.environ.get("RUNTIME_CACHE", ROOT / ".cache" / "runtimes"))
LARGE = 7_000_000

pytestmark = [pytest.mark.runtimes, pytest.mark.timeout(900)]


@pytest.fixture(scope="module", autouse=True)
def _asked_for(request: pytest.FixtureRequest) -> None:
    if "runtimes" not in request.config.getoption("markexpr"):
        pytest.skip("it builds with four toolchains, which takes minutes: only with -m runtimes")


@dataclass
class Setup:
    """How a probe is started: a command or template properties, and a folder in place of /opt."""

    command: tuple[str, ...] = ()
    properties: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    opt: Path | None = None


@dataclass
class Probe:
    """`streams`: it answers chunk by chunk. `thrown`: the status of an error before the first byte.

    `tells`: it tells Lambda of an error after the first byte.
    """

    name: str
    set_up: Callable[[Path], Setup]
    streams: bool
    thrown: int
    tells: bool = True


def run(*command: str | Path, folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def built(name: str, *command: str | Path, folder: Path) -> Path:
    """A file in the cache. The first caller runs the command that makes it; others wait."""
    path = CACHE / name
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{name.replace('/', '-')}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.is_file():
            tool = shutil.which(str(command[0]))
            if tool is None:
                pytest.skip(f"needs {command[0]}")
            run(tool, *command[1:], folder=folder)
    return path


def go(name: str) -> Callable[[Path], Setup]:
    def set_up(folder: Path) -> Setup:
        program = built(name, "go", "build", "-o", CACHE / name, ".", folder=SOURCES / name)
        shutil.copy(program, folder / "bootstrap")
        return Setup(
            properties={
                "Runtime": "provided.al2023",
                "Handler": "bootstrap",
                "CodeUri": str(folder),
            }
        )

    return set_up


def rust(folder: Path) -> Setup:
    target = CACHE / "rust"
    cargo = ("cargo", "build", "--release", "--target-dir", target)
    program = built("rust/release/probe", *cargo, folder=SOURCES / "rust")
    shutil.copy(program, folder / "bootstrap")
    return Setup(
        properties={"Runtime": "provided.al2023", "Handler": "bootstrap", "CodeUri": str(folder)}
    )


def java(folder: Path) -> Setup:
    maven = ("mvn", "-q", "-B", "package", f"-DbuildDirectory={CACHE / 'java'}")
    jar = built("java/probe.jar", *maven, folder=SOURCES / "java")
    shutil.copy(jar, folder / "probe.jar")
    shutil.copytree(jar.parent / "lib", folder / "lib")
    properties = {
        "Runtime": "java17",
        "Handler": "probe.Probe::handleRequest",
        "CodeUri": str(folder),
    }
    return Setup(properties=properties)


def node(folder: Path) -> Setup:
    entry = node_client()
    if entry is None:
        pytest.skip(
            "needs Node.js and aws-lambda-ric: npm install aws-lambda-ric; "
            "NODE_MODULES names the folder"
        )
    shutil.copy(SOURCES / "node" / "index.mjs", folder / "index.mjs")
    command = ("node", str(entry), "index.handler")
    return Setup(
        command, {"Runtime": "nodejs22.x", "Handler": "index.handler", "CodeUri": str(folder)}
    )


def shell(folder: Path) -> Setup:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    shutil.copy(SOURCES / "shell" / "bootstrap", folder / "bootstrap")
    return Setup(
        properties={"Runtime": "provided.al2023", "Handler": "bootstrap", "CodeUri": str(folder)}
    )


def python(handler: str) -> Callable[[Path], Setup]:
    def set_up(folder: Path) -> Setup:
        for name in ("app.py", "mangum_app.py", "handler_mode.py"):
            shutil.copy(SOURCES / name, folder / name)
        return Setup(
            properties={"Runtime": "python3.13", "Handler": handler, "CodeUri": str(folder)}
        )

    return set_up


def runtime_mode(folder: Path) -> Setup:
    setup = python("app.app")(folder)
    setup.command = (sys.executable, "-m", "lambda_asgi")
    setup.variables = {"LAMBDA_ASGI_RESPONSE_MODE": "streaming"}
    return setup


def web_adapter(folder: Path) -> Setup:
    """Lambda Web Adapter as its layer has it: an extension, and a wrapper that starts the app."""
    cargo = ("cargo", "install", "--debug", "--root", CACHE / "lwa", "lambda_web_adapter")
    adapter = built("lwa/bin/lambda-adapter", *cargo, folder=SOURCES)
    opt = folder / "opt"
    (opt / "extensions").mkdir(parents=True)
    shutil.copy(adapter, opt / "extensions" / "lambda-adapter")
    (opt / "bootstrap").write_text('#!/bin/sh\nexec "${LAMBDA_TASK_ROOT}/${_HANDLER}"\n')
    (opt / "bootstrap").chmod(0o755)
    code = folder / "code"
    code.mkdir()
    for name in ("app.py", "served.sh"):
        shutil.copy(SOURCES / name, code / name)
    variables = {
        "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
        "AWS_LWA_INVOKE_MODE": "response_stream",
        "PROBE_PYTHON": sys.executable,
    }
    return Setup(
        (), {"Runtime": "python3.13", "Handler": "served.sh", "CodeUri": str(code)}, variables, opt
    )


PROBES = [
    Probe("node", node, True, 200),  # recorded: the error's JSON with a status of 200
    Probe("go-lambdaurl", go("go_url"), True, 200),
    Probe("go-typed", go("go_typed"), False, 502),
    # Rust's lambda_runtime writes its error trailers as data:
    # the client gets their text, and Lambda hears of no error.
    Probe("rust-lambda_http", rust, True, 200, tells=False),
    Probe("java", java, False, 502),
    Probe("web-adapter", web_adapter, True, 500, tells=False),  # the same client
    Probe("awslambdaric-mangum", python("mangum_app.handler"), False, 500),
    Probe("shell", shell, False, 502),
    Probe("lambda_asgi-handler", python("handler_mode.handler"), True, 500),
    Probe("lambda_asgi-runtime", runtime_mode, True, 500),
]


@dataclass
class Running:
    probe: Probe
    emulator: RunningEmulator


def started(probe: Probe, folder: Path, *options: str, init: str = "") -> RunningEmulator:
    code = folder / "function"
    code.mkdir()
    setup = probe.set_up(code)
    mode = "RESPONSE_STREAM" if probe.streams else "BUFFERED"
    template = write_template(
        folder,
        **setup.properties,
        Timeout=5,
        Environment={
            "Variables": {
                **setup.variables,
                "INIT": init,
            }
        },
        FunctionUrlConfig={"AuthType": "NONE", "InvokeMode": mode},
    )
    opt = ("--opt", str(setup.opt)) if setup.opt is not None else ()
    return RunningEmulator(
        "--template", str(template), *opt, *options, command=setup.command, fronts=2 - bool(init)
    )


@pytest.fixture(scope="module", params=PROBES, ids=lambda probe: probe.name)
def running(
    _asked_for: None, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    probe: Probe = request.param
    folder = tmp_path_factory.mktemp(probe.name)
    # What listens on a port is given one process by the emulator itself;
    # others get a few, for a loaded machine's sake.
    several = () if probe.name == "web-adapter" else ("--concurrency", "3")
    with started(probe, folder, "--lambda-port", "0", *several) as emulator:
        yield Running(probe, emulator)


def test_an_answer(running: Running) -> None:
    response = running.emulator.get("/hello")
    assert (response.status, response.body) == (200, b"hello from /hello")


def test_a_stream_comes_chunk_by_chunk(running: Running, tmp_path: Path) -> None:
    if not running.probe.streams:
        pytest.skip("this runtime answers in one piece")
    gate = tmp_path / "gate"
    with running.emulator.connect() as client:
        client.request("GET", f"/stream?gate={gate}")
        response = client.head()
        assert response.status == 201
        assert response.header("x-from") is not None
        assert response.header("content-type") == "text/plain"
        body, count = b"", 0
        for chunk in client.chunks(response):
            body += chunk
            while count < 3 and f"chunk {count}\n".encode() in body:
                Path(f"{gate}.{count}").touch()  # only now can the next one come
                count += 1
    assert (body, response.terminated) == (b"chunk 0\nchunk 1\nchunk 2\n", True)


def test_an_error_before_the_first_byte(running: Running) -> None:
    response = running.emulator.get("/throw")
    assert response.status == running.probe.thrown
    assert running.emulator.get("/hello").status == 200


def test_an_error_after_the_first_byte(running: Running) -> None:
    """What was sent arrives, the stream ends cleanly (recorded), and the terminal says why."""
    if not running.probe.streams:
        pytest.skip("this runtime answers in one piece")
    response = running.emulator.get("/late")
    assert response.body.startswith(b"so far")
    line = running.emulator.wait_for("request", target="/late")
    assert ("the client saw a clean end" in line["note"]) == running.probe.tells
    assert running.emulator.get("/hello").status == 200


def test_a_timeout(running: Running) -> None:
    response = running.emulator.get("/sleep")
    # lambda_asgi answers for itself before the time is over.
    assert (
        response.status in (502, 504, 500)
        if "lambda_asgi" in running.probe.name
        else response.status == 502
    )
    assert running.emulator.get("/hello").status == 200


def test_a_crash(running: Running) -> None:
    response = running.emulator.get("/crash")
    # Lambda Web Adapter lives on for a moment, and posts the error:
    # its JSON with a status of 200, as recorded.
    assert response.status in (500, 502) or "errorType" in response.json()
    assert running.emulator.get("/hello").status == 200


def test_fifteen_at_once(running: Running) -> None:
    with concurrent.futures.ThreadPoolExecutor(15) as pool:
        responses = list(pool.map(lambda i: running.emulator.get(f"/{i}"), range(15)))
    assert [response.body for response in responses] == [
        f"hello from /{i}".encode() for i in range(15)
    ]


def test_seven_megabytes(running: Running) -> None:
    """A stream may be that large; an answer in one piece may not."""
    response = running.emulator.get("/large")
    if running.probe.streams:
        assert (response.status, len(response.body), response.terminated) == (200, LARGE, True)
    else:
        assert response.status == 502
    assert running.emulator.get("/hello").status == 200


def test_the_log_tail(running: Running) -> None:
    event = json.loads((ROOT / "events" / "function_url_get_file.json").read_text())
    event = event.get("event", event) | {"rawPath": "/log", "rawQueryString": ""}
    event["requestContext"]["http"] |= {"path": "/log", "method": "GET"}
    with running.emulator.connect(running.emulator.ports[1]) as client:
        path = "/2015-03-31/functions/Probe/invocations"
        client.request(
            "POST",
            path,
            "X-Amz-Log-Type: Tail",
            body=json.dumps(event, separators=(",", ":")).encode(),
        )
        response = client.response("POST")
    assert response.status == 200
    tail = base64.b64decode(response.header("x-amz-log-result") or "").decode()
    assert tail.startswith("START RequestId: ")
    assert "a line of the log" in tail
    assert "REPORT RequestId: " in tail


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_an_init_that_fails(probe: Probe, tmp_path: Path) -> None:
    if probe.name == "web-adapter":
        pytest.skip(
            "the adapter waits for its app until the init's time is over: "
            "ten seconds, and once more"
        )
    with started(probe, tmp_path, "--cold", init="exit") as emulator:
        response = emulator.get("/hello")
        assert response.status in (502, 200)
        failed = emulator.wait_for("init_failed")
        assert failed["errorType"]
        if response.status == 200:  # the runtime itself told, and its JSON is the body: recorded
            assert "errorType" in response.json()
