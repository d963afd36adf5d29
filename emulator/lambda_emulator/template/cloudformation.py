"""A CloudFormation document: parameters, conditions, and the intrinsic functions.

Only what a function's properties use in practice is evaluated. Anything else is an error that names
the line. "Made" resources are those that CloudFormation would create: their Condition is true.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from lambda_emulator.template.document import Caution, Node, TemplateError, read, to_text
from lambda_emulator.template.intrinsics import INTRINSICS, Call
from lambda_emulator.template.transforms import LANGUAGE_EXTENSIONS, expanded, transforms

__all__ = ["ACCOUNT", "FUNCTIONS", "REGION", "Document"]

REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
FUNCTIONS: Final = ("AWS::Serverless::Function", "AWS::Lambda::Function")

_NAMES: Final = (
    # The property that names a resource, for those types where Ref gives that name.
    "FunctionName",
    "TableName",
    "BucketName",
    "LogGroupName",
    "StreamName",
    "ClusterName",
    "LayerName",
    "Name",
)
_REF_IS_ARN: Final = (
    "AWS::SNS::Topic",
    "AWS::SecretsManager::Secret",
    "AWS::Serverless::StateMachine",
)
_GENERATED: Final = re.compile(
    r"Serverless(Rest|Http)Api.*|.*(Role|Url|Stage|Deployment|Alias\w*|Version\w*)"
)
"""Logical ids of resources that SAM makes beside a template's own."""


