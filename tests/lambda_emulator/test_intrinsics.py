"""CloudFormation's functions and transforms: a value, or a placeholder and a warning."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from samcli.lib.cfn_language_extensions import process_template
from samcli.yamlhelper import yaml_parse

from lambda_emulator.template.document import TemplateError
from lambda_emulator.template.reader import Template, load
from tests.lambda_emulator.support import RunningEmulator, curled, environment
from tests.patience import PATIENCE

HEAD = """\
Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]
Parameters:
  Names: {Type: CommaDelimitedList, Default: "red,blue"}
Mappings:
  Sizes: {us-east-1: {small: 128}}
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      InlineCode: "def handler(event, context): pass"
      Environment:
        Variables:
"""


def template(folder: Path, text: str) -> Template:
    path = folder / "template.yaml"
    path.write_text(text)
    return load(path)


def value(folder: Path, expression: str) -> str:
    return template(folder, f"{HEAD}          V: {expression}\n").functions["F"].environment["V"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("!Base64 hello", "aGVsbG8="),
        ("!Join [',', !GetAZs '']", "us-east-1a,us-east-1b,us-east-1c"),
        ("!Select [1, !GetAZs eu-west-1]", "eu-west-1b"),
        ("!Join [' ', !Cidr [10.0.0.0/16, 3, 8]]", "10.0.0.0/24 10.0.1.0/24 10.0.2.0/24"),
        ("!Select [1, !Cidr ['2001:db8::/56', 2, 64]]", "2001:db8:0:1::/64"),
        ("!ToJsonString {A: 1, B: [!Ref AWS::Region]}", '{"A":1,"B":["us-east-1"]}'),
        ("!Length [a, b, c]", "3"),
        ("{'Fn::Length': !Ref Names}", "2"),
        ("!FindInMap [Sizes, !Ref AWS::Region, small]", "128"),
        ("!FindInMap [Sizes, eu-west-1, small, {DefaultValue: 256}]", "256"),
        ("!ImportValue network-id", "network-id"),
    ],
)
def test_a_value(tmp_path: Path, expression: str, expected: str) -> None:
    assert value(tmp_path, expression) == expected


def test_a_placeholder_names_its_line(tmp_path: Path) -> None:
    found = template(tmp_path, HEAD + "          V: !ImportValue network-id\n")
    caution = next(c for c in found.cautions if "ImportValue" in c.message)
    assert caution.line == 15
    assert "network-id is of another stack" in caution.message


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("!Cidr [10.0.0.0/24, 3, 7]", "has room for 2, not for 3"),
        ("!Cidr [10.0.0.0/24]", "Fn::Cidr has wrong arguments"),
        ("!Cidr [nothing, 1, 8]", "Fn::Cidr has wrong arguments"),
        ("!Join [a]", "Fn::Join has wrong arguments"),
    ],
)
def test_wrong_arguments_name_their_line(tmp_path: Path, expression: str, message: str) -> None:
    found = template(tmp_path, f"{HEAD}          V: {expression}\n")
    caution = next(c for c in found.cautions if "V is left out" in c.message)
    assert caution.line == 15
    assert message in caution.message


@pytest.mark.parametrize("expression", ["!Length [a]", "!ToJsonString {A: 1}"])
def test_language_extensions_must_be_asked_for(tmp_path: Path, expression: str) -> None:
    text = HEAD.replace("AWS::LanguageExtensions, ", "")
    found = template(tmp_path, f"{text}          V: {expression}\n")
    assert any("needs Transform: AWS::LanguageExtensions" in c.message for c in found.cautions)


LOOP = """\
Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]
Parameters:
  Names: {Type: CommaDelimitedList, Default: "red,light-blue"}
Resources:
  Fn::ForEach::Functions:
    - Name
    - !Ref Names
    - "F&{Name}":
        Type: AWS::Serverless::Function
        Properties:
          FunctionName: !Sub "fn-${Name}"
          Runtime: python3.13
          Handler: index.handler
          InlineCode: "def handler(event, context): pass"
          Environment:
            Variables:
              NAME: !Ref Name
              Fn::ForEach::Numbers: [N, [1, 2], {"V${N}": "${Name}-${N}"}]
