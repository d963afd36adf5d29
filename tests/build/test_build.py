"""`make build` makes the same bytes every time. The function runs without the sources.

`sam build` needs what `make install` needs: a package index, or uv's cache of an earlier run.
"""

import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambda_asgi.testing import function_url_event
from tests.build.conftest import BIN, TOP, UV, locked
from tests.lambda_asgi.test_rie import binary, started
from tests.lambda_emulator.support import RunningEmulator
from tests.ports import free_ports

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
HELLO = (TOP / "src" / "samples" / "hello.txt").read_bytes()

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # two builds on a loaded machine


def build(folder: Path, umask: int) -> Path:
    """Build the function of this commit in a copy, for the Python that runs the tests."""
    archive = subprocess.run(
        ["git", "-C", str(TOP), "archive", "HEAD"], capture_output=True, check=True
    ).stdout
    folder.mkdir(exist_ok=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
    template = folder / "template.yaml"
    template.write_text(
        re.sub(r"Runtime: python3\.\d+", f"Runtime: python{VERSION}", template.read_text())
    )
    architecture = "arm64" if os.uname().machine in ("aarch64", "arm64") else "x86_64"
    variables = {**os.environ, "SAM_CLI_TELEMETRY": "0", "PATH": f"{BIN}:{os.environ['PATH']}"}
    sam = [str(BIN / "sam"), "build", "--parameter-overrides", f"Architecture={architecture}"]
    finish = [
        sys.executable,
        "-m",
        "tools.finish_build",
        ".aws-sam/build/FileServiceFunction",
        "--python",
        VERSION,
    ]
    for command in (sam, finish):
        done = subprocess.run(
            command,
            cwd=folder,
            env=variables,
            umask=umask,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert re.search(
        r"\d+ files, .* MB as a zip .*\n"
        r".*: sha256 \w{64}\n"
        r"The same bytes come from this commit, bytecode by Python \S+, and zlib \S+\.\n"
        r"import file_service\.main: \d+ ms with Python",
        done.stdout,
    )
    return folder / ".aws-sam" / "build" / "FileServiceFunction"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built function, alone: everything else is deleted."""
    folder = build(tmp_path_factory.mktemp("first"), umask=0o022)
    alone = tmp_path_factory.mktemp("alone") / "build"
    shutil.copytree(folder.parent, alone)
    shutil.rmtree(folder.parent.parent.parent)
    return alone / folder.name


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python like Lambda's: with awslambdaric, and without this project."""
    venv = tmp_path_factory.mktemp("python")
    python = str(venv / "bin" / "python")
    subprocess.run([UV, "venv", "-q", "--clear", "--python", sys.executable, str(venv)], check=True)
    subprocess.run(
        [UV, "pip", "install", "-q", "--python", python, locked("awslambdaric")], check=True
    )
    found = subprocess.run(
        [python, "-c", "import lambda_asgi"], cwd=venv, capture_output=True, check=False
    )
    assert found.returncode == 1
    return python


def contents(folder: Path) -> Iterator[tuple[str, int, int, str]]:
    for path in sorted(folder.rglob("*")):
        status = path.stat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        yield (
            str(path.relative_to(folder)),
            stat.S_IMODE(status.st_mode),
            int(status.st_mtime),
            digest,
        )


def test_two_builds_are_the_same_bytes(built: Path, tmp_path: Path) -> None:
    """Builds in another folder and with another umask are equal, and so are their zips."""
    again = build(tmp_path / "second", umask=0o077)
    assert list(contents(again)) == list(contents(built))
    assert (
        again.with_name("FileServiceFunction.zip").read_bytes()
        == built.with_name("FileServiceFunction.zip").read_bytes()
    )


def test_only_what_a_function_needs(built: Path) -> None:
    names = {path.name for path in built.rglob("*")}
    assert not names & {
        "bin",
        ".lock",
        "INSTALLER",
        "RECORD",
        "REQUESTED",
        "requirements.txt",
        "tests",
    }
    assert not {name for name in names if name.endswith((".pyi", ".pyx", ".pxd"))}
    assert {"METADATA", "licenses"} <= names


def test_every_module_has_bytecode_that_names_no_folder_of_the_builder(built: Path) -> None:
    tag = sys.implementation.cache_tag
    for module in built.rglob("*.py"):
        compiled = module.parent / "__pycache__" / f"{module.stem}.{tag}.pyc"
        code = compiled.read_bytes()
        assert code[4:8] == b"\x01\x00\x00\x00", "checked by hash, and that never"
        assert str(TOP).encode() not in code
    assert b"/var/task/file_service/main.py" in compiled_code(built / "file_service" / "main.py")


def compiled_code(module: Path) -> bytes:
    return (
        module.parent / "__pycache__" / f"{module.stem}.{sys.implementation.cache_tag}.pyc"
    ).read_bytes()


@pytest.mark.parametrize("runtime", ["awslambdaric", "lambda_asgi"])
def test_it_runs_under_the_emulator(built: Path, bare_python: str, runtime: str) -> None:
    """In handler mode under Lambda's own runtime, and in runtime mode."""
    command = (bare_python, "-m", runtime, "file_service.main.handler")
    options = (
        "--template",
        str(built.with_name("template.yaml")),
        "--parameter-overrides",
        "AuthType=NONE",
    )
    with RunningEmulator(*options, command=command) as emulator:
        response = emulator.get("/files/hello.txt")
        assert (response.status, response.body) == (200, HELLO)


@pytest.mark.skipif(
    not binary().exists(), reason="aws-sam-cli has no Runtime Interface Emulator for this machine"
)
@pytest.mark.parametrize("runtime", ["awslambdaric", "lambda_asgi"])
def test_it_runs_under_awss_emulator(built: Path, bare_python: str, runtime: str) -> None:
    port, runtime_port = free_ports(2)
    command = [
        *(str(binary()), "--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
        *("--runtime-api-address", f"127.0.0.1:{runtime_port}"),
        *(bare_python, "-m", runtime, "file_service.main.handler"),
    ]
    variables = {
        "PATH": os.environ["PATH"],
        "LAMBDA_TASK_ROOT": str(built),
        "PYTHONPATH": str(built),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "AWS_REGION": "us-east-1",
        "LAMBDA_ASGI_RESPONSE_MODE": "streaming",
        "_HANDLER": "file_service.main.handler",
    }
    with started(command, port, variables) as emulator:
        assert HELLO in emulator.invoke(function_url_event("/files/hello.txt")).body
