"""`lambda-emulator main:app`: an ASGI app or a handler of a folder, without a template."""

import subprocess
import sys
from pathlib import Path

import pytest

from lambda_emulator.local_app import local_app
from lambda_emulator.options import Options
from tests.lambda_emulator.support import RunningEmulator, environment
from tests.patience import PATIENCE

APP = """\
import asyncio
import os


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    name = scope["query_string"].decode()
    for number in range(2):
        await send({"type": "http.response.body", "body": b"%d" % number, "more_body": True})
        while not os.path.exists(f"{name}.{number}"):
            await asyncio.sleep(0.005)
    await send({"type": "http.response.body", "body": b"end"})


def handler(event, context):
    return f"{event['rawPath']} has {context.get_remaining_time_in_millis() > 20_000}"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text(APP)
    return tmp_path


@pytest.mark.parametrize("runtime", [[], ["--runtime", "handler-mode"]])
def test_an_app_streams(folder: Path, runtime: list[str]) -> None:
    with (
        RunningEmulator("main:app", *runtime, command=(), cwd=folder) as emulator,
        emulator.connect() as client,
    ):
        client.request("GET", f"/?{folder}/gate")
        response = client.head()
        assert response.header("transfer-encoding") == "chunked"
        chunks = client.chunks(response)
        for number, expected in enumerate((b"0", b"1")):
            assert next(chunks) == expected
            (folder / f"gate.{number}").touch()
        assert b"".join(chunks) == b"end"


@pytest.mark.parametrize("name", ["main:handler", "main.handler"])
def test_a_handler_runs_under_awslambdaric(folder: Path, name: str) -> None:
    with RunningEmulator(name, command=(), cwd=folder) as emulator:
        assert emulator.get("/path").json() == "/path has True"


def test_the_folder_of_the_app_and_its_packages(folder: Path) -> None:
    (folder / "pkg").mkdir()
    (folder / "main.py").rename(folder / "pkg" / "api.py")
    options = ("pkg.api:handler", "--app-dir", str(folder))
    with RunningEmulator(*options, command=()) as emulator:
        assert emulator.get("/").json() == "/ has True"


def test_a_change_is_served(folder: Path) -> None:
    with RunningEmulator("main:handler", "--reload", command=(), cwd=folder) as emulator:
        assert emulator.get("/").json() == "/ has True"
        (folder / "main.py").write_text("def handler(event, context):\n    return 'new'\n")
        emulator.wait_for("note")
        while emulator.get("/").json() != "new":
            pass


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["main:app"], "there is no main.py in "),
        (["run"], "'run' is neither a command nor MODULE:APP, such as main:app"),
        (["main:app", "--template", "template.yaml"], "takes no --template"),
        (["--runtime", "awslambdaric"], "give MODULE:APP"),
        (["main:app", "--runtime", "node"], "invalid choice"),
    ],
)
def test_wrong_usage(tmp_path: Path, words: list[str], message: str) -> None:
    done = run(words, tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lambda_emulator", "--port", "0", *words],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def test_a_package_that_the_app_needs_is_missing(folder: Path) -> None:
    (folder / "main.py").write_text("import no_such_package\n\napp = None\n")
    done = run(["main:app"], folder)
    assert done.returncode == 1
    assert "no_such_package" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("runtime", "advice"),
    [("lambda-asgi", "pip install lambda-asgi"), ("awslambdaric", "pip install awslambdaric")],
)
def test_a_runtime_that_is_not_installed(folder: Path, runtime: str, advice: str) -> None:
    """An import hook stands for an environment that lacks the two packages."""
    program = (
        "import sys\n"
        "for finder in sys.meta_path:\n"
        "    find = getattr(finder, 'find_spec', None)\n"
        "    if find:\n"
        "        finder.find_spec = lambda name, *rest, find=find: (\n"
        "            None if name in ('lambda_asgi', 'awslambdaric') else find(name, *rest))\n"
        "from lambda_emulator.__main__ import main\n"
        f"sys.exit(main(['main:app', '--runtime', {runtime!r}]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(advice)


@pytest.mark.parametrize(
    ("source", "is_handler"),
    [
        ("def main(event, context): ...", True),
        ("handler = main = LambdaASGI(app)", True),
        ("import lambda_asgi\nmain = lambda_asgi.LambdaASGI(app, response_mode='streaming')", True),
        ("main = Mangum(app)", True),
        ("main = FastAPI()", False),
        ("async def main(scope, receive, send): ...", False),
        ("def main(environ): ...", False),
        ("main = make()", False),
        ("def main(:", False),
    ],
)
def test_what_is_a_handler(tmp_path: Path, source: str, is_handler: bool) -> None:
    (tmp_path / "main.py").write_text(source)
    config = local_app(Options(app="main:main", app_dir=tmp_path))
    assert ("AWS_LAMBDA_EXEC_WRAPPER" not in config.environment) == is_handler


def test_a_buffered_url(folder: Path) -> None:
    for index in range(2):
        (folder / f"gate.{index}").touch()
    options = ("main:app", "--invoke-mode", "BUFFERED")
    with RunningEmulator(*options, command=(), cwd=folder) as emulator:
        response = emulator.get(f"/?{folder}/gate")
        assert (response.header("content-length"), response.body) == ("5", b"01end")
