"""The shapes of lines and frames, compared with awslambdaric's own handler and formatters.

docs/logging.md explains what we do differently. Each difference has its own test here.
"""

import fcntl
import json
import logging
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from awslambdaric import bootstrap, lambda_runtime_log_utils  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from lambda_asgi._invocation import Invocation, current_invocation
from lambda_asgi._logging.formatters import JSONFormatter, TextFormatter
from lambda_asgi._logging.handlers import FrameHandler, InvocationFilter, StdoutHandler

Format = Literal["Text", "JSON"]

REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
INVOCATION = Invocation(REQUEST_ID, None, "arn:aws:lambda:eu-west-1:123456789012:function:f", b"{}")
JSON_TIME = re.compile(r'^\{"timestamp": "(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{3})?Z"')

texts = st.text(st.characters(exclude_categories=["Cs"]))
levels = st.sampled_from([*range(0, 61, 5), 25, 100, -1])


def frames(data: bytes) -> list[tuple[int, int, bytes]]:
    """Return (type, microseconds, message) of each frame, read as awslambdaric's docstring says."""
    found = []
    while data:
        frame_type, length, microseconds = (
            int.from_bytes(data[a:b], "big") for a, b in ((0, 4), (4, 8), (8, 16))
        )
        assert len(data) >= 16 + length, "the last frame is cut"
        found.append((frame_type, microseconds, data[16 : 16 + length]))
        data = data[16 + length :]
    return found


def formatter(log_format: Format) -> logging.Formatter:
    return JSONFormatter() if log_format == "JSON" else TextFormatter()


@contextmanager
def frame_handler(
    log_format: Format, *, leveled: bool = False
) -> Iterator[tuple[FrameHandler, Callable[[], bytes]]]:
    """Ours, on a pipe, and what reads the pipe."""
    reading, writing = os.pipe()
    try:
        handler = FrameHandler(writing, leveled=leveled)
        handler.setFormatter(formatter(log_format))
        handler.addFilter(InvocationFilter())
        yield handler, lambda: os.read(reading, 1 << 16)
    finally:
        os.close(reading)
        os.close(writing)


@contextmanager
def their_handler(
    log_format: Format, monkeypatch: pytest.MonkeyPatch, *, level: str = ""
) -> Iterator[tuple[logging.Handler, Callable[[], bytes]]]:
    """awslambdaric's, as its bootstrap sets it up, on a pipe."""
    root = logging.RootLogger(logging.WARNING)
    reading, writing = os.pipe()
    with bootstrap.FramedTelemetryLogSink(writing) as sink, monkeypatch.context() as patched:
        patched.setattr(
            logging.Formatter, "converter", logging.Formatter.converter
        )  # so that it is put back
        patched.setattr(logging, "getLogger", lambda: root)
        patched.setattr(bootstrap, "_GLOBAL_AWS_REQUEST_ID", REQUEST_ID)
        bootstrap._setup_logging(
            lambda_runtime_log_utils.LogFormat.from_str(log_format), level, sink
        )
        patched.setattr(logging, "getLogger", logging.Logger.manager.getLogger)
        yield root.handlers[0], lambda: os.read(reading, 1 << 16)
    os.close(reading)


def record(message: object, level: int = logging.INFO, /, **attributes: Any) -> logging.LogRecord:
    made = logging.LogRecord(
        "app.orders", level, "/var/task/app/orders.py", 7, message, (), None, "place"
    )
    # 3.12's LogRecord counts nanoseconds, 3.11's floats: one moment for all.
    made.created, made.msecs = 1_700_000_000.123, 123.0
    vars(made).update(attributes)
    return made


def raised(error: BaseException, cause: BaseException | None = None) -> Any:
    try:
        raise error from cause
    except BaseException as caught:
        return type(caught), caught, caught.__traceback__


@pytest.fixture(autouse=True)
def _invocation() -> Iterator[None]:
    token = current_invocation.set(INVOCATION)
    yield
    current_invocation.reset(token)


# The same record, the same frame.


