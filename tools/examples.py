"""Set up each example's own environment, and run its test.

    python -m tools.examples            # all of them
    python -m tools.examples mcp agent  # these

An environment is made in `.cache/examples/<name>` from the requirements that ship
with the example's app, this project itself, and what tests need.
It is made again when the requirements change.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

TOP = Path(__file__).parent.parent
EXAMPLES = TOP / "examples"
CACHE = TOP / ".cache" / "examples"
TESTS_NEED = ["awslambdaric>=4.2", "boto3", "httpx>=0.28", "pytest>=9", "pytest-timeout>=2.4"]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.examples", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("names", nargs="*", help="examples; all of them by default")
    names = parser.parse_args(arguments).names or sorted(
        {test.parent.name for test in EXAMPLES.glob("*/test_*.py")}
    )
    results = {name: run(name) for name in names}
    width = max(map(len, results))
    for name, passed in results.items():
        print(f"{name:{width}}  {'passed' if passed else 'FAILED'}")
    return int(not all(results.values()))


def run(name: str) -> bool:
    folder = EXAMPLES / name
    if not folder.is_dir():
        raise SystemExit(f"there is no example {name!r}")
    print(f"---- {name}", flush=True)
    python = environment(folder)
    variables = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    variables["PYTHONDONTWRITEBYTECODE"] = "1"
    # From the top: an example may have the name of a package that it imports.
    options = ["-q", "-c", str(EXAMPLES / "pytest.ini"), "--rootdir", str(TOP)]
    command = [str(python), "-m", "pytest", *options, str(folder)]
    return subprocess.run(command, cwd=TOP, env=variables, check=False).returncode == 0


def environment(folder: Path) -> Path:
    """The interpreter of the example's environment."""
    place = CACHE / folder.name
    python, mark = place / "bin" / "python", place / ".requirements"
    files = sorted({*folder.glob("*/requirements.txt"), *folder.glob("requirements*.txt")})
    wanted = hashlib.sha256(
        b"".join(file.read_bytes() for file in files) + repr(TESTS_NEED).encode()
    ).hexdigest()
    if not mark.exists() or mark.read_text() != wanted:
        shutil.rmtree(place, ignore_errors=True)
        uv("venv", "-q", "--python", sys.executable, str(place))
        sources = ["--editable", str(TOP), "--editable", f"{TOP / 'emulator'}[web]"]
        requirements = [argument for file in files for argument in ("-r", str(file))]
        uv("pip", "install", "-q", "--python", str(python), *sources, *requirements, *TESTS_NEED)
        mark.write_text(wanted)
    return python


def uv(*arguments: str) -> None:
    beside = Path(sys.executable).with_name("uv")
    subprocess.run([str(beside) if beside.exists() else "uv", *arguments], cwd=TOP, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
