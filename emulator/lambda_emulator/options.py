"""What the command line asks for; defaults and meanings are in command_line.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lambda_emulator import limits
from lambda_emulator.template.cloudformation import REGION

__all__ = ["RUNTIMES", "Options"]

RUNTIMES: Final = ("lambda-asgi", "handler-mode", "awslambdaric")
"""What an app without a template can run under."""


@dataclass(frozen=True, slots=True)
class Options:
    """The command line."""

    template: Path | None = None
    function: str | None = None
    app: str | None = None
    app_dir: Path | None = None
    runtime: str | None = None
    web: str | None = None
    host: str = "127.0.0.1"
    port: int = 3000
    lambda_port: int | None = None
    certfile: Path | None = None
    keyfile: Path | None = None
    invoke_mode: str | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    region: str = REGION
    profile: str | None = None
    concurrency: int | None = None
    pace: bool = False
    hang_seconds: float = limits.EMPTY_STREAM_HANG_SECONDS
    freeze: bool = False
    cold: bool = False
    idle_seconds: float | None = None
    watch: bool = False
    debug: bool = False
    as_json: bool = False
    quiet: bool = False
    with_credentials: bool = True
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    opt: Path | None = None
    allowed_hosts: Sequence[str] = ()
    command: Sequence[str] = ()
    notes: Sequence[str] = ()
    """What was read from samconfig.toml."""