@pytest.mark.parametrize("level", ["", "DEBUG"])
def test_text_frames_are_awslambdarics(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        frame_handler("Text", leveled=bool(level)) as (ours, our_bytes),
        their_handler("Text", monkeypatch, level=level) as (theirs, their_bytes),
    ):

        @given(texts, levels)
        def check(message: str, levelno: int) -> None:
            ours.handle(record(message, levelno))
            theirs.handle(record(message, levelno))
            ((our_type, _, our_message),) = frames(our_bytes())
            ((their_type, _, their_message),) = frames(their_bytes())
            assert (our_type, our_message) == (their_type, their_message)

        check()


def test_text_frames_with_a_traceback_are_awslambdarics(monkeypatch: pytest.MonkeyPatch) -> None:
    exc_info = raised(ValueError("no such order"), KeyError("x"))
    with (
        frame_handler("Text", leveled=True) as (ours, our_bytes),
        their_handler("Text", monkeypatch, level="INFO") as (theirs, their_bytes),
    ):
        for handler in (ours, theirs):
            handler.handle(
                record("failed", logging.ERROR, exc_info=exc_info, stack_info="Stack:\n  x")
            )
        ((our_type, _, our_message),) = frames(our_bytes())
        ((their_type, _, their_message),) = frames(their_bytes())
        # awslambdaric's text has no newline at its end here, because its format puts one between
        # message and traceback. So the next line of standard output continues this one.
        assert (our_type, our_message) == (their_type, their_message + b"\n")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
extras = st.dictionaries(
    (
        texts
        | st.sampled_from(
            ["timestamp", "level", "message", "logger", "requestId", "aws_request_id"]
        )
    ).filter(
        lambda name: (
            name not in vars(record("")) and name not in ("exc_info", "taskName", "asctime")
        )
    ),
    json_values | st.just(object),
    max_size=4,
)


def test_json_frames_are_awslambdarics_but_for_milliseconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    errors = st.sampled_from([None, raised(ValueError("no such order")), raised(KeyError())])
    with (
        frame_handler("JSON", leveled=True) as (ours, our_bytes),
        their_handler("JSON", monkeypatch) as (theirs, their_bytes),
    ):

        @given(
            texts | st.dictionaries(texts, json_values, max_size=3) | st.none(),
            levels,
            extras,
            errors,
        )
        def check(message: object, levelno: int, extra: dict[str, Any], exc_info: Any) -> None:
            extra = {**extra, "exc_info": exc_info}
            ours.handle(record(message, levelno, **extra))
            theirs.handle(record(message, levelno, **extra))
            ((our_type, _, our_message),) = frames(our_bytes())
            ((their_type, _, their_message),) = frames(their_bytes())
            assert our_type == their_type
            # Byte by byte: the order of the fields and the spaces too.
            assert without_time(our_message) == without_time(their_message)

        check()


def without_time(line: bytes) -> str:
    text = line.decode()
    match = JSON_TIME.match(text)
    assert match is not None
    assert match[1] == "2023-11-14T22:13:20"
    return text[match.end() :]


def test_a_formatter_of_the_apps_on_our_handler_makes_text_frames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        frame_handler("JSON", leveled=True) as (ours, our_bytes),
        their_handler("JSON", monkeypatch) as (theirs, their_bytes),
    ):
        for handler in (ours, theirs):
            handler.setFormatter(logging.Formatter("%(aws_request_id)s %(message)s\n"))
            handler.handle(record("hello"))
        assert [frame[::2] for frame in frames(our_bytes())] == [
            frame[::2] for frame in frames(their_bytes())
        ]


# Differences. Each test also checks awslambdaric, so that a change in its next version shows.


def theirs(made: logging.LogRecord) -> Any:
    """awslambdaric's JSON line, parsed. Raises ValueError when it is no JSON."""

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is no JSON")

    return json.loads(lambda_runtime_log_utils.JsonFormatter().format(made), parse_constant=refuse)


