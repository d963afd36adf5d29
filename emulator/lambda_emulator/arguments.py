"""The arguments of `lambda-emulator` and of `lambda-emulator invoke`."""

import argparse
from pathlib import Path
from typing import Final

from lambda_emulator import limits
from lambda_emulator._version import __version__
from lambda_emulator.options import RUNTIMES

__all__ = ["invoke_parser", "parser"]

_EXAMPLES: Final = """\
examples:
  lambda-emulator                           serve the functions of ./template.yaml
  lambda-emulator main:app                  an ASGI app or a handler of ./main.py; no template
  lambda-emulator main:app --reload         ... and restart it when its code changes
  lambda-emulator main:app --debug          ... without time limits; breakpoint() works
  lambda-emulator -- ./bootstrap            any program that speaks the Runtime API: Go, Rust
  lambda-emulator --web main:app            a Web Function: the ASGI or WSGI app of ./main.py
  lambda-emulator --web -- node index.js    a Web Function: a server on AWS_LAMBDA_HTTP_ENDPOINT

  lambda-emulator --parameter-overrides Stage=dev
                                            another value for a parameter of the template
  lambda-emulator --env-vars env.json       variables of functions, as for sam local
  lambda-emulator --profile dev --region eu-west-1
                                            whose credentials functions get, and where they are
  lambda-emulator --host localhost --certfile cert.pem --keyfile key.pem
                                            https, at ::1 and at 127.0.0.1
  lambda-emulator --lambda-port 3001        also the Lambda API, for the SDKs and the AWS CLI:
    aws lambda list-functions --endpoint-url http://127.0.0.1:3001
  lambda-emulator --port 0 --json           any free port; one JSON object a line on stderr

  lambda-emulator invoke Function --event event.json
                                            one invocation: the answer on stdout, the log on stderr
  lambda-emulator check                     print what AWS would do otherwise, and exit
  lambda-emulator compare --url https://... what differs between AWS and the emulator?
  lambda-emulator smoke --url https://...   does a deployed function stream as it should?
  lambda-emulator check-code function.zip --architecture arm64
                                            are its native modules for that processor?

  curl -N http://127.0.0.1:3000/            shows a stream as it comes

exit status: 0 stopped by Ctrl-C or SIGTERM; 1 the function did not start, the port is taken, or
             `check` has warnings; 2 wrong usage or a wrong template
"""

_INVOKE_EXAMPLES: Final = """\
examples:
  lambda-emulator invoke                            the only function of ./template.yaml, event {}
  lambda-emulator invoke Worker --event event.json  a function and its event
  sam local generate-event sqs receive-message | lambda-emulator invoke Worker --event -
  lambda-emulator invoke Worker -e event.json --invocation-type Event
                                                    two retries, then the destination

The answer goes to stdout as it comes, the log to stderr.

exit status: 0 the function answered, with a result or with an error; 1 it cannot be started;
             2 wrong usage or a wrong template
"""


def parser() -> argparse.ArgumentParser:
    """Of `lambda-emulator`, without what follows `--`."""
    result = _parser(
        "lambda-emulator",
        usage="%(prog)s [check] [MODULE:APP] [options] [-- COMMAND ...]",
        description="Serve Lambda functions on this machine: with real streaming, without Docker.",
        examples=_EXAMPLES,
    )
    result.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    result.add_argument(
        "app",
        nargs="?",
        metavar="MODULE:APP",
        help="an ASGI app or a handler(event, context) of this folder, without a template",
    )
    _add_app(result)
    _add_functions(result)
    _add_addresses(result)
    _add_environments(result)
    _add_output(result)
    return result


def invoke_parser() -> argparse.ArgumentParser:
    """Of `lambda-emulator invoke`. The words are those of `sam local invoke`."""
    result = _parser(
        "lambda-emulator invoke",
        usage="%(prog)s [FUNCTION] [options] [-- COMMAND ...]",
        description="Invoke a function of the template once.",
        examples=_INVOKE_EXAMPLES,
    )
    add = result.add_argument
    add(
        "function", nargs="?", metavar="FUNCTION", help="logical id or name (default: the only one)"
    )
    add("-e", "--event", metavar="FILE", help="the event as JSON; - is standard input")
    add("--no-event", action="store_true", help="the event {}, which is also the default")
    add(
        "--invocation-type",
        default="RequestResponse",
        choices=("RequestResponse", "Event"),
        help="Event: asynchronously, with retries and destinations (default: %(default)s)",
    )
    add("--client-context", metavar="JSON", help="what context.client_context shows")
    add("--tenant-id", metavar="ID", help="the tenant, for functions with tenant isolation")
    _add_functions(result)
    _add_output(result)
    return result


