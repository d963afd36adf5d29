"""What a template says of a function, as far as the emulator needs it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lambda_emulator import limits
from lambda_emulator.cors import Cors
from lambda_emulator.template.cloudformation import ACCOUNT, REGION
from lambda_emulator.template.event_invoke import EventInvoke

__all__ = [
    "HTTPAPI",
    "APIMapping",
    "FunctionConfig",
    "FunctionURL",
    "HTTPRoute",
    "Mock",
    "RestAPI",
    "RestRoute",
]


@dataclass(frozen=True, slots=True)
class FunctionURL:
    """`FunctionUrlConfig` of a function, or an AWS::Lambda::Url."""

    auth_type: str = "NONE"
    invoke_mode: str = "BUFFERED"
    cors: Cors = field(default_factory=Cors)


@dataclass(frozen=True, slots=True)
class Mock:
    """An OPTIONS method that responds without a function."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class RestAPI:
    """A REST API with its one stage."""

    logical_id: str
    stage: str = "Prod"
    variables: Mapping[str, str] = field(default_factory=dict)
    """Of the stage."""
    cors: Mapping[str, str] | None = None
    """SAM's `Cors`: headers of the OPTIONS method that each path gets; None without it."""
    options: Mapping[str, Mock] = field(default_factory=dict)
    """OPTIONS methods of the template's own, by path."""
    binary_types: tuple[str, ...] = ()
    """`BinaryMediaTypes`, with a plain slash."""
    api_keys: frozenset[str] = frozenset()
    """The values that the template gives its keys; with none of them, every key is let in."""
    preflight_needs_key: bool = False
    """SAM asks for the key in OPTIONS too, unless AddApiKeyRequiredToCorsPreflight is false."""


@dataclass(frozen=True, slots=True)
class RestRoute:
    """One `Api` event of a function: a method and a resource path of a REST API."""

    api: RestAPI
    method: str
    resource: str
    streaming: bool = False
    needs_key: bool = False
    timeout: float = limits.REST_API_SECONDS
    """Seconds until the API responds without the function. For a stream: until its first byte."""


@dataclass(frozen=True, slots=True)
class APIMapping:
    """A base path of a domain name of one's own. `path` is "" for all of the domain."""

    domain: str
    path: str
    stage: str


@dataclass(frozen=True, slots=True)
class HTTPAPI:
    """An HTTP API: AWS::Serverless::HttpApi, AWS::ApiGatewayV2::Api, or the one that SAM makes."""

    logical_id: str
    stages: Mapping[str, Mapping[str, str]]
    """Of each stage, its variables."""
    cors: Cors = field(default_factory=Cors)
    mappings: tuple[APIMapping, ...] = ()


@dataclass(frozen=True, slots=True)
class HTTPRoute:
    """One `HttpApi` event of a function, or one AWS::ApiGatewayV2::Route."""

    api: HTTPAPI
    method: str
    """"ANY" for all."""
    path: str
    """"$default" for what no other route takes."""
    payload: str = "2.0"
    timeout: float = limits.HTTP_API_SECONDS

    @property
    def key(self) -> str:
        return self.path if self.path == "$default" else f"{self.method} {self.path}"


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
    rest_routes: tuple[RestRoute, ...] = ()
    http_routes: tuple[HTTPRoute, ...] = ()
    reserved_concurrency: int | None = None
    managed_concurrency: int | None = None
    """Requests at once in one process, set for a function with a `CapacityProviderConfig`.

    AWS calls these Managed Instances.
    """
    snap_start: bool = False
    traced: bool = False
    """`Tracing: Active`: every invocation is sampled for X-Ray."""
    log_format: str = "Text"
    log_level: str | None = None
    """`LoggingConfig.ApplicationLogLevel`: INFO where logs are JSON and the template says nothing.
    """
    architecture: str = "x86_64"
    layers: tuple[Path, ...] = ()
    """Folders of the template's own layers, each as it would stand in /opt."""
    remote_layers: tuple[str, ...] = ()
    """ARNs of layers that are not here."""
    inline_code: str | None = None
    image_command: tuple[str, ...] = ()
    """The program that its container image starts in place of one of AWS's runtimes."""
    layer_module: str = ""
    """Source of `lambda_emulator_handler`, a module that a layer of the emulator adds."""
    in_vpc: bool = False
    problem: str = ""
    """Why its code cannot be run from here without a command."""
    has_permission: bool = True
    """Of its URL: without a permission, AWS refuses every request to a URL of AuthType NONE."""
    event_invoke: EventInvoke = field(default_factory=EventInvoke)
    """How it is invoked asynchronously."""
    region: str = REGION
    template: str = ""
    """The file that it is from."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """Where its properties stand in the template; "" is the function itself."""

    @property
    def has_front(self) -> bool:
        """Can an HTTP request reach it?"""
        return bool(self.url or self.rest_routes or self.http_routes)

    def qualified_arn(self, qualifier: str) -> str:
        """The ARN as it was invoked: $LATEST is not part of it."""
        arn = f"arn:aws:lambda:{self.region}:{ACCOUNT}:function:{self.name}"
        return arn if qualifier == "$LATEST" else f"{arn}:{qualifier}"

    def where(self, name: str) -> str:
        """FILE:LINE of a property."""
        return f"{self.template}:{self.line(name)}" if self.template else self.logical_id

    def line(self, name: str) -> int:
        """The line of a property, or of the function where it is not given."""
        return self.lines.get(name, self.lines.get("", 0))
