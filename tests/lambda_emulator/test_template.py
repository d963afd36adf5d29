"""Templates: what is read from them, where errors point to, and that SAM's own translator reads them the same."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lambda_emulator.cors import Cors
from lambda_emulator.template.cloudformation import TemplateError
from lambda_emulator.template.reader import FunctionConfig, FunctionURL, Template, load

PROJECT = Path(__file__).parents[2]

TEMPLATE = """\
AWSTemplateFormatVersion: 2010-09-09
Transform: AWS::Serverless-2016-10-31
Parameters:
  Mode: {Type: String, Default: RESPONSE_STREAM, AllowedValues: [RESPONSE_STREAM, BUFFERED]}
  Memory: {Type: Number, Default: 512}
  Origins: {Type: CommaDelimitedList, Default: "https://a.example, https://b.example"}
Conditions:
  Buffered: !Equals [!Ref Mode, BUFFERED]
Mappings:
  Names: {us-east-1: {table: east}}
Globals:
  Function:
    Runtime: python3.13
    Timeout: 30
    MemorySize: !Ref Memory
    Environment:
      Variables: {STAGE: test, OVERRIDDEN: global}
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties: {StageName: v1}
  Table:
    Type: AWS::DynamoDB::Table
  First:
    Type: AWS::Serverless::Function
    Metadata: {Anything: goes}
    Properties:
      FunctionName: first-function
      CodeUri: code/
      Handler: app.handler
      Timeout: 60
      ReservedConcurrentExecutions: 3
      SnapStart: {ApplyOn: PublishedVersions}
      Environment:
        Variables:
          OVERRIDDEN: own
          NUMBER: 5
          FLAG: true
          MODE: !If [Buffered, buffered, auto]
          JOINED: !Join ["-", [!Ref AWS::Region, !Select [1, !Split [",", "a,b"]]]]
          SUB: !Sub "${AWS::AccountId}:${Mode}:${Table}:${!literal}"
          SUB_VARIABLES: !Sub ["${X}/${Memory}", {X: !FindInMap [Names, !Ref AWS::Region, table]}]
          ARN: !GetAtt Second.Arn
          TABLE: !GetAtt Table.Arn
          LONG: {"Fn::Sub": "${Mode}"}
          GONE: !If [Buffered, there, !Ref AWS::NoValue]
      FunctionUrlConfig:
        AuthType: NONE
        InvokeMode: !Ref Mode
        Cors: {AllowOrigins: !Ref Origins, AllowMethods: [GET], MaxAge: 60, AllowCredentials: true}
      Events:
        Get:
          Type: Api
          Properties: {Path: /x, Method: get, RestApiId: !Ref Api, ResponseTransferMode: RESPONSE_STREAM}
        Timer:
          Type: Schedule
          Properties: {Schedule: rate(1 day)}
  Second:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: code
      Handler: app.other
      CapacityProviderConfig:
        Arn: arn:x
        PerExecutionEnvironmentMaxConcurrency: 8
  OnlyBuffered:
    Type: AWS::Serverless::Function
    Condition: Buffered
    Properties: {CodeUri: code, Handler: app.third}
