"""What a template says of a function, as far as the emulator needs it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lambda_emulator import limits
from lambda_emulator.cors import Cors
from lambda_emulator.template.cloudformation import ACCOUNT, REGION
from lambda_emulator.template.event_invoke import EventInvoke

__all__ = ["FunctionConfig", "FunctionURL", "RestAPI"]


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
    architecture: str = "x86_64"
    layers: tuple[Path, ...] = ()
    """Folders of the template's own layers, each as it would stand in /opt."""
    remote_layers: tuple[str, ...] = ()
    """ARNs of layers that are not here."""
    inline_code: str | None = None
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
