"""What has to agree between the project's files."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

from tests.patience import PATIENCE

TOP = Path(__file__).parent.parent
PIN = re.compile(r"^([a-z0-9._-]+)==(\S+)", re.MULTILINE)


def pins(name: str) -> dict[str, str]:
    return dict(PIN.findall((TOP / name).read_text()))


def names(requirements: list[str]) -> set[str]:
    found = (re.match(r"[A-Za-z0-9._-]+", requirement) for requirement in requirements)
    return {match[0].lower() for match in found if match}


def test_what_ships_is_what_is_tested() -> None:
    everything, shipped = pins("requirements-dev.txt"), pins("src/requirements.txt")
    assert shipped
    assert shipped == {name: everything.get(name) for name in shipped}


def test_the_locks_hold_what_pyproject_asks_for() -> None:
    pyproject = tomllib.loads((TOP / "pyproject.toml").read_text())
    groups = pyproject["dependency-groups"]
    shipped = names(pyproject["project"]["dependencies"] + groups["service"])
    assert shipped <= pins("src/requirements.txt").keys()
    emulator = tomllib.loads((TOP / "emulator" / "pyproject.toml").read_text())["project"]["dependencies"]
    assert shipped | names(emulator + groups["dev"]) <= pins("requirements-dev.txt").keys()


def test_no_lock_names_an_address() -> None:
    for name in ("requirements-dev.txt", "src/requirements.txt"):
        assert "://" not in (TOP / name).read_text()


class CloudFormationLoader(yaml.SafeLoader):
    """Reads `!Ref` and the like as plain values."""


def _plain(loader: CloudFormationLoader, _: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node)
    assert isinstance(node, yaml.ScalarNode)
    return loader.construct_scalar(node)


CloudFormationLoader.add_multi_constructor("!", _plain)


def function() -> dict[str, object]:
    template = yaml.load((TOP / "template.yaml").read_text(), CloudFormationLoader)
    properties = template["Resources"]["FileServiceFunction"]["Properties"]
    assert isinstance(properties, dict)
    return properties


def test_the_function_starts_with_the_script_that_ships() -> None:
    variables = function()["Environment"]["Variables"]  # type: ignore[index]  # checked by reading it
    assert variables["AWS_LAMBDA_EXEC_WRAPPER"] == "/var/task/bootstrap"
    bootstrap = TOP / "src" / "bootstrap"
    assert bootstrap.stat().st_mode & 0o111 == 0o111
    assert bootstrap.read_bytes().startswith(b"#!/bin/sh\n")
    assert b"\r" not in bootstrap.read_bytes()


def test_the_handler_is_there() -> None:
    module, _, name = str(function()["Handler"]).rpartition(".")
    code = f"import {module}, lambda_asgi; assert isinstance({module}.{name}, lambda_asgi.LambdaASGI)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=PATIENCE)


def test_links_between_documents_lead_somewhere() -> None:
    documents = [TOP / "README.md", *(TOP / "docs").glob("*.md")]
    broken = [
        f"{document.name}: {target}"
        for document in documents
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", document.read_text())
        if not (document.parent / target).exists()
    ]
    assert not broken


def test_every_test_that_a_document_names_exists() -> None:
    named = re.compile(r"`([\w/]+\.py)(?:::(\w+))?`")
    missing = []
    for document in (TOP / "docs").glob("*.md"):
        for path, test in named.findall(document.read_text().replace("`tests/", "`")):
            if not Path(path).name.startswith("test_"):
                continue
            files = [file.read_text() for file in (TOP / "tests").rglob(path)]
            if not any(f"def {test}(" in text for text in files) if test else not files:
                missing.append(f"{document.name}: {path}::{test}")
    assert not missing
