"""The two wheels, each installed into an empty environment: what is there, runs and is absent."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lambda_asgi._version import __version__ as lambda_asgi_version
from lambda_emulator._version import __version__ as lambda_emulator_version

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
# Where there is no uv on PATH, `make install` puts one beside the interpreter.
UV = shutil.which("uv") or Path(sys.executable).with_name("uv")

# Imports every module of a package, except what runs when imported.
_IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if not module.name.endswith(("__main__", ".bootstrap")):
        importlib.import_module(module.name)
"""


def run(*command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    # Without this repository on sys.path: only what was installed counts.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTHON")
    }
    done = subprocess.run(
        command, cwd="/", env=environment, capture_output=True, text=True, check=False
    )
    if check and done.returncode:
        pytest.fail(f"{command}\n{done.stdout}\n{done.stderr}")
    return done


class Installed:
    """One wheel in an environment of its own."""

    def __init__(self, project: Path, folder: Path) -> None:
        built = folder / "built"
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", built],
            cwd=project,
            check=True,
            capture_output=True,
        )
        (self.wheel,) = built.glob("*.whl")
        self.bin = folder / "venv" / "bin"
        uv = [UV, "--quiet"]
        run(*uv, "venv", "--python", sys.executable, folder / "venv")
        install = [
            *uv,
            "pip",
            "install",
            "--python",
            self.bin / "python",
            "--constraint",
            self._pins(folder),
        ]
        # `make install` has left the pinned packages in uv's cache. Without them, they are fetched.
        if run(*install, "--offline", self.wheel, check=False).returncode:
            run(*install, self.wheel)

    @staticmethod
    def _pins(folder: Path) -> Path:
        pins = folder / "pins.txt"
        lines = (ROOT / "requirements-dev.txt").read_text().splitlines()
        pins.write_text(
            "\n".join(line.rstrip(" \\") for line in lines if re.match(r"[a-z0-9]", line))
        )
        return pins

    @property
    def contents(self) -> set[str]:
        with zipfile.ZipFile(self.wheel) as archive:
            return {name.partition("/")[0] for name in archive.namelist()}

    @property
    def distributions(self) -> set[str]:
        (packages,) = (self.bin.parent / "lib").glob("python*/site-packages")
        found = importlib.metadata.distributions(path=[str(packages)])
        return {found.metadata["Name"].lower().replace("_", "-") for found in found}

    def python(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return run(self.bin / "python", *arguments, check=check)


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(ROOT, tmp_path_factory.mktemp("lambda-asgi"))


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(ROOT / "emulator", tmp_path_factory.mktemp("lambda-emulator"))


def test_both_wheels_have_one_version() -> None:
    assert lambda_asgi_version == lambda_emulator_version


def test_both_wheels_have_one_licence() -> None:
    """Each project can include only files of its own folder."""
    assert (ROOT / "emulator" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_lambda_asgi_installs_the_runtime_only(runtime: Installed) -> None:
    assert runtime.contents == {"lambda_asgi", f"lambda_asgi-{lambda_asgi_version}.dist-info"}
    # Mangum imports typing_extensions.
    assert runtime.distributions == {"lambda-asgi", "httptools", "mangum", "typing-extensions"}
    runtime.python("-c", _IMPORT_ALL, "lambda_asgi")


def test_the_wheel_has_the_script_for_runtime_mode(runtime: Installed) -> None:
    """Executable, in the wheel and where an installer has put it."""
    with zipfile.ZipFile(runtime.wheel) as archive:
        script = archive.getinfo("lambda_asgi/bootstrap")
        assert archive.read(script).startswith(b"#!/bin/sh\n")
        assert script.external_attr >> 16 & 0o111 == 0o111
    found = runtime.python(
        "-c", "import lambda_asgi, os; print(os.path.dirname(lambda_asgi.__file__))"
    ).stdout
    assert os.access(Path(found.strip()) / "bootstrap", os.X_OK)


def test_lambda_asgi_brings_no_emulator(runtime: Installed) -> None:
    assert not (runtime.bin / "lambda-emulator").exists()
    assert (
        "No module named 'lambda_emulator'"
        in runtime.python("-c", "import lambda_emulator", check=False).stderr
    )


def test_lambda_emulator_installs_all_that_it_needs(emulator: Installed) -> None:
    assert emulator.contents == {
        "lambda_emulator",
        f"lambda_emulator-{lambda_emulator_version}.dist-info",
    }
    emulator.python("-c", _IMPORT_ALL, "lambda_emulator")
    assert (
        run(emulator.bin / "lambda-emulator", "--version").stdout
        == f"lambda-emulator {lambda_emulator_version}\n"
    )
    assert "[-- COMMAND ...]" in run(emulator.bin / "lambda-emulator", "--help").stdout


def test_lambda_emulator_brings_no_runtime(emulator: Installed) -> None:
    assert "lambda-asgi" not in emulator.distributions
    assert (
        "No module named 'lambda_asgi'"
        in emulator.python("-c", "import lambda_asgi", check=False).stderr
    )
