"""What has to agree between the project's files."""

import fnmatch
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.examples.sam import deployed
from tests.file_service import test_import_rules as service
from tests.lambda_asgi import test_import_rules as runtime
from tests.patience import PATIENCE
from tools.mutated_modules import TESTS

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
    emulator = tomllib.loads((TOP / "emulator" / "pyproject.toml").read_text())["project"][
        "dependencies"
    ]
    assert shipped | names(emulator + groups["dev"]) <= pins("requirements-dev.txt").keys()


def test_no_folder_of_tests_is_left_out(request: pytest.FixtureRequest) -> None:
    """By default pytest skips folders called `build` or `dist` without a word."""
    left_out: list[str] = request.config.getini("norecursedirs")
    for test in (TOP / "tests").rglob("test_*.py"):
        for folder in test.relative_to(TOP).parent.parts:
            assert not any(fnmatch.fnmatch(folder, pattern) for pattern in left_out), test


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


def test_the_function_runs_in_handler_mode() -> None:
    environment = function()["Environment"]
    assert isinstance(environment, dict)
    assert "AWS_LAMBDA_EXEC_WRAPPER" not in environment["Variables"]


def test_the_script_for_runtime_mode_can_be_run() -> None:
    bootstrap = TOP / "src" / "lambda_asgi" / "bootstrap"
    assert bootstrap.stat().st_mode & 0o111 == 0o111
    assert bootstrap.read_bytes().startswith(b"#!/bin/sh\n")
    assert b"\r" not in bootstrap.read_bytes()


@pytest.mark.parametrize(("auth_type", "public"), [("NONE", True), ("AWS_IAM", False)])
@pytest.mark.parametrize("kind", ["EventFunction", "WebFunction"])
def test_a_public_url_has_both_permissions_and_another_has_none(
    auth_type: str, public: bool, kind: str
) -> None:
    """Of the transformed template: SAM itself adds none, because AuthType is a parameter."""
    resources = deployed(TOP / "template.yaml", AuthType=auth_type, Kind=kind)["Resources"]
    permissions = [
        resource["Properties"]
        for resource in resources.values()
        if resource["Type"] == "AWS::Lambda::Permission"
        and resource["Properties"]["Principal"] == "*"
    ]
    urls = [resource for resource in resources.values() if resource["Type"] == "AWS::Lambda::Url"]
    assert len(urls) == (kind == "EventFunction")
    if not (public and urls):
        assert permissions == []
        return
    assert urls[0]["Properties"]["AuthType"] == "NONE"
    by_url, by_invoke = sorted(
        permissions, key=lambda properties: str(properties["Action"]), reverse=True
    )
    assert (by_url["Action"], by_url["FunctionUrlAuthType"]) == ("lambda:InvokeFunctionUrl", "NONE")
    assert (by_invoke["Action"], by_invoke["InvokedViaFunctionUrl"]) == (
        "lambda:InvokeFunction",
        True,
    )


def test_the_handler_is_there() -> None:
    module, _, name = str(function()["Handler"]).rpartition(".")
    code = (
        f"import {module}, lambda_asgi; assert isinstance({module}.{name}, lambda_asgi.LambdaASGI)"
    )
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
    # A name with a colon and a code block after it is a file that the reader makes.
    named = re.compile(r"`([\w/]+\.py)(?:::(\w+))?`(?!:\n\n```)")
    missing = []
    for document in (TOP / "docs").glob("*.md"):
        for path, test in named.findall(document.read_text().replace("`tests/", "`")):
            if not Path(path).name.startswith("test_"):
                continue
            files = [file.read_text() for file in (TOP / "tests").rglob(path)]
            if not any(f"def {test}(" in text for text in files) if test else not files:
                missing.append(f"{document.name}: {path}::{test}")
    assert not missing


def test_the_pure_modules_are_those_that_make_mutants_changes() -> None:
    """And a few more, whose decisions are in time."""
    pure = [*runtime.PURE, *(runtime.FILE_SERVICE / f"{name}.py" for name in service.PURE)]
    names = {
        str(path.relative_to(TOP / "src").with_suffix("")).replace("/", ".")
        for path in pure
        if re.search(r"^ *(async )?def ", path.read_text(), re.M)
    }
    timed = {"lambda_asgi._cycle", "lambda_asgi._ending", "lambda_asgi._runtime"}
    assert set(TESTS) == names | timed
    assert all((TOP / file).is_file() for files in TESTS.values() for file in files)