def test_json_times_have_milliseconds() -> None:
    assert (
        json.loads(JSONFormatter().format(record("x")))["timestamp"] == "2023-11-14T22:13:20.123Z"
    )
    assert re.fullmatch(r"2023-11-14T\d\d:\d\d:20Z", theirs(record("x"))["timestamp"])


def test_formatting_leaves_the_record_as_it_is() -> None:
    made = record("x", 25)
    JSONFormatter().format(made)
    assert (made.levelno, made.levelname) == (25, "Level 25")
    theirs(made)
    assert (made.levelno, made.levelname) == (20, "INFO")


@pytest.mark.parametrize(
    "exc_info",
    [
        raised(ValueError("outer"), KeyError("the reason")),
        raised(ExceptionGroup("outer", [KeyError("the reason")])),
    ],
    ids=["cause", "group"],
)
def test_json_shows_the_reason_behind_an_exception(exc_info: Any) -> None:
    line = json.loads(JSONFormatter().format(record("failed", exc_info=exc_info)))
    assert line["errorMessage"].startswith("outer")
    assert any("KeyError: 'the reason'" in frame for frame in line["stackTrace"])
    assert not any(
        "KeyError: 'the reason'" in frame
        for frame in theirs(record("x", exc_info=exc_info))["stackTrace"]
    )


def test_an_error_that_hides_its_context_has_frames_only() -> None:
    try:
        try:
            raise KeyError("hidden")
        except KeyError:
            raise ValueError("shown") from None
    except ValueError as error:
        line = json.loads(
            JSONFormatter().format(
                record("failed", exc_info=(ValueError, error, error.__traceback__))
            )
        )
    assert len(line["stackTrace"]) == 1
    assert "hidden" not in json.dumps(line["stackTrace"][0].splitlines()[0])


def test_exc_info_without_an_exception() -> None:
    """`logger.exception()` outside of an except clause."""
    with pytest.raises(AttributeError):
        theirs(record("failed", exc_info=(None, None, None)))
    line = json.loads(JSONFormatter().format(record("failed", exc_info=(None, None, None))))
    assert line["message"] == "failed"
    assert "errorType" not in line


@pytest.mark.parametrize(
    "name", ["stackTrace", "errorType", "errorMessage", "location", "tenantId", "requestId"]
)
def test_an_extra_may_have_the_name_of_a_field_that_is_not_there(name: str) -> None:
    assert theirs(record("x", **{name: "mine"})).get(name) == (
        "mine" if name == "tenantId" else None
    )
    assert json.loads(JSONFormatter().format(record("x", **{name: "mine"})))[name] == "mine"


@pytest.mark.parametrize("name", ["timestamp", "level", "message", "logger"])
def test_an_extra_forges_no_field(name: str) -> None:
    assert json.loads(JSONFormatter().format(record("x", **{name: "forged"})))[name] != "forged"


