"""Read the process's environment variables once, from a mapping. Pure.

Lambda's variables:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
Ours begin with `LAMBDA_ASGI_`. Each is described at its field of `Settings`.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal, NamedTuple, Self, TypeVar

from lambda_asgi._event_sources.authority import server_address
from lambda_asgi._response_mode import BUFFERED, EXPECTED, ResponseMode
from lambda_asgi.errors import ConfigurationError

T = TypeVar("T")
D = TypeVar("D")


class FunctionIdentity(NamedTuple):
    """The parts of the context object that are the same for every invocation."""

    name: str = ""
    version: str = ""
    memory_mb: str = ""
    log_group: str = ""
    log_stream: str = ""


class Settings(NamedTuple):
    """The user's settings, from environment variables that begin with `LAMBDA_ASGI_`."""

    response_mode: ResponseMode | None = None
    """LAMBDA_ASGI_RESPONSE_MODE: which responses are streamed. None if it is not set: the handler
    decides. Always buffered under `sam local` (AWS_SAM_LOCAL), which passes the raw bytes of a
    streamed response on.
    """
    event_path: str = "/events"
    """LAMBDA_ASGI_EVENT_PATH: where non-HTTP events are POSTed."""
    event_host: str = "localhost"
    """LAMBDA_ASGI_EVENT_HOST: the Host of these requests, for apps that check it."""
    deadline_margin: float = 1.0
    """LAMBDA_ASGI_DEADLINE_MARGIN_MS, here in seconds: how long before Lambda's timeout the app is
    told to stop. Half of it passes until the cancellation, and another quarter until the
    response ends without the app.
    """
    fill_empty: bool = True
    """LAMBDA_ASGI_FILL_EMPTY: an empty 3xx, 4xx or 5xx gets one newline. Some event sources keep
    the connection of a stream without a body byte open until the function's timeout.
    """
    error_records: bool = False
    """LAMBDA_ASGI_ERROR_RECORDS: after a failure in mid-stream, one more record tells the client,
    if the media type has records (text/event-stream, NDJSON). A Function URL ends such a stream
    normally.
    """
    access_log: bool = True
    """LAMBDA_ASGI_ACCESS_LOG: one line for each invocation."""

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            ConfigurationError: A value is invalid. The message names the variable, its value and
                valid values.
        """
        read = partial(_read, variables)
        response_mode = read("LAMBDA_ASGI_RESPONSE_MODE", ResponseMode.parse, None, EXPECTED)
        if variables.get("AWS_SAM_LOCAL") == "true":
            response_mode = BUFFERED
        margin_ms = read("LAMBDA_ASGI_DEADLINE_MARGIN_MS", _positive, 1000, "a whole number from 1")
        return cls(
            response_mode=response_mode,
            event_path=read(
                "LAMBDA_ASGI_EVENT_PATH", _path, "/events", "a path that begins with /"
            ),
            event_host=read(
                "LAMBDA_ASGI_EVENT_HOST", _host, "localhost", "a host, such as api.example.com"
            ),
            deadline_margin=margin_ms / 1000,
            fill_empty=read("LAMBDA_ASGI_FILL_EMPTY", _switch, True, "true or false"),
            error_records=read("LAMBDA_ASGI_ERROR_RECORDS", _switch, False, "true or false"),
            access_log=read("LAMBDA_ASGI_ACCESS_LOG", _switch, True, "true or false"),
        )


class Environment(NamedTuple):
    """The execution environment."""

    runtime_api: str
    """host:port of the Runtime API."""
    handler: str
    """The app: `module.name` or `module:name`. The module may have dots or slashes."""
    settings: Settings = Settings()
    function: FunctionIdentity = FunctionIdentity()
    task_root: str = "/var/task"
    initialization_type: str = "on-demand"
    max_concurrency: int = 1
    """Invocations at once in this process (Lambda Managed Instances)."""
    concurrent: bool = False
    """Whether this is a Managed Instances environment. Then nothing process-wide may name an
    invocation.
    """
    log_format: Literal["Text", "JSON"] = "Text"
    log_level: str | None = None
    telemetry_log_fd: int | None = None

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> Self:
        """Read the environment.

        Raises:
            ConfigurationError: A value is missing or invalid. The message says what to set.
        """
        if not variables.get("AWS_LAMBDA_RUNTIME_API"):
            raise ConfigurationError(
                "AWS_LAMBDA_RUNTIME_API is not set: outside Lambda, use lambda-emulator"
            )
        read = partial(_read, variables)
        concurrency = read("AWS_LAMBDA_MAX_CONCURRENCY", _positive, 0, "a whole number from 1")
        log_format = variables.get("AWS_LAMBDA_LOG_FORMAT", "")
        return cls(
            runtime_api=variables["AWS_LAMBDA_RUNTIME_API"],
            handler=variables.get("_HANDLER", ""),
            settings=Settings.read(variables),
            function=FunctionIdentity(
                name=variables.get("AWS_LAMBDA_FUNCTION_NAME", ""),
                version=variables.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
                memory_mb=variables.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", ""),
                log_group=variables.get("AWS_LAMBDA_LOG_GROUP_NAME", ""),
                log_stream=variables.get("AWS_LAMBDA_LOG_STREAM_NAME", ""),
            ),
            task_root=variables.get("LAMBDA_TASK_ROOT") or "/var/task",
            initialization_type=variables.get("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            max_concurrency=concurrency or 1,
            concurrent=concurrency > 0,
            log_format="JSON" if log_format.upper() == "JSON" else "Text",
            log_level=variables.get("AWS_LAMBDA_LOG_LEVEL") or None,
            telemetry_log_fd=read(
                "_LAMBDA_TELEMETRY_LOG_FD", int, None, "a file descriptor's number"
            ),
        )

    @property
    def snap_start(self) -> bool:
        return self.initialization_type == "snap-start"


def _read(
    variables: Mapping[str, str], name: str, parse: Callable[[str], T], default: D, expected: str
) -> T | D:
    value = variables.get(name, "").strip()
    if not value:
        return default
    try:
        return parse(value)
    except ValueError:
        raise ConfigurationError(f"{name}={value!r}: set it to {expected}") from None


def _positive(value: str) -> int:
    number = int(value)
    if number < 1:
        raise ValueError(value)
    return number


def _path(value: str) -> str:
    if not value.startswith("/"):
        raise ValueError(value)
    return value


def _host(value: str) -> str:
    if server_address(value, None, "https") is None:
        raise ValueError(value)
    return value


def _switch(value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise ValueError(value)
    return value.lower() == "true"
