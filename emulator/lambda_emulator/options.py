"""The parsed command line. The help texts of arguments.py say what each option means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lambda_emulator import limits
from lambda_emulator.template.cloudformation import REGION

__all__ = ["RUNTIMES", "Options"]

RUNTIMES: Final = ("lambda-asgi", "handler-mode", "awslambdaric")
"""Values of --runtime: the runtime client that runs an app given as MODULE:APP."""


@dataclass(frozen=True, slots=True)
class Options:
    """One field for each option. None: not given, so the template or the emulator's default
    decides.

    Times are in seconds. Nothing is checked here; command_line.py does that.
    """

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
    """Messages about what was read from samconfig.toml, printed at the start."""
