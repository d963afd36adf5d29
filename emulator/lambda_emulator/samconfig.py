"""What `sam local` commands are told in samconfig.toml: defaults for the command line.

Layout: [ENVIRONMENT.COMMAND.parameters], and [ENVIRONMENT.global.parameters] for all commands.
Source: AWS SAM developer guide, "AWS SAM CLI configuration file".
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

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
    """Of `file`, or else of the samconfig beside the template in `folder`. Raises TemplateError."""
    file = file or next((folder / name for name in _FILES if (folder / name).is_file()), None)
    if file is None:
        if environment is None:
            return SamConfig()
        raise TemplateError(f"--config-env {environment}: there is no samconfig.toml here")
    document = _document(file)
    name = environment or "default"
    if environment is not None:
        _check_environment(file, document, environment)
    defaults: dict[str, Any] = {}
    notes = []
    for command in ("global", *commands):
        section = _section(file, document, name, command)
        for key in section.keys() & _OPTIONS.keys():
            defaults[_OPTIONS[key]] = _value(file, key, section[key])
        if words := _words(section, command):
            notes.append(f"{file} [{name}.{command}.parameters]: {', '.join(words)}")
    return SamConfig(defaults, tuple(notes))


def _check_environment(file: Path, document: Mapping[str, Any], environment: str) -> None:
    if environment not in document:
        known = ", ".join(key for key, value in document.items() if isinstance(value, dict))
        raise TemplateError(f"{file}: no environment {environment!r}; there is: {known or 'none'}")


def _words(section: Mapping[str, Any], command: str) -> list[str]:
    """Say what is used of a section. Only [global] is expected to have options of other commands."""
    used = [key for key in section if key in _OPTIONS]
    unused = [key for key in section if key not in _OPTIONS and command != "global"]
    return [*used, *(f"{key} is not used" for key in unused)]


def _document(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text("utf-8")
        document = tomllib.loads(text) if file.suffix == ".toml" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise TemplateError(f"{file}: {reason}") from error
    return document if isinstance(document, dict) else {}


def _section(file: Path, document: Any, environment: str, command: str) -> Mapping[str, Any]:
    section: Any = document
    for key in (environment, command, "parameters"):
        section = section.get(key, {})
        if not isinstance(section, dict):
            raise TemplateError(f"{file}: {environment}.{command}.parameters is not a table")
    return {str(key): value for key, value in section.items()}


def _value(file: Path, key: str, value: Any) -> Any:
    """As the command line gives it: text, or a list of words for --parameter-overrides."""
    if key == "parameter_overrides":
        if isinstance(value, dict):
            return [f"{name}={text}" for name, text in value.items()]
        return value if isinstance(value, list) else [str(value)]
    if isinstance(value, bool):
        return value
    if isinstance(value, str | int):
        return str(value)
    raise TemplateError(f"{file}: {key} is {value!r}; it takes one word")
