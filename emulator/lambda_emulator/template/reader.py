"""A SAM (or CloudFormation) template -> the functions that the emulator can serve.

Read with PyYAML (document.py), which keeps each node's line for error messages.
The SAM translator would bring boto3 and pydantic (40 MB, 1.1 s to import), drop the lines,
and leave every !Ref, !If, !Sub and !GetAtt to its caller;
so it is the oracle of the tests instead (tests/lambda_emulator/test_template.py).
Read here: Parameters, Conditions, Mappings, Globals.Function,
and of each function what changes how it runs.
Everything else only matters to a deployment.
Resources that would respond to requests are named in `cautions`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lambda_emulator import limits
from lambda_emulator.cors import Cors
from lambda_emulator.template.cloudformation import FUNCTIONS, REGION, Document
from lambda_emulator.template.config import FunctionConfig, FunctionURL, HTTPRoute, RestRoute
from lambda_emulator.template.document import Caution, Node, TemplateError, to_text
from lambda_emulator.template.event_invoke import read_event_invoke
from lambda_emulator.template.http_apis import HTTP_API_TYPES, HTTPAPIs, read_cors
from lambda_emulator.template.packages import LAYERS, Packages
from lambda_emulator.template.properties import Properties, merged
from lambda_emulator.template.rest_apis import RestAPIs
from lambda_emulator.template.rest_resources import REST_RESOURCES
from lambda_emulator.template.web_functions import read_web_functions
from lambda_emulator.web.config import WebFunctionConfig

__all__ = ["Template", "load"]

_INVOKE_MODES: Final = ("BUFFERED", "RESPONSE_STREAM")
_SERVED: Final = (
    *FUNCTIONS,
    *LAYERS,
    "AWS::Lambda::Url",
    "AWS::Lambda::Permission",
    "AWS::Serverless::Api",
    *HTTP_API_TYPES,
    *REST_RESOURCES,
    "AWS::Serverless::WebFunction",
    "AWS::Lambda::WebFunction",
    "AWS::Lambda::WebFunctionRevision",
    "AWS::Lambda::WebFunctionEndpoint",
    "AWS::Lambda::EventInvokeConfig",
)
_SILENT: Final = (
    # What changes nothing for a request.
    "AWS::Logs::",
    "AWS::CloudWatch::",
    "AWS::IAM::",
    "AWS::Lambda::Version",
    "AWS::Lambda::Alias",
    "AWS::ApplicationAutoScaling::",
    "AWS::KMS::",
    "AWS::CodeDeploy::",
    "AWS::SSM::Parameter",
    "AWS::EC2::",
    "AWS::CloudFormation::WaitCondition",
    "AWS::ApiGateway::Account",
    "AWS::CDK::Metadata",
)


@dataclass(frozen=True, slots=True)
class Template:
    path: Path
    functions: Mapping[str, FunctionConfig]
    web_functions: Mapping[str, WebFunctionConfig] = field(default_factory=dict)
    cautions: tuple[Caution, ...] = ()

    def function(self, logical_id: str | None) -> FunctionConfig:
        """Return the function with that id or name.

        Args:
            logical_id: A logical id or a FunctionName. None means the only function,
                or the only one with a URL.

        Raises:
            TemplateError: No function or several functions match.
        """
        names = ", ".join(self.functions) or "none"
        if logical_id is None:
            functions = list(self.functions.values())
            with_url = [function for function in functions if function.url]
            candidates = with_url or functions
            if len(candidates) == 1:
                return candidates[0]
            advice = "or serve all of them to the SDKs with --lambda-port"
            raise TemplateError(f"{self.path}: choose one with --function: {names}; {advice}")
        for function in self.functions.values():
            if logical_id in (function.logical_id, function.name):
                return function
        raise TemplateError(f"{self.path}: no function {logical_id!r}; there is: {names}")

    def web_function(self, logical_id: str | None) -> WebFunctionConfig | None:
        """Return the Web Function with that id or name.

        Without an id, return the template's only function.
        """
        functions = list(self.web_functions.values())
        if logical_id is None and len(functions) == 1 and not self.functions:
            return functions[0]
        for function in functions:
            if logical_id in (function.logical_id, function.name):
                return function
        return None


def load(path: Path, overrides: Mapping[str, str] | None = None, region: str = REGION) -> Template:
    """Read a template.

    Args:
        path: A file with YAML or JSON.
        overrides: Values of parameters, by name.
        region: The value of AWS::Region.

    Raises:
        TemplateError: The file cannot be read, or has something that AWS would reject.
    """
    document = Document(path, overrides or {}, region)
    return _Reader(document).read()


class _Reader:
    """Makes FunctionConfigs of a document's resources."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.path = document.path
        self.error = document.error
        self.resources = document.made
        self.packages = Packages(document)
        self.rest_apis = RestAPIs(document)
        self.http_apis = HTTPAPIs(document)

    def read(self) -> Template:
        shared = self.document.shared("Function")
        functions = {}
        for logical_id, resource in self._of_type(*FUNCTIONS):
            functions[logical_id] = self._guarded(logical_id, resource, shared)
        web_functions = read_web_functions(self.document, self.packages.local_code)
        if not functions and not web_functions:
            raise self.error(
                self.document.root.lines["Resources"],
                "no function: the emulator serves AWS::Serverless::Function and "
                "AWS::Serverless::WebFunction",
            )
        self._check_names(functions)
        self._name_ignored()
        return Template(self.path, functions, web_functions, tuple(self.document.cautions))

    def _of_type(self, *types: str) -> Iterator[tuple[str, Node]]:
        for name, resource in self.resources.items():
            if resource.get("Type") in types:
                yield name, resource

    def _guarded(self, logical_id: str, resource: Node, shared: Node) -> FunctionConfig:
        try:
            return self._function(logical_id, resource, shared)
        except (TypeError, ValueError, LookupError, AttributeError, RecursionError) as error:
            raise self.error(resource.line, f"{logical_id} cannot be read: {error}") from error

    def _check_names(self, functions: Mapping[str, FunctionConfig]) -> None:
        seen: dict[str, FunctionConfig] = {}
        for function in functions.values():
            name = function.name
            if other := seen.get(name):
                line = function.line("FunctionName")
                there = other.line("FunctionName")
                message = f"FunctionName {name!r} is also {other.logical_id}'s (line {there})"
                raise self.error(line, message)
            seen[name] = function

    def _name_ignored(self) -> None:
        """Name all resources that would matter to a request and are not here, in one line."""
        ignored: Counter[str] = Counter()
        for resource in self.resources.values():
            kind = to_text(resource.get("Type"))
            if kind not in _SERVED and not kind.startswith(_SILENT):
                ignored[kind] += 1
        if not ignored:
            return
        names = []
        for kind, count in sorted(ignored.items()):
            names.append(f"{count} x {kind}" if count > 1 else kind)
        line = self.document.root.lines["Resources"]
        self.document.caution(line, f"not emulated: {', '.join(names)}")

    # ---- one function

    def _function(self, logical_id: str, resource: Node, shared: Node) -> FunctionConfig:
        get = self._properties(logical_id, resource, shared)
        code = self.packages.code(get)
        layers, remote_layers = self.packages.layers(get)
        log_format, log_level = _logging(get)
        rest_routes, http_routes = self._routes(get)
        architectures = get.texts("Architectures") or ("x86_64",)
        lines = {str(key): line for key, line in get.node.lines.items()}
        return FunctionConfig(
            logical_id=logical_id,
            name=get.text("FunctionName", logical_id),
            code=code.folder,
            handler=get.text("Handler", code.handler),
            runtime=get.text("Runtime", code.runtime),
            timeout=get.number("Timeout", 1, 900, limits.FUNCTION_TIMEOUT),
            memory=get.number("MemorySize", 128, 10240, limits.MEMORY_MIB),
            environment={**code.variables, **self._environment(get)},
            url=self._url(logical_id, get),
            rest_routes=tuple(rest_routes),
            http_routes=tuple(http_routes),
            reserved_concurrency=get.number("ReservedConcurrentExecutions", 0, 100_000, None),
            managed_concurrency=_managed_concurrency(get),
            snap_start=get.inner("SnapStart").text("ApplyOn", "None") == "PublishedVersions",
            traced=_is_traced(get),
            log_format=log_format,
            log_level=log_level,
            architecture=architectures[0],
            layers=(*code.opt, *layers),
            remote_layers=remote_layers,
            inline_code=code.inline,
            image_command=code.command,
            event_invoke=read_event_invoke(self.document, logical_id, get),
            in_vpc="VpcConfig" in get.node,
            problem=code.problem,
            has_permission=self._has_permission(logical_id, get),
            region=self.document.region,
            template=str(self.path),
            lines={"": resource.line, **lines},
        )

    def _properties(self, logical_id: str, resource: Node, shared: Node) -> Properties:
        """Return a function's own properties, over those of Globals if SAM applies them."""
        own = resource.get("Properties", Node(resource.line))
        if not isinstance(own, Node):
            line = resource.lines["Properties"]
            raise self.error(line, f"{logical_id}: Properties is not a mapping")
        if resource["Type"] == "AWS::Serverless::Function":
            own = merged(shared, own)
        return Properties(self.document, logical_id, own)

    def _environment(self, get: Properties) -> dict[str, str]:
        variables = get.inner("Environment").inner("Variables")
        result = {}
        for key in variables.node:
            try:
                value = variables.value(key)
            except TemplateError as error:
                text = str(error).removeprefix(f"{self.path}:")
                line, _, reason = text.partition(": ")
                message = f"{get.owner}: {key} is left out: {reason}; set it with --env"
                self.document.caution(int(line), message)
                continue
            if isinstance(value, dict | list):
                raise variables.error(key, f"the variable {key} is not text")
            if value is not None:
                result[str(key)] = to_text(value)
        return result

    # ---- what invokes it

    def _url(self, logical_id: str, get: Properties) -> FunctionURL | None:
        config = get.nested("FunctionUrlConfig") or self._url_resource(logical_id)
        if config is None:
            return None
        auth_type = config.choice("AuthType", ("NONE", "AWS_IAM"), None)
        invoke_mode = config.choice("InvokeMode", _INVOKE_MODES, "BUFFERED")
        cors = Cors()
        if config.nested("Cors") is not None:
            cors = read_cors(config, "Cors")
        return FunctionURL(auth_type, invoke_mode, cors)

    def _url_resource(self, logical_id: str) -> Properties | None:
        names = (logical_id, self.document.physical_name(logical_id))
        for name, resource in self._of_type("AWS::Lambda::Url"):
            properties = resource.get("Properties")
            if not isinstance(properties, Node):
                properties = Node(resource.line)
            found = Properties(self.document, name, properties)
            target = found.text("TargetFunctionArn", "")
            before, _, after = target.partition(":function:")
            target_name, _, _ = (after or before).partition(":")
            if target_name in names:
                return found
        return None

    def _has_permission(self, logical_id: str, get: Properties) -> bool:
        """SAM adds the permission of a FunctionUrlConfig, not that of an AWS::Lambda::Url."""
        if "FunctionUrlConfig" in get.node or self._url_resource(logical_id) is None:
            return True
        names = (logical_id, self.document.physical_name(logical_id))
        for name, resource in self._of_type("AWS::Lambda::Permission"):
            properties = resource.get("Properties")
            if not isinstance(properties, Node):
                continue
            given = Properties(self.document, name, properties)
            _, _, target = given.text("FunctionName", "").rpartition(":")
            action = given.text("Action", "")
            if target in names and action == "lambda:InvokeFunctionUrl":
                return True
        return False

    def _routes(self, get: Properties) -> tuple[list[RestRoute], list[HTTPRoute]]:
        """What its events and the resources of API Gateway make of it."""
        rest = list(self.rest_apis.raw.routes(get.owner))
        http = list(self.http_apis.resource_routes(get.owner))
        for name, event in get.inner("Events").items():
            kind = event.text("Type", "")
            given = event.inner("Properties")
            if kind == "Api":
                rest.append(self.rest_apis.route(given))
            elif kind == "HttpApi":
                http.append(self.http_apis.event_route(given))
            else:
                event.caution("", f"the event {name} ({kind}) is not emulated; invoke it instead")
        return rest, http


def _logging(get: Properties) -> tuple[str, str | None]:
    """The format and, where it counts, the level of the function's logs."""
    logging = get.inner("LoggingConfig")
    log_format = logging.choice("LogFormat", ("Text", "JSON"), "Text")
    default = "INFO" if log_format == "JSON" else ""
    level = logging.text("ApplicationLogLevel", default)
    return log_format, level or None


def _is_traced(get: Properties) -> bool:
    """SAM's `Tracing`, or CloudFormation's `TracingConfig`."""
    sam = get.text("Tracing", "")
    raw = get.inner("TracingConfig").text("Mode", "")
    return "Active" in (sam, raw)


def _managed_concurrency(get: Properties) -> int | None:
    """Return `PerExecutionEnvironmentMaxConcurrency`, or None without a capacity provider.

    16 is AWS's default for Python with one vCPU.
    """
    config = get.nested("CapacityProviderConfig")
    if config is None:
        return None
    inner = config.nested("LambdaManagedInstancesCapacityProviderConfig") or config
    return inner.number("PerExecutionEnvironmentMaxConcurrency", 1, 1600, 16)
