"""Custom handlers written for Mangum keep working."""

import json
from pathlib import Path
from typing import Any

import pytest

from lambda_asgi._event_sources import EventOptions, infer
from lambda_asgi._event_sources.results import mangum_config
from lambda_asgi.errors import EventError

EVENTS = Path(__file__).parents[2] / "events"
GOLDEN = {
    name: json.loads((EVENTS / f"{name}.json").read_text())
    for name in ("function_url_get_file", "alb_get")
}


class Pinger:
    """A handler as the Mangum docs show one: for events like {"ping": ...}."""

    def __init__(self, event: Any, context: Any, config: Any) -> None:
        self.event, self.context, self.config = event, context, config

    @classmethod
    def infer(cls, event: Any, context: Any, config: Any) -> bool:
        return "ping" in event and isinstance(config["text_mime_types"], list)

    @property
    def body(self) -> Any:
        return self.event["ping"]["body"]

    @property
    def scope(self) -> Any:
        return {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "headers": [[b"x-base-path", self.config["api_gateway_base_path"].encode()]],
            "path": "/ping",
            "raw_path": None,
            "root_path": "",
            "scheme": "https",
            "query_string": b"",
            "server": ("ping", 80),
            "client": None,
            "asgi": {"version": "3.0", "spec_version": "2.0"},
        }

    def __call__(self, response: Any) -> Any:
        assert all(isinstance(line, list) for line in response["headers"]), "Mangum's own type"
        return {
            "pong": response["status"],
            "headers": len(response["headers"]),
            "text": response["body"].decode(),
        }


PINGER = EventOptions(custom_handlers=(Pinger,))


def test_a_custom_handler_of_mangum_reads_and_answers() -> None:
    event = {"ping": {"body": b"hello"}}
    source = infer(event, "context", EventOptions(base_path="/base", custom_handlers=(Pinger,)))
    scope, body = source.request()

    assert source.name == "custom"
    assert (scope["path"], scope["headers"], body) == (
        "/ping",
        [(b"x-base-path", b"/base")],
        b"hello",
    )
    assert scope["asgi"]["spec_version"] == "2.4"
    assert (scope["aws.event"], scope["aws.context"]) == (event, "context")
    assert source.result(200, [(b"a", b"b")], b"hi") == {"pong": 200, "headers": 1, "text": "hi"}


def test_a_custom_handler_is_asked_before_the_built_in_ones_and_only_about_objects() -> None:
    event = GOLDEN["function_url_get_file"]
    assert infer(event, None, PINGER).name == "function-url"
    assert infer(event | {"ping": 1}, None, PINGER).name == "custom"
    assert not infer(None, None, PINGER).is_http


def test_a_custom_handler_has_the_event_and_the_context_each_time() -> None:
    seen: list[Any] = []

    class Witness(Pinger):
        def __init__(self, event: Any, context: Any, config: Any) -> None:
            super().__init__(event, context, config)
            seen.append((event, context))

        @classmethod
        def infer(cls, event: Any, context: Any, config: Any) -> bool:
            seen.append((event, context))
            return super().infer(event, context, config)

    event = {"ping": {"body": b""}}
    source = infer(event, "context", EventOptions(custom_handlers=(Witness,)))
    source.request()
    source.result(200, [], b"")
    assert seen == [(event, "context")] * 3


def test_an_error_of_a_custom_handler_is_an_event_error_with_its_cause() -> None:
    class Broken(Pinger):
        @classmethod
        def infer(cls, event: Any, context: Any, config: Any) -> bool:
            return bool(event["missing"])

    with pytest.raises(EventError, match=r"Broken\.infer failed: KeyError") as caught:
        infer({}, None, EventOptions(custom_handlers=(Broken,)))
    assert isinstance(caught.value.__cause__, KeyError)

    event = {"ping": 7}
    with pytest.raises(EventError, match="Pinger failed to read the event: TypeError"):
        infer(event, None, PINGER).request()


def test_mangums_own_handlers_work_as_custom_ones() -> None:
    from mangum.handlers import ALB as MangumALB

    event = GOLDEN["alb_get"]
    source = infer(event, None, EventOptions(custom_handlers=(MangumALB,)))
    scope, body = source.request()
    assert (source.name, scope["path"], body) == ("custom", "/files/space value", b"")
    assert source.result(204, [], b"")["statusCode"] == 204


def test_a_custom_handler_gets_mangums_configuration() -> None:
    from mangum.adapter import DEFAULT_TEXT_MIME_TYPES

    options = EventOptions(exclude_headers=frozenset({b"x-\xe9"}), text_types=("a/b",))
    assert mangum_config(options) == {
        "api_gateway_base_path": "/",
        "text_mime_types": [*DEFAULT_TEXT_MIME_TYPES, "a/b"],
        "exclude_headers": ["x-\xe9"],
    }
