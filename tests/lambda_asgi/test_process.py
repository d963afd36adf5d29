"""`python -m lambda_asgi` as a process: errors before the first `next`, and exit codes.

Init errors: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-initerror.
"""

import asyncio
import json
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from lambda_asgi.testing import function_url_event
from tests.lambda_asgi.process import runtime_process
from tests.lambda_asgi.runtime_api_server import runtime_api_server
from tests.lambda_asgi.test_rie import can_unshare
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]


def play(scenario: Any) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(PATIENCE):
            return await scenario

    return asyncio.run(bounded())


@pytest.mark.parametrize(
    ("handler", "variables", "error_type", "said"),
    [
        ("no_such_module.app", {}, "Runtime.ImportModuleError", "No module named 'no_such_module'"),
        (
            "raises_on_import.app",
            {},
            "Runtime.ImportModuleError",
            "No module named 'no_such_library'",
        ),
        ("exits_on_import.app", {}, "Runtime.ImportModuleError", "SystemExit(0)"),
        ("endings.missing", {}, "Runtime.ImportModuleError", "has no 'missing'"),
        (
            "endings",
            {},
            "Runtime.InvalidConfiguration",
            "set the function's Handler to module.name",
        ),
        ("endings.not_an_app", {}, "Runtime.InvalidConfiguration", "is no ASGI app"),
        ("endings.startup_fails", {}, "Runtime.StartupFailed", "no database"),
        ("endings.startup_exits", {}, "Runtime.StartupFailed", "SystemExit(0)"),
        (
            "endings.hello",
            {"LAMBDA_ASGI_RESPONSE_MODE": "fast"},
            "Runtime.InvalidConfiguration",
            "RESPONSE_MODE='fast'",
        ),
        (
            "endings.hello",
            {"AWS_LAMBDA_MAX_CONCURRENCY": "0"},
            "Runtime.InvalidConfiguration",
            "MAX_CONCURRENCY='0'",
        ),
    ],
)
def test_an_environment_that_cannot_start(
    handler: str, variables: dict[str, str], error_type: str, said: str
) -> None:
    async def scenario() -> None:
        async with (
            runtime_api_server() as api,
            runtime_process(api, handler, **variables) as runtime,
        ):
            posted = await api.answer()
            assert posted.path == "/2018-06-01/runtime/init/error"
            assert posted.headers["lambda-runtime-function-error-type"] == error_type
            document = json.loads(posted.body)
            assert said in document["errorMessage"]
            assert document["stackTrace"]
            assert await runtime.ended() == 1
            assert api.polls == 0
            output = "".join(runtime.output)
            assert re.search(r"(^|\t)the function cannot start: ", output)
            assert said in output
            if "Import" in error_type or "Startup" in error_type:
                assert "Traceback (most recent call last)" in output

    play(scenario())


@pytest.mark.parametrize("status", [403, 500])
def test_an_init_error_that_is_refused(status: int) -> None:
    async def scenario() -> None:
        async with runtime_api_server() as api:
            api.late_replies["/init/error"] = [status]
            async with runtime_process(api, "no_such_module.app") as runtime:
                assert await runtime.ended() == 1
                told = f"\tthat could not be reported: the Runtime API answered {status}"
                assert told in "".join(runtime.output)

    play(scenario())


def test_an_app_that_cannot_be_made_ends_the_process_with_1() -> None:
    program = (
        "import os, sys; from lambda_asgi._runtime import serve;"
        "sys.exit(serve(os.environ, lambda environment: 1 / 0))"
    )

    async def scenario() -> None:
        async with (
            runtime_api_server() as api,
            runtime_process(api, "unused", command=(sys.executable, "-c", program)) as runtime,
        ):
            posted = await api.answer()
            assert posted.path == "/2018-06-01/runtime/init/error"
            assert json.loads(posted.body)["errorType"] == "ZeroDivisionError"
            assert await runtime.ended() == 1

    play(scenario())


def test_outside_lambda() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lambda_asgi"],
        cwd=ROOT / "src",
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "AWS_LAMBDA_RUNTIME_API is not set: outside Lambda, use lambda-emulator" in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("app", ["endings.hello", "lambda_asgi.LambdaASGI(endings.hello)"])
def test_run_serves_an_app_from_this_process(app: str) -> None:
    """As the entry point of a container image does. Its exit code is the runtime's."""
    program = f"import endings, lambda_asgi; lambda_asgi.run({app}); print('not reached')"

    async def scenario() -> None:
        async with (
            runtime_api_server() as api,
            runtime_process(api, "unused", command=(sys.executable, "-c", program)) as runtime,
        ):
            api.invoke(function_url_event())
            assert (await api.answer()).content == b"hello"
            api.late_replies["/response"] = [500]
            api.invoke(function_url_event())
            assert await runtime.ended() == 1
            assert "not reached\n" not in runtime.output

    play(scenario())