"""


def write(folder: Path, text: str) -> Path:
    (folder / "code").mkdir(exist_ok=True)
    path = folder / "template.yaml"
    path.write_text(text)
    return path


@pytest.fixture
def template(tmp_path: Path) -> Template:
    return load(write(tmp_path, TEMPLATE))


def test_a_function(template: Template, tmp_path: Path) -> None:
    first = template.functions["First"]
    assert first.environment == {
        "STAGE": "test", "OVERRIDDEN": "own", "NUMBER": "5", "FLAG": "true", "MODE": "auto", "JOINED": "us-east-1-b",
        "SUB": "123456789012:RESPONSE_STREAM:Table:${literal}", "SUB_VARIABLES": "east/512",
        "ARN": "arn:aws:lambda:us-east-1:123456789012:function:Second", "TABLE": "Table.Arn", "LONG": "RESPONSE_STREAM",
    }  # fmt: skip
    assert (first.name, first.handler, first.runtime) == ("first-function", "app.handler", "python3.13")
    assert (first.timeout, first.memory, first.reserved_concurrency, first.snap_start) == (60, 512, 3, True)
    assert first.code == tmp_path / "code"
    origins = ("https://a.example", "https://b.example")
    cors = Cors(allow_origins=origins, allow_methods=("GET",), max_age=60, allow_credentials=True)
    assert first.url == FunctionURL("NONE", "RESPONSE_STREAM", cors)
    (api,) = first.rest_apis
    assert (api.api, api.stage, api.method, api.resource, api.streaming) == ("Api", "v1", "GET", "/x", True)


@pytest.mark.parametrize(("value", "traced"), [("Active", True), ("PassThrough", False)])
def test_tracing(tmp_path: Path, value: str, traced: bool) -> None:
    function = f"Type: AWS::Serverless::Function, Properties: {{CodeUri: code, Tracing: {value}}}"
    assert load(write(tmp_path, f"Resources: {{F: {{{function}}}}}")).functions["F"].traced is traced


def test_defaults_globals_and_conditions(template: Template) -> None:
    assert list(template.functions) == ["First", "Second"]
    second = template.functions["Second"]
    assert (second.timeout, second.memory, second.managed_concurrency, second.url) == (30, 512, 8, None)


def test_parameter_overrides(tmp_path: Path) -> None:
    template = load(write(tmp_path, TEMPLATE), {"Mode": "BUFFERED", "Memory": "1024"})
    assert list(template.functions) == ["First", "Second", "OnlyBuffered"]
    first = template.functions["First"]
    assert first.url is not None
    assert (first.url.invoke_mode, first.memory) == ("BUFFERED", 1024)
    assert (first.environment["MODE"], first.environment["GONE"]) == ("buffered", "there")


def test_the_function_is_chosen(template: Template) -> None:
    assert template.function(None).logical_id == "First", "the only one with a URL"
    assert template.function("Second").logical_id == "Second"
    assert template.function("first-function").logical_id == "First"
    with pytest.raises(TemplateError, match="no function 'Third'; there is: First, Second"):
        template.function("Third")


def test_a_plain_cloudformation_template(tmp_path: Path) -> None:
    resources = {
        "Fn": {"Type": "AWS::Lambda::Function", "Properties": {"Code": "code", "Handler": "a.b", "Runtime": "x"}},
        "Url": {
            "Type": "AWS::Lambda::Url",
            "Properties": {
                "TargetFunctionArn": {"Fn::GetAtt": ["Fn", "Arn"]}, "AuthType": "AWS_IAM",
                "InvokeMode": "RESPONSE_STREAM",
            },
        },
    }  # fmt: skip
    function = load(write(tmp_path, json.dumps({"Resources": resources}))).functions["Fn"]
    assert function.url == FunctionURL("AWS_IAM", "RESPONSE_STREAM")


FUNCTION = "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: code\n"
ERRORS = [
    ("yaml", "Resources:\n  F: [\n", 3, "not YAML"),
    ("tab", "Resources:\n\tF: 1\n", 2, "not YAML"),
    ("twice", FUNCTION + "      Timeout: 1\n      Timeout: 2\n", 7, "'Timeout' is there twice"),
    ("no resources", "Hello: world\n", 1, "no Resources"),
    ("no function", "A: 1\nResources:\n  T: {Type: AWS::DynamoDB::Table}\n", 2, "no function"),
    ("no folder", FUNCTION.replace("code", "src"), 5, "CodeUri 'src' is no folder"),
    ("timeout", FUNCTION + "      Timeout: soon\n", 6, "Timeout is no int"),
    ("mode", FUNCTION + "      FunctionUrlConfig: {AuthType: NONE, InvokeMode: STREAM}\n", 6, "InvokeMode is 'STREAM'"),
    ("auth", FUNCTION + "      FunctionUrlConfig: {InvokeMode: BUFFERED}\n", 6, "AuthType is None"),
    ("cors", FUNCTION + "      FunctionUrlConfig: {AuthType: NONE, Cors: {Origins: []}}\n", 6, "Cors has no 'Origins'"),
    ("ref", FUNCTION + "      Handler: !Ref Nothing\n", 6, "!Ref Nothing: no such parameter or resource"),
    ("condition", FUNCTION + "      Handler: !If [Nothing, a, b]\n", 6, "no condition 'Nothing'"),
    ("map", FUNCTION + "      Handler: !FindInMap [A, b, c]\n", 6, "no 'A' in Mappings"),
    ("intrinsic", FUNCTION + "      Handler: !ImportValue x\n", 6, "Fn::ImportValue is not evaluated"),
    ("argument", FUNCTION + "      Handler: !Select [9, [a]]\n", 6, "Fn::Select has wrong arguments"),
    ("parameter", "Parameters:\n  P: {Type: String}\n" + FUNCTION, 2, "give --parameter-overrides P=..."),
    ("image", FUNCTION + "      PackageType: Image\n", 5, "container image"),
]


@pytest.mark.parametrize(("name", "text", "line", "message"), ERRORS, ids=[case[0] for case in ERRORS])
def test_errors_name_the_line(tmp_path: Path, name: str, text: str, line: int, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(TemplateError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}:{line}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_wrong_overrides_and_a_missing_file(tmp_path: Path) -> None:
    path = write(tmp_path, TEMPLATE)
    with pytest.raises(TemplateError, match="no parameter 'Mod' to override; there is: Mode, Memory, Origins"):
        load(path, {"Mod": "x"})
    with pytest.raises(TemplateError, match="parameter Mode is 'x'; allowed: RESPONSE_STREAM, BUFFERED"):
        load(path, {"Mode": "x"})
    with pytest.raises(TemplateError, match="no such file; name your SAM template with --template"):
        load(tmp_path / "nothing.yaml")


# ---- the oracle


def translated(path: Path, overrides: dict[str, str]) -> dict[str, Any]:
    """The template's functions after SAM's own transform, as CloudFormation properties."""
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator
    from samtranslator.yaml_helper import yaml_parse

    document = yaml_parse(path.read_text())
    for resource in document["Resources"].values():
        if "CodeUri" in resource.get("Properties", {}):
            resource["Properties"]["CodeUri"] = "s3://bucket/key"  # as `sam package` leaves it
    result = Translator({}, Parser()).translate(document, overrides)["Resources"]
    return {name: resource for name, resource in result.items() if resource["Type"].startswith("AWS::Lambda::")}


def same(ours: Any, theirs: Any) -> None:
    """Equal, wherever the transform leaves no intrinsic function for CloudFormation to evaluate."""
    if isinstance(theirs, dict) and any(key == "Ref" or key.startswith("Fn::") for key in theirs):
        return
    assert ours == (str(theirs).lower() if isinstance(theirs, bool) else theirs)


def check(function: FunctionConfig, resources: dict[str, Any]) -> None:
    properties = resources[function.logical_id]["Properties"]
    same(function.handler, properties["Handler"])
    same(function.runtime, properties["Runtime"])
    same(function.timeout, properties.get("Timeout", 3))
    same(function.memory, properties.get("MemorySize", 128))
    same(function.reserved_concurrency, properties.get("ReservedConcurrentExecutions"))
    variables = properties.get("Environment", {}).get("Variables", {})
    assert function.environment.keys() | {"GONE"} == variables.keys() | {"GONE"}
    for name, value in variables.items():
        same(function.environment.get(name), str(value) if isinstance(value, int) and value is not True else value)
    url = resources.get(f"{function.logical_id}Url", {}).get("Properties")
    assert (url is None) == (function.url is None)
    if url is not None and function.url is not None:
        same(function.url.auth_type, url["AuthType"])
        same(function.url.invoke_mode, url["InvokeMode"])
        same(function.url.cors.max_age, url.get("Cors", {}).get("MaxAge"))
        same(list(function.url.cors.allow_methods), url.get("Cors", {}).get("AllowMethods", []))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("overrides", [{}, {"Mode": "BUFFERED", "Memory": "256"}])
def test_sam_reads_the_same(tmp_path: Path, overrides: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    path = write(tmp_path, TEMPLATE)
    template, resources = load(path, overrides), translated(path, overrides)
    for name in ("First", "Second"):
        check(template.functions[name], resources)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_sam_reads_the_projects_template_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    template = load(PROJECT / "template.yaml")
    resources = translated(PROJECT / "template.yaml", {})
    for function in template.functions.values():
        assert os.path.isdir(function.code)
        check(function, resources)
