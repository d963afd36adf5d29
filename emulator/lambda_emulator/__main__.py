"""`lambda-emulator`: runs the command that the first word names, or else serves functions."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from lambda_emulator import check_code, invoke, samconfig
from lambda_emulator.arguments import parser
from lambda_emulator.command_line import parse
from lambda_emulator.compare import command, smoke
from lambda_emulator.console import printable
from lambda_emulator.emulator import Emulator, StartError
from lambda_emulator.template.document import TemplateError


def main(arguments: list[str] | None = None) -> int:
    """Run a command line until it ends or is stopped.

    Args:
        arguments: The words after the program's name. None means those of the process.

    Returns:
        The exit status: 1 if the emulator could not start, 2 for a wrong template or usage.
    """
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    words = sys.argv[1:] if arguments is None else arguments
    run: Callable[[Sequence[str]], int] = _serve
    if words and words[0] in _COMMANDS:
        run = _COMMANDS[words[0]]
        words = words[1:]
    try:
        return run(words)
    except (TemplateError, StartError) as error:
        print(printable(f"lambda-emulator: {error}"), file=sys.stderr)
        return 2 if isinstance(error, TemplateError) else 1


def _serve(words: Sequence[str]) -> int:
    options, _ = parse(parser(), words, samconfig.SERVE)
    emulator = Emulator(options, shell=os.environ)
    return asyncio.run(emulator.run())


def _check(words: Sequence[str]) -> int:
    options, _ = parse(parser(), words, samconfig.SERVE)
    emulator = Emulator(options, shell=os.environ)
    return 1 if emulator.check() else 0


_COMMANDS: Final[Mapping[str, Callable[[Sequence[str]], int]]] = {
    "check": _check,
    "check-code": check_code.main,
    "compare": command.main,
    "invoke": invoke.main,
    "smoke": smoke.main,
}
"""The first word of the command line. Each has a --help of its own."""


if __name__ == "__main__":
    sys.exit(main())
