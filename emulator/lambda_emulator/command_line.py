"""The words of the command line -> Options."""

import argparse
import json
import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Final

from lambda_emulator import samconfig
from lambda_emulator.credentials import region_of
from lambda_emulator.options import Options

__all__ = ["parameter_overrides", "parse"]

_SEVERAL: Final = re.compile(r"\w+=\S*(\s+\w+=.*)+|\w+=([\"']).*\2", re.DOTALL)
"""A word with more than one KEY=VALUE in it, or with a quoted value."""
_APP: Final = re.compile(r"[\w./-]+[:.]\w+(\.\w+)*")
_REGION: Final = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")


def parse(
    parser: argparse.ArgumentParser, words: Sequence[str], commands: tuple[str, ...]
) -> tuple[Options, argparse.Namespace]:
    """Read a command line, over the options of samconfig.toml.

    Args:
        parser: The parser. It exits with a message if the usage is wrong.
        words: The words after the command's name.
        commands: The sections of samconfig.toml that apply, such as `local_invoke`.

    Returns:
        The options, and every argument by its name.

    Raises:
        TemplateError: samconfig.toml is wrong.
    """
    words, command = _split(parser, list(words))
    config = _samconfig(parser.parse_args(words), commands)
    parser.set_defaults(**config.defaults)
    given = parser.parse_args(words)
    _check(parser, given, command)
    found = vars(given) | {
        "command": tuple(command),
        "notes": config.notes,
        "overrides": parameter_overrides(given.parameter_overrides, parser),
        "region": given.region or region_of(os.environ, given.profile),
        "variables": _variables(given, parser),
    }
    if not _REGION.fullmatch(found["region"]):
        parser.error(f"--region {found['region']}: a region is a word such as eu-west-1")
    if given.debug:
        found["concurrency"] = 1
    options = {field.name: found[field.name] for field in fields(Options) if field.name in found}
    return Options(**options), given


def _split(parser: argparse.ArgumentParser, words: list[str]) -> tuple[list[str], list[str]]:
    """Return the options, and the command after `--`."""
    if "--" not in words:
        return words, []
    cut = words.index("--")
    command = words[cut + 1 :]
    if not command:
        parser.error("give a command behind --")
    return words[:cut], command


def _samconfig(given: argparse.Namespace, commands: tuple[str, ...]) -> samconfig.SamConfig:
    folder = given.template.parent if given.template else Path()
    return samconfig.read(folder, commands, file=given.config_file, environment=given.config_env)


def _check(
    parser: argparse.ArgumentParser, given: argparse.Namespace, command: Sequence[str]
) -> None:
    """Exit with a message if arguments exclude each other, or have no effect alone."""
    words = vars(given)
    app = words.get("app")
    is_of_template = bool(given.template or given.function)
    excluded = (
        (
            words.get("web") is not None and (is_of_template or app),
            "--web serves this folder: it takes no --template, --function and MODULE:APP",
        ),
        (
            app is not None and not _APP.fullmatch(app),
            f"{app!r} is neither a command nor MODULE:APP, such as main:app",
        ),
        (app and is_of_template, f"{app} takes no --template and no --function"),
        (
            words.get("runtime") and command,
            "--runtime and a command behind -- exclude each other",
        ),
        (
            app is None and (words.get("runtime") or words.get("app_dir")),
            "--runtime and --app-dir are for an app without a template: give MODULE:APP",
        ),
        (words.get("keyfile") and not words.get("certfile"), "--keyfile needs --certfile"),
    )
    for is_wrong, message in excluded:
        if is_wrong:
            parser.error(message)


def parameter_overrides(words: Sequence[str], parser: argparse.ArgumentParser) -> dict[str, str]:
    """Return the values by key. Each word is KEY=VALUE.

    As with sam, a word may have several of them, where a value with blanks is quoted.
    """
    overrides = {}
    for word in words:
        try:
            pairs = shlex.split(word) if _SEVERAL.fullmatch(word) else [word]
        except ValueError as error:
            parser.error(f"--parameter-overrides {word!r}: {error}")
        for pair in pairs:
            plain = pair.removeprefix("ParameterKey=").replace(",ParameterValue=", "=", 1)
            key, equals, value = plain.partition("=")
            if not equals:
                parser.error(f"--parameter-overrides takes KEY=VALUE, not {pair!r}")
            overrides[key] = value
    return overrides


def _variables(
    given: argparse.Namespace, parser: argparse.ArgumentParser
) -> dict[str, dict[str, str]]:
    """Return the variables of --env-vars and --env, which wins.

    "Parameters" are for all functions, as in SAM's file.
    """
    variables: dict[str, dict[str, str]] = {}
    if given.env_vars is not None:
        try:
            data = json.loads(given.env_vars.read_text("utf-8"))
            for name, own in data.items():
                variables[str(name)] = {key: _text(value) for key, value in own.items()}
        except (OSError, ValueError, AttributeError) as error:
            form = '{"FUNCTION": {"NAME": "VALUE"}}, or "Parameters" in place of FUNCTION for all'
            parser.error(f"--env-vars {given.env_vars}: {error}; it takes {form}")
    for word in given.env:
        name, equals, value = word.partition("=")
        if not equals and name not in os.environ:
            parser.error(f"--env {name}: the shell has no such variable")
        shared = variables.setdefault("Parameters", {})
        shared[name] = value if equals else os.environ[name]
    return variables


def _text(value: object) -> str:
    """Return a variable's value. JSON's true becomes the text true, as a shell and SAM write it."""
    return value if isinstance(value, str) else json.dumps(value)
