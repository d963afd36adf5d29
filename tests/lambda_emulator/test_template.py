"""Templates: what is read, the lines that errors name, and a comparison with SAM's translator."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lambda_emulator.cors import Cors
from lambda_emulator.template.config import FunctionConfig, FunctionURL
from lambda_emulator.template.document import TemplateError
from lambda_emulator.template.reader import Template, load
from tests.lambda_emulator.support import transformed

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
          Properties:
            Path: /x
            Method: get
            RestApiId: !Ref Api
            ResponseTransferMode: RESPONSE_STREAM
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
        "STAGE": "test",
        "OVERRIDDEN": "own",
        "NUMBER": "5",
        "FLAG": "true",
        "MODE": "auto",
        "JOINED": "us-east-1-b",
        "SUB": "123456789012:RESPONSE_STREAM:Table:${literal}",
        "SUB_VARIABLES": "east/512",
        "ARN": "arn:aws:lambda:us-east-1:123456789012:function:Second",
        "TABLE": "arn:aws:dynamodb:us-east-1:123456789012:table/Table",
        "LONG": "RESPONSE_STREAM",
    }
    assert (first.name, first.handler, first.runtime) == (
        "first-function",
        "app.handler",
        "python3.13",
    )
    assert (first.timeout, first.memory, first.reserved_concurrency, first.snap_start) == (
        60,
        512,
        3,
        True,
    )
    assert first.code == tmp_path / "code"
    origins = ("https://a.example", "https://b.example")
    cors = Cors(allow_origins=origins, allow_methods=("GET",), max_age=60, allow_credentials=True)
    assert first.url == FunctionURL("NONE", "RESPONSE_STREAM", cors)
    (route,) = first.rest_routes
    assert (route.api.logical_id, route.api.stage) == ("Api", "v1")
    assert (route.method, route.resource, route.streaming) == ("GET", "/x", True)


@pytest.mark.parametrize(("value", "traced"), [("Active", True), ("PassThrough", False)])
def test_tracing(tmp_path: Path, value: str, traced: bool) -> None:
    function = f"Type: AWS::Serverless::Function, Properties: {{CodeUri: code, Tracing: {value}}}"
    assert (
        load(write(tmp_path, f"Resources: {{F: {{{function}}}}}")).functions["F"].traced is traced
    )


def test_defaults_globals_and_conditions(template: Template) -> None:
    assert list(template.functions) == ["First", "Second"]
    second = template.functions["Second"]
    assert (second.timeout, second.memory, second.managed_concurrency, second.url) == (
        30,
        512,
        8,
        None,
    )


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
        "Fn": {
            "Type": "AWS::Lambda::Function",
            "Properties": {"Code": "code", "Handler": "a.b", "Runtime": "x"},
        },
        "Url": {
            "Type": "AWS::Lambda::Url",
            "Properties": {
                "TargetFunctionArn": {"Fn::GetAtt": ["Fn", "Arn"]},
                "AuthType": "AWS_IAM",
                "InvokeMode": "RESPONSE_STREAM",
            },
        },
    }
    function = load(write(tmp_path, json.dumps({"Resources": resources}))).functions["Fn"]
    assert function.url == FunctionURL("AWS_IAM", "RESPONSE_STREAM")


FUNCTION = (
    "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: code\n"
)
ERRORS = [
    ("yaml", "Resources:\n  F: [\n", 3, "not YAML"),
    ("tab", "Resources:\n\tF: 1\n", 2, "not YAML"),
    ("no resources", "Hello: world\n", 1, "no Resources"),
    ("no function", "A: 1\nResources:\n  T: {Type: AWS::DynamoDB::Table}\n", 2, "no function"),
    ("timeout", FUNCTION + "      Timeout: soon\n", 6, "Timeout is 'soon', not a whole number"),
    (
        "mode",
        FUNCTION + "      FunctionUrlConfig: {AuthType: NONE, InvokeMode: STREAM}\n",
        6,
        "InvokeMode is 'STREAM'",
    ),
    ("auth", FUNCTION + "      FunctionUrlConfig: {InvokeMode: BUFFERED}\n", 6, "AuthType is None"),
    (
        "cors",
        FUNCTION + "      FunctionUrlConfig: {AuthType: NONE, Cors: {Origins: []}}\n",
        6,
        "Cors has no 'Origins'",
    ),
    (
        "cors true",
        FUNCTION + "      FunctionUrlConfig: {AuthType: NONE, Cors: true}\n",
        6,
        "Cors is true or false",
    ),
    (
        "cors age",
        FUNCTION + "      FunctionUrlConfig: {AuthType: NONE, Cors: {MaxAge: 1.5}}\n",
        6,
        "MaxAge is '1.5'",
    ),
    (
        "cors ages",
        FUNCTION + "      FunctionUrlConfig: {AuthType: NONE, Cors: {MaxAge: 90000}}\n",
        6,
        "0 to 86400",
    ),
    (
        "flag",
        FUNCTION + "      FunctionUrlConfig: {AuthType: NONE, Cors: {AllowCredentials: 1}}\n",
        6,
        "is 1, not true",
    ),
    (
        "variables",
        FUNCTION + "      Environment: {Variables: [A, B]}\n",
        6,
        "Variables is a list, not a mapping",
    ),
    (
        "variable",
        FUNCTION + "      Environment:\n        Variables:\n          A: [1]\n",
        8,
        "A is not text",
    ),
    (
        "environment",
        FUNCTION + "      Environment: yes\n",
        6,
        "Environment is true or false, not a mapping",
    ),
    (
        "properties",
        "Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties: [1]\n",
        4,
        "not a mapping",
    ),
    (
        "a condition's function",
        FUNCTION + "    Condition: !Ref X\n",
        6,
        "Condition is the name of a condition",
    ),
    (
        "conditions",
        "Conditions: [a]\n" + FUNCTION + "    Condition: X\n",
        1,
        "Conditions is not a mapping",
    ),
    ("parameters", "Parameters: hello\n" + FUNCTION, 1, "Parameters is not a mapping"),
    ("globals", "Globals: {Function: 5}\n" + FUNCTION, 1, "Globals.Function is not a mapping"),
    ("events", FUNCTION + "      Events: [a]\n", 6, "Events is a list, not a mapping"),
    ("name", FUNCTION + "      FunctionName: {a: b}\n", 6, "FunctionName is a mapping, not text"),
    ("timeout 0", FUNCTION + "      Timeout: 0\n", 6, "Timeout is 0; AWS takes 1 to 900"),
    ("timeout 901", FUNCTION + "      Timeout: 901\n", 6, "Timeout is 901; AWS takes 1 to 900"),
    ("memory", FUNCTION + "      MemorySize: 64\n", 6, "MemorySize is 64; AWS takes 128 to 10240"),
    (
        "reserved",
        FUNCTION + "      ReservedConcurrentExecutions: -1\n",
        6,
        "ReservedConcurrentExecutions is -1",
    ),
    (
        "a name twice",
        FUNCTION + "      FunctionName: x\n  G:\n    Type: AWS::Lambda::Function\n    Properties:\n"
        "      FunctionName: x\n",
        10,
        "FunctionName 'x' is also F's (line 6)",
    ),
    ("anchors", "A: &a [*a]\n" + FUNCTION, 1, "not YAML"),
    (
        "ref",
        FUNCTION + "      Handler: !Ref Nothing\n",
        6,
        "!Ref Nothing: no such parameter or resource",
    ),
    ("condition", FUNCTION + "      Handler: !If [Nothing, a, b]\n", 6, "no condition 'Nothing'"),
    ("map", FUNCTION + "      Handler: !FindInMap [A, b, c]\n", 6, "no 'A' in Mappings"),
    (
        "intrinsic",
        FUNCTION + "      Handler: !Unheard x\n",
        6,
        "Fn::Unheard is not evaluated",
    ),
    (
        "argument",
        FUNCTION + "      Handler: !Select [9, [a]]\n",
        6,
        "Fn::Select has wrong arguments",
    ),
    (
        "parameter",
        "Parameters:\n  P: {Type: String}\n" + FUNCTION,
        2,
        "give --parameter-overrides P=...",
    ),
]


@pytest.mark.parametrize(
    ("name", "text", "line", "message"), ERRORS, ids=[case[0] for case in ERRORS]
)
def test_errors_name_the_line(
    tmp_path: Path, name: str, text: str, line: int, message: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(TemplateError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}:{line}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


ACCEPTED = {
    "a merge with an override": (
        "X-Base: &base {Timeout: 7, Handler: base.h}\n"
        + FUNCTION
        + "      <<: *base\n      Handler: own.h\n",
        ("own.h", 7),
    ),
    "two merges": (
        "A: &a {Timeout: 7}\nB: &b {Timeout: 8, Handler: b.h}\n"
        + FUNCTION
        + "      <<: [*a, *b]\n",
        ("b.h", 7),
    ),
    "a key twice": (
        FUNCTION + "      Timeout: 1\n      Timeout: 2\n      Handler: a.b\n",
        ("a.b", 2),
    ),
    "tabs in JSON": (
        '{\n\t"Resources": {\n\t\t"F": {\n\t\t\t"Type": "AWS::Lambda::Function",\n'
        '\t\t\t"Properties": '
        '{"Code": "code", "Timeout": 9, "Handler": "a.b"}\n\t\t}\n\t}\n}\n',
        ("a.b", 9),
    ),
    "a byte order mark": ("\ufeff" + FUNCTION + "      Handler: a.b\n", ("a.b", 3)),
    "properties in Globals only": (
        (
            "Globals: {Function: {CodeUri: code, Handler: a.b}}\nResources:\n"
            "  F: {Type: AWS::Serverless::Function}\n"
        ),
        ("a.b", 3),
    ),
    "a number as text": (FUNCTION + "      Timeout: '11'\n      Handler: a.b\n", ("a.b", 11)),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_aws_takes_is_taken(tmp_path: Path, name: str) -> None:
    text, expected = ACCEPTED[name]
    function = load(write(tmp_path, text)).functions["F"]
    assert (function.handler, function.timeout) == expected


def test_a_key_twice_is_a_caution(tmp_path: Path) -> None:
    (caution,) = load(write(tmp_path, ACCEPTED["a key twice"][0])).cautions
    assert (caution.line, caution.message) == (
        7,
        "'Timeout' is given twice (first in line 6); AWS takes the last",
    )


VALUES = {
    "012345678901": "012345678901",  # an account id
    "0123456701": "0123456701",  # octal to YAML 1.1
    "1_000": "1_000",
    "12:30:45": "12:30:45",  # sexagesimal to YAML 1.1
    "1e3": "1e3",
    "1.50": "1.50",
    "!Sub '${ServerlessRestApi}'": "ServerlessRestApi",
    "!Sub 'https://${ServerlessRestApi}.execute-api.${AWS::Region}.amazonaws.com/Prod/'": (
        "https://ServerlessRestApi.execute-api.us-east-1.amazonaws.com/Prod/"
    ),
    "!Ref F.Alias": "arn:aws:lambda:us-east-1:123456789012:function:F:alias",
    "!Ref Named": "orders",
    "!Ref Table": "Table",
    "!GetAtt Named.Arn": "arn:aws:dynamodb:us-east-1:123456789012:table/orders",
    "!Ref Bucket": "files",
    "!Ref Queue": "https://sqs.us-east-1.amazonaws.com/123456789012/jobs",
    "!Ref Topic": "arn:aws:sns:us-east-1:123456789012:news",
    "!Join ['+', !Ref Subnets]": "subnet-1+subnet-2",
    "!Base64 hello": "aGVsbG8=",
}


@pytest.mark.parametrize("value", VALUES)
def test_values_are_what_cloudformation_makes_of_them(tmp_path: Path, value: str) -> None:
    text = f"""\
