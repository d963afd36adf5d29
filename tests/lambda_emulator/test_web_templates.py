"""Web Functions in templates: what is read and rejected, compared with SAM's translator."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from lambda_emulator.template.document import TemplateError
from lambda_emulator.template.reader import Template, load
from lambda_emulator.web.config import EndpointConfig

PROJECT = Path(__file__).parent.parent.parent / "template.yaml"
FUNCTION = """\
Resources:
  Site:
    Type: AWS::Serverless::WebFunction
    Properties:
      Runtime: python3.14
      CodeUri: code
      AuthType: ApplicationManaged
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    return tmp_path


def read(folder: Path, text: str, **overrides: str) -> Template:
    (folder / "template.yaml").write_text(text)
    return load(folder / "template.yaml", overrides)


def test_defaults(folder: Path) -> None:
    site = read(folder, FUNCTION).web_functions["Site"]
    assert (site.name, list(site.revisions)) == ("Site", ["Site"])
    revision = site.revisions["Site"]
    assert (revision.timeout, revision.concurrency, dict(revision.environment)) == (30, 64, {})
    assert revision.code == folder / "code"
    assert site.endpoints == (EndpointConfig("prod", {"Site": 100}),)


def test_every_property(folder: Path) -> None:
    site = read(
        folder,
        FUNCTION
        + """\
      FunctionName: named
      Timeout: 900
      MaxConcurrencyPerEnvironment: 128
      EndpointName: live
      EnvironmentVariables: {NUMBER: 3, SWITCH: true, TEXT: !Sub "${Word}s"}
      EntryPoint: server.js
      ScalingConfig: {MaxEnvironments: 2}
      ThrottleConfig: {RateLimit: 300}
      LoggingConfig: {ApplicationLogLevel: DEBUG}
Parameters:
  Word: {Type: String, Default: word}
""",
        Word="other",
    ).web_functions["Site"]
    assert site.name == "named"
    revision = site.revisions["Site"]
    assert (revision.timeout, revision.concurrency) == (900, 128)
    assert revision.environment == {
        "NUMBER": "3",
        "SWITCH": "true",
        "TEXT": "others",
        "AWS_LAMBDA_NODEJS_ENTRYPOINT": "server.js",
    }
    assert site.endpoints == (EndpointConfig("live", {"Site": 100}, "ApplicationManaged", 300, 2),)


