"""The options of `lambda-emulator` and `lambda-emulator invoke`, and what they mean together."""

import argparse
import json
import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Final

from lambda_emulator import limits, samconfig
from lambda_emulator._version import __version__
from lambda_emulator.credentials import region_of
from lambda_emulator.options import RUNTIMES, Options

__all__ = ["invoke_parser", "parameter_overrides", "parse", "parser"]

_SEVERAL: Final = re.compile(r"\w+=\S*(\s+\w+=.*)+|\w+=([\"']).*\2", re.DOTALL)
"""A word with more than one KEY=VALUE in it, or with a quoted value."""
_APP: Final = re.compile(r"[\w./-]+[:.]\w+(\.\w+)*")
_REGION: Final = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")

_EXAMPLES = """\
examples:
  lambda-emulator                                  serve the functions of ./template.yaml, from port 3000 on
  lambda-emulator main:app                         an ASGI app or a handler of ./main.py; no template is needed
  lambda-emulator main:app --reload                ... and restart it when its code changes
  lambda-emulator main:app --debug                 ... without time limits; breakpoint() works in this terminal
  lambda-emulator -- ./bootstrap                   any program that speaks the Runtime API: Go, Rust, Node.js ...
  lambda-emulator --web main:app                   a Web Function: the ASGI or WSGI app of ./main.py
  lambda-emulator --web -- node index.js           a Web Function: a server on AWS_LAMBDA_HTTP_ENDPOINT

  lambda-emulator --parameter-overrides Stage=dev  another value for a parameter of the template
  lambda-emulator --env-vars env.json              variables of functions, as for sam local
  lambda-emulator --profile dev --region eu-west-1 whose credentials the functions get, and where they are
  lambda-emulator --host localhost --certfile cert.pem --keyfile key.pem
                                                   https, at ::1 and at 127.0.0.1
  lambda-emulator --lambda-port 3001               also the Lambda API, for the SDKs and the AWS CLI:
                                                   aws lambda list-functions --endpoint-url http://127.0.0.1:3001
  lambda-emulator --port 0 --json                  any free port; one JSON object a line on stderr

  lambda-emulator invoke Function --event event.json
                                                   one invocation; the answer on stdout, the log on stderr
  lambda-emulator check                            print what AWS would do otherwise, and exit
  lambda-emulator compare --url https://...        what differs between AWS and the emulator? (examples/probe)
  lambda-emulator smoke --url https://...          does a deployed function stream as it should? (examples/smoke)
  lambda-emulator check-code function.zip --architecture arm64
                                                   are its native modules for that processor?

  curl -N http://127.0.0.1:3000/                   shows a stream as it comes

exit status: 0 stopped by Ctrl-C or SIGTERM; 1 the function did not start, the port is taken, or `check` has warnings;
             2 wrong usage or a wrong template
"""

_INVOKE_EXAMPLES = """\
examples:
  lambda-emulator invoke                            the only function of ./template.yaml, with the event {}
  lambda-emulator invoke Worker --event event.json  a function and its event
  sam local generate-event sqs receive-message | lambda-emulator invoke Worker --event -
  lambda-emulator invoke Worker -e event.json --invocation-type Event
                                                    asynchronously: two retries, then the destination

The answer goes to stdout as it comes, the log to stderr.

exit status: 0 the function answered, with a result or with an error; 1 it cannot be started; 2 wrong usage or a wrong
             template
"""


def parser() -> argparse.ArgumentParser:
    """Of `lambda-emulator`, without what follows `--`."""
    result = argparse.ArgumentParser(
        prog="lambda-emulator",
        usage="%(prog)s [check] [MODULE:APP] [options] [-- COMMAND ...]",
        description="Serve Lambda functions on this machine: with real streaming, without Docker.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    result.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    result.add_argument(
        "app", nargs="?", metavar="MODULE:APP",
        help="an ASGI app or a handler(event, context) of this folder, without a template",
    )  # fmt: skip
    _add_app(result)
    _add_functions(result)
    _add_addresses(result)
    _add_environments(result)
    _add_output(result)
    return result


