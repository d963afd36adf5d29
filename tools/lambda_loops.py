"""Make the environments in which handler mode is tested with each line of Lambda's own loop.

    python -m tools.lambda_loops

Each has one version of awslambdaric on one version of Python, and this project's runtime.
It is made in `.cache/lambda_loops/<version>-<python>`, from what pyproject.toml asks for.
"""

import hashlib
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from tools import finish_build
from tools.examples import TOP, uv

CACHE = TOP / ".cache" / "lambda_loops"

# The last of each line, and the Pythons that it supports and that lambda_asgi does.
LOOPS = [
    ("2.0.12", "3.11"),
    ("2.2.1", "3.11"),
    ("2.2.1", "3.12"),
    ("3.1.1", "3.11"),
    ("3.1.1", "3.12"),
    ("3.1.1", "3.13"),
    ("4.2.2", "3.11"),
    ("4.2.2", "3.12"),
    ("4.2.2", "3.13"),
]


def main() -> int:
    missing = [
        f"awslambdaric {version} on Python {python}"
        for version, python in LOOPS
        if not make(version, python)
    ]
    for environment in missing:
        print(f"could not be made: {environment}", file=sys.stderr)
    return int(bool(missing))


def interpreter(version: str, python: str) -> Path | None:
    """The environment's interpreter; None where it was not made, or from other requirements."""
    place = CACHE / f"{version}-{python}"
    mark = place / ".requirements"
    return (
        place / "bin" / "python" if mark.exists() and mark.read_text() == _wanted(version) else None
    )


def make(version: str, python: str) -> bool:
    if interpreter(version, python) is not None:
        return True
    found = finish_build.interpreter(python)
    if found is None:
        return False
    place = CACHE / f"{version}-{python}"
    shutil.rmtree(place, ignore_errors=True)
    try:
        uv("venv", "-q", "--python", found, str(place))
        packages = ["--editable", str(TOP), f"awslambdaric=={version}"]
        uv("pip", "install", "-q", "--python", str(place / "bin" / "python"), *packages)
    except subprocess.CalledProcessError:
        return False
    (place / ".requirements").write_text(_wanted(version))
    return True


def _wanted(version: str) -> str:
    needs = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["dependencies"]
    return hashlib.sha256("\n".join([version, *needs]).encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
