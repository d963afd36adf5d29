"""Made events, valid, mutated and hostile: each becomes a request or an EventError."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lambda_asgi._event_sources import EventOptions, infer
from lambda_asgi.errors import EventError, EventNotHandled

EVENTS = Path(__file__).parents[2] / "events"
GOLDEN = {path.stem: json.loads(path.read_text()) for path in sorted(EVENTS.glob("*.json"))}


def places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key) of everything within `value`."""
    found: list[tuple[Any, Any]] = []
    members = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, member in members:
        found.append((value, key))
        found += places(member)
    return found


# What somebody who knows these formats would try. Lone surrogates are possible in JSON: "\ud800".
HOSTILE: list[Any] = [
    *(
        "",
        "/",
        "//",
        "*",
        "?",
        "#",
        "%",
        "%00",
        "%ZZ",
        "/..%2f..",
        "\0",
        "\r\n",
        "☃",
        "\ud800",
        "\udcff",
        "A" * 5000,
    ),
    *(
        "http",
        "HTTP/9",
        "GET",
        "CONNECT",
        "[::1",
        "]:",
        ":",
        "a:b:c",
        "1" * 400,
        "٣",
        "true",
        "AA=A",
    ),
    *(
        None,
        True,
        False,
        0,
        -1,
        2**70,
        0.5,
        [],
        {},
        [None],
        [[]],
        {"": None},
        [{"cf": {"request": {}}}],
    ),
]
KEYS = {key for event in GOLDEN.values() for _, key in places(event) if isinstance(key, str)}
characters = st.sampled_from("aZ09 /%+&=;:,.#?-_☃é\0\r\n\ud800")
keys = st.sampled_from(sorted(KEYS)) | st.text(characters, max_size=8)
leaves = (
    st.sampled_from(HOSTILE).map(copy.deepcopy)
    | st.text(characters, max_size=20)
    | st.integers()
    | st.floats(allow_nan=False)
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=8,
)


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A golden event with some of its parts replaced, removed or added."""
    event = copy.deepcopy(GOLDEN[draw(st.sampled_from(sorted(GOLDEN)))])
    for _ in range(draw(st.integers(0, 4))):
        found = places(event)
        if not found:
            return draw(values)
        container, key = found[draw(st.integers(0, len(found) - 1))]
        match draw(st.sampled_from(["replace", "remove", "add", "swap"])):
            case "replace":
                container[key] = draw(values)
            case "remove":
                del container[key]
            case "add" if isinstance(container, dict):
                container[draw(keys)] = draw(values)
            case "swap":
                other, other_key = found[draw(st.integers(0, len(found) - 1))]
                container[key] = copy.deepcopy(other[other_key])
    return event


TYPES = {
    "type": str,
    "asgi": dict,
    "http_version": str,
    "method": str,
    "scheme": str,
    "path": str,
    "raw_path": bytes,
    "query_string": bytes,
    "root_path": str,
    "headers": list,
}


def check(event: Any) -> None:
    source = infer(event, None, EventOptions(base_path="/base"))
    try:
        scope, body = source.request()
    except EventError:
        return
    assert {key: type(scope[key]) for key in TYPES} == TYPES
    assert type(body) is bytes
    assert all([type(part) for part in line] == [bytes, bytes] for line in scope["headers"])
    assert all(name == name.lower() for name, _ in scope["headers"])
    assert scope["scheme"] in ("http", "https")
    scope["path"].encode()  # no lone surrogates, so any app can encode it again
    scope["root_path"].encode()
    assert scope["path"].startswith(scope["root_path"])
    for address in ("client", "server"):
        host, port = scope[address] or ("", 0)
        assert type(host) is str
        assert 0 <= port <= 65535
    try:
        json.dumps(source.result(200, [(b"content-type", b"text/plain")], b"ok"))
    except EventNotHandled:
        raise AssertionError("200 is success") from None


@given(mutated())
def test_mutated_events(event: Any) -> None:
    check(event)


@given(values)
@example([[]] * 2)
def test_any_json(event: Any) -> None:
    check(event)


@pytest.mark.parametrize("name", GOLDEN)
def test_any_value_at_any_place(name: str) -> None:
    """Each part of each golden event, replaced by each hostile value: some 70,000 events."""
    event = copy.deepcopy(GOLDEN[name])
    for container, key in places(event):
        original = container[key]
        for value in HOSTILE:
            container[key] = value
            check(event)
        container[key] = original


def test_nesting_that_json_cannot_follow() -> None:
    event: Any = None
    for _ in range(100_000):
        event = [event]
    with pytest.raises(EventError, match="cannot be written as JSON"):
        infer(event).request()
    while event:  # or its destructor recurses
        event = event.pop()
