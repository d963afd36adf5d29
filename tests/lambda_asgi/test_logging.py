"""configure() in a process of its own, as in an execution environment: what it prints."""

import asyncio
import json
import logging
import os
import re
import subprocess
import sys
import textwrap
import threading
from dataclasses import dataclass
from typing import Any

import pytest

from lambda_asgi._invocation import Invocation, current_invocation
from lambda_asgi._logging.handlers import FrameHandler, InvocationFilter, process_wide
from tests.patience import PATIENCE

PRELUDE = """
import logging, os, sys
from lambda_asgi._environment import Environment, FunctionIdentity
from lambda_asgi._invocation import Invocation, LambdaContext, current_invocation
from lambda_asgi._logging import Access, configure, log_access, logger

configure(Environment.read(os.environ))
arn = "arn:aws:lambda:eu-west-1:1:function:f"
invocation = Invocation("request-1", None, arn, b"{}", tenant_id="blue")
current_invocation.set(invocation)
ACCESS = Access("GET", "/files/a.bin", 200, 1048576, 3, 3.14159, 78.25, "complete", "function_url")
"""
ACCESS_MESSAGE = (
    "GET /files/a.bin 200 complete: "
    "bytes 1048576, chunks 3, first byte 3.1 ms, total 78.2 ms, function_url"
)
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
HEAD = re.compile(rf"\[(\w+)\]\t{TIME}\t([^\t]*)\t")


@dataclass
class Output:
    stdout: str
    stderr: str
    frames: list[tuple[int, str]]
    """(type, message) of each."""

    @property
    def lines(self) -> list[str]:
        """Return the lines of standard output, without the times of text lines."""
        return [HEAD.sub(r"[\1] \2 ", line) for line in self.stdout.split("\n")[:-1]]


