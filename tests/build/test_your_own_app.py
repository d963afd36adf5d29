"""The files of docs/your-own-app.md, built by `sam build`, stream chunk by chunk.

The only source is the wheel. The app is in a temporary folder, its requirements name `fastapi` and
`lambda-asgi`, and pip finds the wheel through PIP_FIND_LINKS.
"""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.build.conftest import BIN, TOP, UV
from tests.lambda_emulator.support import RunningEmulator

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
PAGE = TOP / "docs" / "your-own-app.md"
MODES = TOP / "docs" / "modes.md"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

DECORATED = """

import functools

streaming = handler


@functools.wraps(streaming)
def handler(event, context):
    return streaming(event, context)
"""

CALLED = """

streaming = handler


def handler(event, context):
    if event.get("warm"):
        return {"statusCode": 204}
    return streaming(event, context)
"""


def files_of_the_page() -> dict[str, str]:
    """The code blocks that follow a file's name."""
    return dict(
        re.findall(
            r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL
        )
    )


@pytest.fixture(scope="module")
def variables(wheels: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "PIP_", "UV_"))
    }
    index = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_"))}
    path = f"{BIN}:{os.environ['PATH']}"
    return {**kept, **index, "PATH": path, "SAM_CLI_TELEMETRY": "0", "PIP_FIND_LINKS": str(wheels)}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, variables: dict[str, str]) -> Path:
    """The page's project, built by `sam build` with its default builder."""
    folder = tmp_path_factory.mktemp("my-app")
    for name, text in files_of_the_page().items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    template = folder / "template.yaml"
    text = template.read_text().replace("python3.13", f"python{VERSION}")
    machine = "arm64" if os.uname().machine in ("aarch64", "arm64") else "x86_64"
    template.write_text(text.replace("[x86_64]", f"[{machine}]"))
    run([str(BIN / "sam"), "build"], folder, variables)
    return folder


def run(command: list[str], folder: Path, variables: dict[str, str]) -> None:
    done = subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("wrapper", ["", DECORATED, CALLED], ids=["plain", "decorated", "called"])
def test_chunks_arrive_one_by_one(project: Path, tmp_path: Path, wrapper: str) -> None:
    built = shutil.copytree(project / ".aws-sam" / "build", tmp_path / "build")
    assert not (built / "Function" / "bootstrap").exists()
    main = built / "Function" / "main.py"
    # The test says when the app may go on.
    bell = tmp_path / "bell"
    os.mkfifo(bell)
    waiting = f"await asyncio.to_thread(lambda: open({str(bell)!r}).read())"
    text = main.read_text()
    assert "await asyncio.sleep(0.3)" in text
    main.write_text(text.replace("await asyncio.sleep(0.3)", waiting) + wrapper)
    template = str(built / "template.yaml")
    with (
        RunningEmulator("--template", template, command=()) as emulator,
        emulator.connect() as client,
    ):
        client.request("GET", "/")
        chunks = client.chunks(client.head())
        for number in range(5):
            assert next(chunks) == b"%d\n" % number
            bell.write_bytes(b"ring")
        assert list(chunks) == []


# Who keeps the execute bit of lambda_asgi/bootstrap: the table of docs/modes.md.


def with_pip(project: Path, folder: Path, variables: dict[str, str]) -> Path:
    run(
        [sys.executable, "-m", "pip", "install", "-q", "lambda-asgi", "-t", str(folder)],
        folder,
        variables,
    )
    return folder


def with_uv(project: Path, folder: Path, variables: dict[str, str]) -> Path:
    links = ["--find-links", variables["PIP_FIND_LINKS"]]
    command = [
        UV,
        "pip",
        "install",
        "-q",
        "--python",
        sys.executable,
        *links,
        "--target",
        str(folder),
        "lambda-asgi",
    ]
    run(command, folder, variables)
    return folder


def with_sam_and_pip(project: Path, folder: Path, variables: dict[str, str]) -> Path:
    return project / ".aws-sam" / "build" / "Function"


def with_sam_and_uv(project: Path, folder: Path, variables: dict[str, str]) -> Path:
    shutil.copytree(project / "app", folder / "app")
    text = (project / "template.yaml").read_text()
    function = "    Type: AWS::Serverless::Function\n"
    assert function in text
    text = text.replace(function, f"{function}    Metadata: {{BuildMethod: python-uv}}\n")
    (folder / "template.yaml").write_text(text)
    command = [str(BIN / "sam"), "build", "--beta-features"]
    run(command, folder, {**variables, "UV_FIND_LINKS": variables["PIP_FIND_LINKS"]})
    return folder / ".aws-sam" / "build" / "Function"


def with_zip(project: Path, folder: Path, variables: dict[str, str]) -> Path:
    if shutil.which("zip") is None:
        pytest.skip("there is no zip")
    installed = with_uv(project, folder, variables)
    run(["zip", "-qr", "function.zip", "lambda_asgi"], installed, variables)
    with zipfile.ZipFile(installed / "function.zip") as archive:
        mode = archive.getinfo("lambda_asgi/bootstrap").external_attr >> 16
    (installed / "lambda_asgi" / "bootstrap").chmod(mode & 0o777)
    return installed


BUILDERS: dict[str, Callable[[Path, Path, dict[str, str]], Path]] = {
    "`sam build` (pip, the default)": with_sam_and_pip,
    "`sam build` (uv: `BuildMethod: python-uv`)": with_sam_and_uv,
    "`pip install -t`": with_pip,
    "`uv pip install --target`": with_uv,
    "`zip -r`": with_zip,
}


@pytest.mark.parametrize("builder", BUILDERS)
def test_who_keeps_the_execute_bit(
    builder: str, project: Path, tmp_path: Path, variables: dict[str, str]
) -> None:
    script = BUILDERS[builder](project, tmp_path, variables) / "lambda_asgi" / "bootstrap"
    keeps = "yes" if os.access(script, os.X_OK) else "no"
    assert f"| {builder} | {keeps} |" in MODES.read_text()
