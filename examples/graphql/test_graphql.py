import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest


@pytest.fixture(scope="module")
def url(serve: Callable[..., Any]) -> str:
    return f"{serve().url}/graphql"


def events(response: httpx.Response) -> Iterator[tuple[str, str]]:
    """The name and the data of each event of the graphql-sse protocol."""
    name = ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data:"):
            yield name, line.removeprefix("data:").strip()


def test_query(url: str) -> None:
    assert httpx.post(url, json={"query": "{ version }"}).json() == {"data": {"version": "1"}}


def test_a_subscription_sends_each_value_when_it_is_there(url: str) -> None:
    """This one takes three hours."""
    query = {"query": "subscription { count(last: 54000) }"}
    with httpx.stream("POST", url, json=query, headers={"accept": "text/event-stream"}) as response:
        received = events(response)
        for number in (1, 2, 3):
            name, data = next(received)
            assert (name, json.loads(data)["data"]) == ("next", {"count": number})


def test_a_subscription_completes(url: str) -> None:
    query = {"query": "subscription { count(last: 1) }"}
    with httpx.stream("POST", url, json=query, headers={"accept": "text/event-stream"}) as response:
        assert [name for name, _ in events(response)] == ["next", "complete"]
