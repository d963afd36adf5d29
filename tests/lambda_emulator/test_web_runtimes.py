"""What a Web Function can run: ASGI and WSGI apps, frameworks, and servers."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lambda_emulator.support import environment
from tests.lambda_emulator.web_support import APPS, RAW_SERVER, WebEmulator, write_web_template
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow


def web(*options: str, cwd: Path = APPS, command: tuple[str, ...] = (), **more: Any) -> WebEmulator:
    return WebEmulator("--web", *options, cwd=cwd, command=command, **more)


def test_main_app_is_the_default() -> None:
    with web() as emulator:
        shown = emulator.get("/a%20b?c").json()
    assert shown["interface"] == "asgi"
    assert shown["path"] == "/a b"
    assert (shown["scheme"], shown["root_path"], shown["http_version"]) == ("http", "", "1.1")
    assert shown["client"] == "127.0.0.1", (
        "the endpoint's address: the client's own is in X-Forwarded-For"
    )
    assert "http.response.pathsend" not in shown["extensions"]


@pytest.mark.parametrize(
    ("entry_point", "interface"),
    [
        ("main:app", "asgi"),
        ("main:instance", "asgi"),
        ("main:Nested.app", "asgi"),
        ("main:wsgi", "wsgi"),
        ("asgi:main:app", "asgi"),
        ("wsgi:main:wsgi", "wsgi"),
    ],
)
def test_the_interface_is_detected_or_said(
    tmp_path: Path, entry_point: str, interface: str
) -> None:
    variables = {"AWS_LAMBDA_PYTHON_ENTRYPOINT": entry_point}
    template = write_web_template(tmp_path, EnvironmentVariables=variables)
    with WebEmulator("--template", str(template), command=()) as emulator:
        shown = emulator.get("/path?q=1", method="POST", body=b"body").json()
    assert shown["interface"] == interface
    assert shown["path"] == "/path"
    if interface == "wsgi":
        assert (shown["query"], shown["body"]) == ("q=1", "body")


@pytest.mark.parametrize(
    ("entry_point", "message"),
    [
        ("no_such_module:app", "no_such_module"),
        ("main:no_such_name", "main has no 'no_such_name'"),
        ("main:not_callable", "main:not_callable is not callable"),
        ("main", "it has to be module:callable"),
        ("main.app", "it has to be module:callable"),
    ],
)
def test_an_entry_point_that_is_wrong_says_so(entry_point: str, message: str) -> None:
    with web(entry_point, "--cold") as emulator:
        assert emulator.get("/").status == 502
        emulator.stop()
        assert message in str(emulator.drain())


FRAMEWORKS = {
    "fastapi": """
from fastapi import FastAPI
app = FastAPI()

@app.get("/hello")
async def hello() -> str:
    return "hello"
""",
    "starlette": """
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
app = Starlette(routes=[Route("/hello", lambda request: JSONResponse("hello"))])
""",
    "flask": """
from flask import Flask
app = Flask(__name__)

@app.get("/hello")
def hello():
    return '"hello"'
""",
}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_frameworks_that_the_guide_names(tmp_path: Path, framework: str) -> None:
    (tmp_path / "main.py").write_text(FRAMEWORKS[framework])
    with web(cwd=tmp_path) as emulator:
        response = emulator.get("/hello")
    assert (response.status, response.body.strip()) == (200, b'"hello"')


def test_packages_of_the_code_come_before_those_of_the_machine(tmp_path: Path) -> None:
    """But the server's own are loaded before: a package in the zip cannot break it."""
    (tmp_path / "click.py").write_text("raise RuntimeError('not for the server')")
    (tmp_path / "httpx.py").write_text("answer = b'the zip has its own'")
    (tmp_path / "main.py").write_text(
        "import httpx\ndef app(environ, start_response):\n    start_response('200 OK', [])\n"
        "    return [httpx.answer]\n"
    )
    with web(cwd=tmp_path) as emulator:
        assert emulator.get("/").body == b"the zip has its own"


def test_any_server_that_listens_on_the_address(tmp_path: Path) -> None:
    with web(cwd=tmp_path, command=RAW_SERVER) as emulator:
        assert emulator.get("/whole").body == b"whole"


NODE = pytest.mark.skipif(shutil.which("node") is None, reason="node is not on PATH")


@NODE
@pytest.mark.parametrize("how", ["EntryPoint", "AWS_LAMBDA_NODEJS_ENTRYPOINT"])
def test_a_node_server(tmp_path: Path, how: str) -> None:
    properties: dict[str, Any] = {"Runtime": "nodejs24.x"}
    properties |= (
        {how: "server.mjs"}
        if how == "EntryPoint"
        else {"EnvironmentVariables": {how: "server.mjs"}}
    )
    template = write_web_template(tmp_path, **properties)
    with WebEmulator("--template", str(template), command=()) as emulator:
        response = emulator.get("/")
    assert response.chunks == [b"one ", b"two prod"]


@NODE
def test_index_js_is_nodes_default(tmp_path: Path) -> None:
    (tmp_path / "index.js").write_text(
        "const [host, port] = process.env.AWS_LAMBDA_HTTP_ENDPOINT.split(':');\n"
        "require('http').createServer((request, "
        "response) => response.end('index')).listen(port, host);\n"
    )
    template = write_web_template(tmp_path, Runtime="nodejs24.x", CodeUri=str(tmp_path))
    with WebEmulator("--template", str(template), command=()) as emulator:
        assert emulator.get("/").body == b"index"


@pytest.mark.parametrize(
    ("properties", "status", "message"),
    [
        ({"Runtime": "nodejs24.x", "EntryPoint": "no.js"}, 1, "its entry point no.js is not in"),
        ({"Runtime": "java25"}, 1, "the emulator starts python and nodejs runtimes, not 'java25'"),
        (
            {"EnvironmentVariables": {"AWS_LAMBDA_HTTP_ENDPOINT": "x"}},
            1,
            "AWS_LAMBDA_HTTP_ENDPOINT is Lambda's own",
        ),
        ({"EnvironmentVariables": {"1": "x"}}, 1, "begin with a letter"),
        ({"EnvironmentVariables": {"EMPTY": ""}}, 1, "EMPTY has 0 characters"),
        ({"EnvironmentVariables": {"LONG": "x" * 4097}}, 1, "LONG has 4097 characters"),
        (
            {"EnvironmentVariables": {f"V{n}": "x" * 4000 for n in range(9)}},
            1,
            "they may have 32768",
        ),
    ],
)
def test_what_cannot_be_started_is_said_at_once(
    tmp_path: Path, properties: dict[str, Any], status: int, message: str
) -> None:
    template = write_web_template(tmp_path, **properties)
    done = subprocess.run(
        [sys.executable, "-m", "lambda_emulator", "--port", "0", "--template", str(template)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == status
    assert message in done.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("main:app",), "the app ended before it listened: exit status 1"),
        (("--", "sh", "-c", "exit 3"), "the app ended before it listened: exit status 3"),
        (("--", "no-such-program"), "no-such-program: no such command"),
    ],
)
def test_the_only_app_that_does_not_start_ends_the_emulator(
    tmp_path: Path, arguments: tuple[str, ...], reason: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lambda_emulator", "--port", "0", "--web", *arguments],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stdout) == (1, ""), "nothing listens"
    assert done.stderr.count("did not start") == 1
    assert f"lambda-emulator: {tmp_path.name} did not start: " in done.stderr
    assert reason in done.stderr


def test_web_takes_no_template() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "lambda_emulator",
            "--web",
            "main:app",
            "--template",
            "template.yaml",
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 2
    assert "--web serves this folder" in done.stderr
