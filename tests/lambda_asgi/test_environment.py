"""The environment variables: their valid values, and the messages about invalid ones."""

from typing import Any

import pytest

from lambda_asgi._environment import Environment, FunctionIdentity, Settings
from lambda_asgi._response_mode import BUFFERED, ResponseMode
from lambda_asgi.errors import ConfigurationError

LEAST = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "_HANDLER": "main.app"}


def test_the_least_that_lambda_sets() -> None:
    assert Environment.read(LEAST) == Environment(runtime_api="127.0.0.1:9001", handler="main.app")


def test_what_the_function_is() -> None:
    variables = {
        "AWS_LAMBDA_FUNCTION_NAME": "files",
        "AWS_LAMBDA_FUNCTION_VERSION": "7",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/files",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/23/[7]0",
    }
    function = Environment.read(LEAST | variables).function
    assert function == FunctionIdentity("files", "7", "512", "/aws/lambda/files", "2026/11/23/[7]0")


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("LAMBDA_TASK_ROOT", "/function", "task_root", "/function"),
        ("LAMBDA_TASK_ROOT", "", "task_root", "/var/task"),
        ("AWS_LAMBDA_MAX_CONCURRENCY", "16", "max_concurrency", 16),
        ("AWS_LAMBDA_MAX_CONCURRENCY", "1", "concurrent", True),
        ("AWS_LAMBDA_MAX_CONCURRENCY", "", "concurrent", False),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start", "snap_start", True),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand", "snap_start", False),
        ("AWS_LAMBDA_LOG_FORMAT", "json", "log_format", "JSON"),
        ("AWS_LAMBDA_LOG_FORMAT", "Text", "log_format", "Text"),
        ("AWS_LAMBDA_LOG_LEVEL", "DEBUG", "log_level", "DEBUG"),
        ("AWS_LAMBDA_LOG_LEVEL", "", "log_level", None),
        ("_LAMBDA_TELEMETRY_LOG_FD", "62", "telemetry_log_fd", 62),
    ],
)
def test_variables_of_lambda(name: str, value: str, field: str, expected: Any) -> None:
    assert getattr(Environment.read(LEAST | {name: value}), field) == expected


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        (
            "LAMBDA_ASGI_RESPONSE_MODE",
            " streaming ",
            "response_mode",
            ResponseMode.parse("streaming"),
        ),
        ("LAMBDA_ASGI_RESPONSE_MODE", "buffered", "response_mode", BUFFERED),
        ("LAMBDA_ASGI_RESPONSE_MODE", "", "response_mode", None),
        ("AWS_SAM_LOCAL", "true", "response_mode", BUFFERED),
        ("AWS_SAM_LOCAL", "false", "response_mode", None),
        ("LAMBDA_ASGI_EVENT_PATH", "/lambda/events", "event_path", "/lambda/events"),
        ("LAMBDA_ASGI_EVENT_HOST", "api.example.com", "event_host", "api.example.com"),
        ("LAMBDA_ASGI_DEADLINE_MARGIN_MS", "250", "deadline_margin", 0.25),
        ("LAMBDA_ASGI_FILL_EMPTY", "false", "fill_empty", False),
        ("LAMBDA_ASGI_ERROR_RECORDS", "True", "error_records", True),
        ("LAMBDA_ASGI_ACCESS_LOG", "false", "access_log", False),
    ],
)
def test_settings(name: str, value: str, field: str, expected: Any) -> None:
    assert getattr(Settings.read({name: value}), field) == expected


MODES = (
    "streaming, buffered, or a mode for each event source, such as "
    "function-url=streaming,rest-api=buffered"
)
POSITIVE = "a whole number from 1"


@pytest.mark.parametrize(
    ("name", "value", "valid"),
    [
        ("LAMBDA_ASGI_RESPONSE_MODE", "stream", MODES),
        ("LAMBDA_ASGI_RESPONSE_MODE", "auto", MODES),
        ("LAMBDA_ASGI_RESPONSE_MODE", "alb=streaming", MODES),
        ("LAMBDA_ASGI_EVENT_PATH", "events", "a path that begins with /"),
        ("LAMBDA_ASGI_EVENT_HOST", "not a host", "a host, such as api.example.com"),
        ("LAMBDA_ASGI_DEADLINE_MARGIN_MS", "0", POSITIVE),
        ("LAMBDA_ASGI_DEADLINE_MARGIN_MS", "1s", POSITIVE),
        ("LAMBDA_ASGI_FILL_EMPTY", "yes", "true or false"),
        ("LAMBDA_ASGI_ERROR_RECORDS", "1", "true or false"),
        ("LAMBDA_ASGI_ACCESS_LOG", "off", "true or false"),
        ("AWS_LAMBDA_MAX_CONCURRENCY", "0", POSITIVE),
        ("AWS_LAMBDA_MAX_CONCURRENCY", "many", POSITIVE),
        ("_LAMBDA_TELEMETRY_LOG_FD", "stdout", "a file descriptor's number"),
    ],
)
def test_the_error_names_the_variable_its_value_and_valid_ones(
    name: str, value: str, valid: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        Environment.read(LEAST | {name: value})
    assert str(error.value) == f"{name}={value!r}: set it to {valid}"


def test_a_custom_runtime_may_have_no_handler() -> None:
    assert Environment.read({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}).handler == ""


def test_outside_lambda() -> None:
    with pytest.raises(ConfigurationError) as error:
        Environment.read({})
    assert str(error.value) == (
        "AWS_LAMBDA_RUNTIME_API is not set: outside Lambda, use lambda-emulator"
    )


def test_sam_local_buffers_whatever_is_said() -> None:
    variables = {"LAMBDA_ASGI_RESPONSE_MODE": "streaming", "AWS_SAM_LOCAL": "true"}
    assert Settings.read(variables).response_mode == BUFFERED
