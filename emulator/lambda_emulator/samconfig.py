"""What `sam local` commands are told in samconfig.toml: defaults for the command line.

Layout: [ENVIRONMENT.COMMAND.parameters], and [ENVIRONMENT.global.parameters] for all commands.
Source: AWS SAM developer guide, "AWS SAM CLI configuration file".
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import yaml

from lambda_emulator.template.document import TemplateError

__all__ = ["INVOKE", "SERVE", "SamConfig", "read"]

SERVE: Final = ("local_start_api", "local_start_lambda", "local_start_function_urls")
INVOKE: Final = ("local_invoke",)
"""The sections of which commands count, the last one most."""

_FILES: Final = ("samconfig.toml", "samconfig.yaml", "samconfig.yml")
_OPTIONS: Final[Mapping[str, str]] = {
    "template": "template",
    "template_file": "template",
    "parameter_overrides": "parameter_overrides",
    "env_vars": "env_vars",
    "region": "region",
    "profile": "profile",
    "host": "host",
    "port": "port",
    "event": "event",
    "no_event": "no_event",
    "ssl_cert_file": "certfile",
    "ssl_key_file": "keyfile",
}
"""Sam's name of an option, and ours."""


@dataclass(frozen=True, slots=True)
class SamConfig:
    """`defaults` by the name of our option; `notes` say where each is from, and what is unused."""

    defaults: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read(
    folder: Path, commands: tuple[str, ...], *, file: Path | None, environment: str | None
) -> SamConfig:
    """Read the options of a samconfig file.

    Args:
        folder: The template's folder, whose samconfig.toml is read if `file` is None.
        commands: The names of the sections that apply. Later ones win.
        file: --config-file.
        environment: --config-env.

    Raises:
        TemplateError: The file cannot be read, or has no such environment.
    """
    if file is None:
        paths = [folder / name for name in _FILES]
        file = next((path for path in paths if path.is_file()), None)
    if file is None:
        if environment is not None:
            raise TemplateError(f"--config-env {environment}: there is no samconfig.toml here")
        return SamConfig()
    document = _document(file, environment)
    defaults: dict[str, Any] = {}
    notes: list[str] = []
    for command in ("global", *commands):
        section = _Section.of(file, document, environment or "default", command)
        defaults.update(section.defaults())
        notes += section.notes()
    return SamConfig(defaults, tuple(notes))


@dataclass(frozen=True, slots=True)
class _Section:
    """The table [ENVIRONMENT.COMMAND.parameters] of a file: options by sam's name."""

    file: Path
    environment: str
    command: str
    options: Mapping[str, Any]

    @classmethod
    def of(cls, file: Path, document: Any, environment: str, command: str) -> Self:
        table: Any = document
        for key in (environment, command, "parameters"):
            table = table.get(key, {})
            if not isinstance(table, dict):
                raise TemplateError(f"{file}: {environment}.{command}.parameters is not a table")
        options = {str(key): value for key, value in table.items()}
        return cls(file, environment, command, options)

    def defaults(self) -> Iterator[tuple[str, Any]]:
        for key, value in self.options.items():
            if key in _OPTIONS:
                yield _OPTIONS[key], _value(self.file, key, value)

    def notes(self) -> Iterator[str]:
        """One line, or none. Global options are for all commands: unused ones are no surprise."""
        words = [key for key in self.options if key in _OPTIONS]
        if self.command != "global":
            words += [f"{key} is not used" for key in self.options if key not in _OPTIONS]
        if words:
            title = f"{self.environment}.{self.command}.parameters"
            yield f"{self.file} [{title}]: {', '.join(words)}"


def _document(file: Path, environment: str | None) -> dict[str, Any]:
    """Return all environments of a file. A requested one must exist."""
    try:
        text = file.read_text("utf-8")
        document = tomllib.loads(text) if file.suffix == ".toml" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise TemplateError(f"{file}: {reason}") from error
    document = document if isinstance(document, dict) else {}
    if environment is not None and environment not in document:
        names = [key for key, value in document.items() if isinstance(value, dict)]
        known = ", ".join(names) or "none"
        raise TemplateError(f"{file}: no environment {environment!r}; there is: {known}")
    return document


def _value(file: Path, key: str, value: Any) -> Any:
    """Return a value as the command line has it: text, or words for --parameter-overrides."""
    if key == "parameter_overrides":
        if isinstance(value, dict):
            return [f"{name}={text}" for name, text in value.items()]
        return value if isinstance(value, list) else [str(value)]
    if isinstance(value, bool):
        return value
    if isinstance(value, str | int):
        return str(value)
    raise TemplateError(f"{file}: {key} is {value!r}; it takes one word")
