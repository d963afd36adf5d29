"""What fits into a report of an error: exactly, because Lambda refuses a longer one."""

import json

import pytest

from lambda_asgi._error_report import ErrorReport
from lambda_asgi.errors import DeadlineExceeded, ResponseTooLarge, error_type_of


def fields(report: ErrorReport, at_most: int) -> dict[str, object]:
    text = report.as_json(at_most)
    assert len(text) <= at_most
    found = json.loads(text)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("length", "kept"),
    [
        (98, 98),  # with its quotes, half of the report
        (99, 74),
        (200, 84),  # 150 and 112 are still too long
    ],
)
def test_the_message_may_take_half(length: int, kept: int) -> None:
    assert fields(ErrorReport("Runtime.X", "", "m" * length), 200)["errorMessage"] == "m" * kept


@pytest.mark.parametrize(("length", "kept"), [(18, 18), (19, 14)])
def test_the_name_and_each_line_of_the_stack_may_take_an_eighth(length: int, kept: int) -> None:
    found = fields(ErrorReport("Runtime.X", "n" * length, "", ("s" * length,)), 160)
    assert (found["errorType"], found["stackTrace"]) == ("n" * kept, ["s" * kept])


@pytest.mark.parametrize(("spare", "kept"), [(0, 3), (1, 3), (-1, 2), (-8, 2), (-9, 1)])
def test_the_innermost_lines_of_the_stack_fill_the_rest(spare: int, kept: int) -> None:
    lines = ("0000", "1111", "2222", "3333")
    size = len(ErrorReport("Runtime.X", "E", "m").as_json()) + 3 * len('"3333", ')
    found = fields(ErrorReport("Runtime.X", "E", "m", lines), size + spare)
    assert found["stackTrace"] == list(lines[-kept:])


@pytest.mark.parametrize(
    ("error", "error_type"),
    [
        (ValueError("x"), "Runtime.UserException"),
        (SystemExit(1), "Runtime.UserException"),
        (ResponseTooLarge("x"), "Runtime.ResponseTooLarge"),
        (DeadlineExceeded("x"), "Runtime.DeadlineExceeded"),
    ],
)
def test_the_type_of_an_error(error: BaseException, error_type: str) -> None:
    assert error_type_of(error) == ErrorReport.of(error).error_type == error_type
