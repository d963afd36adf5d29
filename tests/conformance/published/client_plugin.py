"""A pytest plugin for Starlette's and FastAPI's own tests.

Each request of their test client takes the way through Lambda.

The request becomes the event of a Function URL, the app answers it through the runtime's own
exchange, and the streamed response goes back to the client.
What no event can carry is put beside it:
the state and the root path that a test has set, and the messages of the client's debug extension.
WebSockets take the client's usual way.
"""

from typing import Any

from starlette import testclient

from lambda_asgi import LambdaASGI
from lambda_asgi import _prelude as prelude
from lambda_asgi._environment import Settings
from lambda_asgi.testing import _Recorder, function_url_event

_SETTINGS = Settings(fill_empty=False, access_log=False)


class ThroughLambda:
    """An ASGI app in the place of the tested one."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def app(lambda_scope: Any, receive: Any, lambda_send: Any) -> None:
            lambda_scope["headers"] = [
                line for line in lambda_scope["headers"] if line[0] != b"x-forwarded-proto"
            ]
            for key in ("root_path", "client", "server", "http_version"):
                lambda_scope[key] = scope[key]
            if "state" in scope:
                lambda_scope["state"] = scope["state"]
            lambda_scope["extensions"]["http.response.debug"] = {}

            async def send_or_tell(message: Any) -> None:
                if message["type"] == "http.response.debug":
                    await send(message)
                else:
                    await lambda_send(message)

            await self.app(lambda_scope, receive, send_or_tell)

        handler = LambdaASGI(app, lifespan="off", response_mode="streaming", allow_http_events=True)
        exchange = handler.application(_SETTINGS).exchange(await _event(scope, receive), None, None)
        recorder = _Recorder()
        await exchange.stream(recorder)
        if recorder.parts:
            await _send_on(recorder, send)
        assert exchange.cycle is not None
        if exchange.cycle.error is not None:
            raise exchange.cycle.error


async def _event(scope: Any, receive: Any) -> Any:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        separator = "; " if name == "cookie" else ","
        headers[name] = f"{headers[name]}{separator}{value}" if name in headers else value
    event = function_url_event("/", method=scope["method"], headers=headers, body=body)
    event["rawPath"] = scope["raw_path"].decode("latin-1")
    event["rawQueryString"] = scope["query_string"].decode("latin-1")
    event["headers"] = headers | {"x-forwarded-proto": scope["scheme"]}
    return event


async def _send_on(recorder: _Recorder, send: Any) -> None:
    opening = prelude.split(recorder.parts[0])
    assert opening is not None
    (status, headers, cookies), _ = opening
    lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    lines += [(b"set-cookie", cookie.encode("latin-1")) for cookie in cookies]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    for part in recorder.parts[1:]:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body"})


_original = testclient._TestClientTransport.__init__


def _through_lambda(self: Any, app: Any, *arguments: Any, **options: Any) -> None:
    _original(self, ThroughLambda(app), *arguments, **options)


testclient._TestClientTransport.__init__ = _through_lambda  # type: ignore[method-assign]
