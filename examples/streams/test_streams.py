import uuid
from collections.abc import Callable

import httpx
import pytest


@pytest.fixture(scope="module")
def urls(serve: Callable[..., object]) -> dict[str, str]:
    event_function, web_function = serve(fronts=2).urls
    return {"Event Function": event_function, "Web Function": web_function}


@pytest.mark.parametrize("kind", ["Event Function", "Web Function"])
def test_a_stream_stops_when_another_request_says_so(urls: dict[str, str], kind: str) -> None:
    clock = f"{urls[kind]}/clock/{uuid.uuid4()}"
    with httpx.stream("GET", clock, timeout=30) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = response.iter_lines()
        assert next(lines).startswith("data: ")
        assert httpx.delete(clock, timeout=30).status_code == 202
        assert [line for line in lines if line][-2:] == ["event: stopped", "data:"]


@pytest.mark.parametrize("kind", ["Event Function", "Web Function"])
@pytest.mark.parametrize("name", ["short", "..%2F..%2Fetc%2Fpasswd", "a" * 65])
def test_a_name_is_never_a_path(urls: dict[str, str], kind: str, name: str) -> None:
    assert httpx.delete(f"{urls[kind]}/clock/{name}", timeout=30).status_code in (404, 422)
