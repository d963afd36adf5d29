"""A SAM template as CloudFormation sees it: transformed by SAM's translator, with parameters."""

import copy
import functools
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform as sam_transform

MANAGED_POLICIES = (
    "AWSLambdaBasicExecutionRole",
    "AWSLambdaVPCAccessExecutionRole",
    "AWSXrayWriteOnlyAccess",
    "AWSXRayDaemonWriteAccess",
    "AWSCodeDeployRoleForLambda",
    "AWSCodeDeployRoleForLambdaLimited",
    "AmazonAPIGatewayPushToCloudWatchLogs",
)
PSEUDO_PARAMETERS = {
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "example",
}
TYPES: dict[str, Callable[[Any], Any]] = {
    "Number": int,
    "CommaDelimitedList": lambda value: str(value).split(","),
}
NO_VALUE = object()


class _Policies:
    def load(self) -> dict[str, str]:
        return {name: f"arn:aws:iam::aws:policy/{name}" for name in MANAGED_POLICIES}


@functools.cache
def _parsed(path: Path) -> dict[str, Any]:
    document = yaml_parse(path.read_text())
    assert isinstance(document, dict)
    return document


def load(path: Path) -> dict[str, Any]:
    """The template as `sam package` would upload it: code that lies in a bucket."""
    document = copy.deepcopy(_parsed(path))
    for resource in document["Resources"].values():
        if resource["Type"].startswith("AWS::Serverless::") and "CodeUri" in resource["Properties"]:
            resource["Properties"]["CodeUri"] = "s3://code/key"
    return document


def parameters(path: Path, **given: str) -> dict[str, Any]:
    """The values of the template's parameters. Lists are lists."""
    values: dict[str, Any] = dict(PSEUDO_PARAMETERS)
    for name, spec in _parsed(path).get("Parameters", {}).items():
        value = given.pop(name, spec.get("Default"))
        assert value is not None, f"{name} has no default"
        values[name] = TYPES.get(spec["Type"], str)(value)
        allowed = spec.get("AllowedValues")
        assert allowed is None or str(value) in map(str, allowed), f"{name} cannot be {value}"
        assert re.fullmatch(spec.get("AllowedPattern", "(?s:.*)"), str(value)), (
            f"{name} cannot be {value}"
        )
    assert not given, f"no such parameter: {given}"
    return values


def transform(path: Path, **given: str) -> dict[str, Any]:
    """What SAM makes of the template, its conditions and references still in it."""
    values = {
        name: ",".join(value) if isinstance(value, list) else str(value)
        for name, value in parameters(path, **given).items()
    }
    with mock.patch.dict(os.environ, AWS_DEFAULT_REGION="us-east-1"):
        document = sam_transform(load(path), values, _Policies())
    assert isinstance(document, dict)
    return document


class Evaluator:
    """CloudFormation's conditions, rules and references to parameters, for one set of values."""

    def __init__(self, document: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        self.document = document
        self.values = values

    def __call__(self, value: Any) -> Any:
        """Return the value with conditions and parameters resolved, but not references."""
        if isinstance(value, list):
            return [item for item in map(self, value) if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((key, argument),) = value.items()
            if key == "Ref":
                return self._ref(argument)
            if function := FUNCTIONS.get(key):
                return function(self, argument)
        resolved = {key: self(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        return self.values.get(name, {"Ref": name})

    def condition(self, name: str) -> bool:
        return bool(self(self.document["Conditions"][name]))

    def sub(self, argument: Any) -> Any:
        def filled(match: re.Match[str]) -> str:
            value = self.values.get(match[1])
            return match[0] if value is None else str(value)

        if isinstance(argument, list):
            return {"Fn::Sub": [argument[0], self(argument[1])]}
        text = re.sub(r"\$\{([^}!]+)\}", filled, argument)
        return {"Fn::Sub": text} if "${" in text else text

    def join(self, argument: Any) -> Any:
        separator, parts = argument[0], self(argument[1])
        if all(isinstance(part, str) for part in parts):
            return separator.join(parts)
        return {"Fn::Join": [separator, parts]}

    def broken_rules(self) -> list[str]:
        """The descriptions of the assertions that do not hold."""
        return [
            assertion["AssertDescription"]
            for rule in self.document.get("Rules", {}).values()
            if self(rule.get("RuleCondition", True))
            for assertion in rule["Assertions"]
            if not self(assertion["Assert"])
        ]


def _equal(first: Any, second: Any) -> bool:
    return str(first) == str(second)


FUNCTIONS: dict[str, Callable[[Evaluator, Any], Any]] = {
    "Condition": lambda evaluate, argument: evaluate.condition(argument),
    "Fn::If": lambda evaluate, argument: evaluate(
        argument[1] if evaluate.condition(argument[0]) else argument[2]
    ),
    "Fn::Equals": lambda evaluate, argument: _equal(evaluate(argument[0]), evaluate(argument[1])),
    "Fn::Not": lambda evaluate, argument: not evaluate(argument[0]),
    "Fn::And": lambda evaluate, argument: all(map(evaluate, argument)),
    "Fn::Or": lambda evaluate, argument: any(map(evaluate, argument)),
    "Fn::EachMemberEquals": lambda evaluate, argument: all(
        _equal(member, argument[1]) for member in evaluate(argument[0])
    ),
    "Fn::Contains": lambda evaluate, argument: evaluate(argument[1]) in evaluate(argument[0]),
    "Fn::Sub": Evaluator.sub,
    "Fn::Join": Evaluator.join,
}


LEFT_BEHIND = ("Parameters", "Conditions", "Rules", "Metadata")


def deployed(path: Path, **given: str) -> dict[str, Any]:
    """Return what would be deployed: a template without SAM, parameters and conditions."""
    return filled_in(path, transform(path, **given), given)


def filled_in(
    path: Path, transformed: Mapping[str, Any], given: Mapping[str, str]
) -> dict[str, Any]:
    """The second half of `deployed`: what SAM has made of the template, for these parameters."""
    document = dict(transformed)
    evaluate = Evaluator(document, parameters(path, **given))
    for section in ("Resources", "Outputs"):
        document[section] = {
            name: evaluate({key: value for key, value in item.items() if key != "Condition"})
            for name, item in document.get(section, {}).items()
            if "Condition" not in item or evaluate.condition(item["Condition"])
        }
    return {key: value for key, value in document.items() if key not in LEFT_BEHIND}


def broken_rules(path: Path, **given: str) -> list[str]:
    return Evaluator(_parsed(path), parameters(path, **given)).broken_rules()