def translated(template: Path) -> dict[str, Any]:
    """What SAM makes of it: the raw resources, with the code where `sam package` leaves it."""
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator
    from samtranslator.yaml_helper import yaml_parse

    document = yaml_parse(template.read_text())
    for resource in document["Resources"].values():
        resource["Properties"]["CodeUri"] = f"s3://bucket/{resource['Properties']['CodeUri']}"
    made: dict[str, Any] = Translator({}, Parser()).translate(document, {})
    return made


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_raw_resources_that_sam_makes_are_read_alike(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    named = (
        FUNCTION
        + "      FunctionName: site\n      Timeout: 60\n      EnvironmentVariables: {A: b}\n"
    )
    ours = read(folder, named).web_functions["Site"]
    raw = translated(folder / "template.yaml")
    (folder / "raw.json").write_text(json.dumps(raw))
    theirs = load(folder / "raw.json").web_functions["Site"]
    assert theirs.name == ours.name
    (revision,), (their_revision,) = ours.revisions.values(), theirs.revisions.values()
    for name in ("code", "runtime", "timeout", "concurrency", "environment"):
        assert getattr(their_revision, name) == getattr(revision, name), name
    assert their_revision.lines.keys() == revision.lines.keys()
    (endpoint,), (their_endpoint,) = ours.endpoints, theirs.endpoints
    assert list(their_endpoint.weights.values()) == [100]
    assert (their_endpoint.name, their_endpoint.auth_type) == (endpoint.name, endpoint.auth_type)
    assert ours.domain(endpoint) == theirs.domain(their_endpoint)


def test_both_kinds_in_one_template(folder: Path) -> None:
    template = read(
        folder,
        FUNCTION
        + """\
  Event:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: main.handler
      CodeUri: code
      FunctionUrlConfig: {AuthType: NONE}
""",
    )
    assert list(template.functions) == ["Event"]
    assert list(template.web_functions) == ["Site"]
    assert template.web_function(None) is None, "one of two has to be chosen"
    chosen = template.web_function("Site")
    assert chosen is not None
    assert chosen.logical_id == "Site"


@pytest.mark.parametrize("is_built", [False, True])
def test_the_projects_web_function_runs_from_the_source_of_what_it_is_built_from(
    tmp_path: Path, is_built: bool
) -> None:
    """Its CodeUri is the build of the Event Function, whose condition does not hold then."""
    (tmp_path / "src").mkdir()
    if is_built:
        (tmp_path / ".aws-sam" / "build" / "FileServiceFunction").mkdir(parents=True)
    template = read(tmp_path, PROJECT.read_text(), Kind="WebFunction")
    assert not template.functions
    (revision,) = template.web_functions["FileServiceWebFunction"].revisions.values()
    assert revision.code == tmp_path / "src"


def test_a_build_that_is_not_there_and_has_no_source_is_said(folder: Path) -> None:
    with pytest.raises(TemplateError, match="is it made by a build, such as `sam build`"):
        read(folder, FUNCTION.replace("CodeUri: code", "CodeUri: .aws-sam/build/Other"))


def cautions(folder: Path, text: str) -> list[str]:
    return [caution.message for caution in read(folder, text).cautions]


def test_a_build_for_the_wrong_processor_is_pointed_out(folder: Path) -> None:
    assert cautions(folder, FUNCTION) == [], "nothing to build"
    (folder / "code" / "requirements.txt").write_text("pydantic")
    (found,) = cautions(folder, FUNCTION)
    assert "sam build takes packages for x86_64, and Web Functions run on arm64 only" in found
    for metadata in ("{SkipBuild: true}", "{BuildMethod: makefile}"):
        assert (
            cautions(
                folder,
                FUNCTION.replace("    Properties", f"    Metadata: {metadata}\n    Properties"),
            )
            == []
        )
    assert cautions(folder, FUNCTION.replace("python3.14", "nodejs24.x")) == []


def test_an_entry_point_that_sets_nothing_for_python_is_pointed_out(folder: Path) -> None:
    (found,) = cautions(folder, f"{FUNCTION}      EntryPoint: main:app\n")
    assert "for Python set AWS_LAMBDA_PYTHON_ENTRYPOINT" in found


def test_a_condition_that_does_not_hold(folder: Path) -> None:
    conditional = FUNCTION.replace("Type: AWS", "Condition: Never\n    Type: AWS")
    with pytest.raises(TemplateError, match="no function"):
        read(folder, conditional + "Conditions: {Never: !Equals [a, b]}\n")


def test_code_in_a_zip(folder: Path) -> None:
    with zipfile.ZipFile(folder / "code.zip", "w") as archive:
        archive.writestr("main.py", "app = None")
        script = zipfile.ZipInfo("bootstrap")
        script.external_attr = 0o100755 << 16
        archive.writestr(script, "#!/bin/sh")
    code = (
        read(folder, FUNCTION.replace("CodeUri: code", "CodeUri: code.zip"))
        .web_functions["Site"]
        .revisions["Site"]
        .code
    )
    assert (code / "main.py").read_text() == "app = None"
    assert (code / "bootstrap").stat().st_mode & 0o111


def with_property(line: str) -> str:
    name = line.partition(":")[0]
    kept = [
        existing
        for existing in FUNCTION.splitlines()
        if not existing.strip().startswith(f"{name}:")
    ]
    return "\n".join([*kept, f"      {line}", ""])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FUNCTION.replace("      AuthType: ApplicationManaged\n", ""), "AuthType is missing"),
        (FUNCTION.replace("      Runtime: python3.14\n", ""), "Runtime is missing"),
        (
            with_property("AuthType: NONE"),
            "AuthType is 'NONE'; allowed: ApplicationManaged, IamAuth",
        ),
        (with_property("Timeout: 2"), "Timeout is 2; it is a number from 3 to 900"),
        (with_property("Timeout: 901"), "Timeout is 901"),
        (
            with_property("MaxConcurrencyPerEnvironment: 129"),
            "MaxConcurrencyPerEnvironment is 129; it is a number",
        ),
        (
            with_property("ScalingConfig: {MaxEnvironments: 1}"),
            "MaxEnvironments is 1; it is a number from 2 to 10000",
        ),
        (
            with_property("ThrottleConfig: {RateLimit: 150}"),
            "RateLimit is 150; allowed: 0, 100 to 1000 in hundreds",
        ),
        (with_property("CodeUri: missing"), "CodeUri 'missing' is no folder and no zip"),
        (with_property("EnvironmentVariables: text"), "EnvironmentVariables is no map"),
        (
            "Resources: {Site: {Type: AWS::Lambda::WebFunction, Properties: {FunctionName: x}}}",
            "no request can reach it",
        ),
    ],
)
def test_mistakes_are_said_with_their_line(folder: Path, text: str, message: str) -> None:
    with pytest.raises(TemplateError, match=r"template.yaml:\d+: ") as error:
        read(folder, text)
    assert message in str(error.value)
