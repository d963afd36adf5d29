"""The code paths of systems that are not Linux: with what only Linux has taken away.

other_systems/sitecustomize.py lists what that is. The workflows run the suite on macOS, and what
is promised for Windows on Windows.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lambda_emulator.support import RunningEmulator, write_template
from tests.lambda_emulator.web_support import WebEmulator
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

TOP = Path(__file__).parents[2]
OTHER_SYSTEMS = Path(__file__).with_name("other_systems")
APP_UNDER_TEST = Path(__file__).with_name("small_app.py")
HELLO = (TOP / "src" / "samples" / "hello.txt").read_bytes()


def variables(system: str) -> dict[str, str]:
    return {"OTHER_SYSTEM": system, "PYTHONPATH": str(OTHER_SYSTEMS)}


def on(system: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=TOP,
        env={**os.environ, **variables(system)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize(
    ("system", "missing"),
    [
        ("macos", "import os, select; os.RWF_NOWAIT"),
        ("macos", "import select; select.epoll"),
        ("macos", "open('/proc/self/status')"),
        ("windows", "import os; os.register_at_fork"),
        ("windows", "import fcntl"),
        ("windows", "import signal; signal.pthread_sigmask"),
    ],
)
def test_it_is_not_there(system: str, missing: str) -> None:
    """Otherwise the tests below would prove nothing."""
    failed = on(system, "-c", missing)
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].startswith(
        ("AttributeError", "FileNotFoundError", "ModuleNotFoundError", "ImportError")
    )


@pytest.mark.parametrize("system", ["macos", "windows"])
def test_apps_can_be_tested(system: str, tmp_path: Path) -> None:
    """`lambda_asgi.testing` works in a test suite, wherever the app is developed."""
    file = tmp_path / "file"
    file.write_bytes(bytes(range(256)) * 10_000)
    done = on(system, str(APP_UNDER_TEST), str(file))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("runtime", ["awslambdaric", "lambda_asgi"])
def test_a_function_runs_under_the_emulator(runtime: str) -> None:
    """On macOS, in both modes: the emulator and the function are both without Linux."""
    command = (sys.executable, "-m", runtime, "file_service.main.handler")
    options = ("--template", str(TOP / "template.yaml"), "--parameter-overrides", "AuthType=NONE")
    with RunningEmulator(*options, command=command, variables=variables("macos")) as emulator:
        for _ in range(2):
            assert emulator.get("/files/hello.txt").body == HELLO
        assert emulator.stop() == 0


def test_runtime_mode_without_signal_handlers(tmp_path: Path) -> None:
    """An event loop on Windows handles no signals. Everything else works."""
    (tmp_path / "main.py").write_text(
        "async def app(scope, receive, send):\n"
        "    assert scope['type'] == 'http'\n"
        "    await send({'type': 'http.response.start', 'status': 200})\n"
        "    await send({'type': 'http.response.body', 'body': b'one', 'more_body': True})\n"
        "    await send({'type': 'http.response.body', 'body': b'two'})\n"
    )
    template = write_template(tmp_path, CodeUri=str(tmp_path), Handler="main.app")
    # The emulator is for POSIX systems, so only the function gets the other system's Python.
    given = {**variables("windows"), "LAMBDA_ASGI_RESPONSE_MODE": "streaming"}
    command = ("env", *(f"{name}={value}" for name, value in given.items()))
    command += (sys.executable, "-m", "lambda_asgi", "main.app")
    with RunningEmulator("--template", str(template), command=command) as emulator:
        assert emulator.get("/").body == b"onetwo"


def test_a_web_function_runs_under_the_emulator() -> None:
    overrides = ("--parameter-overrides", "AuthType=NONE", "Kind=WebFunction")
    options = ("--template", str(TOP / "template.yaml"), *overrides)
    with WebEmulator(*options, command=(), variables=variables("macos")) as emulator:
        assert emulator.get("/files/hello.txt").body == HELLO
        assert emulator.stop() == 0