def _parser(
    program: str, *, usage: str, description: str, examples: str
) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog=program,
        usage=usage,
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _add_app(result: argparse.ArgumentParser) -> None:
    add = result.add_argument_group("an app of this folder").add_argument
    add("--app-dir", type=Path, metavar="FOLDER", help="where its module is (default: here)")
    add(
        "--runtime",
        choices=RUNTIMES,
        help=(
            "lambda-asgi: our own loop; handler-mode: LambdaASGI(app) under AWS's loop; "
            "awslambdaric: AWS's loop, for a handler (default: lambda-asgi, or awslambdaric "
            "for a handler)"
        ),
    )
    add(
        "--web",
        nargs="?",
        const="main:app",
        metavar="MODULE:APP",
        help=(
            "serve an ASGI or WSGI app of this folder as a Web Function (default: "
            "main:app); with -- COMMAND any HTTP server that listens on "
            "AWS_LAMBDA_HTTP_ENDPOINT"
        ),
    )


def _add_functions(result: argparse.ArgumentParser) -> None:
    add = result.add_argument_group("functions").add_argument
    add(
        "-t",
        "--template",
        type=Path,
        metavar="FILE",
        help="SAM or CloudFormation template (default: template.yaml)",
    )
    add(
        "--parameter-overrides",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="values for the template's parameters",
    )
    add(
        "--env",
        action="append",
        default=[],
        metavar="NAME[=VALUE]",
        help="a variable for the functions; without a value, the shell's",
    )
    add(
        "-n",
        "--env-vars",
        type=Path,
        metavar="FILE",
        help='variables as for sam local: {"Function": {"NAME": "VALUE"}, "Parameters": {...}}',
    )
    add("--region", help="of the functions (default: AWS_REGION, or the profile's, or us-east-1)")
    add("--profile", help="whose AWS credentials the functions get (default: AWS_PROFILE)")
    add(
        "--no-credentials",
        dest="with_credentials",
        action="store_false",
        help="the functions get no AWS credentials",
    )
    add(
        "--opt",
        type=_folder,
        metavar="FOLDER",
        help="what stands in /opt: the content of layers that are not here",
    )
    add(
        "--debug",
        action="store_true",
        help=(
            "no time limits, one process at a time, and the terminal is the function's: "
            "breakpoint() works"
        ),
    )
    add(
        "--config-file",
        type=Path,
        metavar="FILE",
        help="read options from this file (default: samconfig.toml beside the template)",
    )
    add(
        "--config-env",
        metavar="NAME",
        help="which environment of samconfig.toml (default: default)",
    )


def _add_addresses(result: argparse.ArgumentParser) -> None:
    add = result.add_argument_group("addresses").add_argument
    add(
        "--function",
        metavar="ID",
        help="serve this function only (default: each that has a URL or an API)",
    )
    add(
        "--host",
        default="127.0.0.1",
        help="address to listen on; localhost is both ::1 and 127.0.0.1 (default: %(default)s)",
    )
    add(
        "-p",
        "--port",
        type=_port,
        default=3000,
        help="port; 0 for any free one; further fronts count up (default: %(default)s)",
    )
    add(
        "--lambda-port",
        type=_port,
        metavar="PORT",
        help="serve the Lambda API on this port: Invoke, and what reads functions",
    )
    add("--certfile", type=Path, metavar="FILE", help="serve https with this certificate (PEM)")
    add("--keyfile", type=Path, metavar="FILE", help="... and this key, if it is in another file")
    add(
        "--allow-host",
        dest="allowed_hosts",
        action="append",
        default=[],
        metavar="NAME",
        help="a Host or an Origin to take requests from, beside this machine's",
    )
    add("--invoke-mode", choices=("BUFFERED", "RESPONSE_STREAM"), help="in place of the template's")
    add(
        "--pace",
        action="store_true",
        help="6 MiB at once, then 2 MiB/s, as on AWS (REST API: 10 MB)",
    )
    add(
        "--hang",
        dest="hang_seconds",
        type=float,
        default=limits.EMPTY_STREAM_HANG_SECONDS,
        metavar="SECONDS",
        help=(
            "silence behind a stream without a byte; AWS: endless; 0: none (default: %(default)g)"
        ),
    )


def _add_environments(result: argparse.ArgumentParser) -> None:
    add = result.add_argument_group("processes").add_argument
    add(
        "--concurrency",
        type=_positive,
        metavar="N",
        help="processes at most (default: 10; 1 for a function that listens on a port)",
    )
    add("--cold", action="store_true", help="start no process before the first request")
    add(
        "--freeze",
        action="store_true",
        help="stop processes between invocations, as AWS does (SIGSTOP)",
    )
    add(
        "--idle",
        dest="idle_seconds",
        type=float,
        metavar="SECONDS",
        help=("end a Web Function's environment after so long without a request (default: never)"),
    )
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