class Document:
    """One template, with its loops and includes written out.

    Args:
        path: The file, YAML or JSON.
        overrides: Values of parameters, in the place of their defaults.
        region: The value of AWS::Region.

    Raises:
        TemplateError: The template cannot be used. The message has the line.
    """

    def __init__(self, path: Path, overrides: Mapping[str, str], region: str = REGION) -> None:
        self.path = path
        self.region = region
        self.root, self.cautions = read(path)
        self.resources: Node = self.root["Resources"]
        self.conditions: dict[str, bool] = {}
        self.parameters = self._parameters(overrides)
        self.root = expanded(self)
        self.resources = self.root["Resources"]

    def error(self, line: int, message: str) -> TemplateError:
        """Return an error that names the file and the line. The caller raises it."""
        return TemplateError(f"{self.path}:{line}: {message}")

    # ---- parameters, conditions, intrinsic functions

    def _parameters(self, overrides: Mapping[str, str]) -> dict[str, Any]:
        declared = self.section("Parameters")
        values: dict[str, Any] = {
            "AWS::Region": self.region,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": "local",
            "AWS::StackId": self._arn("cloudformation", "stack/local/0"),
            "AWS::NoValue": None,
            "AWS::NotificationARNs": [],
        }
        unknown = sorted(set(overrides) - set(declared))
        if unknown:
            known = ", ".join(map(str, declared)) or "none"
            message = f"no parameter {unknown[0]!r} to override; there is: {known}"
            raise TemplateError(f"{self.path}: {message}")
        for name, spec in declared.items():
            line = declared.lines[name]
            values[name] = self._parameter(name, spec, line, overrides)
        return values

    def _parameter(self, name: str, spec: Any, line: int, overrides: Mapping[str, str]) -> Any:
        if not isinstance(spec, Node):
            raise self.error(line, f"parameter {name} needs a Type")
        value = overrides.get(name, spec.get("Default"))
        advice = f"--parameter-overrides {name}=..."
        if value is None:
            raise self.error(line, f"parameter {name} has no Default; give {advice}")
        parts = value if isinstance(value, list) else [value]
        text = ",".join(map(to_text, parts))
        allowed = spec.get("AllowedValues")
        if isinstance(allowed, list):
            texts = list(map(to_text, allowed))
            if text not in texts:
                raise self.error(line, f"parameter {name} is {text!r}; allowed: {', '.join(texts)}")
        kind = to_text(spec.get("Type"))
        if "AWS::SSM::Parameter::Value" in kind and name not in overrides:
            message = f"parameter {name} is looked up by AWS; here it is {text!r}"
            self.caution(line, f"{message}: {advice}")
        if "List<" in kind or "CommaDelimitedList" in kind:
            return [item.strip() for item in text.split(",")]
        return text

    def section(self, name: str) -> Node:
        """Return a top-level mapping. It is empty if the template has none.

        Raises:
            TemplateError: It is not a mapping.
        """
        section = self.root.get(name)
        if not isinstance(section, Node | None):
            raise self.error(self.root.lines[name], f"{name} is not a mapping")
        return section or Node(1)

    def caution(self, line: int, message: str) -> None:
        """Record something that AWS would do differently, or that the emulator ignores."""
        self.cautions.append(Caution(line, message))

    def needs_extensions(self, function: str, line: int) -> None:
        """Caution if AWS would refuse `Fn::{function}`, because a transform is missing."""
        if LANGUAGE_EXTENSIONS in transforms(self.root):
            return
        advice = f"needs Transform: {LANGUAGE_EXTENSIONS}; AWS refuses it without"
        self.caution(line, f"Fn::{function} {advice}")

    def is_made(self, resource: Node) -> bool:
        """Return whether the resource has no Condition, or one that is true.

        Raises:
            TemplateError: The condition is malformed or does not exist.
        """
        condition = resource.get("Condition")
        if condition is None:
            return True
        line = resource.lines["Condition"]
        if not isinstance(condition, str):
            raise self.error(line, "Condition is the name of a condition, without a function")
        return self.condition(condition, line)

    @cached_property
    def made(self) -> dict[str, Node]:
        """The resources that CloudFormation would create, by logical id.

        Raises:
            TemplateError: A condition is malformed or does not exist.
        """
        return {
            name: resource
            for name, resource in self.resources.items()
            if isinstance(resource, Node) and self.is_made(resource)
        }

    def of_type(self, *types: str) -> Iterator[str]:
        """Return the logical ids of the made resources of these types."""
        for name, resource in self.made.items():
            if resource.get("Type") in types:
                yield name

    def shared(self, kind: str) -> Node:
        """Return the section `kind` of Globals: Function, Api or HttpApi. It may be empty.

        Raises:
            TemplateError: It is not a mapping.
        """
        everything = self.section("Globals")
        found = everything.get(kind)
        if not isinstance(found, Node | None):
            raise self.error(everything.lines[kind], f"Globals.{kind} is not a mapping")
        return found or Node(1)

    def condition(self, name: str, line: int) -> bool:
        """Return the value of a condition. `line` is where it is used.

        Raises:
            TemplateError: It does not exist, or cannot be evaluated.
        """
        if name not in self.conditions:
            declared = self.section("Conditions")
            if name not in declared:
                raise self.error(line, f"no condition {name!r} in Conditions")
            self.conditions[name] = False  # a condition that names itself ends here
            self.conditions[name] = bool(self.resolve(declared[name]))
        return self.conditions[name]

    @staticmethod
    def is_intrinsic(key: Any) -> bool:
        return key in INTRINSICS or (isinstance(key, str) and key.startswith("Fn::"))

    def resolve(self, value: Any) -> Any:
        """Return `value` with its intrinsic functions evaluated.

        The Ref of a resource and its attributes become plausible names, because nothing is
        deployed. Members that are AWS::NoValue are left out.

        Raises:
            TemplateError: A function is unknown to the emulator, or has wrong arguments.
        """
        if isinstance(value, list):
            items = map(self.resolve, value)
            return [item for item in items if item is not None]
        if not isinstance(value, Node):
            return value
        if len(value) == 1:
            ((key, argument),) = value.items()
            if self.is_intrinsic(key):
                return self._call(key, argument, value.line)
        result = Node(value.line)
        result.lines = value.lines
        for key, item in value.items():
            resolved = self.resolve(item)
            if resolved is not None:
                result[key] = resolved
        return result

    def _call(self, key: str, argument: Any, line: int) -> Any:
        function = INTRINSICS.get(key)
        if function is None:
            message = f"{key} is not evaluated by the emulator; use a parameter in its place"
            raise self.error(line, message)
        call = Call(self, argument, line)
        try:
            return function(call)
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            raise self.error(line, f"{key} has wrong arguments: {error}") from error

    def ref(self, name: Any, line: int) -> Any:
        """Return the value of `!Ref name`: a parameter's value, or a name for a resource.

        Raises:
            TemplateError: There is no such parameter or resource.
        """
        if name in self.parameters:
            return self.parameters[name]
        logical_id = str(name)
        owner, dot, part = logical_id.partition(".")
        if dot and owner in self.resources:  # SAM: Function.Alias, Function.Version
            arn = self.attribute(owner, "Arn")
            return f"{arn}:{part.lower()}"
        if name in self.resources or _GENERATED.fullmatch(logical_id):
            return self.ref_value(logical_id)
        raise self.error(line, f"!Ref {name}: no such parameter or resource")

    def ref_value(self, logical_id: str) -> str:
        """Return what Ref gives for a resource: a URL, an ARN or, for most types, a name."""
        kind = self._type(logical_id)
        name = self.physical_name(logical_id)
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{self.region}.amazonaws.com/{ACCOUNT}/{name}"
        if kind in _REF_IS_ARN:
            return self.attribute(logical_id, "Arn")
        return name

    def physical_name(self, logical_id: str) -> str:
        """Return the name that the resource's properties give it, otherwise its logical id."""
        resource = self.resources.get(logical_id)
        properties = resource.get("Properties") if isinstance(resource, Node) else None
        if not isinstance(properties, Node):
            return logical_id
        for key in (*_NAMES, "QueueName", "TopicName"):
            if key in properties:
                name = self.resolve(properties[key])
                if isinstance(name, str):
                    return to_text(name)
        return logical_id

    def _type(self, logical_id: str) -> str:
        resource = self.resources.get(logical_id)
        if not isinstance(resource, Node):
            return ""
        return to_text(resource.get("Type"))

    def attribute(self, logical_id: str, name: str) -> str:
        """Return an attribute of a resource, as Fn::GetAtt does.

        An `Arn` has the form of the real one for common types. Everything else is the text
        `LOGICAL_ID.NAME`.
        """
        if name != "Arn":
            return f"{logical_id}.{name}"
        physical = self.physical_name(logical_id)
        kind = self._type(logical_id)
        _, _, after = kind.partition("::")
        service = after.partition("::")[0].lower()
        if kind in FUNCTIONS:
            return self._arn("lambda", f"function:{physical}")
        if kind in ("AWS::DynamoDB::Table", "AWS::Serverless::SimpleTable"):
            return self._arn("dynamodb", f"table/{physical}")
        if kind == "AWS::S3::Bucket":
            return f"arn:aws:s3:::{physical}"
        if service in ("sqs", "sns"):
            return self._arn(service, physical)
        return f"{logical_id}.{name}"

    def _arn(self, service: str, name: str) -> str:
        return f"arn:aws:{service}:{self.region}:{ACCOUNT}:{name}"
