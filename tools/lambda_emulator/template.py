"""A SAM (or CloudFormation) template -> the functions that the emulator can serve.

Parsed with PyYAML, which keeps each node's line for error messages. The SAM translator would bring boto3 and pydantic
(40 MB, 1.1 s to import), drop the lines, and leave every !Ref, !If, !Sub and !GetAtt to its caller; so it is the oracle
of the tests instead (tests/lambda_emulator/test_template.py). Read here: Parameters, Conditions, Mappings,
Globals.Function, and of each function what changes how it runs. All else is for who deploys.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from lambda_emulator import limits
from lambda_emulator.cors import Cors

__all__ = ["FunctionConfig", "FunctionURL", "RestAPI", "Template", "TemplateError", "load"]

REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
_FUNCTIONS: Final = ("AWS::Serverless::Function", "AWS::Lambda::Function")
_INVOKE_MODES: Final = ("BUFFERED", "RESPONSE_STREAM")


class TemplateError(Exception):
    """The template cannot be used; the message names the file, the line and what to do."""


@dataclass(frozen=True, slots=True)
class FunctionURL:
    """`FunctionUrlConfig` of a function, or an AWS::Lambda::Url."""

    auth_type: str = "NONE"
    invoke_mode: str = "BUFFERED"
    cors: Cors = field(default_factory=Cors)


@dataclass(frozen=True, slots=True)
class RestAPI:
    """One `Api` event of a function: a method and a resource path of a REST API."""

    api: str
    stage: str
    method: str
    resource: str
    streaming: bool


@dataclass(frozen=True, slots=True)
class FunctionConfig:
    """All that the emulator knows of a function. Times in seconds, memory in MiB."""

    logical_id: str
    code: Path
    handler: str = ""
    runtime: str = ""
    name: str = ""
    timeout: int = limits.FUNCTION_TIMEOUT
    memory: int = limits.MEMORY_MIB
    environment: Mapping[str, str] = field(default_factory=dict)
    url: FunctionURL | None = None
    rest_apis: tuple[RestAPI, ...] = ()
    reserved_concurrency: int | None = None
    managed_concurrency: int | None = None
    """Requests at once in one process: set for a function with a `CapacityProviderConfig` (Managed Instances)."""
    snap_start: bool = False
    log_format: str = "Text"

    @property
    def arn(self) -> str:
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.name}"


@dataclass(frozen=True, slots=True)
class Template:
    path: Path
    functions: Mapping[str, FunctionConfig]

    def function(self, logical_id: str | None) -> FunctionConfig:
        """The function of that id or name; the only one (with a URL) where no id is given. Raises TemplateError."""
        if logical_id is None:
            served = [f for f in self.functions.values() if f.url] or list(self.functions.values())
            if len(served) == 1:
                return served[0]
            raise TemplateError(f"{self.path}: choose one with --function: {', '.join(self.functions) or 'none'}")
        for function in self.functions.values():
            if logical_id in (function.logical_id, function.name):
                return function
        raise TemplateError(f"{self.path}: no function {logical_id!r}; there is: {', '.join(self.functions) or 'none'}")


# ---- YAML with lines


class _Node(dict[Any, Any]):
    """A mapping that knows where it and its keys stand in the file (lines count from 1)."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[Any, int] = {}


