"""`python -m benchmarks prepare`: what the peers need, made once in benchmarks/results/prepared and benchmarks/node.

A virtual environment with the function's Python (so that all is measured on the version that Lambda runs), two builds
of the function, and Node's packages. What cannot be had is said, and its peers are skipped.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.peers import HERE, NODE_MODULES, PREPARED, ROOT

VENV = PREPARED / "venv"
BUILT = PREPARED / "built"
PLAIN = PREPARED / "plain"
RUNTIME_CLIENT = PREPARED / "awslambdaric"


def prepare(python: str | None, say: Callable[[str], None]) -> int:
    """The exit code."""
    PREPARED.mkdir(parents=True, exist_ok=True)
    interpreter = find_python(python)
    if interpreter is None:
        say(
            f"No Python {runtime_version()} on PATH: name one with --python. Without, {sys.version.split()[0]} is used."
        )
        return 1
    say(f"Python: {interpreter}")
    say("Installing the locked packages ...")
    uv("venv", "--clear", "--python", interpreter, str(VENV))
    shipped = ("--require-hashes", "-r", str(ROOT / "src" / "requirements.txt"))
    uv("pip", "install", "--python", str(VENV), *shipped)
    # No tools of ours beside them: FastAPI traces each request where it finds OpenTelemetry, which one of them brings.
    uv("pip", "install", "--python", str(VENV), *map(locked, ("awslambdaric", "uvicorn", "rich")))
    say("Building the function, as `make build` does, and once more without bytecode ...")
    for folder in (BUILT, PLAIN, RUNTIME_CLIENT):
        shutil.rmtree(folder, ignore_errors=True)
    target = ("pip", "install", "--python", interpreter, "--target")
    uv(*target, str(PLAIN), *shipped)
    uv(*target, str(RUNTIME_CLIENT), locked("awslambdaric"))
    shutil.copytree(ROOT / "src", PLAIN, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HERE / "apps" / "mangum_service.py", PLAIN)
    shutil.copytree(PLAIN, BUILT)
    for folder in (BUILT, RUNTIME_CLIENT):
        compile_ = (interpreter, "-m", "compileall", "-q", "-j0", "--invalidation-mode", "unchecked-hash", folder)
        subprocess.run(compile_, check=False)
    if shutil.which("npm") is None:
        say("No npm: Node's peers are skipped.")
    elif not (NODE_MODULES / "aws-lambda-ric").exists():
        say("Installing and building Node's runtime client (a minute or two) ...")
        environment = os.environ | (
            {"PATH": f"{Path(n).parent}:{os.environ['PATH']}"} if (n := os.environ.get("NODE")) else {}
        )
        npm = ("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent")
        if subprocess.run(npm, cwd=HERE / "node", env=environment, check=False).returncode:
            say("That failed: it needs Node.js 22, autoconf, automake, libtool, cmake and a C++ compiler.")
    say("Ready: make bench")
    return 0


def locked(package: str) -> str:
    """`package==version`, of the project's lock."""
    found = re.search(rf"^{package}==\S+", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE)
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
            found = subprocess.run([candidate, "-c", check], capture_output=True, text=True, check=False)
            if found.returncode == 0:
                return found.stdout.strip()
    return None


def uv(*arguments: str) -> None:
    program = shutil.which("uv") or str(ROOT / ".venv" / "bin" / "uv")
    subprocess.run([program, *arguments, "-q"], check=True)
