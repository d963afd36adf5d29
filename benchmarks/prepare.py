"""`python -m benchmarks prepare`: makes what the peers need, once.

It is kept in benchmarks/results/prepared and benchmarks/node.

A virtual environment with the function's Python,
so that all is measured on the version that Lambda runs.
The build of the function, with and without bytecode.
S3 clients.
Lambda Web Adapter, and the peers in Rust and Go.
Node's packages.
What cannot be had is said, and its peers are skipped.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import native
from benchmarks.places import (
    BUILT,
    HERE,
    LIBRARIES,
    NODE_MODULES,
    PLAIN,
    PREPARED,
    ROOT,
    RUNTIME_CLIENT,
    UVICORN,
    VENV,
)

BYTECODE = (
    "-m",
    "compileall",
    "-q",
    "-j0",
    "--invalidation-mode",
    "unchecked-hash",
)  # as tools/finish_build.py
AIOBOTOCORE = "aiobotocore==3.10.0"  # nothing else here needs it, so it is in no lock


def prepare(python: str | None, say: Callable[[str], None]) -> int:
    """The exit code."""
    PREPARED.mkdir(parents=True, exist_ok=True)
    interpreter = find_python(python)
    if interpreter is None:
        say(
            f"No Python {runtime_version()} on PATH: name one with --python. "
            f"Without, {sys.version.split()[0]} is used."
        )
        return 1
    say(f"Python: {interpreter}")
    say("Installing the locked packages ...")
    uv("venv", "--clear", "--python", interpreter, str(VENV))
    shipped = ("--require-hashes", "-r", str(ROOT / "src" / "requirements.txt"))
    uv("pip", "install", "--python", str(VENV), *shipped)
    # No tools of ours beside them:
    # FastAPI traces each request where it finds OpenTelemetry, which one of them brings.
    uv(
        "pip",
        "install",
        "--python",
        str(VENV),
        *map(locked, ("aiofiles", "awslambdaric", "uvicorn", "rich")),
    )
    say("Building the function, as `make build` does ...")
    build(interpreter)
    say("Installing S3 clients ...")
    shutil.rmtree(LIBRARIES, ignore_errors=True)
    target = ("pip", "install", "--python", interpreter, "--target")
    for library, packages in (
        ("obstore", [locked("obstore")]),
        ("boto3", [locked("boto3")]),
        (
            "aiobotocore",
            [AIOBOTOCORE, locked("boto3")],
        ),  # it needs botocore, whose version boto3's bounds too
    ):
        uv(*target, str(LIBRARIES / library), *packages)
    shutil.rmtree(RUNTIME_CLIENT, ignore_errors=True)
    uv(*target, str(RUNTIME_CLIENT), locked("awslambdaric"))
    shutil.rmtree(UVICORN, ignore_errors=True)
    uv(*target, str(UVICORN), locked("uvicorn"))
    for folder in (RUNTIME_CLIENT, UVICORN):
        subprocess.run((interpreter, *BYTECODE, str(folder)), check=False)
    native.build(say)
    if shutil.which("npm") is None:
        say("No npm: Node's peers are skipped.")
    elif not (NODE_MODULES / "aws-lambda-ric").exists():
        say("Installing and building Node's runtime client (a minute or two) ...")
        environment = os.environ | (
            {"PATH": f"{Path(n).parent}:{os.environ['PATH']}"}
            if (n := os.environ.get("NODE"))
            else {}
        )
        npm = ("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent")
        if subprocess.run(npm, cwd=HERE / "node", env=environment, check=False).returncode:
            say(
                "That failed: it needs Node.js 22, autoconf, automake, libtool, "
                "cmake and a C++ compiler."
            )
    say("Ready: make bench")
    return 0


def build(interpreter: str) -> None:
    """PLAIN: what `sam build` makes for this machine.

    BUILT: with the bytecode that `make build` adds.
    """
    tools = ROOT / ".venv" / "bin"
    path = os.pathsep.join((str(Path(interpreter).parent), str(tools), os.environ["PATH"]))
    environment = {**os.environ, "PATH": path, "SAM_CLI_TELEMETRY": "0"}
    architecture = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    made = PREPARED / "sam" / "build"
    sam = (str(tools / "sam"), "build", "--build-dir", str(made))
    subprocess.run(
        (*sam, "--parameter-overrides", f"Architecture={architecture}"),
        cwd=ROOT,
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=None if os.environ.get("BENCHMARK_LOGS") else subprocess.DEVNULL,
    )
    for folder in (PLAIN, BUILT):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(made / "FileServiceFunction", folder)
        shutil.copy(HERE / "apps" / "mangum_service.py", folder)
    finish = (sys.executable, str(ROOT / "tools" / "finish_build.py"), str(BUILT))
    subprocess.run((*finish, "--python", runtime_version()), cwd=ROOT, env=environment, check=True)


def locked(package: str) -> str:
    """`package==version`, of the project's lock."""
    found = re.search(
        rf"^{package}==\S+", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE
    )
    assert found is not None, f"{package} is in the lock"
    return found[0]


def runtime_version() -> str:
    match = re.search(r"Runtime: python(\d+\.\d+)", (ROOT / "template.yaml").read_text())
    assert match is not None, "template.yaml names a Python runtime"
    return match[1]


def find_python(given: str | None) -> str | None:
    """A Python of the function's version, outside of any virtual environment."""
    version = runtime_version()
    numbers = tuple(map(int, version.split(".")))
    check = f"import sys; assert sys.version_info[:2] == {numbers}; print(sys._base_executable)"
    for candidate in (given, f"python{version}", sys.executable):
        if candidate is not None and shutil.which(candidate):
            found = subprocess.run(
                [candidate, "-c", check], capture_output=True, text=True, check=False
            )
            if found.returncode == 0:
                return found.stdout.strip()
    return None


def uv(*arguments: str) -> None:
    program = shutil.which("uv") or str(ROOT / ".venv" / "bin" / "uv")
    subprocess.run([program, *arguments, "-q"], check=True)
