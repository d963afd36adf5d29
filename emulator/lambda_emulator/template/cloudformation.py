"""A CloudFormation document: YAML (or JSON) that knows its lines, parameters, conditions, and the intrinsic functions.

Only what a function's properties use in practice is evaluated; all else is an error that names the line.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

__all__ = ["ACCOUNT", "FUNCTIONS", "REGION", "Document", "Node", "TemplateError", "to_text"]

REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
FUNCTIONS: Final = ("AWS::Serverless::Function", "AWS::Lambda::Function")


class TemplateError(Exception):
    """The template cannot be used; the message names the file, the line and what to do."""


class Node(dict[Any, Any]):
    """A mapping that knows where it and its keys stand in the file (lines count from 1)."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[Any, int] = {}


class _Loader(yaml.SafeLoader):
    """SafeLoader that keeps lines, refuses a key given twice, and reads the short tags (!Sub is Fn::Sub)."""

    def flatten(self, node: yaml.MappingNode) -> Node:
        self.flatten_mapping(node)
        result = Node(node.start_mark.line + 1)
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str | int | float | bool) and key is not None:
                raise yaml.constructor.ConstructorError(None, None, "a key must be a word", key_node.start_mark)
            if key in result:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is there twice", key_node.start_mark)
            result[key] = self.construct_object(value_node, deep=True)
            result.lines[key] = key_node.start_mark.line + 1
        return result

    def short_tag(self, suffix: str, node: yaml.Node) -> Node:
        value: Any
        if isinstance(node, yaml.ScalarNode):
            value = self.construct_scalar(node)
            if suffix == "GetAtt":
                value = value.split(".", 1)
        elif isinstance(node, yaml.SequenceNode):
            value = self.construct_sequence(node, deep=True)
        else:
            assert isinstance(node, yaml.MappingNode)
            value = self.flatten(node)
        result = Node(node.start_mark.line + 1)
        result[suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"] = value
        return result


_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.flatten)
_Loader.add_multi_constructor("!", _Loader.short_tag)
# A version such as 2010-09-09 is text to CloudFormation, not a date.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _read(path: Path) -> Node:
    try:
        source = path.read_text("utf-8")
    except FileNotFoundError:
        raise TemplateError(f"{path}: no such file; name your SAM template with --template") from None
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"{path}: cannot be read: {error}") from error
    try:
        document = yaml.load(source, Loader=_Loader)  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise TemplateError(f"{path}:{line}: not YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise TemplateError(f"{path}: not YAML: {error}") from error
    if not isinstance(document, Node) or not isinstance(document.get("Resources"), Node):
        raise TemplateError(f"{path}:1: no Resources: is this a SAM template?")
    return document


class Document:
    """One template. `overrides` are parameter values. Raises TemplateError."""

    def __init__(self, path: Path, overrides: Mapping[str, str]) -> None:
        self.path = path
        self.root = _read(path)
        self.resources: Node = self.root["Resources"]
        self.parameters = self._parameters(overrides)
        self.conditions: dict[str, bool] = {}

    def error(self, line: int, message: str) -> TemplateError:
        return TemplateError(f"{self.path}:{line}: {message}")

    # ---- parameters, conditions, intrinsic functions

    def _parameters(self, overrides: Mapping[str, str]) -> dict[str, Any]:
        declared = self.root.get("Parameters") or Node(1)
        values: dict[str, Any] = {
            "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": "local", "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/local/0",
            "AWS::NoValue": None, "AWS::NotificationARNs": [],
        }  # fmt: skip
        if unknown := sorted(set(overrides) - set(declared)):
            known = ", ".join(map(str, declared)) or "none"
            raise TemplateError(f"{self.path}: no parameter {unknown[0]!r} to override; there is: {known}")
        for name, spec in declared.items():
            line = declared.lines[name]
            if not isinstance(spec, Node):
                raise self.error(line, f"parameter {name} needs a Type")
            value = overrides.get(name, spec.get("Default"))
            if value is None:
                raise self.error(line, f"parameter {name} has no Default; give --parameter-overrides {name}=...")
            allowed = spec.get("AllowedValues")
            if allowed is not None and str(value) not in map(str, allowed):
                raise self.error(
                    line, f"parameter {name} is {str(value)!r}; allowed: {', '.join(map(str, allowed))}"
                )  # fmt: skip
            is_list = str(spec.get("Type", "")).startswith(("List<", "CommaDelimitedList"))
            values[name] = [item.strip() for item in str(value).split(",")] if is_list else to_text(value)
        return values

    def is_made(self, resource: Node) -> bool:
        """Whether the resource's condition holds, if it has one."""
        condition = resource.get("Condition")
        return condition is None or self.condition(condition, resource.line)

    def condition(self, name: str, line: int) -> bool:
        if name not in self.conditions:
            declared = self.root.get("Conditions") or Node(1)
            if name not in declared:
                raise self.error(line, f"no condition {name!r} in Conditions")
            self.conditions[name] = False  # a condition that names itself ends here
            self.conditions[name] = bool(self.resolve(declared[name]))
        return self.conditions[name]

    def resolve(self, value: Any) -> Any:
        """The value with its intrinsic functions evaluated. A resource's Ref or attribute becomes a name for it."""
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not None]
        if not isinstance(value, Node):
            return value
        if len(value) == 1:
            ((key, argument),) = value.items()
            if function := _INTRINSICS.get(key):
                try:
                    return function(self, argument, value.line)
                except (TypeError, ValueError, IndexError, AttributeError) as error:
                    raise self.error(value.line, f"{key} has wrong arguments: {error}") from error
            if isinstance(key, str) and key.startswith("Fn::"):
                raise self.error(value.line, f"{key} is not evaluated by the emulator; use a parameter in its place")
        result = Node(value.line)
        result.lines = value.lines
        for key, item in value.items():
            resolved = self.resolve(item)
            if resolved is not None:
                result[key] = resolved
        return result

    def ref(self, name: Any, line: int) -> Any:
        if name in self.parameters:
            return self.parameters[name]
        if name in self.resources or str(name).endswith(("Role", "Url", "Stage", "Deployment")):
            return self.physical_name(name)
        raise self.error(line, f"!Ref {name}: no such parameter or resource")

    def physical_name(self, logical_id: str) -> str:
        resource = self.resources.get(logical_id)
        properties = resource.get("Properties") if isinstance(resource, Node) else None
        name = properties.get("FunctionName") if isinstance(properties, Node) else None
        resolved = self.resolve(name) if name is not None else None
        return str(resolved) if resolved else logical_id

    def get_att(self, argument: Any, line: int) -> str:
        logical_id, attribute = argument if isinstance(argument, list) else str(argument).split(".", 1)
        resource = self.resources.get(logical_id)
        if isinstance(resource, Node) and resource.get("Type") in FUNCTIONS and attribute == "Arn":
            return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.physical_name(logical_id)}"
        return f"{logical_id}.{attribute}"

    def sub(self, argument: Any, line: int) -> str:
        text, variables = argument if isinstance(argument, list) else (argument, {})

        def replace(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in variables:
                return to_text(self.resolve(variables[name]))
            return to_text(self.get_att(name, line) if "." in name else self.ref(name, line))

        return re.sub(r"\$\{([^}]*)\}", replace, str(text))

    def find_in_map(self, argument: list[Any], line: int) -> Any:
        mappings: Any = self.root.get("Mappings") or {}
        for key in map(self.resolve, argument[:3]):
            if not isinstance(mappings, Mapping) or key not in mappings:
                raise self.error(line, f"!FindInMap: no {key!r} in Mappings")
            mappings = mappings[key]
        return mappings


def to_text(value: Any) -> str:
    """As CloudFormation writes a scalar into a string property."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _if(document: Document, argument: list[Any], line: int) -> Any:
    return document.resolve(argument[1] if document.condition(str(argument[0]), line) else argument[2])


_INTRINSICS: Final[Mapping[Any, Callable[[Document, Any, int], Any]]] = {
    "Ref": Document.ref,
    "Condition": lambda document, argument, line: document.condition(argument, line),
    "Fn::GetAtt": Document.get_att,
    "Fn::Sub": Document.sub,
    "Fn::FindInMap": Document.find_in_map,
    "Fn::If": _if,
    "Fn::Equals": lambda document, argument, _: (
        to_text(document.resolve(argument[0])) == to_text(document.resolve(argument[1]))
    ),
    "Fn::Not": lambda document, argument, _: not document.resolve(argument[0]),
    "Fn::And": lambda document, argument, _: all(map(document.resolve, argument)),
    "Fn::Or": lambda document, argument, _: any(map(document.resolve, argument)),
    "Fn::Join": lambda document, argument, _: argument[0].join(map(to_text, document.resolve(argument[1]))),
    "Fn::Select": lambda document, argument, _: document.resolve(argument[1])[int(argument[0])],
    "Fn::Split": lambda document, argument, _: document.resolve(argument[1]).split(argument[0]),
}
