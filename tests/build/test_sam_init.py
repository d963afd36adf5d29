"""`sam init --location sam-init`: the new project is complete, builds and streams.

test_first_deployment.py runs its tests.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.build.conftest import BIN, TOP
from tests.lambda_emulator.support import RunningEmulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

INIT = [str(BIN / "sam"), "init", "--location", str(TOP / "sam-init"), "--no-input"]
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def project(tmp_path: Path, tools: dict[str, str]) -> Path:
    folder = tmp_path / "init"
    folder.mkdir()
    subprocess.run([*INIT, "--name", "my-app"], cwd=folder, env=tools, check=True)
    return folder / "my-app"


def test_nothing_is_left_to_fill_in(project: Path) -> None:
    files = [path for path in project.rglob("*") if path.is_file()]
    assert len(files) >= 10
    assert not [
        path for path in files if "cookiecutter" in path.read_text() or "{{" in path.read_text()
    ]
    assert 'stack_name = "my-app"' in (project / "samconfig.toml").read_text()


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_the_architecture_can_be_chosen(
    tmp_path: Path, tools: dict[str, str], architecture: str
) -> None:
    command = [*INIT, "--name", "other", "--architecture", architecture]
    subprocess.run(command, cwd=tmp_path, env=tools, check=True)
    template = (tmp_path / "other" / "template.yaml").read_text()
    assert re.findall(r"Architectures:\n +- (\w+)\n", template) == [architecture]


def test_it_is_a_template_without_complaints(project: Path, tools: dict[str, str]) -> None:
    done = subprocess.run(
        [str(BIN / "sam"), "validate", "--lint"],
        cwd=project,
        env=tools,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_what_sam_builds_streams(project: Path, tools: dict[str, str]) -> None:
    template = project / "template.yaml"
    template.write_text(
        re.sub(r"Runtime: python3\.\d+", f"Runtime: python{VERSION}", template.read_text())
    )
    done = subprocess.run(
        [str(BIN / "sam"), "build"],
        cwd=project,
        env=tools,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    built = project / ".aws-sam" / "build"
    assert (built / "Function" / "lambda_asgi").is_dir()
    with (
        RunningEmulator("--template", str(built / "template.yaml"), command=()) as emulator,
        emulator.connect() as client,
    ):
        client.request("GET", "/numbers?last=100")
        chunks = client.chunks(client.head())
        assert [next(chunks), next(chunks)] == [b"data: 1\n\n", b"data: 2\n\n"]
