"""`lambda-emulator`: reads the command line and runs the emulator until it is told to stop."""

import argparse
import asyncio
import json
import logging
import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from lambda_emulator import check_code, limits
from lambda_emulator._version import __version__
from lambda_emulator.compare import command, smoke
from lambda_emulator.console import printable
from lambda_emulator.emulator import Emulator, StartError
from lambda_emulator.options import Options
from lambda_emulator.template.document import TemplateError

_SEVERAL = re.compile(r"\w+=\S*(\s+\w+=.*)+|\w+=([\"']).*\2", re.DOTALL)
"""A word with more than one KEY=VALUE in it, or with a quoted value."""

_COMMANDS: Final[Mapping[str, Callable[[Sequence[str]], int]]] = {
    "check-code": check_code.main,
    "compare": command.main,
    "smoke": smoke.main,
}
"""What is no emulation. Each has its own --help."""

_EXAMPLES = """\
examples:
  lambda-emulator                                       serve the function of ./template.yaml at http://127.0.0.1:3000
  lambda-emulator --parameter-overrides AuthType=NONE   ... with another value for a parameter of the template
  lambda-emulator check                                 print what AWS would do otherwise, and exit
  lambda-emulator --port 0 --json                       any free port; one JSON object a line on stderr
  lambda-emulator --pace --concurrency 4                the bandwidth of AWS; at most four processes
  lambda-emulator --watch                               restart on a change of the code, never within a stream
  lambda-emulator --lambda-port 3001                    also the Lambda API, for
                                                        boto3.client("lambda", endpoint_url="http://127.0.0.1:3001")
  lambda-emulator -- node node_modules/aws-lambda-ric/bin/index.mjs index.handler
                                                        any runtime that speaks the Runtime API, no template needed

  lambda-emulator --web main:app                        a Web Function: the ASGI or WSGI app of ./main.py
  lambda-emulator --web -- node index.js                a Web Function: a server on AWS_LAMBDA_HTTP_ENDPOINT

  lambda-emulator compare --url https://...             what differs between AWS and the emulator? (examples/probe)
  lambda-emulator smoke --url https://...               does a deployed function stream as it should? (examples/smoke)
  lambda-emulator check-code function.zip --architecture arm64
                                                        are its native modules for that processor?

  curl -N http://127.0.0.1:3000/                        shows a stream as it comes

exit status: 0 stopped by Ctrl-C or SIGTERM; 1 the function did not start, the port is taken, or `check` has warnings;
             2 wrong usage or a wrong template
"""


