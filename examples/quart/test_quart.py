from collections.abc import Callable

import httpx
import pytest


@pytest.fixture(scope="module")
def url(serve: Callable[..., object]) -> str:
    return serve().url


def test_json(url: str) -> None:
    assert httpx.get(url).json() == {"framework": "quart"}


def test_numbers_arrive_one_by_one(url: str) -> None:
    """The stream takes three hours. Its first numbers are here, so nothing waits for its end."""
    with httpx.stream("GET", f"{url}/numbers?last=54000") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = response.iter_lines()
        assert [next(lines) for _ in range(6)] == ["data: 1", "", "data: 2", "", "data: 3", ""]
