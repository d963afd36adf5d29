"""Make the environments in which integrations with other packages are tested.

    python -m tools.integrations          # all of them
    python -m tools.integrations sentry   # this one

Each is made in `.cache/integrations/<name>` from `tests/integrations/requirements/<name>.txt`,
which pins the packages that a function would ship, and this project's runtime.
It is made again when the requirements change.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from tools.examples import TOP, uv

REQUIREMENTS = TOP / "tests" / "integrations" / "requirements"
CACHE = TOP / ".cache" / "integrations"
COMMON = "common"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.integrations", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("names", nargs="*", help="environments; all of them by default")
    names = parser.parse_args(arguments).names
    failed = [name for name in names or sorted(available()) if not make(name)]
    for name in failed:
        print(f"could not be made: {CACHE / name}", file=sys.stderr)
    return int(bool(failed))


def available() -> set[str]:
    return {file.stem for file in REQUIREMENTS.glob("*.txt")} - {COMMON}


def interpreter(name: str) -> Path | None:
    """The environment's interpreter; None where it was not made, or from other requirements."""
    place = CACHE / name
    mark = place / ".requirements"
    return place / "bin" / "python" if mark.exists() and mark.read_text() == _wanted(name) else None


def make(name: str) -> bool:
    if interpreter(name) is not None:
        return True
    print(f"Making {CACHE / name}", flush=True)
    place = CACHE / name
    shutil.rmtree(place, ignore_errors=True)
    try:
        uv("venv", "-q", "--python", sys.executable, str(place))
        packages = ["--editable", str(TOP), "-r", str(REQUIREMENTS / f"{name}.txt")]
        uv("pip", "install", "-q", "--python", str(place / "bin" / "python"), *packages)
    except subprocess.CalledProcessError:
        return False
    (place / ".requirements").write_text(_wanted(name))
    return True


def _wanted(name: str) -> str:
    needs = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["dependencies"]
    texts = [
        sys.version,
        *needs,
        *((REQUIREMENTS / f"{file}.txt").read_text() for file in (COMMON, name)),
    ]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
