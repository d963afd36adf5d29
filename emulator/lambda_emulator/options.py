"""What the command line asks for; defaults and meanings are in __main__.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lambda_emulator import limits

__all__ = ["Options"]


@dataclass(frozen=True, slots=True)
class Options:
    """The command line."""

    template: Path | None = None
    function: str | None = None
    web: str | None = None
    host: str = "127.0.0.1"
    port: int = 3000
    lambda_port: int | None = None
    invoke_mode: str | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    concurrency: int | None = None
    pace: bool = False
    hang_seconds: float = limits.EMPTY_STREAM_HANG_SECONDS
    freeze: bool = False
    cold: bool = False
    idle_seconds: float | None = None
    watch: bool = False
    as_json: bool = False
    with_credentials: bool = True
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    opt: Path | None = None
    allowed_hosts: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