def test_an_app_error_is_in_the_log_with_its_traceback_and_request_id() -> None:
    async def scenario() -> None:
        async with runtime_api_server() as api, runtime_process(api, "endings.hello") as runtime:
            request_id = api.invoke(function_url_event("/raise"))
            assert (await api.answer()).prelude["statusCode"] == 500
            line = await runtime.line_with("ValueError: on purpose")
            assert re.search(rf"\[ERROR\]\t\S+Z\t{request_id}\tValueError: on purpose", line)
            assert "Traceback" in line, "one event of the log, all in one line"
            assert "endings.py" in line
            api.invoke(function_url_event())
            assert (await api.answer()).content == b"hello"

    play(scenario())


@pytest.mark.parametrize("status", [500, 503])
def test_a_runtime_api_that_fails_ends_the_process_with_1(status: int) -> None:
    async def scenario() -> None:
        async with runtime_api_server() as api:
            api.late_replies["/response"] = [status]
            async with runtime_process(api, "endings.hello") as runtime:
                api.invoke(function_url_event())
                assert await runtime.ended() == 1
                output = "".join(runtime.output)
                told = f"the execution environment ends: the Runtime API answered {status}"
                assert f"\t{told}" in output
                assert "Traceback (most recent call last)" in output

    play(scenario())


@pytest.mark.parametrize("handler", ["endings.stubborn", "endings.thread_that_stays"])
def test_what_an_app_leaves_behind_does_not_hold_the_end_up(handler: str) -> None:
    """A task that ignores cancellation, and a thread that never ends."""

    async def scenario() -> None:
        async with (
            runtime_api_server() as api,
            runtime_process(api, handler, LAMBDA_ASGI_DEADLINE_MARGIN_MS="100") as runtime,
        ):
            api.invoke(function_url_event(), seconds=0.5)
            assert (await api.answer()).complete
            api.drop_connections()
            api.late_replies["/invocation/next"] = [500]
            assert await runtime.ended() == 1
            if handler == "endings.thread_that_stays":
                assert "still in a buffer" in "".join(runtime.output)

    play(scenario())


# Started by the exec wrapper, as Lambda does it: with its interpreter and its own bootstrap.py.

BOOTSTRAP = ROOT / "src" / "lambda_asgi" / "bootstrap"
APP = """
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"here"})
"""


def test_modules_of_the_function_shadow_nothing_of_ours(tmp_path: Path) -> None:
    """They have names that we and Python's start import. The app still gets its own modules."""
    for name in (
        "token",
        "types",
        "logging",
        "json",
        "asyncio",
        "socket",
        "httptools_",
        "base64",
        "traceback",
    ):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('a module of the function')")
    (tmp_path / "statistics.py").write_text(
        APP
    )  # the function's own, and not the standard library's
    command = (str(BOOTSTRAP), sys.executable, "/var/runtime/bootstrap.py")

    async def scenario() -> None:
        async with (
            runtime_api_server() as api,
            runtime_process(api, "statistics.app", command=command, LAMBDA_TASK_ROOT=str(tmp_path)),
        ):
            api.invoke(function_url_event())
            assert (await api.answer()).content == b"here"

    play(scenario())


LAYER = """
set -e
mount -t tmpfs tmpfs /opt
mkdir -p /opt/python
cp -r "$PACKAGES/httptools" "$PACKAGES/mangum" /opt/python
cp "$PACKAGES/typing_extensions.py" /opt/python
exec "$TASK/lambda_asgi/bootstrap" "$@"
"""


@pytest.mark.skipif(not can_unshare(), reason="an /opt of one's own needs root and unshare")
def test_dependencies_in_a_layer_are_found(tmp_path: Path) -> None:
    """An interpreter without packages: lambda_asgi is in the function, httptools in /opt/python."""
    shutil.copytree(ROOT / "src" / "lambda_asgi", tmp_path / "lambda_asgi")
    (tmp_path / "main.py").write_text(APP)
    python = f"{sys.base_prefix}/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    command = ("unshare", "-m", "sh", "-c", LAYER, "sh", python, "/var/runtime/bootstrap.py")
    variables = {
        "LAMBDA_TASK_ROOT": str(tmp_path),
        "TASK": str(tmp_path),
        "PACKAGES": sysconfig.get_path("platlib"),
    }

    async def scenario() -> None:
        async with (
            runtime_api_server() as api,
            runtime_process(api, "main.app", command=command, **variables),
        ):
            api.invoke(function_url_event())
            assert (await api.answer()).content == b"here"

    play(scenario())