def circular() -> list[Any]:
    itself: list[Any] = []
    itself.append(itself)
    return itself


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (circular(), "[[...]]"),
        ({(1, 2): 3}, "{(1, 2): 3}"),
        ({"deep": {"set": float("inf")}}, "{'deep': {'set': inf}}"),
    ],
)
def test_what_json_cannot_say_is_said_in_pythons_words(value: object, shown: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        theirs(record("x", value=value))
    line = json.loads(
        JSONFormatter().format(record("x", value=value, good=[1])),
        parse_constant=lambda name: pytest.fail(f"{name} is no JSON"),
    )
    assert (line["message"], line["value"], line["good"]) == ("x", shown, [1])


def test_what_other_formatters_and_tasks_leave_on_a_record_is_no_extra() -> None:
    assert {"taskName", "asctime"} < set(theirs(record("x", taskName="Task-1", asctime="now")))
    line = json.loads(JSONFormatter().format(record("x", taskName="Task-1", asctime="now", mine=1)))
    assert set(line) == {"timestamp", "level", "message", "logger", "mine"}


# One record, one frame, one line: whatever is in it.


@given(st.text())
def test_any_text_is_one_frame(message: str) -> None:
    for log_format in ("Text", "JSON"):
        with frame_handler(log_format) as (handler, written):
            handler.handle(record(message))
            ((_, microseconds, line),) = frames(written())
            assert microseconds == 1_700_000_000_123_000
            if log_format == "JSON":
                assert json.loads(line)["message"] == message
            else:
                said = line.decode().removeprefix(
                    f"[INFO]\t2023-11-14T22:13:20.123Z\t{REQUEST_ID}\t"
                )
                assert said == message.encode("utf-8", "backslashreplace").decode() + "\n"


def test_a_lone_surrogate_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with their_handler("Text", monkeypatch) as (handler, _), pytest.raises(UnicodeEncodeError):
        handler.handle(record("\ud800"))
    with frame_handler("Text") as (handler, written):
        handler.handle(record("\ud800"))
        ((_, _, line),) = frames(written())
        assert line.endswith(b"\t\\ud800\n")


@given(st.text())
def test_any_text_is_one_line_of_standard_output(message: str) -> None:
    for log_format in ("Text", "JSON"):
        reading, writing = os.pipe()
        # As configure() sets up standard output.
        with (
            open(reading, "rb") as pipe,
            open(
                writing, "w", encoding="utf-8", errors="backslashreplace", buffering=1, newline="\n"
            ) as stdout,
            pytest.MonkeyPatch.context() as patched,
        ):
            patched.setattr("sys.stdout", stdout)
            handler = StdoutHandler()
            handler.setFormatter(formatter(log_format))
            handler.addFilter(InvocationFilter())
            handler.handle(record(message))
            patched.undo()
            stdout.close()
            data = pipe.read()
        assert data.count(b"\n") == 1
        assert data.endswith(b"\n")
        if log_format == "JSON":
            assert json.loads(data)["message"] == message


def test_a_traceback_is_one_line_of_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    handler = StdoutHandler()
    handler.setFormatter(
        logging.Formatter("%(message)s")
    )  # an app's formatter: it ends without a newline
    handler.handle(record("failed", exc_info=raised(ValueError("no such order"))))
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert line.startswith("failed\rTraceback (most recent call last):\r  File ")
    assert line.endswith("\rValueError: no such order\n")


# The pipe.


@pytest.mark.parametrize("blocking", [True, False])
def test_frames_of_many_threads_arrive_whole(blocking: bool) -> None:
    """Through a pipe of one page, which takes a frame in parts, and nothing while it is full."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(writing, blocking)
    handler = FrameHandler(writing, leveled=True)
    handler.setFormatter(logging.Formatter("%(message)s"))
    messages = [
        [f"{number} {turn} ".ljust(turn * 500, "x") for turn in range(40)] for number in range(4)
    ]

    def write(own: list[str]) -> None:
        for message in own:
            handler.handle(record(message))

    threads = [threading.Thread(target=write, args=(own,)) for own in messages]
    data = bytearray()

    def read() -> None:
        while piece := os.read(reading, 999):
            data.extend(piece)

    reader = threading.Thread(target=read)
    for thread in (reader, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    os.close(writing)
    reader.join()
    os.close(reading)
    found = [message.decode().removesuffix("\n") for _, _, message in frames(bytes(data))]
    assert sorted(found) == sorted(message for own in messages for message in own)
    for own in messages:
        assert [message for message in found if message in own] == own


def test_a_descriptor_that_fails_costs_no_line_and_no_exception(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with frame_handler("Text") as (handler, _):
        handler._fd = os.open(os.devnull, os.O_RDONLY)
        handler.handle(record("this matters"))
        os.close(handler._fd)
    stderr = capsys.readouterr().err
    assert "Bad file descriptor" in stderr
    assert "this matters" in stderr


def test_the_formatters_know_no_io() -> None:
    """They are pure. handlers.py writes."""
    import lambda_asgi._logging.formatters as module

    source = Path(module.__file__).read_text()
    assert not re.search(
        r"^\s*(?:import|from) (?:os|sys|io|asyncio|socket)\b|\bopen\(|print\(", source, re.MULTILINE
    )
