"""The line per invocation, as text and as fields."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_asgi._logging import Access

ACCESS = Access("GET", "/a", 200, 5, 1, 1.25, 2.5, "complete", "function_url")


@pytest.mark.parametrize(
    ("access", "line"),
    [
        (
            ACCESS,
            "GET /a 200 complete: bytes 5, chunks 1, first byte 1.2 ms, total 2.5 ms, function_url",
        ),
        (
            Access("POST", "/events", None, 0, 0, None, 3000.0, "deadline", "non_http"),
            "POST /events - deadline: bytes 0, chunks 0, total 3000.0 ms, non_http",
        ),
        (
            ACCESS._replace(path="/été/日本"),
            "GET /été/日本 200 complete: "
            "bytes 5, chunks 1, first byte 1.2 ms, total 2.5 ms, function_url",
        ),
    ],
)
def test_lines(access: Access, line: str) -> None:
    assert str(access) == line


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/a\n[ERROR]\tforged", r"'/a\n[ERROR]\tforged'"),
        ("/a\r[ERROR]", r"'/a\r[ERROR]'"),
        ("/a 200 complete: 0 bytes", "'/a 200 complete: 0 bytes'"),
        ("/\x1b[2J", r"'/\x1b[2J'"),
        ("/\x85\u2028\u2029", r"'/\x85\u2028\u2029'"),
        ("/\u202egnp.exe", r"'/\u202egnp.exe'"),
        ("/\ud800", r"'/\ud800'"),
        ("/a\u00a0b", r"'/a\xa0b'"),
        ("'/quoted", '''"'/quoted"'''),
        ("", "''"),
        ("/it's", "/it's"),
    ],
)
def test_a_path_forges_nothing(path: str, shown: str) -> None:
    assert str(ACCESS._replace(path=path)).startswith(f"GET {shown} 200 complete: bytes 5")
    assert str(ACCESS._replace(method=path)).startswith(f"{shown} /a 200 complete: bytes 5")


@given(st.text(), st.text())
def test_any_method_and_path_make_one_printable_line(method: str, path: str) -> None:
    line = str(ACCESS._replace(method=method, path=path))
    assert line.isprintable()
    assert line.endswith(
        " 200 complete: bytes 5, chunks 1, first byte 1.2 ms, total 2.5 ms, function_url"
    )


def test_a_path_of_megabytes_is_shortened_and_says_so() -> None:
    access = ACCESS._replace(path="/" + "x" * 6_000_000)
    assert len(str(access)) < 1200
    assert "x...+5998977 200" in str(access)
    assert str(access.fields()["path"]).endswith("x...+5998977")