def parser() -> argparse.ArgumentParser:
    """The command line, without what follows `--`."""
    result = argparse.ArgumentParser(
        prog="lambda-emulator",
        usage="%(prog)s [check] [options] [-- COMMAND ...]",
        description="Serve a Lambda function on this machine as a Function URL: with real streaming, without Docker.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = result.add_argument
    add("--version", action="version", version=f"%(prog)s {__version__}")
    add(
        "--template",
        type=Path,
        metavar="FILE",
        help="SAM or CloudFormation template (default: template.yaml)",
    )
    add(
        "--function",
        metavar="ID",
        help="which function of the template (default: each that has a URL or a REST API)",
    )
    add("--web", nargs="?", const="main:app", metavar="MODULE:APP",
        help="serve an ASGI or WSGI app of this folder as a Web Function (default: main:app); with -- COMMAND any "
        "HTTP server that listens on AWS_LAMBDA_HTTP_ENDPOINT")  # fmt: skip
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add(
        "--port",
        type=_port,
        default=3000,
        help="port; 0 for any free one; further fronts count up (default: %(default)s)",
    )
    add(
        "--lambda-port",
        type=_port,
        metavar="PORT",
        help="serve Invoke and InvokeWithResponseStream on this port",
    )
    add("--invoke-mode", choices=("BUFFERED", "RESPONSE_STREAM"), help="in place of the template's")
    add(
        "--parameter-overrides",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="values for the template's parameters",
    )
    add("--concurrency", type=_positive, metavar="N",
        help="processes at most (default: 10; 1 for a function that listens on a port)")  # fmt: skip
    add("--env", action="append", default=[], metavar="NAME[=VALUE]",
        help="a variable for the functions; without a value, the shell's")  # fmt: skip
    add(
        "--env-vars",
        type=Path,
        metavar="FILE",
        help='variables as for sam local: {"Function": {"NAME": "VALUE"}}',
    )
    add("--no-credentials", action="store_true", help="the functions get no AWS credentials")
    add(
        "--opt",
        type=Path,
        metavar="FOLDER",
        help="what stands in /opt: the content of layers that are not here",
    )
    add("--allow-host", action="append", default=[], metavar="NAME",
        help="a Host or an Origin to take requests from, beside this machine's")  # fmt: skip
    add(
        "--pace",
        action="store_true",
        help="6 MiB at once, then 2 MiB/s, as on AWS (REST API: 10 MB)",
    )
    add("--hang", type=float, default=limits.EMPTY_STREAM_HANG_SECONDS, metavar="SECONDS",
        help="silence behind a stream without a byte; AWS: endless; 0: none (default: %(default)g)")  # fmt: skip
    add(
        "--freeze",
        action="store_true",
        help="stop processes between invocations, as AWS does (SIGSTOP)",
    )
    add("--cold", action="store_true", help="start no process before the first request")
    add("--idle", type=float, metavar="SECONDS",
        help="end a Web Function's environment after so long without a request (default: never)")  # fmt: skip
    add("--watch", action="store_true", help="restart processes when the code changes")
    add("--json", action="store_true", help="print events as JSON, one a line, on stderr")
    return result


def main(arguments: list[str] | None = None) -> int:
    """Runs until stopped; returns the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    if words and words[0] in _COMMANDS:
        return _COMMANDS[words[0]](words[1:])
    only_check = words[:1] == ["check"]
    options = _options(words[1:] if only_check else words)
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    try:
        if only_check:
            return 1 if Emulator(options, shell=os.environ).check() else 0
        return asyncio.run(Emulator(options, shell=os.environ).run())
    except (TemplateError, StartError) as error:
        print(printable(f"lambda-emulator: {error}"), file=sys.stderr)
        return 2 if isinstance(error, TemplateError) else 1


def _options(words: list[str]) -> Options:
    """Exits with a message where the usage is wrong."""
    command: list[str] = []
    if "--" in words:
        cut = words.index("--")
        words, command = words[:cut], words[cut + 1 :]
        if not command:
            parser().error("give a command behind --")
    given = parser().parse_args(words)
    if given.web is not None and (given.template or given.function):
        parser().error("--web serves this folder: it takes no --template and no --function")
    return Options(
        template=given.template, function=given.function, web=given.web, host=given.host, port=given.port,
        lambda_port=given.lambda_port, invoke_mode=given.invoke_mode,
        overrides=parameter_overrides(given.parameter_overrides), concurrency=given.concurrency, pace=given.pace,
        hang_seconds=given.hang, freeze=given.freeze, cold=given.cold, idle_seconds=given.idle,
        watch=given.watch, as_json=given.json,
        with_credentials=not given.no_credentials, variables=_variables(given), opt=given.opt and given.opt.absolute(),
        allowed_hosts=tuple(given.allow_host), command=tuple(command),
    )  # fmt: skip


def parameter_overrides(words: list[str]) -> dict[str, str]:
    """KEY=VALUE, one a word; or, as sam takes them, several in one word, where a value with blanks is quoted."""
    overrides = {}
    for word in words:
        try:
            pairs = shlex.split(word) if _SEVERAL.fullmatch(word) else [word]
        except ValueError as error:
            parser().error(f"--parameter-overrides {word!r}: {error}")
        for pair in pairs:
            key, equals, value = (
                pair.removeprefix("ParameterKey=")
                .replace(",ParameterValue=", "=", 1)
                .partition("=")
            )
            if not equals:
                parser().error(f"--parameter-overrides takes KEY=VALUE, not {pair!r}")
            overrides[key] = value
    return overrides


def _variables(given: argparse.Namespace) -> dict[str, dict[str, str]]:
    """Of --env-vars and --env, which wins; those for all functions are under "Parameters", as in sam's file."""
    variables: dict[str, dict[str, str]] = {}
    if given.env_vars is not None:
        try:
            data = json.loads(given.env_vars.read_text("utf-8"))
            variables = {
                str(name): {key: str(value) for key, value in own.items()}
                for name, own in data.items()
            }
        except (OSError, ValueError, AttributeError) as error:
            parser().error(
                f"--env-vars {given.env_vars}: {error}; it takes {{FUNCTION: {{NAME: VALUE}}}}"
            )
    for word in given.env:
        name, equals, value = word.partition("=")
        if not equals and name not in os.environ:
            parser().error(f"--env {name}: the shell has no such variable")
        variables.setdefault("Parameters", {})[name] = value if equals else os.environ[name]
    return variables


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{port} is no port")
    return port


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("give at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
