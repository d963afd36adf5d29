"""The workflows of .github: what can be checked without GitHub."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

TOP = Path(__file__).parents[2]
WORKFLOWS = sorted((TOP / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def loaded(path: Path) -> dict[Any, Any]:
    found = yaml.safe_load(path.read_text())
    assert isinstance(found, dict)
    return found


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in loaded(path)["jobs"].values() for step in job.get("steps", [])]


def test_there_are_workflows() -> None:
    assert {path.stem for path in WORKFLOWS} == {"ci", "nightly", "release"}


@each_workflow
def test_actions_are_pinned_by_hash(path: Path) -> None:
    """A tag can be moved to other code. The comment says which version the hash is."""
    used = re.findall(r"uses: (.+)", path.read_text())
    assert used
    for action in used:
        assert PINNED.fullmatch(action) or action == "./.github/workflows/ci.yml"


@each_workflow
def test_an_action_has_one_hash_everywhere(path: Path) -> None:
    everywhere = "".join(other.read_text() for other in WORKFLOWS)
    for action, pin in re.findall(r"uses: ([\w./-]+)@(.+)", path.read_text()):
        assert set(re.findall(rf"uses: {re.escape(action)}@(.+)", everywhere)) == {pin}


@each_workflow
def test_jobs_may_do_little_and_end(path: Path) -> None:
    """The token reads the repository. Only a release's jobs may do more, each what it needs."""
    workflow = loaded(path)
    assert workflow["permissions"] == {"contents": "read"}
    more = {name for name, job in workflow["jobs"].items() if "permissions" in job}
    assert more == ({"build", "publish"} if path.stem == "release" else set())
    for job in workflow["jobs"].values():
        assert "timeout-minutes" in job or "uses" in job


@each_workflow
def test_every_make_target_is_there(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (TOP / "Makefile").read_text(), re.MULTILINE))
    commands = "\n".join(step.get("run", "") for step in steps(path))
    assert set(re.findall(r"make ([a-z-]+)", commands)) <= targets


@each_workflow
def test_every_file_that_a_step_names_is_there(path: Path) -> None:
    for step in steps(path):
        for name in re.findall(r"(?:^| )((?:tests|tools|benchmarks)/[\w./]+)", step.get("run", "")):
            assert (TOP / name).exists(), name


def test_each_python_that_the_wheels_name_is_tested() -> None:
    (ci,) = (path for path in WORKFLOWS if path.stem == "ci")
    tested = loaded(ci)["jobs"]["test"]["strategy"]["matrix"]["python"]
    for project in ("pyproject.toml", "emulator/pyproject.toml"):
        named = re.findall(
            r'"Programming Language :: Python :: (3\.\d+)"', (TOP / project).read_text()
        )
        assert named == tested
