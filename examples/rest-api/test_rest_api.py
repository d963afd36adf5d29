from collections.abc import Callable
from typing import Any

import httpx
import pytest


@pytest.fixture(scope="module")
def url(serve: Callable[..., Any]) -> str:
    """With the stage: the function has no Function URL, so the emulator serves its REST API."""
    return f"{serve().url}/v1"


def test_numbers_arrive_one_by_one(url: str) -> None:
    with httpx.stream("GET", f"{url}/numbers?last=54000") as response:
        lines = response.iter_lines()
        assert [next(lines) for _ in range(6)] == ["data: 1", "", "data: 2", "", "data: 3", ""]


def test_bytes_stay_bytes(url: str) -> None:
    assert httpx.get(f"{url}/binary").content == bytes(range(256))


def test_a_redirect_keeps_the_stage(url: str) -> None:
    location = httpx.get(f"{url}/start").headers["location"]
    assert location.endswith("/v1/numbers")
