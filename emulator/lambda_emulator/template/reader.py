"""A SAM (or CloudFormation) template -> the functions that the emulator can serve.

Read with PyYAML (cloudformation.py), which keeps each node's line for error messages. The SAM translator would bring
boto3 and pydantic (40 MB, 1.1 s to import), drop the lines, and leave every !Ref, !If, !Sub and !GetAtt to its caller;
so it is the oracle of the tests instead (tests/lambda_emulator/test_template.py). Read here: Parameters, Conditions,
Mappings, Globals.Function, and of each function what changes how it runs. All else is for who deploys.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lambda_emulator import limits
from lambda_emulator.cors import Cors
from lambda_emulator.template.cloudformation import ACCOUNT, FUNCTIONS, REGION, Document, Node, TemplateError, to_text
from lambda_emulator.template.code import code_folder
from lambda_emulator.template.web_functions import read_web_functions
from lambda_emulator.web.config import WebFunctionConfig

__all__ = ["FunctionConfig", "FunctionURL", "RestAPI", "Template", "load"]

_BUILT: Final = re.compile(r"(?:\./)?\.aws-sam/build/(\w+)/?")
_INVOKE_MODES: Final = ("BUFFERED", "RESPONSE_STREAM")


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
    traced: bool = False
    """`Tracing: Active`: every invocation is sampled for X-Ray."""
    log_format: str = "Text"
    log_level: str | None = None
    """`LoggingConfig.ApplicationLogLevel`: INFO where logs are JSON and the template says nothing."""

    def qualified_arn(self, qualifier: str) -> str:
        """The ARN as it was invoked: $LATEST is not part of it."""
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.name}"
        return arn if qualifier == "$LATEST" else f"{arn}:{qualifier}"


@dataclass(frozen=True, slots=True)
class Template:
    path: Path
    functions: Mapping[str, FunctionConfig]
    web_functions: Mapping[str, WebFunctionConfig] = field(default_factory=dict)

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

    def web_function(self, logical_id: str | None) -> WebFunctionConfig | None:
        """The Web Function of that id or name; the only function of the template where no id is given."""
        if logical_id is None and len(self.web_functions) == 1 and not self.functions:
            return next(iter(self.web_functions.values()))
        return next((f for f in self.web_functions.values() if logical_id in (f.logical_id, f.name)), None)


def load(path: Path, overrides: Mapping[str, str] | None = None) -> Template:
    """Reads a template. `overrides` are parameter values. Raises TemplateError."""
    return _Reader(Document(path, overrides or {})).read()


class _Reader:
    """Makes FunctionConfigs of a document's resources."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.path = document.path
        self.resources = document.resources
        self.resolve = document.resolve
        self.error = document.error

    def read(self) -> Template:
        global_properties = (self.document.root.get("Globals") or {}).get("Function") or Node(1)
        functions: dict[str, FunctionConfig] = {}
        for logical_id, resource in self.resources.items():
            if isinstance(resource, Node) and resource.get("Type") in FUNCTIONS and self.document.is_made(resource):
                functions[logical_id] = self._function(logical_id, resource, global_properties)
        web_functions = read_web_functions(self.document, self._local_code)
        if not functions and not web_functions:
            raise self.error(
                self.document.root.lines["Resources"],
                "no function: the emulator serves AWS::Serverless::Function and AWS::Serverless::WebFunction",
            )
        return Template(self.path, functions, web_functions)

    def _function(self, logical_id: str, resource: Node, global_properties: Node) -> FunctionConfig:
        own = resource.get("Properties")
        if not isinstance(own, Node):
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
        log_format = str(logging.get("LogFormat", "Text"))
        tracing_config = get("TracingConfig", dict, {})
        return FunctionConfig(
            logical_id=logical_id,
            name=get("FunctionName", str, logical_id),
            code=self._code(logical_id, own, get),
            handler=get("Handler", str, ""),
            runtime=get("Runtime", str, ""),
            timeout=get("Timeout", int, limits.FUNCTION_TIMEOUT),
            memory=get("MemorySize", int, limits.MEMORY_MIB),
            environment={str(key): to_text(value) for key, value in environment.items()},
            url=self._url(logical_id, get),
            rest_apis=tuple(self._rest_apis(get)),
            reserved_concurrency=get("ReservedConcurrentExecutions", int, None),
            managed_concurrency=None if managed is None else _managed_concurrency(managed),
            snap_start=snap_start.get("ApplyOn") == "PublishedVersions",
            traced=get("Tracing", str, "PassThrough") == "Active" or tracing_config.get("Mode") == "Active",
            log_format=log_format,
            log_level=logging.get("ApplicationLogLevel", "INFO" if log_format == "JSON" else None),
        )

    def _code(self, logical_id: str, own: Node, get: "_Properties") -> Path:
        uri = get("CodeUri", object, None)
        if uri is None:
            uri = get("Code", object, ".")
        if not isinstance(uri, str) or "://" in uri:
            raise self.error(own.line, f"{logical_id}: its code is not a local folder; name one in CodeUri")
        return self._local_code(uri, own.lines.get("CodeUri", own.line))

    def _local_code(self, uri: str, line: int) -> Path:
        """The folder of a CodeUri. What was built of another function of the template stands for that one's code."""
        built = _BUILT.fullmatch(uri)
        resource = self.resources.get(built[1]) if built is not None else None
        if isinstance(resource, Node) and isinstance(resource.get("Properties"), Node):
            uri = str(self.resolve(resource["Properties"].get("CodeUri", ".")))
        path = (self.path.parent / uri).resolve()
        folder = code_folder(path)
        if folder is None:
            raise self.error(line, f"CodeUri {uri!r} is no folder and no zip ({path})")
        return folder

    def _url(self, logical_id: str, get: "_Properties") -> FunctionURL | None:
        config = get("FunctionUrlConfig", dict, None)
        line = get.line("FunctionUrlConfig")
        if config is None:
            for resource in self.resources.values():
                if not isinstance(resource, Node) or resource.get("Type") != "AWS::Lambda::Url":
                    continue
                found = self.resolve(resource.get("Properties") or Node(resource.line))
                target = str(found.get("TargetFunctionArn", ""))
                if target.rpartition(":")[2] in (logical_id, self.document.physical_name(logical_id)):
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
            if isinstance(resource, Node) and isinstance(resource.get("Properties"), Node):
                stage = str(self.resolve(resource["Properties"].get("StageName", "Prod")))
            mode = properties.get("ResponseTransferMode", "BUFFERED")
            method = str(properties.get("Method", "any")).upper()
            apis.append(RestAPI(api, stage, method, str(properties.get("Path", "/")), mode == "RESPONSE_STREAM"))
        return apis


class _Properties:
    """One function's merged properties, each resolved and checked where it is asked for."""

    def __init__(self, reader: _Reader, logical_id: str, properties: Node) -> None:
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
    if isinstance(base, Node) and isinstance(own, Node):
        result = Node(own.line)
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
