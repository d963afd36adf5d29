from collections.abc import Callable
from typing import Any

import httpx
import pytest


@pytest.fixture(scope="module")
def before(serve: Callable[..., Any]) -> str:
    return serve(template="before/template.yaml").url


@pytest.fixture(scope="module")
def after(serve: Callable[..., Any]) -> str:
    return serve(template="after/template.yaml").url


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("GET", "/items/1", None),
        ("GET", "/items/10", None),
        ("GET", "/items/none", None),
        ("POST", "/echo?a=1", b"caf\xc3\xa9"),
        ("GET", "/numbers?last=2", None),
        ("GET", "/openapi.json", None),
    ],
)
def test_both_answer_the_same(
    before: str, after: str, method: str, target: str, body: bytes | None
) -> None:
    answers = [httpx.request(method, url + target, content=body) for url in (before, after)]
    shown = [
        (answer.status_code, answer.headers["content-type"], answer.content) for answer in answers
    ]
    assert shown[0] == shown[1]


def test_only_one_streams(before: str, after: str) -> None:
    """Three hours of numbers. Of the buffered answer not even the head is there after a second."""
    with httpx.stream("GET", f"{after}/numbers?last=54000") as response:
        assert next(response.iter_lines()) == "data: 1"
    long_enough = httpx.Timeout(5, read=1)
    with (
        pytest.raises(httpx.ReadTimeout),
        httpx.stream("GET", f"{before}/numbers?last=54000", timeout=long_enough),
    ):
        pass


def test_the_lifespan_starts_once(before: str, after: str) -> None:
    """Mangum starts it for each request."""
    counts = [[httpx.get(f"{url}/starts").json() for _ in range(2)] for url in (before, after)]
    assert counts[0][1] == counts[0][0] + 1
    assert counts[1][0] == counts[1][1]