Parameters:
  Subnets:
    Type: "AWS::SSM::Parameter::Value<List<AWS::EC2::Subnet::Id>>"
    Default: "subnet-1, subnet-2"
Resources:
  Table: {{Type: AWS::DynamoDB::Table}}
  Named: {{Type: AWS::DynamoDB::Table, Properties: {{TableName: orders}}}}
  Bucket: {{Type: AWS::S3::Bucket, Properties: {{BucketName: files}}}}
  Queue: {{Type: AWS::SQS::Queue, Properties: {{QueueName: jobs}}}}
  Topic: {{Type: AWS::SNS::Topic, Properties: {{TopicName: news}}}}
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: code
      Environment:
        Variables:
          VALUE: {value}
"""
    assert load(write(tmp_path, text)).functions["F"].environment == {"VALUE": VALUES[value]}


def test_a_url_under_a_false_condition_is_not_there(tmp_path: Path) -> None:
    text = FUNCTION + (
        "  Url:\n    Type: AWS::Lambda::Url\n    Condition: Never\n"
        "    Properties: {TargetFunctionArn: !Ref F, AuthType: NONE}\n"
        "Conditions: {Never: !Equals [a, b]}\n"
    )
    assert load(write(tmp_path, text)).functions["F"].url is None
    assert (
        load(write(tmp_path, text.replace("[a, b]", "[a, a]"))).functions["F"].url == FunctionURL()
    )


def test_what_cannot_be_run_is_the_functions_own_problem(tmp_path: Path) -> None:
    """An image, code that is elsewhere, a folder that no build has made: all others are served."""
    text = FUNCTION + (
        "  Image:\n    Type: AWS::Serverless::Function\n    Properties: {PackageType: Image}\n"
        "  Bucket:\n    Type: AWS::Serverless::Function\n    Properties: {CodeUri: s3://a/b}\n"
        "  Missing:\n    Type: AWS::Serverless::Function\n    Properties: {CodeUri: src}\n"
    )
    functions = load(write(tmp_path, text)).functions
    assert functions["F"].problem == ""
    assert functions["Image"].problem.endswith("lambda-emulator --function Image -- COMMAND")
    assert "not a local folder" in functions["Bucket"].problem
    assert "'src' is no folder" in functions["Missing"].problem


def test_a_variable_that_cannot_be_evaluated_is_left_out(tmp_path: Path) -> None:
    text = (
        FUNCTION
        + "      Environment:\n        Variables:\n          A: a\n          B: !Unheard x\n"
    )
    template = load(write(tmp_path, text))
    assert template.functions["F"].environment == {"A": "a"}
    (caution,) = template.cautions
    assert caution.line == 9
    assert "B is left out" in caution.message


def test_wrong_overrides_and_a_missing_file(tmp_path: Path) -> None:
    path = write(tmp_path, TEMPLATE)
    with pytest.raises(
        TemplateError, match="no parameter 'Mod' to override; there is: Mode, Memory, Origins"
    ):
        load(path, {"Mod": "x"})
    with pytest.raises(
        TemplateError, match="parameter Mode is 'x'; allowed: RESPONSE_STREAM, BUFFERED"
    ):
        load(path, {"Mode": "x"})
    with pytest.raises(TemplateError, match="no such file; name your SAM template with --template"):
        load(tmp_path / "nothing.yaml")


# ---- the oracle


def translated(path: Path, overrides: dict[str, str]) -> dict[str, Any]:
    """The template's functions after SAM's own transform, as CloudFormation properties."""
    result = transformed(path, overrides)
    return {
        name: resource
        for name, resource in result.items()
        if resource["Type"].startswith("AWS::Lambda::")
    }


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
        same(
            function.environment.get(name),
            str(value) if isinstance(value, int) and value is not True else value,
        )
    url = resources.get(f"{function.logical_id}Url", {}).get("Properties")
    assert (url is None) == (function.url is None)
    if url is not None and function.url is not None:
        same(function.url.auth_type, url["AuthType"])
        same(function.url.invoke_mode, url["InvokeMode"])
        same(function.url.cors.max_age, url.get("Cors", {}).get("MaxAge"))
        same(list(function.url.cors.allow_methods), url.get("Cors", {}).get("AllowMethods", []))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("overrides", [{}, {"Mode": "BUFFERED", "Memory": "256"}])
def test_sam_reads_the_same(
    tmp_path: Path, overrides: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
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