def run(program: str, *, framed: bool = False, prelude: str = PRELUDE, **variables: str) -> Output:
    reading, writing = os.pipe()
    variables = {
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9",
        "_HANDLER": "app.app",
        "PATH": os.environ["PATH"],
        **variables,
    }
    if framed:
        variables["_LAMBDA_TELEMETRY_LOG_FD"] = str(writing)
    process = subprocess.run(
        [sys.executable, "-c", prelude + textwrap.dedent(program)],
        env=variables,
        pass_fds=[writing],
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    os.close(writing)
    with open(reading, "rb") as pipe:
        data = pipe.read()
    frames = []
    while data:
        end = 16 + int.from_bytes(data[4:8], "big")
        frames.append((int.from_bytes(data[:4], "big"), data[16:end].decode()))
        data = data[end:]
    assert process.returncode == 0, process.stderr.decode()
    return Output(process.stdout.decode(), process.stderr.decode(), frames)


# The whole set-up, next to Lambda's own.

THEIR_PRELUDE = """
import logging, sys
from awslambdaric import bootstrap
sys.stdout = bootstrap.Unbuffered(sys.stdout)
sink = bootstrap.create_log_sink().__enter__()
bootstrap._setup_logging(bootstrap._AWS_LAMBDA_LOG_FORMAT, bootstrap._AWS_LAMBDA_LOG_LEVEL, sink)
bootstrap._GLOBAL_AWS_REQUEST_ID, bootstrap._GLOBAL_TENANT_ID = "request-1", "blue"
"""
AN_APPS_LINES = """
log = logging.getLogger("app.orders")
for level in (5, 10, 20, 25, 30, 40, 50, 60):
    log.log(level, "level %d", level)
log.warning("caf\\u00e9 %s", {"a": 1}, extra={"order": 7, "items": [1, None], "kind": object})
log.error({"said": "as an object"})
logging.basicConfig(level=logging.DEBUG)
log.debug("basicConfig did nothing, as the root logger had a handler")
print("printed")
"""


@pytest.mark.parametrize("framed", [False, True])
@pytest.mark.parametrize("log_format", [None, "Text", "JSON", "json"])
@pytest.mark.parametrize("level", [None, "TRACE", "INFO", "WARN", "FATAL"])
def test_an_apps_lines_are_those_of_lambdas_own_runtime(
    framed: bool, log_format: str | None, level: str | None
) -> None:
    variables = {"AWS_LAMBDA_LOG_FORMAT": log_format, "AWS_LAMBDA_LOG_LEVEL": level}
    given: dict[str, Any] = {name: value for name, value in variables.items() if value is not None}
    ours = run(AN_APPS_LINES, framed=framed, **given)
    theirs = run(AN_APPS_LINES, framed=framed, prelude=THEIR_PRELUDE, **given)
    assert without_times(ours.stdout) == without_times(theirs.stdout)
    assert [(kind, without_times(message)) for kind, message in ours.frames] == [
        (kind, without_times(message)) for kind, message in theirs.frames
    ]
    assert ours.stderr == theirs.stderr == ""
    assert "printed\n" in ours.stdout
    assert bool(ours.frames) == framed


def without_times(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", "TIME", text)


# The line per invocation.


@pytest.mark.parametrize(
    ("variables", "shown"),
    [
        ({}, True),
        ({"AWS_LAMBDA_LOG_LEVEL": "INFO"}, True),
        ({"AWS_LAMBDA_LOG_LEVEL": "TRACE"}, True),
        ({"AWS_LAMBDA_LOG_LEVEL": "WARN"}, False),
        ({"LAMBDA_ASGI_ACCESS_LOG": "false"}, False),
        ({"LAMBDA_ASGI_ACCESS_LOG": "false", "AWS_LAMBDA_LOG_LEVEL": "DEBUG"}, False),
    ],
)
def test_when_the_access_line_is_shown(variables: dict[str, Any], shown: bool) -> None:
    output = run("log_access(ACCESS)", **variables)
    assert output.lines == ([f"[INFO] request-1 {ACCESS_MESSAGE}"] if shown else [])


def test_the_access_line_as_json() -> None:
    line = json.loads(run("log_access(ACCESS)", AWS_LAMBDA_LOG_FORMAT="JSON").stdout)
    assert re.fullmatch(TIME, line.pop("timestamp"))
    assert line == {
        "level": "INFO",
        "message": ACCESS_MESSAGE,
        "logger": "lambda_asgi.access",
        "requestId": "request-1",
        "tenantId": "blue",
        "method": "GET",
        "path": "/files/a.bin",
        "status": 200,
        "bytes": 1048576,
        "chunks": 3,
        "firstByteMs": 3.142,
        "durationMs": 78.25,
        "ending": "complete",
        "source": "function_url",
    }


def test_the_access_line_as_a_frame() -> None:
    ((kind, message),) = run("log_access(ACCESS)", framed=True, AWS_LAMBDA_LOG_LEVEL="INFO").frames
    assert kind == 0xA55A000F
    assert HEAD.sub("", message) == ACCESS_MESSAGE + "\n"


def test_an_app_can_quieten_the_access_line() -> None:
    program = """
    logging.getLogger("lambda_asgi.access").setLevel(logging.WARNING)
    log_access(ACCESS)
    """
    assert run(program).stdout == ""


# Settings that are wrong.


def test_an_unknown_level_is_a_warning() -> None:
    (line,) = run("", AWS_LAMBDA_LOG_LEVEL="LOUD").lines
    assert line == "[WARNING]  AWS_LAMBDA_LOG_LEVEL='LOUD' is not known: use TRACE to FATAL"


def test_a_descriptor_that_is_not_open_is_a_warning() -> None:
    output = run("log_access(ACCESS)", _LAMBDA_TELEMETRY_LOG_FD="971")
    assert output.lines == [
        "[WARNING]  _LAMBDA_TELEMETRY_LOG_FD=971: Bad file descriptor; logging to stdout",
        f"[INFO] request-1 {ACCESS_MESSAGE}",
    ]


# Standard output, and child processes.


def test_lines_leave_at_once_and_in_order() -> None:
    """The process ends like a frozen environment: nothing is flushed. No PYTHONUNBUFFERED."""
    program = """
    print("a caf\\u00e9, a surrogate, \\ud800")
    logging.warning("two\\nlines")
    print("last")
    sys.stderr.write("stderr\\n")
    os._exit(0)
    """
    output = run(program, LANG="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    assert output.lines == [
        "a café, a surrogate, \\ud800",
        "[WARNING] request-1 two\rlines",
        "last",
    ]
    assert output.stderr == "stderr\n"


def test_times_are_utc_whatever_the_time_zone() -> None:
    program = """
    epoch = logging.makeLogRecord(
        {"created": 0, "msecs": 0, "levelno": 20, "levelname": "INFO", "msg": "x"}
    )
    logging.getLogger().handle(epoch)
    print(logging.Formatter("%(asctime)s").format(epoch))  # an app's own
    """
    assert run(program, TZ="America/New_York").stdout.splitlines() == [
        "[INFO]\t1970-01-01T00:00:00.000Z\trequest-1\tx",
        "1970-01-01 00:00:00,000",
    ]


def test_child_processes_get_neither_the_descriptor_nor_its_name() -> None:
    program = """
    fd = FD = int(FD)
    print("name" if "_LAMBDA_TELEMETRY_LOG_FD" in os.environ else "no name", flush=True)
    os.system(f"test -e /proc/self/fd/{FD} && echo descriptor || echo no descriptor")
    """
    inherited = "import os\nFD = os.environ['_LAMBDA_TELEMETRY_LOG_FD']\n"
    assert run(program, framed=True, prelude=inherited).lines == ["name", "descriptor"]
    assert run(program, framed=True, prelude=inherited + PRELUDE).lines == [
        "no name",
        "no descriptor",
    ]


# Next to what apps and libraries do with logging.


def test_an_apps_dict_config_keeps_the_runtimes_lines() -> None:
    """dictConfig disables every existing logger by default, and closes every handler."""
    program = """
    import logging.config
    library = logging.getLogger("library")
    logging.config.dictConfig({"version": 1, "loggers": {"app": {"level": "DEBUG"}}})
    assert library.disabled
    logging.getLogger("app").debug("of the app")
    log_access(ACCESS)
    try:
        1 / 0
    except ZeroDivisionError as error:
        logger.error("the invocation failed: %s", error, exc_info=error)
    """
    for framed in (False, True):
        output = run(program, framed=framed)
        lines = (
            output.lines
            if not framed
            else [HEAD.sub(r"[\1] \2 ", message) for _, message in output.frames]
        )
        assert [line.splitlines()[0] for line in lines] == [
            "[DEBUG] request-1 of the app",
            f"[INFO] request-1 {ACCESS_MESSAGE}",
            "[ERROR] request-1 the invocation failed: division by zero",
        ]
        assert lines[2].rstrip().endswith("ZeroDivisionError: division by zero")


def test_an_apps_own_root_handler_takes_every_line_once() -> None:
    program = """
    import logging.config
    from lambda_asgi._logging import InvocationFilter
    logging.config.dictConfig({
        "version": 1,
        "filters": {"invocation": {"()": InvocationFilter}},
        "formatters": {
            "mine": {"format": "mine %(aws_request_id)s %(name)s %(message)s %(status)s"}
        },
        "handlers": {
            "mine": {
                "class": "logging.StreamHandler",
                "formatter": "mine",
                "filters": ["invocation"],
            }
        },
        "root": {"handlers": ["mine"]},
    })
    log_access(ACCESS)
    """
    output = run(program)
    assert output.stdout == ""
    assert output.stderr == f"mine request-1 lambda_asgi.access {ACCESS_MESSAGE} 200\n"


def test_loggers_of_uvicorn_and_fastapi() -> None:
    program = """
    import logging.config
    from fastapi.logger import logger as fastapi_logger
    from uvicorn.config import LOGGING_CONFIG
    logging.getLogger("uvicorn.error").warning("before uvicorn's configuration")
    logging.config.dictConfig(LOGGING_CONFIG)
    logging.getLogger("uvicorn.error").warning("after it")
    fastapi_logger.error("of FastAPI")
    log_access(ACCESS)
    """
    output = run(program)
    assert output.lines == [
        "[WARNING] request-1 before uvicorn's configuration",
        "[ERROR] request-1 of FastAPI",
        f"[INFO] request-1 {ACCESS_MESSAGE}",
    ]
    assert output.stderr == "WARNING:  after it\n"


@pytest.mark.parametrize(
    "variables", [{}, {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"}]
)
def test_powertools_logger(variables: dict[str, Any]) -> None:
    """Powertools' logger writes its own lines, and every handler of the root logger drops them."""
    program = """
    from aws_lambda_powertools import Logger
    orders = Logger(service="orders", level="INFO")
    context = LambdaContext(invocation, FunctionIdentity("files", "1", "512"))

    @orders.inject_lambda_context
    def handler(event, context):
        orders.info("taken", extra={"order": 7})
        try:
            1 / 0
        except ZeroDivisionError:
            orders.exception("failed")

    handler({}, context)
    logging.getLogger("library").warning("of a library")
    log_access(ACCESS)
    """
    output = run(program, **variables)
    taken, failed, library, access = output.stdout.splitlines()
    taken_line, failed_line = json.loads(taken), json.loads(failed)
    assert (taken_line["message"], taken_line["order"]) == ("taken", 7)
    assert taken_line["function_request_id"] == "request-1"
    assert taken_line["function_name"] == "files"
    assert failed_line["exception_name"] == "ZeroDivisionError"
    assert "of a library" in library
    assert "request-1" in library
    assert ACCESS_MESSAGE in access
    assert output.stderr == ""


def test_warnings_that_are_captured_are_lines() -> None:
    program = """
    import warnings
    logging.captureWarnings(True)
    warnings.warn("old")
    """
    (line,) = run(program).lines
    assert "UserWarning: old" in line


# Invocations at once, in one process.


def test_lines_of_concurrent_invocations_name_their_own() -> None:
    reading, writing = os.pipe()
    handler = FrameHandler(writing, leveled=True)
    handler.setFormatter(logging.Formatter("%(aws_request_id)s|%(tenant_id)s|%(message)s"))
    handler.addFilter(InvocationFilter())
    log = logging.Logger("app")
    log.addHandler(handler)

    async def invocation(number: int) -> None:
        current_invocation.set(
            Invocation(f"request-{number}", None, "arn", b"{}", tenant_id=f"tenant-{number % 3}")
        )
        for _ in range(5):
            log.info(number)
            await asyncio.sleep(0)
            await asyncio.gather(child(number), asyncio.to_thread(log.info, number))

    async def child(number: int) -> None:
        await asyncio.sleep(0)
        log.info(number)

    async def all_at_once() -> None:
        log.info("outside")
        async with asyncio.TaskGroup() as tasks:
            for number in range(20):
                tasks.create_task(invocation(number))

    asyncio.run(all_at_once())
    os.close(writing)
    with open(reading, "rb") as pipe:
        data = pipe.read()
    lines = re.findall(rb"\xa5\x5a.{14}([^\n]*)\n", data, re.DOTALL)
    assert lines[0] == b"|None|outside"
    expected = sorted(
        b"request-%d|tenant-%d|%d" % (n, n % 3, n) for n in range(20) for _ in range(15)
    )
    assert sorted(lines[1:]) == expected


def test_a_thread_without_a_context_names_the_only_invocation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lambda's own runtime does the same: there, the request id belongs to the process."""
    named: list[Any] = []

    def log() -> None:
        made = logging.makeLogRecord({})
        InvocationFilter().filter(made)
        named.append(vars(made)["aws_request_id"])

    def in_a_thread() -> None:
        thread = threading.Thread(target=log)
        thread.start()
        thread.join()

    in_a_thread()
    monkeypatch.setattr(process_wide, "invocation", Invocation("the-only-one", None, "arn", b"{}"))
    in_a_thread()
    assert named == ["", "the-only-one"]