def invoke_parser() -> argparse.ArgumentParser:
    """Of `lambda-emulator invoke`. The words are those of `sam local invoke`."""
    result = argparse.ArgumentParser(
        prog="lambda-emulator invoke",
        usage="%(prog)s [FUNCTION] [options] [-- COMMAND ...]",
        description="Invoke a function of the template once.",
        epilog=_INVOKE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = result.add_argument
    add(
        "function", nargs="?", metavar="FUNCTION", help="logical id or name (default: the only one)"
    )
    add("-e", "--event", metavar="FILE", help="the event as JSON; - is standard input")
    add("--no-event", action="store_true", help="the event {}, which is also the default")
    add("--invocation-type", default="RequestResponse", choices=("RequestResponse", "Event"),
        help="Event: asynchronously, with retries and destinations (default: %(default)s)")  # fmt: skip
    add("--client-context", metavar="JSON", help="what context.client_context shows")
    add("--tenant-id", metavar="ID", help="the tenant, for functions with tenant isolation")
    _add_functions(result)
    _add_output(result)
    return result


def _add_app(result: argparse.ArgumentParser) -> None:
    add = result.add_argument_group("an app of this folder").add_argument
    add("--app-dir", type=Path, metavar="FOLDER", help="where its module is (default: here)")
    add("--runtime", choices=RUNTIMES,
        help="lambda-asgi: our own loop; handler-mode: LambdaASGI(app) under AWS's loop; awslambdaric: AWS's loop, for a "
        "handler (default: lambda-asgi, or awslambdaric for a handler)")  # fmt: skip
    add("--web", nargs="?", const="main:app", metavar="MODULE:APP",
        help="serve an ASGI or WSGI app of this folder as a Web Function (default: main:app); with -- COMMAND any "
        "HTTP server that listens on AWS_LAMBDA_HTTP_ENDPOINT")  # fmt: skip


def _add_functions(result: argparse.ArgumentParser) -> None:
    add = result.add_argument_group("functions").add_argument
    add("-t", "--template", type=Path, metavar="FILE",
        help="SAM or CloudFormation template (default: template.yaml)")  # fmt: skip
    add("--parameter-overrides", nargs="+", default=[], metavar="KEY=VALUE",
        help="values for the template's parameters")  # fmt: skip
    add("--env", action="append", default=[], metavar="NAME[=VALUE]",
        help="a variable for the functions; without a value, the shell's")  # fmt: skip
    add("-n", "--env-vars", type=Path, metavar="FILE",
        help='variables as for sam local: {"Function": {"NAME": "VALUE"}, "Parameters": {...}}')  # fmt: skip
    add("--region", help="of the functions (default: AWS_REGION, or the profile's, or us-east-1)")
    add("--profile", help="whose AWS credentials the functions get (default: AWS_PROFILE)")
    add(
        "--no-credentials",
        dest="with_credentials",
        action="store_false",
        help="the functions get no AWS credentials",
    )
    add("--opt", type=_folder, metavar="FOLDER",
        help="what stands in /opt: the content of layers that are not here")  # fmt: skip
    add("--debug", action="store_true",
        help="no time limits, one process at a time, and the terminal is the function's: breakpoint() works")  # fmt: skip
    add("--config-file", type=Path, metavar="FILE",
        help="read options from this file (default: samconfig.toml beside the template)")  # fmt: skip
    add(
        "--config-env",
        metavar="NAME",
        help="which environment of samconfig.toml (default: default)",
    )


def _add_addresses(result: argparse.ArgumentParser) -> None:
    add = result.add_argument_group("addresses").add_argument
    add("--function", metavar="ID",
        help="serve this function only (default: each that has a URL or an API)")  # fmt: skip
    add("--host", default="127.0.0.1",
        help="address to listen on; localhost is both ::1 and 127.0.0.1 (default: %(default)s)")  # fmt: skip
    add("-p", "--port", type=_port, default=3000,
        help="port; 0 for any free one; further fronts count up (default: %(default)s)")  # fmt: skip
    add("--lambda-port", type=_port, metavar="PORT",
        help="serve the Lambda API on this port: Invoke, and what reads functions")  # fmt: skip
    add("--certfile", type=Path, metavar="FILE", help="serve https with this certificate (PEM)")
    add("--keyfile", type=Path, metavar="FILE", help="... and this key, if it is in another file")
    add("--allow-host", dest="allowed_hosts", action="append", default=[], metavar="NAME",
        help="a Host or an Origin to take requests from, beside this machine's")  # fmt: skip
    add("--invoke-mode", choices=("BUFFERED", "RESPONSE_STREAM"), help="in place of the template's")
    add("--pace", action="store_true",
        help="6 MiB at once, then 2 MiB/s, as on AWS (REST API: 10 MB)")  # fmt: skip
    add("--hang", dest="hang_seconds", type=float, default=limits.EMPTY_STREAM_HANG_SECONDS, metavar="SECONDS",
        help="silence behind a stream without a byte; AWS: endless; 0: none (default: %(default)g)")  # fmt: skip


def _add_environments(result: argparse.ArgumentParser) -> None:
    add = result.add_argument_group("processes").add_argument
    add("--concurrency", type=_positive, metavar="N",
        help="processes at most (default: 10; 1 for a function that listens on a port)")  # fmt: skip
    add("--cold", action="store_true", help="start no process before the first request")
    add("--freeze", action="store_true",
        help="stop processes between invocations, as AWS does (SIGSTOP)")  # fmt: skip
    add("--idle", dest="idle_seconds", type=float, metavar="SECONDS",
        help="end a Web Function's environment after so long without a request (default: never)")  # fmt: skip
    add("--watch", "--reload", action="store_true", help="restart processes when the code changes")


def _add_output(result: argparse.ArgumentParser) -> None:
    add = result.add_argument_group("output").add_argument
    add(
        "--json",
        dest="as_json",
        action="store_true",
        help="print events as JSON, one a line, on stderr",
    )
    add("-q", "--quiet", action="store_true", help="print the functions' own log and errors only")


def parse(
    parser: argparse.ArgumentParser, words: Sequence[str], commands: tuple[str, ...]
) -> tuple[Options, argparse.Namespace]:
    """What the words mean, over what samconfig.toml says for `commands`; and all words by name.

    Exits with a message where the usage is wrong. Raises TemplateError for a wrong samconfig.toml.
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
    names = {field.name for field in fields(Options)}
    return Options(**{name: value for name, value in found.items() if name in names}), given


def _split(parser: argparse.ArgumentParser, words: list[str]) -> tuple[list[str], list[str]]:
    """The options, and the command behind `--`."""
    if "--" not in words:
        return words, []
    cut = words.index("--")
    if not words[cut + 1 :]:
        parser.error("give a command behind --")
    return words[:cut], words[cut + 1 :]


def _samconfig(given: argparse.Namespace, commands: tuple[str, ...]) -> samconfig.SamConfig:
    folder = given.template.parent if given.template else Path()
    return samconfig.read(folder, commands, file=given.config_file, environment=given.config_env)


def _check(
    parser: argparse.ArgumentParser, given: argparse.Namespace, command: Sequence[str]
) -> None:
    """What excludes each other, or makes no sense alone."""
    app, web = vars(given).get("app"), vars(given).get("web")
    if web is not None and (given.template or given.function or app):
        parser.error("--web serves this folder: it takes no --template, --function and MODULE:APP")
    if app is not None:
        if not _APP.fullmatch(app):
            parser.error(f"{app!r} is neither a command nor MODULE:APP, such as main:app")
        if given.template or given.function:
            parser.error(f"{app} takes no --template and no --function")
        if given.runtime and command:
            parser.error("--runtime and a command behind -- exclude each other")
    elif vars(given).get("runtime") or vars(given).get("app_dir"):
        parser.error("--runtime and --app-dir are for an app without a template: give MODULE:APP")
    if vars(given).get("keyfile") and not given.certfile:
        parser.error("--keyfile needs --certfile")


def parameter_overrides(words: Sequence[str], parser: argparse.ArgumentParser) -> dict[str, str]:
    """KEY=VALUE, one a word; or, as sam takes them, several in one word, where a value with blanks is quoted."""
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
    """Of --env-vars and --env, which wins; "Parameters" are for all functions, as in sam's file."""
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
        variables.setdefault("Parameters", {})[name] = value if equals else os.environ[name]
    return variables


def _text(value: object) -> str:
    """A variable's value. JSON's true is what a shell and sam write: true."""
    return value if isinstance(value, str) else json.dumps(value)


def _folder(text: str) -> Path:
    return Path(text).absolute()


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
