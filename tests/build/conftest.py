"""The project's wheels, for builds that install them as a user's build would."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
UV = str(BIN / "uv") if (BIN / "uv").exists() else "uv"


@pytest.fixture(scope="session", autouse=True)
def package_index() -> None:
    """Builds install packages, some of them in new environments."""
    resolve = [UV, "pip", "compile", "--quiet", "--no-cache", "--python", sys.executable, "-"]
    done = subprocess.run(resolve, input="h11", text=True, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"needs a package index: {done.stderr.splitlines()[0]}")


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of lambda-asgi and lambda-emulator."""
    folder = tmp_path_factory.mktemp("wheels")
    for project in (TOP, TOP / "emulator"):
        command = [UV, "build", "-q", "--wheel", "--no-build-isolation", "--python", sys.executable]
        subprocess.run([*command, "--out-dir", str(folder), str(project)], check=True)
    return folder


@pytest.fixture(scope="session")
def tools(wheels: Path) -> dict[str, str]:
    """Variables for sam and uv: what they look for in an index, they also find among the wheels."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    path = f"{BIN}:{os.environ['PATH']}"
    return {**variables, "PATH": path, "UV_FIND_LINKS": str(wheels), "SAM_CLI_TELEMETRY": "0"}


def locked(name: str) -> str:
    """`name==version`, as the project's own lock has it."""
    found = re.search(rf"^{name}==\S+", (TOP / "requirements-dev.txt").read_text(), re.MULTILINE)
    assert found
    return found[0]