"""


def test_for_each(tmp_path: Path) -> None:
    functions = template(tmp_path, LOOP).functions
    assert list(functions) == ["Fred", "Flightblue"]
    assert functions["Flightblue"].name == "fn-light-blue"
    assert functions["Flightblue"].environment == {
        "NAME": "light-blue",
        "V1": "light-blue-1",
        "V2": "light-blue-2",
    }
    assert functions["Fred"].line("Handler") == 13


def test_for_each_as_sam_cli_expands_it(tmp_path: Path) -> None:
    """The oracle: SAM CLI's own language extensions, which leave loops in properties alone."""
    text = "".join(line for line in LOOP.splitlines(keepends=True) if "Numbers" not in line)
    (tmp_path / "template.yaml").write_text(text)
    oracle: Any = process_template(yaml_parse(text), parameter_values={"Names": "red,light-blue"})
    functions = load(tmp_path / "template.yaml").functions
    assert list(oracle["Resources"]) == list(functions)
    for logical_id, resource in oracle["Resources"].items():
        properties = resource["Properties"]
        assert properties["FunctionName"] == functions[logical_id].name
        assert properties["Environment"]["Variables"] == functions[logical_id].environment


def test_an_included_file_is_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "variables.yaml").write_text("A: from the file\nB: from the file\n")
    text = HEAD + (
        "          B: own\n"
        "          Fn::Transform: {Name: AWS::Include, Parameters: {Location: variables.yaml}}\n"
    )
    assert template(tmp_path, text).functions["F"].environment == {
        "A": "from the file",
        "B": "own",
    }


def test_an_included_file_of_the_whole_template(tmp_path: Path) -> None:
    (tmp_path / "more.json").write_text(json.dumps({"Globals": {"Function": {"Timeout": 7}}}))
    include = "{Name: AWS::Include, Parameters: {Location: more.json}}"
    text = HEAD.replace("Transform: [", f"Transform: [{include}, ") + "          A: b\n"
    assert template(tmp_path, text).functions["F"].timeout == 7


def test_what_is_not_here_is_not_included(tmp_path: Path) -> None:
    include = "{Name: AWS::Include, Parameters: {Location: 's3://bucket/part.yaml'}}"
    text = HEAD + f"          A: b\n          Fn::Transform: {include}\n"
    found = template(tmp_path, text)
    assert found.functions["F"].environment == {"A": "b"}
    caution = next(c for c in found.cautions if "is not included" in c.message)
    assert (caution.line, "s3://bucket/part.yaml" in caution.message) == (16, True)
    with pytest.raises(TemplateError, match=r"template.yaml:16: AWS::Include: .*cannot be read"):
        template(tmp_path, text.replace("s3://bucket/", ""))


def test_a_macro_is_named(tmp_path: Path) -> None:
    found = template(
        tmp_path, HEAD.replace("Transform: [", "Transform: [Mine, ") + "          A: b\n"
    )
    assert any("transform Mine is not run" in c.message for c in found.cautions)


def test_functions_reach_the_process(tmp_path: Path) -> None:
    """The whole way: a loop makes two functions, and curl reads their variables."""
    code = "import os\\ndef handler(event, context):\\n    return os.environ['NAME']"
    text = LOOP.replace("def handler(event, context): pass", code)
    text += "          FunctionUrlConfig: {AuthType: NONE}\n"
    path = tmp_path / "template.yaml"
    path.write_text(text)
    with RunningEmulator("--template", str(path), command=(), fronts=2) as emulator:
        bodies = [curled(f"http://127.0.0.1:{port}/").body for port in emulator.ports]
    assert bodies == [b"red", b"light-blue"]


def test_check_says_what_is_a_placeholder(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(HEAD + "          V: !ImportValue network-id\n")
    done = subprocess.run(
        [sys.executable, "-m", "lambda_emulator", "check"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert "template.yaml:15: !ImportValue network-id is of another stack" in done.stderr