class _Loader(yaml.SafeLoader):
    """SafeLoader that keeps lines, refuses a key given twice, and reads the short tags (!Sub is Fn::Sub)."""

    def flatten(self, node: yaml.MappingNode) -> _Node:
        self.flatten_mapping(node)
        result = _Node(node.start_mark.line + 1)
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str | int | float | bool) and key is not None:
                raise yaml.constructor.ConstructorError(None, None, "a key must be a word", key_node.start_mark)
            if key in result:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is there twice", key_node.start_mark)
            result[key] = self.construct_object(value_node, deep=True)
            result.lines[key] = key_node.start_mark.line + 1
        return result

    def short_tag(self, suffix: str, node: yaml.Node) -> _Node:
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
        result = _Node(node.start_mark.line + 1)
        result[suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"] = value
        return result


_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.flatten)
_Loader.add_multi_constructor("!", _Loader.short_tag)
# A version such as 2010-09-09 is text to CloudFormation, not a date.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(path: Path, overrides: Mapping[str, str] | None = None) -> Template:
    """Reads a template. `overrides` are parameter values. Raises TemplateError."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise TemplateError(f"{path}: no such file; name your SAM template with --template") from None
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"{path}: cannot be read: {error}") from error
    try:
        document = yaml.load(text, Loader=_Loader)  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise TemplateError(f"{path}:{line}: not YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise TemplateError(f"{path}: not YAML: {error}") from error
    if not isinstance(document, _Node) or not isinstance(document.get("Resources"), _Node):
        raise TemplateError(f"{path}:1: no Resources: is this a SAM template?")
    return _Reader(path, document, dict(overrides or {})).read()


_REQUIRED: Final = object()


class _Reader:
    """Evaluates one document: intrinsic functions, then the functions' properties."""

    def __init__(self, path: Path, document: _Node, overrides: dict[str, str]) -> None:
        self.path = path
        self.document = document
        self.resources: _Node = document["Resources"]
        self.parameters = self._parameters(overrides)
        self.conditions: dict[str, bool] = {}

    def error(self, line: int, message: str) -> TemplateError:
        return TemplateError(f"{self.path}:{line}: {message}")

    # ---- parameters, conditions, intrinsic functions

    def _parameters(self, overrides: dict[str, str]) -> dict[str, Any]:
        declared = self.document.get("Parameters") or _Node(1)
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
            if not isinstance(spec, _Node):
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
            values[name] = [item.strip() for item in str(value).split(",")] if is_list else _text(value)
        return values

    def condition(self, name: str, line: int) -> bool:
        if name not in self.conditions:
            declared = self.document.get("Conditions") or _Node(1)
            if name not in declared:
                raise self.error(line, f"no condition {name!r} in Conditions")
            self.conditions[name] = False  # a condition that names itself ends here
            self.conditions[name] = bool(self.resolve(declared[name]))
        return self.conditions[name]

    def resolve(self, value: Any) -> Any:
        """The value with its intrinsic functions evaluated. A resource's Ref or attribute becomes a name for it."""
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not None]
        if not isinstance(value, _Node):
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
        result = _Node(value.line)
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
        properties = resource.get("Properties") if isinstance(resource, _Node) else None
        name = properties.get("FunctionName") if isinstance(properties, _Node) else None
        resolved = self.resolve(name) if name is not None else None
        return str(resolved) if resolved else logical_id

    def get_att(self, argument: Any, line: int) -> str:
        logical_id, attribute = argument if isinstance(argument, list) else str(argument).split(".", 1)
        resource = self.resources.get(logical_id)
        if isinstance(resource, _Node) and resource.get("Type") in _FUNCTIONS and attribute == "Arn":
            return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.physical_name(logical_id)}"
        return f"{logical_id}.{attribute}"

    def sub(self, argument: Any, line: int) -> str:
        text, variables = argument if isinstance(argument, list) else (argument, {})

        def replace(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in variables:
                return _text(self.resolve(variables[name]))
            return _text(self.get_att(name, line) if "." in name else self.ref(name, line))

        return re.sub(r"\$\{([^}]*)\}", replace, str(text))

    def find_in_map(self, argument: list[Any], line: int) -> Any:
        mappings: Any = self.document.get("Mappings") or {}
        for key in map(self.resolve, argument[:3]):
            if not isinstance(mappings, Mapping) or key not in mappings:
                raise self.error(line, f"!FindInMap: no {key!r} in Mappings")
            mappings = mappings[key]
        return mappings

    # ---- functions

    def read(self) -> Template:
        global_properties = (self.document.get("Globals") or {}).get("Function") or _Node(1)
        functions: dict[str, FunctionConfig] = {}
        for logical_id, resource in self.resources.items():
            if isinstance(resource, _Node) and resource.get("Type") in _FUNCTIONS:
                condition = resource.get("Condition")
                if condition is None or self.condition(condition, resource.line):
                    functions[logical_id] = self._function(logical_id, resource, global_properties)
        if not functions:
            raise self.error(
                self.document.lines["Resources"], "no function: the emulator serves AWS::Serverless::Function"
            )
        return Template(self.path, functions)

    def _function(self, logical_id: str, resource: _Node, global_properties: _Node) -> FunctionConfig:
        own = resource.get("Properties")
        if not isinstance(own, _Node):
            raise self.error(resource.line, f"{logical_id} has no Properties")
        serverless = resource["Type"] == "AWS::Serverless::Function"
        get = _Properties(self, logical_id, _merge(global_properties, own) if serverless else own)
        if get("PackageType", str, "Zip") == "Image":
            raise self.error(
                own.line, f"{logical_id} is a container image; give its command: lambda-emulator -- COMMAND"
            )
        environment = get("Environment", dict, {}).get("Variables") or {}
        managed = get("CapacityProviderConfig", dict, None)
        snap_start = get("SnapStart", dict, {})
        logging = get("LoggingConfig", dict, {})
        return FunctionConfig(
            logical_id=logical_id,
            name=get("FunctionName", str, logical_id),
            code=self._code(logical_id, own, get),
            handler=get("Handler", str, ""),
            runtime=get("Runtime", str, ""),
            timeout=get("Timeout", int, limits.FUNCTION_TIMEOUT),
            memory=get("MemorySize", int, limits.MEMORY_MIB),
            environment={str(key): _text(value) for key, value in environment.items()},
            url=self._url(logical_id, get),
            rest_apis=tuple(self._rest_apis(get)),
            reserved_concurrency=get("ReservedConcurrentExecutions", int, None),
            managed_concurrency=None if managed is None else _managed_concurrency(managed),
            snap_start=snap_start.get("ApplyOn") == "PublishedVersions",
            log_format=str(logging.get("LogFormat", "Text")),
        )

    def _code(self, logical_id: str, own: _Node, get: "_Properties") -> Path:
        uri = get("CodeUri", object, None)
        if uri is None:
            uri = get("Code", object, ".")
        if not isinstance(uri, str) or "://" in uri:
            raise self.error(own.line, f"{logical_id}: its code is not a local folder; name one in CodeUri")
        folder = (self.path.parent / uri).resolve()
        if not folder.is_dir():
            line = own.lines.get("CodeUri", own.line)
            raise self.error(line, f"{logical_id}: CodeUri {uri!r} is no folder ({folder})")
        return folder

    def _url(self, logical_id: str, get: "_Properties") -> FunctionURL | None:
        config = get("FunctionUrlConfig", dict, None)
        line = get.line("FunctionUrlConfig")
        if config is None:
            for resource in self.resources.values():
                if not isinstance(resource, _Node) or resource.get("Type") != "AWS::Lambda::Url":
                    continue
                found = self.resolve(resource.get("Properties") or _Node(resource.line))
                target = str(found.get("TargetFunctionArn", ""))
                if target.rpartition(":")[2] in (logical_id, self.physical_name(logical_id)):
                    config, line = found, resource.line
        if config is None:
            return None
        mode = config.get("InvokeMode", "BUFFERED")
        if mode not in _INVOKE_MODES:
            raise self.error(line, f"InvokeMode is {mode!r}; allowed: {', '.join(_INVOKE_MODES)}")
        auth_type = config.get("AuthType")
        if auth_type not in ("NONE", "AWS_IAM"):
            raise self.error(line, f"AuthType is {auth_type!r}; allowed: NONE, AWS_IAM")
        return FunctionURL(auth_type, mode, self._cors(config.get("Cors") or {}, line))

    def _cors(self, block: Mapping[str, Any], line: int) -> Cors:
        known = {"AllowCredentials", "AllowHeaders", "AllowMethods", "AllowOrigins", "ExposeHeaders", "MaxAge"}
        if unknown := sorted(set(block) - known):
            raise self.error(line, f"Cors has no {unknown[0]!r}; it has: {', '.join(sorted(known))}")

        def names(key: str) -> tuple[str, ...]:
            value = block.get(key) or []
            return tuple(map(str, value if isinstance(value, list) else [value]))

        return Cors(
            allow_origins=names("AllowOrigins"),
            allow_methods=names("AllowMethods"),
            allow_headers=names("AllowHeaders"),
            expose_headers=names("ExposeHeaders"),
            allow_credentials=block.get("AllowCredentials"),
            max_age=int(block["MaxAge"]) if "MaxAge" in block else None,
        )

    def _rest_apis(self, get: "_Properties") -> list[RestAPI]:
        apis = []
        for event in get("Events", dict, {}).values():
            if not isinstance(event, Mapping) or event.get("Type") != "Api":
                continue
            properties = event.get("Properties") or {}
            api = str(properties.get("RestApiId", "ServerlessRestApi"))
            resource = self.resources.get(api)
            stage = "Prod"
            if isinstance(resource, _Node) and isinstance(resource.get("Properties"), _Node):
                stage = str(self.resolve(resource["Properties"].get("StageName", "Prod")))
            mode = properties.get("ResponseTransferMode", "BUFFERED")
            method = str(properties.get("Method", "any")).upper()
            apis.append(RestAPI(api, stage, method, str(properties.get("Path", "/")), mode == "RESPONSE_STREAM"))
        return apis


class _Properties:
    """One function's merged properties, each resolved and checked where it is asked for."""

    def __init__(self, reader: _Reader, logical_id: str, properties: _Node) -> None:
        self.reader = reader
        self.logical_id = logical_id
        self.properties = properties

    def line(self, key: str) -> int:
        return self.properties.lines.get(key, self.properties.line)

    def __call__(self, key: str, kind: type[Any], default: Any) -> Any:
        value = self.reader.resolve(self.properties.get(key))
        if value is None:
            return default
        if kind is int and isinstance(value, str) and value.isdigit():
            value = int(value)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.reader.error(self.line(key), f"{self.logical_id}: {key} is no {kind.__name__}")
        return value


def _merge(base: Any, own: Any) -> Any:
    """Globals under a function's own properties: maps merge, lists are added, all else is replaced (SAM: Globals)."""
    if isinstance(base, _Node) and isinstance(own, _Node):
        result = _Node(own.line)
        result.lines = base.lines | own.lines
        for key in [*base, *(key for key in own if key not in base)]:
            result[key] = _merge(base[key], own[key]) if key in base and key in own else own.get(key, base.get(key))
        return result
    if isinstance(base, list) and isinstance(own, list):
        return [*base, *own]
    return own


def _managed_concurrency(config: Mapping[str, Any]) -> int:
    """`PerExecutionEnvironmentMaxConcurrency`; 16 is what AWS takes for Python with one vCPU."""
    inner = config.get("LambdaManagedInstancesCapacityProviderConfig") or config
    return int(inner.get("PerExecutionEnvironmentMaxConcurrency", 16))


def _text(value: Any) -> str:
    """As CloudFormation writes a scalar into a string property."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _if(reader: _Reader, argument: list[Any], line: int) -> Any:
    return reader.resolve(argument[1] if reader.condition(str(argument[0]), line) else argument[2])


_INTRINSICS: Final[Mapping[Any, Callable[[_Reader, Any, int], Any]]] = {
    "Ref": _Reader.ref,
    "Condition": lambda reader, argument, line: reader.condition(argument, line),
    "Fn::GetAtt": _Reader.get_att,
    "Fn::Sub": _Reader.sub,
    "Fn::FindInMap": _Reader.find_in_map,
    "Fn::If": _if,
    "Fn::Equals": lambda reader, argument, _: _text(reader.resolve(argument[0])) == _text(reader.resolve(argument[1])),
    "Fn::Not": lambda reader, argument, _: not reader.resolve(argument[0]),
    "Fn::And": lambda reader, argument, _: all(map(reader.resolve, argument)),
    "Fn::Or": lambda reader, argument, _: any(map(reader.resolve, argument)),
    "Fn::Join": lambda reader, argument, _: argument[0].join(map(_text, reader.resolve(argument[1]))),
    "Fn::Select": lambda reader, argument, _: reader.resolve(argument[1])[int(argument[0])],
    "Fn::Split": lambda reader, argument, _: reader.resolve(argument[1]).split(argument[0]),
}
